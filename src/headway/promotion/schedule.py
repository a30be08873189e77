"""When shall it start? A time is that of a clock somewhere, so it is not understood without saying where.

What is asked before a start (gates, freezes, approvals that expire) is asked as of that time, and once more when it has come.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headway.promotion.model import Objection
from headway.rollout.model import Start

T = TypeVar("T")
FARTHEST = timedelta(days=366)
EXPECTED = 'such as "22:30 Europe/Berlin", "2026-03-01 22:30 Europe/Berlin" or 2026-03-01T22:30+01:00'
_FORM = re.compile(
    r"(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<zone>Z| ?[+-]\d\d:\d\d| [A-Za-z][\w+/-]*)?", re.ASCII
)


def start(text: str, now: datetime) -> Start:
    """The moment that this means; a time without a day is the next such. ValueError says what is wrong with it."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time, expected one {EXPECTED}")
    if found["zone"] is None:
        raise ValueError(f"{text!r} does not say by whose clock, expected a time zone or an offset with it, {EXPECTED}")
    name = found["zone"].strip()
    clock = _part(time.fromisoformat, found["clock"], text)
    if found["day"]:
        at = _instant(datetime.combine(_part(date.fromisoformat, found["day"], text), clock), name)
    else:
        today = _local(now, name).date()
        at = next(at for at in (_instant(datetime.combine(today + timedelta(days=n), clock), name) for n in (0, 1, 2)) if at > now)
    if at <= now:
        raise ValueError(f"{text} is over: it is {said(Start(now, name))}")
    if at - now > FARTHEST:
        raise ValueError(f"{text} is more than a year away")
    return Start(at, name)


def said(one: Start) -> str:
    """The moment by the clock by which it was given."""
    shown = _local(one.at, one.zone)
    return f"{shown:%a %Y-%m-%d %H:%M:%S}".removesuffix(":00") + f" {shown:%Z}"


def objections(planned: Start | None, by: str, now: datetime) -> tuple[Objection, ...]:
    """That it is not yet time."""
    if planned is None or now >= planned.at:
        return ()
    return (Objection(f"it is to start {said(planned)}" + (f", {by} said" if by else ""), until=planned.at),)


def as_of(planned: Start | None, now: datetime) -> datetime:
    """The moment for which everything else is asked."""
    return now if planned is None else max(now, planned.at)


def _part(read: Callable[[str], T], text: str, whole: str) -> T:
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"{whole!r}: there is no {text}") from None


def _instant(local: datetime, name: str) -> datetime:
    """The moment of a clock on the wall: where clocks change it may come twice, or not at all, and then nobody guesses."""
    early, late = (local.replace(tzinfo=_zone(name), fold=fold).astimezone(UTC) for fold in (0, 1))
    if _local(early, name).replace(tzinfo=None) != local:
        raise ValueError(f"there is no {local:%Y-%m-%d %H:%M} in {name}: the clocks are put forward over it")
    if early != late:
        offsets = " or ".join(f"{local:%Y-%m-%dT%H:%M}{_local(at, name).isoformat()[-6:]}" for at in (early, late))
        raise ValueError(f"{local:%Y-%m-%d %H:%M} comes twice in {name}: the clocks are put back; say {offsets}")
    return early


def _local(at: datetime, name: str) -> datetime:
    return at.astimezone(_zone(name))


def _zone(name: str) -> tzinfo:
    if name == "Z":
        return UTC
    if name[0] in "+-":
        return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}, expected one such as Europe/Berlin, or UTC") from None
