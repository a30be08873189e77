"""Asks the platform what a live release does whenever somebody wants to know, and remembers the polls of the last minutes.

Forgotten with the process: then there is no answer for half a minute.
"""

import threading

from headway.analysis.lately import Lately, Seen, lately, polled
from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import Platform


class LiveTraffic:
    """`ports.Live` over a platform's counters."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._seen: dict[Place, Seen] = {}
        self._lock = threading.Lock()

    def measured(self, place: Place, workload: str) -> Lately | None:
        """What this workload did there lately; None if nobody can tell yet."""
        try:
            readings = self._platform.measure(place)
        except Unavailable:
            return None
        counters = readings.arms.get(workload)
        if counters is None:
            return None
        with self._lock:
            seen = self._seen[place] = polled(self._seen.get(place), workload, readings.at, counters)
        return lately(seen)
