"""What has a release that is live done lately? The increase of its counters over the last minutes, from polls that nobody makes regularly.

Less than half a minute says too little, and what is older than ten minutes is not lately: then there is no answer, and no answer is never
good news.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headway.analysis.model import Counters

LEAST = timedelta(seconds=30)
LATELY = timedelta(minutes=10)
THIN = timedelta(seconds=5)
"""Polls closer together than this are not all kept."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Polls of one release, oldest first."""

    name: str
    polls: tuple[tuple[datetime, Counters], ...] = ()


@dataclass(frozen=True, slots=True)
class Lately:
    """So many requests, and so many of them failed, in so many seconds up to now."""

    requests: int
    failures: int
    seconds: float


def polled(seen: Seen | None, name: str, at: datetime, counters: Counters) -> Seen:
    """One poll more. Another release, or a proxy that counts from zero again, starts anew."""
    if seen is None or seen.name != name or not seen.polls or _lower(counters, seen.polls[-1][1]):
        return Seen(name, ((at, counters),))
    if at <= seen.polls[-1][0]:
        return seen
    kept = [(when, poll) for when, poll in seen.polls if at - when <= LATELY]
    if len(kept) > 1 and kept[-1][0] - kept[-2][0] < THIN:
        kept.pop()
    return Seen(name, (*kept, (at, counters)))


def lately(seen: Seen) -> Lately | None:
    """What it did between the first and the last of these polls; None while that is too short a time."""
    if not seen.polls:
        return None
    (begin, before), (end, after) = seen.polls[0], seen.polls[-1]
    if end - begin < LEAST:
        return None
    return Lately(after.completed - before.completed, after.failures - before.failures, (end - begin).total_seconds())


def _lower(now: Counters, before: Counters) -> bool:
    return now.completed < before.completed or now.failures < before.failures
