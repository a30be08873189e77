"""What was measured since the weight last changed, small enough to be saved with every decision.

Proxies report cumulative counters; we keep the increases. The first poll of an arm is only its starting point. A counter that went
down is a proxy that restarted and counts from zero again. An arm that is not in the readings is missing data, not zero.

Where several count, each restarts by itself. One that is seen for the first time may be old, so it too is only a starting point; one that
is known and tells of a release for the first time counted that from zero.

Somebody else may have counted for us before the weight changed (Prometheus, a few seconds ago). That is the better starting point: what
came since then is not lost, however long the next one takes.

Requests in flight are a gauge and are never added up: a request that hangs is counted by `stuck` as long as it hangs, and by the
failures once it times out, so never twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from math import isfinite

from headway.analysis.model import Counters, Readings

BLOCK = timedelta(seconds=5)
BLOCKS = 12
"""How many blocks are kept: the last minute."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one release did in some span of time; latency maps a bucket's upper edge in ms to requests in that bucket."""

    requests: int = 0
    failures: int = 0
    retries: int = 0
    refused: int = 0
    latency: Mapping[float, int] = field(default_factory=dict)

    @property
    def good(self) -> int:
        """Requests that were answered, and well."""
        return max(0, self.requests - self.failures)

    @property
    def bad(self) -> int:
        """Attempts that went wrong, whether the user saw it or a retry hid it.

        A refused connection is retried or becomes a failure, so it is seen there already; only what exceeds both is added.
        """
        return max(self.failures + self.retries, self.refused)


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Arm:
    """One release under measurement: its last counters, when they came, and what it did since the weight changed."""

    name: str
    last: Counters | None = None
    heard: datetime | None = None
    """When its counters last came."""
    answered: datetime | None = None
    """When it was last seen to have answered a request well."""
    total: Tally = Tally()
    stuck: int = 0
    """In flight at the last poll and at the one before: a single crowded instant is not a hang."""
    parts: Mapping[str, Counters] = field(default_factory=dict)
    """Where several count: the last counters of each, also of one that is not heard any more."""


@dataclass(frozen=True, slots=True)
class Block:
    """Five seconds of both releases."""

    start: datetime
    new: Tally = Tally()
    old: Tally = Tally()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Polls since `since`, folded. `old` is None where no release serves beside the new one."""

    since: datetime
    polled: datetime | None = None
    new: Arm | None = None
    old: Arm | None = None
    blocks: tuple[Block, ...] = ()


def begin(now: datetime) -> Evidence:
    """No evidence yet: a new weight starts a new measurement."""
    return Evidence(since=now)


def fold(evidence: Evidence, readings: Readings, new: str, old: str | None) -> Evidence:
    """Add one poll; one that comes late or twice adds nothing. The first may be from before the weight changed: there we start."""
    if evidence.polled is not None and readings.at <= evidence.polled:
        return evidence
    if evidence.new is not None and (evidence.new.name, _name(evidence.old)) != (new, old):
        evidence = begin(evidence.since)  # other releases than before: what was measured says nothing about these
    known = {name for arm in (evidence.new, evidence.old) if arm is not None for name in arm.parts}
    fresh, gained = _add(evidence.new or Arm(new), readings, known)
    beside, theirs = (None, Tally()) if old is None else _add(evidence.old or Arm(old), readings, known)
    blocks = _blocks(evidence, readings.at, gained, theirs) if readings.at >= evidence.since else ()
    return replace(evidence, polled=readings.at, new=fresh, old=beside, blocks=blocks)


def with_copies(readings: Readings, name: str) -> Readings:
    """The same poll with what a release did with copies among what it did."""
    copied = readings.copies.get(name)
    if copied is None:
        return readings
    return replace(readings, arms={**readings.arms, name: readings.arms.get(name, Counters()) + copied})


def plus(one: Tally, other: Tally) -> Tally:
    """Both together."""
    if one is NOTHING or one == NOTHING:
        return other
    if other is NOTHING or other == NOTHING:
        return one
    return Tally(
        one.requests + other.requests,
        one.failures + other.failures,
        one.retries + other.retries,
        one.refused + other.refused,
        {edge: one.latency.get(edge, 0) + other.latency.get(edge, 0) for edge in (*one.latency, *other.latency)},
    )


def _name(arm: Arm | None) -> str | None:
    return None if arm is None else arm.name


def _add(arm: Arm, readings: Readings, known: set[str]) -> tuple[Arm, Tally]:
    """The arm with this poll in it, and what it did since the poll before."""
    counters = readings.arms.get(arm.name)
    parts = readings.parts.get(arm.name, {})
    if counters is None or not all(map(_usable, (counters, *parts.values()))):
        return arm, Tally()
    if arm.last is None and not known & parts.keys():
        return replace(arm, last=counters, heard=readings.at, parts=parts), Tally()
    last = arm.last or Counters()
    gained = _gained({**dict.fromkeys(known, Counters()), **arm.parts}, parts) if parts else _increase(last, counters)
    return (
        Arm(
            arm.name,
            last=counters,
            heard=readings.at,
            answered=readings.at if gained.good else arm.answered,
            total=plus(arm.total, gained),
            stuck=min(last.active, counters.active),
            parts={**arm.parts, **parts},
        ),
        gained,
    )


def _usable(counters: Counters) -> bool:
    """Not-a-number and negative counts are no data."""
    numbers = (counters.completed, counters.failures, counters.retries, counters.refused, counters.active, *counters.latency.values())
    return all(isfinite(number) and number >= 0 for number in numbers)


def _gained(last: Mapping[str, Counters], now: Mapping[str, Counters]) -> Tally:
    return reduce(plus, (_increase(last[name], counters) for name, counters in now.items() if name in last), Tally())


def _increase(last: Counters, now: Counters) -> Tally:
    if _restarted(last, now):
        last = Counters()
    return Tally(
        now.completed - last.completed,
        now.failures - last.failures,
        now.retries - last.retries,
        now.refused - last.refused,
        {edge: count - last.latency.get(edge, 0) for edge, count in now.latency.items() if count > last.latency.get(edge, 0)},
    )


def _restarted(last: Counters, now: Counters) -> bool:
    # All counters of a proxy restart together, so one that went down tells for those that have already outgrown their past.
    return (
        now.completed < last.completed
        or now.failures < last.failures
        or now.retries < last.retries
        or now.refused < last.refused
        or any(now.latency.get(edge, 0) < count for edge, count in last.latency.items())
    )


def _blocks(evidence: Evidence, at: datetime, new: Tally, old: Tally) -> tuple[Block, ...]:
    start = evidence.since + (at - evidence.since) // BLOCK * BLOCK
    kept = tuple(block for block in evidence.blocks if block.start > start - BLOCKS * BLOCK)
    if kept and kept[-1].start == start:
        return (*kept[:-1], Block(start, plus(kept[-1].new, new), plus(kept[-1].old, old)))
    return (*kept, Block(start, new, old))
