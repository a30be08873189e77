"""The nouns of trains: the timetable, the train itself, changes that come late, and hotfixes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headway.promotion.model import Gate

LATE = ("any", "fixes", "blockers", "none")
"""What may still board after the cut, tightening."""
MISSED = ("hold", "eject", "slip", "cancel")
"""What becomes of a train that is not good to go when it should depart."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A time between cut and departure: from `begins` seconds before departure on. What may still board, and by how many people's yes."""

    name: str
    begins: float
    late: str = "fixes"
    approvals: int = 1
    gates: tuple[Gate, ...] = ()
    """Must be open before the train goes on to the next phase, or departs from the last."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When releases of a service leave: `departs` is a cron expression by the clock of `timezone`; seconds before that comes the cut."""

    name: str
    service: str
    departs: str
    timezone: str
    cut: float
    to: str
    branch: str = "main"
    phases: tuple[Phase, ...] = ()
    """In the order in which they begin."""
    missed: str = "hold"
    grace: float = 3600.0
    """How late a held train may still leave; then it slips."""
    within: float = 86400.0
    """How long a late change's approvals hold."""
    go_needed: int = 0
    go_people: tuple[str, ...] = ()


State = Literal["upcoming", "ongoing", "held", "departed", "slipped", "cancelled"]
ENDED: frozenset[str] = frozenset({"departed", "slipped", "cancelled"})


@dataclass(frozen=True, slots=True)
class LateChange:
    """A commit that wants on board after the cut. On trunk first: `commit` is what was merged there."""

    commit: str
    by: str
    at: datetime
    why: str
    kind: str
    """`feature`, `fix` or `blocker`."""
    approved: tuple[tuple[str, datetime], ...] = ()
    boarded: datetime | None = None
    ejected: str | None = None
    unsaid: tuple[str, ...] = ()
    """Who said yes when it was asked for in other words, and not again."""


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody's go or no-go for the departure."""

    by: str
    at: datetime
    go: bool
    why: str = ""
    release: str = ""
    """What rode when it was said, by name."""
    rides: str = ""
    """And by the mark of all its passengers; empty in the records of a Headway that did not note it."""
    void: str = ""
    """What changed since: a go that was said before that counts no longer."""


@dataclass(frozen=True, slots=True)
class Train:
    """One departure of a timetable: what rides, what happened, and why."""

    timetable: str
    service: str
    departs: datetime
    cuts: datetime
    state: State = "upcoming"
    commit: str | None = None
    """Where the branch was cut."""
    release: str | None = None
    """What rides now: cut again whenever a late change boards."""
    departed: datetime | None = None
    late: tuple[LateChange, ...] = ()
    calls: tuple[Call, ...] = ()
    carried: tuple[str, ...] = ()
    """Commits that ride because an earlier train did not take them."""
    reasons: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """How people call it: `tally/weekly/2026-03-03`."""
        return f"{self.service}/{self.timetable}/{self.departs:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of development that must have the fix: open until it has, with the conflict that stands in the way, if one does."""

    branch: str
    done: str | None = None
    """The commit there that has it."""
    conflict: tuple[str, ...] = ()
    """The files that did not merge."""
    picked: bool = False
    """It has the change by commits of its own, not by a merge."""
    lacks: tuple[str, ...] = ()
    """The commits that are still missing, where some were picked already."""


@dataclass(frozen=True, slots=True)
class Hotfix:
    """A release cut from what is live, on the shorter path, and its way forward into every open line."""

    id: str
    service: str
    branch: str
    base: str
    """The commit that is live, from which it branched."""
    live: str
    """The release that it fixes."""
    by: str
    at: datetime
    why: str
    skips: tuple[str, ...] = ()
    """The stages that its path leaves out, by name."""
    release: str | None = None
    commit: str | None = None
    lines: tuple[Line, ...] = ()
    finished: datetime | None = None
    environment: str = ""
    """Where it was live, and goes out."""
    dropped: str | None = None
    """Why it was given up; then it is finished without being anywhere."""
