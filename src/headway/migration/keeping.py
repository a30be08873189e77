"""When is a backup due, when is it to be proved that it restores, and when is the last one too old to migrate on?

Asked of what lies on the shelf, never of a timer's memory: after any outage the answer is the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from headway.environments.model import Backups

Chore = Literal["backup", "drill"]
CHORES: tuple[Chore, ...] = ("backup", "drill")
AGAIN = timedelta(minutes=10)
"""A chore that failed is tried again then."""
DAILY = timedelta(hours=26)
"""How old a backup may be that is made once a day, where the file says nothing."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last go of a chore. `ended` is how; None: it is under way."""

    at: datetime
    ended: bool
    good: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stands:
    """How a chore stands, and the sentence that says so."""

    state: Literal["is good", "failed", "is late"]
    text: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is kept of one database. `newest` was read through when it was made; `drilled` is when one was last restored to prove it."""

    where: str
    newest: datetime | None = None
    rows: int = 0
    drilled: datetime | None = None
    backup: Attempt | None = None
    drill: Attempt | None = None

    def attempt(self, chore: Chore) -> Attempt | None:
        """The last go of this chore."""
        return self.backup if chore == "backup" else self.drill

    def done(self, chore: Chore) -> datetime | None:
        """When it was last done well."""
        return self.newest if chore == "backup" else self.drilled


def due(chore: Chore, rule: Backups, shelf: Shelf, now: datetime, timezone: str) -> bool:
    """Is it time to begin? Not while one is under way, nor right after one failed."""
    last = shelf.attempt(chore)
    if last is not None and (not last.ended or (not last.good and now - last.at < AGAIN)):
        return False
    done = shelf.done(chore)
    if chore == "drill":
        return rule.drill is not None and shelf.newest is not None and (done is None or (now - done).total_seconds() >= rule.drill)
    if rule.at is not None:
        return done is None or done < latest(rule.at, now, timezone)
    return rule.every is not None and (done is None or (now - done).total_seconds() >= rule.every)


def latest(at: str, now: datetime, timezone: str) -> datetime:
    """The last time at which the clocks there showed this."""
    zone = ZoneInfo(timezone)
    shown = time.fromisoformat(at)
    today = datetime.combine(now.astimezone(zone).date(), shown, zone).astimezone(UTC)
    return today if today <= now else datetime.combine(now.astimezone(zone).date() - timedelta(days=1), shown, zone).astimezone(UTC)


def bound(rule: Backups) -> timedelta | None:
    """How old the newest backup may be; None where no schedule says that there must be one."""
    if not rule.scheduled:
        return None
    if rule.at_most is not None:
        return timedelta(seconds=rule.at_most)
    return DAILY if rule.every is None else timedelta(seconds=2 * rule.every)


def objections(rule: Backups, shelf: Shelf, now: datetime) -> tuple[str, ...]:
    """Why nothing should be migrated on this: the last backup is too old, or there is none."""
    most = bound(rule)
    if most is None or (shelf.newest is not None and now - shelf.newest <= most):
        return ()
    last = shelf.backup
    why = f"; the last try, {last.at:%Y-%m-%d %H:%M} UTC: {last.text}" if last is not None and last.ended and not last.good else ""
    if shelf.newest is None:
        return (f"no backup of {shelf.where} is kept, and its schedule asks for one{why}",)
    age = f"it is {_words(now - shelf.newest)} old, and may be {_words(most)}"
    return (f"the last backup of {shelf.where} is of {shelf.newest:%Y-%m-%d %H:%M} UTC: {age}{why}",)


def standing(chore: Chore, rule: Backups, shelf: Shelf, now: datetime) -> Stands | None:
    """How it stands, gravest first; None while nobody can tell."""
    late = objections(rule, shelf, now) if chore == "backup" and shelf.newest is not None else ()
    if late:
        return Stands("is late", late[0])
    last = shelf.attempt(chore)
    if last is None or not last.ended:
        return None
    return Stands("is good" if last.good else "failed", last.text)


def sentences(rule: Backups, shelf: Shelf, now: datetime) -> tuple[str, ...]:
    """What a restore could bring back, said beforehand."""
    if not rule.scheduled or shelf.newest is None:
        return ()
    proved = f"; that one restores was last proved on {shelf.drilled:%Y-%m-%d}" if shelf.drilled is not None else ""
    loses = f"restoring it would lose what was written in {_words(now - shelf.newest)}"
    return (f"the last backup of {shelf.where} is of {shelf.newest:%Y-%m-%d %H:%M} UTC, with {shelf.rows:,} rows: {loses}{proved}",)


def _words(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
