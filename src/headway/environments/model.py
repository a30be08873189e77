"""The nouns of where: a place is one service in one environment, with a configuration and a number of replicas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One service in one environment: what a rollout takes over, and what has a generation."""

    service: str
    environment: str

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a release is told in one environment.

    `values` are plain environment variables; `secrets` maps a variable to a reference such as `env:DB_PASSWORD` or
    `file:/run/secrets/db`, never to a value. `digest` covers both, secrets by keyed fingerprint.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that knows what releases do, and what it calls that.

    `requests`, `failures` and `latency` are selectors of counters, `by` the label that tells the release: empty, where `counts` says it.
    """

    url: str
    counts: Literal["gateway", "pods"] = "gateway"
    """Who counts: the gateway's Envoys, or the releases' own pods."""
    every: float = 15.0
    """Seconds between two scrapes."""
    token: str | None = None
    ca: str | None = None
    requests: str = ""
    failures: str = ""
    latency: str = ""
    by: str = ""

    @property
    def stale(self) -> float:
        """Seconds after which what was scraped says nothing any more: one scrape may be missed, a second one not."""
        return 2 * self.every + 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where on Kubernetes an environment is, and what a release is made from there. Frozen into a workload when its rollout starts."""

    manifests: str
    """A folder with a kustomization or with plain YAML, or one file of it, in the release's own commit."""
    namespace: str
    context: str = ""
    """Of the kubeconfig; empty: its current one, or, in a cluster, the cluster's own."""
    stats: tuple[str, ...] = ()
    """Where the gateway's Envoys tell their statistics; empty: nothing is measured there."""
    url: str = ""
    """Where users, and checks, reach the service; empty: its Service, which only the cluster knows."""
    gateway: str = "contour"
    """Whose names the statistics have."""
    prometheus: Prometheus | None = None
    """Who is asked instead of the gateway's Envoys themselves."""
    architecture: tuple[str, ...] = ()
    """Of its nodes: an image must be for all of these. Empty: as its pods ask for, or as its nodes are where they may be read."""
    registry: Literal["ask", "skip"] = "ask"
    """Whether the image's registry is asked before a rollout."""
    copy_to: str = ""
    """The repository that its nodes pull from, which images are copied to by their digest; empty: from where they were pushed."""

    def pulled(self, image: str) -> str:
        """What its nodes are told to pull for an image that was pushed as this."""
        return f"{self.copy_to}@{image.rpartition('@')[2]}" if image and self.copy_to else image


@dataclass(frozen=True, slots=True)
class InCluster:
    """That a database is migrated by a Job in the environment's namespace, with the release's image: Headway need not reach it.

    `backup`: what runs first, in the same pod, in `image` or in the release's own; empty: nobody makes one. Times in seconds.
    """

    cluster: Cluster
    timeout: float = 3600.0
    backup: tuple[str, ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class Backups:
    """Where an environment's backups are kept and which stay. `keep` counts the newest, days and weeks; `key` is a secret's reference.

    No folder: one in Headway's home. Besides the one before every migration there may be a schedule: `every` so many seconds or `at` a time
    of the day; `drill`: how often one is restored to prove it, in seconds; `at_most`: how old the last may be when a migration wants to go.
    """

    folder: str | None = None
    keep: tuple[int, int, int] | None = None
    key: str | None = None
    every: float | None = None
    at: str | None = None
    drill: float | None = None
    at_most: float | None = None

    @property
    def scheduled(self) -> bool:
        """Whether backups are made by the clock too."""
        return self.every is not None or self.at is not None


@dataclass(frozen=True, slots=True)
class Database:
    """Where a service keeps its data in one environment, and how migrations go about it there. Times in seconds.

    `url` is a reference such as `env:DATABASE_URL`, never the URL itself. `together` says how far a transaction reaches; none: as suits
    the database. `contract`: `hold` leaves files that take something away to the next promotion, `auto` asks for that by itself. `tool` is
    whom the URL may be given to: a tool that is not ours runs as the release's own code. `seed` are commands, and single words that end in
    .sql: what fills a database that was made anew. `lint`: what is dangerous under traffic blocks, or warns. `rehearse`: on what a release
    is tried before anybody can approve it; `old_release`: whether the one that runs is started there too.
    """

    url: str
    together: Literal["release", "file"] | None = None
    lock_timeout: float = 2.0
    statement_timeout: float = 900.0
    contract: Literal["hold", "auto"] = "hold"
    backup: Backups = Backups()
    tool: Literal["headway", "alembic", "django", "flyway", "dbmate"] = "headway"
    seed: tuple[tuple[str, ...], ...] = ()
    lint: Literal["block", "warn", "off"] = "block"
    rehearse: Literal["backup", "copy", "template", "off"] = "copy"
    old_release: Literal["start", "skip"] = "start"
    setting: str | None = None
    """In which the service is told the URL; None: in those whose value is the URL."""
    reset: str | None = None
    """When it is made anew, as cron by the people's clock; None: only when somebody asks, or what comes in has diverged."""
    inside: InCluster | None = None
    """Where a Job migrates it; None: Headway does, from where it runs."""

    @property
    def rehearsed(self) -> bool:
        """Whether anything is found out before people approve."""
        return self.lint != "off" or self.rehearse != "off"


@dataclass(frozen=True, slots=True)
class Scaling:
    """Between how many replicas an autoscaler keeps a release; how many exactly is its business."""

    least: int
    most: int

    def within(self, replicas: int) -> int:
        """The number nearest to this that it may have."""
        return max(self.least, min(replicas, self.most))


def same_target(one: Cluster | None, other: Cluster | None) -> bool:
    """Do both mean the same place to run in? Only there can traffic move from one release to another."""
    if one is None or other is None:
        return one is other
    return (one.context, one.namespace) == (other.context, other.namespace)


@dataclass(frozen=True, slots=True)
class Environment:
    """A place where releases run, as the protected branch's file declares it."""

    name: str
    replicas: int = 1
    configuration: Configuration = Configuration()
    platform: str = "local"
    port: int | None = None
    """Where users reach the service on the local platform; drawn free and then kept when None."""
    database: Database | None = None
    data: Literal["real", "synthetic"] = "real"
    """`synthetic`: nobody misses what the database holds, so that it may be made anew from migrations and seed."""
    cluster: Cluster | None = None
    """Where it is, when the platform is kubernetes."""
