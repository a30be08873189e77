"""When does the next train depart, and when is its branch cut? By the clock of the people who wait for it.

A departure is a local time: Tuesday 10:00 stays Tuesday 10:00 when the clocks change, and comes once in the hour that comes twice. In
the hour that does not come, the train leaves as soon as it can: when the clock has jumped over it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim

from headway.trains.model import ENDED, Phase, Timetable, Train

FAR = timedelta(days=366)


def departures(timetable: Timetable, after: datetime) -> Iterator[datetime]:
    """The departures after this moment, in UTC, rising, each once."""
    return moments(timetable.departs, timetable.timezone, after)


def moments(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """When a cron expression comes round by the clock there, after this moment, in UTC, rising, each once."""
    zone = ZoneInfo(timezone)
    # Naive on purpose: the expression is about what the clock on the wall shows. A day back, for clocks that are moved.
    local = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    last = after
    for shown in CronSim(cron, local):
        at = instant(shown, zone)
        if at > last:
            yield at
            last = at


def next_departure(timetable: Timetable, after: datetime) -> datetime:
    """The first departure after this moment."""
    return next(departures(timetable, after))


def cut_of(timetable: Timetable, departs: datetime) -> datetime:
    """When the branch of that departure is cut: so long before it by the local clock, so that it too keeps its time of day."""
    return before(timetable, departs, timetable.cut)


def before(timetable: Timetable, departs: datetime, seconds: float) -> datetime:
    """So long before a departure, by the local clock."""
    zone = ZoneInfo(timetable.timezone)
    return min(departs, instant(departs.astimezone(zone).replace(tzinfo=None) - timedelta(seconds=seconds), zone))


def phase(timetable: Timetable, train: Train, now: datetime) -> Phase | None:
    """The phase that a train is in after its cut; None before the first begins."""
    begun = [one for one in phases(timetable) if before(timetable, train.departs, one.begins) <= now]
    return begun[-1] if begun else None


def phases(timetable: Timetable) -> tuple[Phase, ...]:
    """In the order in which they begin; without any in the file, one from the cut on, in which fixes board with one yes."""
    return tuple(sorted(timetable.phases, key=lambda one: -one.begins)) or (Phase("cut", timetable.cut),)


def branch_of(train: Train) -> str:
    """The branch of a train's own, on which late changes board."""
    return f"train/{train.timetable}/{train.departs:%Y-%m-%d-%H%M}"


def track(train: Train) -> Literal["upcoming", "ongoing"] | None:
    """Which of a service's two tracks a train stands on: one that boards before its cut, and one that is on its way out."""
    if train.state in ENDED:
        return None
    return "upcoming" if train.state == "upcoming" else "ongoing"


def instant(shown: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which a clock shows this: the first where it shows it twice; where it never does, when it has jumped past it."""
    first = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == shown:
        return first
    # In the gap: the reading by the offset before it lies after the jump by as much as was skipped so far. The jump itself is earlier.
    late, early = first, shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < shown:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
