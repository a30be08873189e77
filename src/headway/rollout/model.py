"""The nouns of a rollout: what runs, the frozen plan, the steps, and the record that the engine turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

from headway.analysis.evidence import Evidence
from headway.analysis.model import Thresholds
from headway.environments.model import Cluster, Configuration, Place, Scaling
from headway.migration.shipping import Shipping
from headway.releases.model import CheckSpec, RunSpec
from headway.rollout.phases import Phase
from headway.rollout.routing import BY_WEIGHT, Routing


@dataclass(frozen=True, slots=True, order=True)
class Weight:
    """The new release's share of live traffic; the old release has the rest."""

    percent: int

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise ValueError(f"a weight is 0 to 100 percent, not {self.percent}")


NONE = Weight(0)
ALL = Weight(100)


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a release that Headway did not start is on its cluster, by the names that its team gave."""

    deployment: str
    service: str
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """One release with one configuration, ready to run in one place.

    `name` is `[a-z0-9-]`, at most 63 characters, starts with a letter and is the same for the same release and configuration: the
    platforms name clusters, folders and objects by it.
    """

    name: str
    version: str
    commit: str
    digest: str
    run: RunSpec
    configuration: Configuration
    port: int | None = None
    """Where users reach the place on the local platform, when the file says; drawn free and kept otherwise."""
    image: str = ""
    """What Kubernetes runs: a repository, @ and a digest."""
    cluster: Cluster | None = None
    """Where, on Kubernetes; None: on this machine."""
    adopted: Adopted | None = None
    """It ran before Headway came; None: Headway makes its instances. For platforms only: to a rollout it is a release like any other."""


class Side(Enum):
    """Which of the two releases of a rollout."""

    NEW = "new"
    OLD = "old"


# The steps of a strategy: small data that decide() interprets. Adding one means adding a case there; mypy insists.


@dataclass(frozen=True, slots=True)
class Scale:
    """Have this many replicas of one side, ready (or, going down, gone)."""

    side: Side
    replicas: int
    kind: Literal["scale"] = "scale"


@dataclass(frozen=True, slots=True)
class Shift:
    """Give the new release this share of the traffic."""

    weight: Weight
    kind: Literal["shift"] = "shift"


@dataclass(frozen=True, slots=True)
class Watch:
    """Stay until the judge says advance, at least `seconds` long."""

    seconds: float
    kind: Literal["watch"] = "watch"


@dataclass(frozen=True, slots=True)
class RunCheck:
    """Run one check against the environment or, for a `preview`, the new release alone; its failure is the release's."""

    name: str
    preview: bool = False
    kind: Literal["check"] = "check"


@dataclass(frozen=True, slots=True)
class Soak:
    """Stay good for `seconds` with all the traffic before the rollout counts as completed."""

    seconds: float
    kind: Literal["soak"] = "soak"


@dataclass(frozen=True, slots=True)
class Drill:
    """Go the way back while nothing is wrong, and forward again; how long it took goes on the record."""

    kind: Literal["drill"] = "drill"


@dataclass(frozen=True, slots=True)
class Migrate:
    """Back up the database and apply the plan's migrations, before any instance of the new release starts."""

    kind: Literal["migrate"] = "migrate"


@dataclass(frozen=True, slots=True)
class Reset:
    """Make the database anew from the plan's migrations and the seed, what it held moved aside; instead of migrating it."""

    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class VerifyData:
    """Ask again, with the new release at work, what the migrations promised."""

    kind: Literal["verify data"] = "verify data"


@dataclass(frozen=True, slots=True)
class Backfill:
    """Fill rows in batches, while users are served."""

    kind: Literal["backfill"] = "backfill"


OnData = Migrate | Reset | VerifyData | Backfill
"""The steps that a run against the database answers."""

Step = Scale | Shift | Watch | RunCheck | Soak | Drill | Migrate | Reset | VerifyData | Backfill


class Kind(Enum):
    """Why a rollout exists."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    ADOPTION = "adoption"
    """What runs there already goes on the record; nothing is moved."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout will do, frozen into it when it starts: editing headway.yaml never changes a rollout in flight.

    `replicas` is the number on each side at full size; `had` what the old side had when it started, 0 if that was not seen.
    `keep_warm` seconds after completion the old release's instances go.
    `binding` maps what approvals are bound to (`release`, `configuration`, `target`) to digests. `notify` names the notices' targets.
    """

    new: Workload
    old: Workload | None
    replicas: int
    steps: tuple[Step, ...]
    strategy: str
    thresholds: Thresholds
    checks: Mapping[str, CheckSpec] = field(default_factory=dict)
    keep_warm: float = 900.0
    binding: Mapping[str, str] = field(default_factory=dict)
    notify: tuple[str, ...] = ()
    routing: Routing = BY_WEIGHT
    had: int = 0
    beside: int = 0
    """How many pods of the old release share the traffic with the new ones, where pods divide it; 0: it is divided by weight."""
    migrations: Shipping | None = None
    """What it does to the database; None: the release has no migrations."""
    scaling: Scaling | None = None
    """What an autoscaler may make of the new release's size; None: the size is ours to set."""


# The effects: what the engine may do to the world. Each is idempotent and carries everything the platform needs.


@dataclass(frozen=True, slots=True)
class SetReplicas:
    """Have `replicas` instances of this workload. Returns once that is declared; look() tells when they are ready, or gone."""

    workload: Workload
    replicas: int
    mend: bool = False
    """Somebody asked that it be what it was made as, whoever else has put a hand on it."""
    kind: Literal["set replicas"] = "set replicas"


@dataclass(frozen=True, slots=True)
class Match:
    """Requests with exactly this value in the header, or in the cookie, of this name go to `workload` whatever the weights say."""

    workload: str
    by: Literal["header", "cookie"]
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Route live traffic by these percentages, workload name to percent, summing to 100; empty routes nothing.

    `sticky`: a user stays with the release that answered first, and nobody who has the new one is thrown back while its weight grows.
    `matches`, first come first served, route to a release that may have no weight yet. `mirrors`, workload name to percent, get copies of
    so much of what only reads; nobody waits for their answers, and they are counted apart.

    Confirmed by the proxies, or undone, before the call returns.
    """

    weights: Mapping[str, int]
    sticky: bool = False
    matches: tuple[Match, ...] = ()
    mirrors: Mapping[str, int] = field(default_factory=dict)
    kind: Literal["set weights"] = "set weights"


@dataclass(frozen=True, slots=True)
class StartCheck:
    """Start a check's command against the place; look() tells how it goes. `attempt` counts from 1."""

    check: CheckSpec
    workload: Workload
    attempt: int
    preview: bool = False
    kind: Literal["start check"] = "start check"


@dataclass(frozen=True, slots=True)
class RunMigration:
    """Start a run against the database: `what` of the shipping, from the workload's own commit; look() tells how it goes.

    `attempt` counts from 1. Each run reads the ledger under the lock first, so that nothing is applied twice.
    """

    what: Literal["migrate", "reset", "verify data", "backfill"]
    workload: Workload
    shipping: Shipping
    attempt: int = 1
    kind: Literal["run migration"] = "run migration"


Effect = SetReplicas | SetWeights | StartCheck | RunMigration


@dataclass(frozen=True, slots=True)
class Again:
    """A run met trouble on our side: why, and when it is tried again."""

    why: str
    at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Fence:
    """Who wrote last: the place's generation, then the rollout's own turn. A target refuses anything lower than it has seen."""

    generation: int
    turn: int


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that was written down before it was done; kept until its success is known."""

    key: str
    fence: Fence
    effect: Effect
    at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """Why a rollout only finds something out: which commit broke `of`. How it ends marks no release; `check` is run besides the stage's.

    With `limits` it is judged by its traffic, which is made: requests for `path`.
    """

    of: str
    check: str | None = None
    limits: Thresholds | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """When somebody wants it to start, and by which clock they said so."""

    at: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """One release taking over one place: the whole record, immutable; decide() answers with the next one.

    `cursor` is the index of the present step, `since` when it was entered, `asked` whether its effect was done. `turn` counts the
    effects. `weight` is what we last set, `weighed_at` when. `attempt` counts the present check's tries. `trouble` is what the world
    last failed to answer, `trouble_tries` how often in a row. `reasons` say why it goes back, was held, parked or cancelled.
    `advanced` is a person's word that the present wait is over. `format` is the record's own version.
    """

    id: str
    place: Place
    release: str
    kind: Kind
    asked_by: str
    created: datetime
    phase: Phase
    generation: int = 0
    plan: Plan | None = None
    cursor: int = 0
    since: datetime | None = None
    asked: bool = False
    attempt: int = 1
    check: str | None = None
    """The key of the check that runs now."""
    run: str | None = None
    """The key of the run against the database, from its start to the end of its step."""
    again: Again | None = None
    weight: Weight = NONE
    weighed_at: datetime | None = None
    invited: bool = False
    """Testers or copies reach the new release, whatever its weight."""
    evidence: Evidence | None = None
    intent: Intent | None = None
    turn: int = 0
    undecided_since: datetime | None = None
    unready_since: datetime | None = None
    late_since: datetime | None = None
    """Since when it is unready for longer than it may be."""
    stuck: bool = False
    """It is on its way back, and the release it goes back to does not answer: people were told."""
    given_up: str = ""
    """Who said that it need not go back, and why; empty: nobody did."""
    trouble: str | None = None
    trouble_tries: int = 0
    troubled_at: datetime | None = None
    paused_from: Phase | None = None
    """The phase it was parked in."""
    advanced: bool = False
    drilled: float | None = None
    """Seconds that the way back took when it was drilled."""
    reasons: tuple[str, ...] = ()
    completed_at: datetime | None = None
    tidied: bool = False
    automatic: bool = False
    """A push or a merge asked for it, no person."""
    start: Start | None = None
    """Not before this."""
    trial: Trial | None = None
    reset: str = ""
    """Why somebody wants the database made anew; empty: nobody asked for that."""
    host: str = ""
    """The Headway whose machine the place is on; empty: any may turn it."""
    hands: tuple[str, ...] = ()
    """What others did to its two releases, told and not answered yet."""
    accepted: tuple[str, ...] = ()
    """What of that somebody accepted."""
    mend: bool = False
    """Somebody asked that it be set right."""
    format: int = 1
