"""The nouns of promotion: stages, what may enter them, and what people said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from headway.analysis.model import Thresholds
from headway.environments.branches import PerBranch
from headway.environments.model import Environment
from headway.promotion.windows import Window
from headway.releases.model import CheckSpec
from headway.rollout.routing import Routing


@dataclass(frozen=True, slots=True)
class Trigger:
    """What brings a release here by itself: a push to a branch that matches `push`, a merge to the branch `merge`, a tag that
    matches `tag`, or, with `pulls`, a push to a pull request. None of them: by hand.
    """

    push: tuple[str, ...] = ()
    merge: str | None = None
    tag: tuple[str, ...] = ()
    pulls: bool = False


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people must say yes, and who may. `within` seconds an approval stays good; `allow_self` is shown loudly."""

    needed: int = 0
    people: tuple[str, ...] = ()
    """Empty: anybody but the author and the one who asked."""
    within: float = 7 * 86400.0
    allow_self: bool = False


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may lift a freeze, and for how many seconds that holds. Nobody may unless the file names them."""

    people: tuple[str, ...] = ()
    within: float = 3600.0


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which environments (none: all) take no promotion, or no approval. `binds` are `people` and `automation`.

    `exempt` are people whom it does not bind; what runs by itself in their name is bound all the same.
    """

    name: str
    window: Window
    timezone: str = "UTC"
    environments: tuple[str, ...] = ()
    stops: tuple[str, ...] = ("promote",)
    binds: tuple[str, ...] = ("people", "automation")
    exempt: tuple[str, ...] = ()
    why: str = ""
    glass: BreakGlass | None = None
    """Who may lift this one; None: those who may at the stage."""


@dataclass(frozen=True, slots=True)
class Command:
    """What answers an item: a command, and the environment whose URL it sees (None: the one before, else the one to be entered)."""

    check: CheckSpec
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a checklist, answered by a person, an expression or a command. `kinds` of release it concerns; none: all."""

    name: str
    text: str
    when: str | None = None
    people: tuple[str, ...] = ()
    """Who may tick it; empty: anybody."""
    kinds: tuple[str, ...] = ()
    command: Command | None = None

    @property
    def by_machine(self) -> bool:
        """Whether no person can tick it."""
        return self.when is not None or self.command is not None


@dataclass(frozen=True, slots=True)
class Gate:
    """A question that an expression answers; what is not true, or cannot be answered, keeps the release out."""

    name: str
    when: str
    why: str = ""
    timezone: str = "UTC"
    """By whose clock `time` is told."""


LEVELS = ("low", "medium", "high")
"""Of risk, rising."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """The change advisory group: how many of its people must say go, for how long that holds, from which risk on (None: always)."""

    group: str
    people: tuple[str, ...]
    needed: int = 1
    within: float = 7 * 86400.0
    risk: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """An environment with the gates before it and the strategy in it. Times in seconds.

    `newer` says what happens to a release that still waits when a newer one comes: `waits` or `supersedes`.
    `strategy` is `rolling`, `canary` or `blue-green`; `weights` the canary's shares before 100.
    """

    service: str
    environment: Environment
    after: tuple[str, ...] = ()
    trigger: Trigger = Trigger()
    approvals: Approvals = Approvals()
    also: tuple[Approvals, ...] = ()
    """Rules that must be satisfied as well: those of the server's policies. One yes may count for several."""
    checks: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    """Manual checks: a person ticks them after the release runs here; the stages after this one wait for that."""
    strategy: str = "rolling"
    weights: tuple[int, ...] = ()
    batch: int = 1
    holdback: int = 0
    """Percent of the traffic that stays on the old release until the soak ends."""
    routing: Routing | None = None
    """What a canary does with requests besides dividing them by weights."""
    drill: bool = False
    """Whether the way back is tried once, and measured, before a rollout completes here."""
    preview: tuple[str, ...] = ()
    """Checks that run against the new release alone, before it has traffic."""
    thresholds: Thresholds = Thresholds()
    soak: float = 900.0
    keep_warm: float = 900.0
    newer: str = "waits"
    notify: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    break_glass: BreakGlass = BreakGlass()
    checklist: tuple[Item, ...] = ()
    gates: tuple[Gate, ...] = ()
    advisory: Advisory | None = None
    skipped: tuple[str, ...] = ()
    """The stages that a hotfix may leave out, by name."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revoked: tuple[str, ...] = ()
    """People whose word counts no longer, whatever they said before."""
    timezone: str = "UTC"
    """By whose clock the team works."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where those of its values are from that the repository's own file does not say."""
    diverged: str = "keep"
    """What a release does that lacks commits of what runs here: `keep` lets it in, `refuse` has it wait."""
    per_branch: PerBranch | None = None
    """Each branch that triggers it gets an environment of its own, made from this one."""


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
    data_digest: str = ""
    """What would have been done to the database, as it was then."""
    revokes: bool = False
    """Neither yes nor no: takes back this person's yes so far."""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody broke the glass: these freezes do not stop this release here until then."""

    release: str
    environment: str
    by: str
    at: datetime
    why: str
    freezes: tuple[str, ...]
    until: datetime
    release_digest: str
    configuration_digest: str
    target_digest: str
    kind: Literal["override"] = "override"


@dataclass(frozen=True, slots=True)
class Tick:
    """Somebody's answer to one item of a checklist, for the artifact with this digest."""

    release: str
    environment: str
    by: str
    at: datetime
    item: str
    digest: str
    good: bool = True
    comment: str = ""
    kind: Literal["tick"] = "tick"


@dataclass(frozen=True, slots=True)
class Advice:
    """A member of the change advisory group says go or no-go, bound to what they saw."""

    release: str
    environment: str
    by: str
    at: datetime
    release_digest: str
    configuration_digest: str
    target_digest: str
    go: bool = True
    comment: str = ""
    data_digest: str = ""
    kind: Literal["advice"] = "advice"


@dataclass(frozen=True, slots=True)
class ItemRun:
    """One go of an item's command, for the artifact with this digest: asked for, and later how it ended, with where its log is."""

    release: str
    environment: str
    by: str
    at: datetime
    item: str
    digest: str
    number: int
    state: Literal["asked", "passed", "failed", "errored"] = "asked"
    text: str = ""
    log: str = ""
    kind: Literal["item run"] = "item run"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One go of trying out what a release would do to an environment's database: asked for, and later how it ended.

    `subject` is what it was about: the ledger, the files, what runs there, and how it was to be tried. `notes` is what it found.
    """

    release: str
    environment: str
    by: str
    at: datetime
    subject: str
    number: int
    state: Literal["asked", "passed", "failed", "errored"] = "asked"
    text: str = ""
    notes: tuple[str, ...] = ()
    log: str = ""
    kind: Literal["rehearsal"] = "rehearsal"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How the scheduled backups of a place stand, the proofs that they restore, or its scheduled resets.

    `release` is `SERVICE@backups` or `SERVICE@resets`: it is about none.
    """

    release: str
    environment: str
    by: str
    at: datetime
    what: Literal["backup", "drill", "reset"]
    state: Literal["is good", "failed", "is late", "is scheduled"]
    text: str = ""
    kind: Literal["upkeep"] = "upkeep"


@dataclass(frozen=True, slots=True)
class Drift:
    """What of a place is not as Headway wrote it, or that somebody accepted it. `release` is `SERVICE@drift`: it is about the place.

    `keys` know each difference again, for as long as nobody touches it anew.
    """

    release: str
    environment: str
    by: str
    at: datetime
    differences: tuple[str, ...]
    keys: tuple[str, ...]
    accepted: bool = False
    text: str = ""
    kind: Literal["drift"] = "drift"


InquiryState = Literal["begun", "asked", "good", "bad", "skip", "ended"]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A step of finding the commit that broke a release: begun, a commit tried as `trial` (a release), what that came to, ended."""

    release: str
    environment: str
    by: str
    at: datetime
    state: InquiryState
    commit: str = ""
    trial: str = ""
    check: str | None = None
    """The check that failed; None: it did not run, or was never ready, or, where there are `limits`, its traffic spoke against it."""
    limits: Thresholds | None = None
    """What its traffic was judged by."""
    path: str = ""
    """What is asked for while a commit is judged by those."""
    since: str = ""
    """The commit that was good."""
    text: str = ""
    kind: Literal["inquiry"] = "inquiry"


Statement = Override | Tick | Advice | ItemRun | Inquiry | Rehearsal | Upkeep | Drift
"""What people say of one release for one stage, besides approving it."""


@dataclass(frozen=True, slots=True)
class Risk:
    """How much could go wrong: a level, its score, and what it is made of, gravest first."""

    level: str
    score: int
    reasons: tuple[str, ...]


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
    automatic: bool = False
    """Nobody asked: a push or a merge did."""
    kind: str = ""
    """major, minor, patch, pre-release, hotfix or first, against what is live; empty where nobody could tell."""
    risk: Risk | None = None
    image: str = ""
    """The image, by digest, where the release has one."""
    lacks: str | None = None
    data_digest: str = ""
    """What it would do to the database, as that is now; empty: nothing."""
    """The release that runs there and whose commits it has not all; asked only where the stage minds."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a release may not enter a stage. It `waits` when time or a person can still mend it; `final` when asking again later cannot."""

    text: str
    kind: Literal["waits", "final"] = "waits"
    until: datetime | None = None
    """When time alone will change the answer; asked again then."""

    def __str__(self) -> str:
        return self.text
