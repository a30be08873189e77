"""The timetable as a calendar that every calendar reads: iCalendar (RFC 5545)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from headway.trains.model import ENDED, Timetable, Train
from headway.trains.timetable import before, cut_of, departures, phases

STAMP = "%Y%m%dT%H%M%SZ"
MOST_BYTES = 75


def icalendar(timetables: Sequence[Timetable], trains: Sequence[Train], now: datetime, most: int = 26) -> str:
    """Cuts, phases and departures: those that were, and the next ones of each timetable."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Headway//Trains//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for train in sorted(trains, key=lambda one: one.departs):
        lines += _event(train.id, train.departed or train.departs, f"{_who(train)} {train.state}", "; ".join(train.reasons), now)
    known = {(train.timetable, train.service, train.departs): train.state for train in trains}
    for timetable in timetables:
        for departs in islice(departures(timetable, now), most):
            state = known.get((timetable.name, timetable.service, departs))
            if state in ENDED:
                continue  # nothing is cut for a train that was cancelled, or has left
            if state is None:
                lines += _event(_id(timetable, departs), departs, f"{timetable.service} {timetable.name} departs", "", now)
            lines += _stations(timetable, departs, now)
    return "".join(f"{folded}\r\n" for line in (*lines, "END:VCALENDAR") for folded in _folded(line))


def _stations(timetable: Timetable, departs: datetime, now: datetime) -> list[str]:
    name = f"{timetable.service} {timetable.name}"
    found = _event(f"{_id(timetable, departs)}/cut", cut_of(timetable, departs), f"{name} is cut", "", now)
    for one in phases(timetable) if timetable.phases else ():
        at = before(timetable, departs, one.begins)
        text = f"late: {one.late}, {one.approvals} approvals"
        found += _event(f"{_id(timetable, departs)}/{one.name}", at, f"{name}: {one.name} begins", text, now)
    return found


def _event(uid: str, at: datetime, summary: str, text: str, now: datetime) -> list[str]:
    begin = at.astimezone(UTC)
    return [
        "BEGIN:VEVENT",
        f"UID:{_escaped(uid)}@headway",
        f"DTSTAMP:{now.astimezone(UTC):{STAMP}}",
        f"DTSTART:{begin:{STAMP}}",
        f"DTEND:{begin + timedelta(minutes=15):{STAMP}}",
        f"SUMMARY:{_escaped(summary)}",
        *([f"DESCRIPTION:{_escaped(text)}"] if text else []),
        "END:VEVENT",
    ]


def _folded(line: str) -> Iterator[str]:
    """Lines of at most 75 bytes, never split within a character; what goes on begins with a blank."""
    now, size = "", 0
    for char in line:
        width = len(char.encode())
        if size + width > MOST_BYTES:
            yield now
            now, size = " ", 1
        now, size = now + char, size + width
    yield now


def _escaped(text: str) -> str:
    plain = "".join(char for char in text if char in "\n\t" or char >= " ")
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _id(timetable: Timetable, departs: datetime) -> str:
    return f"{timetable.service}/{timetable.name}/{departs:%Y-%m-%dT%H:%MZ}"


def _who(train: Train) -> str:
    return f"{train.service} {train.timetable}" + (f" ({train.release})" if train.release else "")
