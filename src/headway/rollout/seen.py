"""What the engine saw of the world before it asked decide(): values, already fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from headway.analysis.model import Verdict

if TYPE_CHECKING:
    from headway.rollout.model import Match, Plan


@dataclass(frozen=True, slots=True)
class Group:
    """The instances of one workload in one place.

    `wanted` is what we asked for last; `running` have a process (or pod); `ready` answer and get traffic when weighted. `bad_news`
    are sentences that no waiting will mend (exits again and again, cannot start), `log` the last lines it printed.
    """

    wanted: int
    running: int
    ready: int
    bad_news: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Somebody else's hand on what Headway wrote: which thing, which field of it, what it was and is, and who did it, as the target knows.

    No field: the thing itself. `workload` is the release whose own it is; empty: it is the place's.
    """

    thing: str
    field: str
    was: str
    found: str
    by: str = ""
    at: datetime | None = None
    workload: str = ""
    size: bool = False
    """It is about how many there are, and not about what they are."""

    @property
    def key(self) -> str:
        """The same as long as nobody touches it again."""
        return f"{self.workload} {self.thing} {self.field} {self.found}"

    def __str__(self) -> str:
        """In words, for the person on call."""
        what = f"{self.thing}: {self.field}" if self.field else self.thing
        since = f" at {self.at:%H:%M:%S}" if self.at else ""
        who = f", by {self.by}{since}" if self.by else ", nobody knows by whom"
        return f"{what} was {self.was}, is {self.found}{who}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What runs in a place and how traffic is routed there, as the target reports it; see SetWeights for the words.

    `sticky`, `matches` and `mirrors` are None where a target cannot tell; its word that it did what it was told must do then.
    """

    groups: Mapping[str, Group] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    sticky: bool | None = None
    matches: tuple[Match, ...] | None = None
    mirrors: Mapping[str, int] | None = None
    edits: tuple[Edit, ...] = ()
    """What somebody else did to what we wrote."""

    def group(self, name: str) -> Group:
        """The group of that name; none at all is a group of nothing."""
        return self.groups.get(name, Group(0, 0, 0))


class CheckState(Enum):
    """How a check's run stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    """It ran and said no: evidence against the release."""
    ERRORED = "errored"
    """It could not be run, or was lost: trouble on our side."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One run of a check: its state, a sentence with exit status and duration, and where the (masked) log is."""

    state: CheckState
    text: str
    log: str = ""


class RunState(Enum):
    """How a run against a database stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    """The database or a verify query said no: evidence against the release."""
    ERRORED = "errored"
    """The database was away, or a lock was not to be had: trouble on our side, tried again."""
    STUCK = "stuck"
    """Nobody can tell what it left, or a rule refuses: a person looks."""
    STOPPED = "stopped"
    """We ended it."""


@dataclass(frozen=True, slots=True)
class MigrationRun:
    """One run: its state, a sentence, what else the record should say, and where the (masked) log is."""

    state: RunState
    text: str
    notes: tuple[str, ...] = ()
    log: str = ""


class Word(Enum):
    """What people may say to a rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    ADVANCE = "advance"
    ABORT = "abort"
    RETRY = "retry"
    GIVE_UP = "give up"
    """Only to one that cannot go back: it need not any more."""
    WAKE = "wake"
    """Something it waits for may have changed: look again."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One word of one person to one rollout."""

    word: Word
    by: str
    at: datetime
    why: str = ""


class Probe(Enum):
    """What became of an effect that we may have done before a crash."""

    DONE = "done"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the world, for one decision.

    `generation` is the place's. `sight` is None when the platform did not answer; `trouble` says why. `probe` answers for the intent
    on the record. For a rollout that still waits: `waits` and `refusals` are the objections that people can lift and those that nobody
    can, `blocked_by` the rollout active there, `behind` one that waits there too and goes first, `overtaken` the release that went live
    since it was asked for, `plan` what it would do.
    """

    generation: int = 0
    sight: Sight | None = None
    trouble: str | None = None
    signals: tuple[Signal, ...] = ()
    verdict: Verdict | None = None
    check: CheckRun | None = None
    run: MigrationRun | None = None
    probe: Probe | None = None
    waits: tuple[str, ...] = ()
    until: datetime | None = None
    """When one of the objections may end by itself."""
    refusals: tuple[str, ...] = ()
    blocked_by: str | None = None
    behind: str | None = None
    overtaken: str | None = None
    plan: Plan | None = None
