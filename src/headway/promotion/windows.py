"""When does a window of time cover a moment, and when does it end?

Windows are written in local time and meant in local time: Friday 16:00 stays Friday 16:00 when the clocks change. Where the clock
shows an hour twice, or skips it, a window takes the longer reading: it begins at the earliest instant that its beginning can mean,
and ends at the latest that its end can mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=7)
SLACK = timedelta(hours=26)
"""More than any clock was ever moved at once (islands that changed sides of the date line moved theirs by a day)."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every week from this weekday (Monday is 0) and time to that one; the same twice is a whole week."""

    from_day: int
    from_time: time
    until_day: int
    until_time: time

    def __str__(self) -> str:
        return f"{DAYS[self.from_day]} {self.from_time:%H:%M} to {DAYS[self.until_day]} {self.until_time:%H:%M}"


@dataclass(frozen=True, slots=True)
class Cron:
    """From whenever the expression says, for so many seconds by the local clock."""

    expression: str
    lasts: float

    def __str__(self) -> str:
        return f"{self.expression} for {timedelta(seconds=self.lasts)}"


@dataclass(frozen=True, slots=True)
class Dated:
    """Once, from and until these local times."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"


Window = Weekly | Cron | Dated


@dataclass(frozen=True, slots=True)
class Span:
    """One occurrence, in UTC: it begins at `start` and is over at `end`."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


def covering(window: Window, zone: str, at: datetime) -> Span | None:
    """The occurrence that covers this moment, the one that ends last where several do."""
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    spans = (_span(start, end, zone) for start, end in _around(window, local))
    return max((span for span in spans if at in span), key=lambda span: span.end, default=None)


def upcoming(window: Window, zone: str, at: datetime) -> Span | None:
    """The first occurrence that begins after this moment, or None if there is none within four years."""
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    spans = (_span(start, end, zone) for start, end in _from(window, local - SLACK))
    return next((span for span in spans if span.start > at), None)


def _span(start: datetime, end: datetime, zone: str) -> Span:
    return Span(min(_readings(start, zone)), max(_readings(end, zone)))


def _readings(local: datetime, zone: str) -> tuple[datetime, datetime]:
    """The two instants that a local time can mean; the same one twice, but for the hours around a change of the clock."""
    there = ZoneInfo(zone)
    return local.replace(tzinfo=there, fold=0).astimezone(UTC), local.replace(tzinfo=there, fold=1).astimezone(UTC)


def _around(window: Window, local: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The occurrences, in local time, that may cover a local moment."""
    match window:
        case Dated(start, end):
            yield start, end
        case Weekly():
            yield from (_weekly(window, local + WEEK * number) for number in (-2, -1, 0, 1))
        case Cron(expression, lasts):
            length = timedelta(seconds=lasts)
            for start in CronSim(expression, local + SLACK, reverse=True):
                if start + length < local - SLACK:
                    return
                yield start, start + length


def _from(window: Window, local: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The occurrences, in local time, from a local moment on."""
    match window:
        case Dated(start, end):
            yield start, end
        case Weekly():
            yield from (_weekly(window, local + WEEK * number) for number in range(-1, 3))
        case Cron(expression, lasts):
            last = local + timedelta(days=4 * 366)
            for start in CronSim(expression, local):
                if start > last:
                    return
                yield start, start + timedelta(seconds=lasts)


def _weekly(window: Weekly, local: datetime) -> tuple[datetime, datetime]:
    """The occurrence that begins in the week of this day."""
    monday = local.date() - timedelta(days=local.weekday())
    start = datetime.combine(monday + timedelta(days=window.from_day), window.from_time)
    end = datetime.combine(monday + timedelta(days=window.until_day), window.until_time)
    return start, end if end > start else end + WEEK
