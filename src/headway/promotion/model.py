"""The nouns of promotion: stages, what may enter them, and what people said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headway.analysis.model import Thresholds
from headway.environments.model import Environment


@dataclass(frozen=True, slots=True)
class Trigger:
    """What brings a release here by itself: a push to a branch that matches `push`, or a merge to the branch `merge`. Neither: by hand."""

    push: tuple[str, ...] = ()
    merge: str | None = None


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people must say yes, and who may. `within` seconds an approval stays good; `allow_self` is shown loudly."""

    needed: int = 0
    people: tuple[str, ...] = ()
    """Empty: anybody but the author and the one who asked."""
    within: float = 7 * 86400.0
    allow_self: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """An environment with the gates before it and the strategy in it. Times in seconds.

    `newer` says what happens to a release that still waits when a newer one comes: `waits` or `supersedes`.
    `strategy` is `rolling` or `canary`; `weights` the canary's shares before 100.
    """

    service: str
    environment: Environment
    after: tuple[str, ...] = ()
    trigger: Trigger = Trigger()
    approvals: Approvals = Approvals()
    checks: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    """Manual checks: a person ticks them after the release runs here; the stages after this one wait for that."""
    strategy: str = "rolling"
    weights: tuple[int, ...] = ()
    batch: int = 1
    thresholds: Thresholds = Thresholds()
    soak: float = 900.0
    keep_warm: float = 900.0
    newer: str = "waits"
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes (or no) to one release for one stage, bound to the digests they saw."""

    release: str
    environment: str
    by: str
    at: datetime
    release_digest: str
    configuration_digest: str
    target_digest: str
    yes: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A release's artifact was good in an environment: `what` is `rollout`, or a manual check's name with `by` who ticked it."""

    release: str
    digest: str
    environment: str
    what: str
    good: bool
    at: datetime
    by: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A release that was rolled back; `since` is the commit that served before it, so `since..commit` are the suspects."""

    service: str
    release: str
    commit: str
    since: str | None
    at: datetime
    why: tuple[str, ...]
    environment: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What git says about one quarantine and one candidate: whether it still contains the commits, and what fixes it names."""

    quarantine: Quarantine
    contained: bool
    answered_by: str | None = None
    """The commit that reverts or fixes it, if one says so."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that asks to enter a stage: everything the objections need, already fetched."""

    release: str
    version: str
    digest: str
    author: str
    asked_by: str
    configuration_digest: str
    target_digest: str
    withdrawn: str | None = None
    checks: tuple[str, ...] = ()
    """Names of the checks that the release defines."""
    missing_settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a release may not enter a stage. It `waits` when time or a person can still mend it; `final` when asking again later cannot."""

    text: str
    kind: Literal["waits", "final"] = "waits"

    def __str__(self) -> str:
        return self.text
