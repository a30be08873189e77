"""Users, for the demo, the tests and the benchmarks: real requests at a steady rate, every answer counted by who gave it."""

from headway.adapters.traffic.counts import Counts, Failure, Share
from headway.adapters.traffic.handle import Second, Snapshot, Traffic

__all__ = ["Counts", "Failure", "Second", "Share", "Snapshot", "Traffic"]
