"""A whole world of fakes, and the releases and stages to fill it with."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from headway.environments.model import Configuration, Environment
from headway.ports import Commit, Event, World
from headway.promotion.model import Stage
from headway.releases.model import CheckSpec, Release, RunSpec
from headway.testing.checks import FakeChecks
from headway.testing.clock import NOON, FakeClock
from headway.testing.ledger import MemoryLedger
from headway.testing.live import FakeLive
from headway.testing.migrations import FakeMigrations
from headway.testing.people import FakeHerald, FakeNotifier
from headway.testing.platform import FakePlatform
from headway.testing.rehearsals import FakeRehearsals
from headway.testing.shelves import FakeShelves
from headway.testing.sources import (
    FakeAdoptions,
    FakeBuilder,
    FakeImages,
    FakeManifests,
    FakePipelines,
    FakePreviews,
    FakePushes,
    FakeRepository,
    FakeStore,
    FakeTags,
)


@dataclass
class FakeWorld:
    """The fakes that a World is made of, at hand for a test to steer; `world` is what the engine gets."""

    clock: FakeClock = field(default_factory=FakeClock)
    pipelines: FakePipelines = field(default_factory=FakePipelines)
    repository: FakeRepository = field(default_factory=FakeRepository)
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    herald: FakeHerald = field(default_factory=FakeHerald)
    store: FakeStore = field(default_factory=FakeStore)
    builder: FakeBuilder = field(default_factory=FakeBuilder)
    tags: FakeTags = field(default_factory=FakeTags)
    manifests: FakeManifests = field(default_factory=FakeManifests)
    previews: FakePreviews = field(default_factory=FakePreviews)
    adoptions: FakeAdoptions = field(default_factory=FakeAdoptions)
    images: FakeImages = field(default_factory=FakeImages)
    pushes: FakePushes = field(default_factory=FakePushes)

    def __post_init__(self) -> None:
        self.platform = FakePlatform(self.clock)
        self.live = FakeLive()
        self.checks = FakeChecks(self.clock)
        self.migrations = FakeMigrations(self.clock)
        self.rehearsals = FakeRehearsals(self.clock)
        self.shelves = FakeShelves(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.pipelines.refs = self.repository.refs
        numbers = count(1)
        self.world = World(
            clock=self.clock,
            platform=self.platform,
            adoptions=self.adoptions,
            manifests=self.manifests,
            previews=self.previews,
            images=self.images,
            live=self.live,
            checks=self.checks,
            migrations=self.migrations,
            rehearsals=self.rehearsals,
            shelves=self.shelves,
            rollouts=self.ledger.rollouts,
            records=self.ledger.records,
            releases=self.ledger.releases,
            words=self.ledger.words,
            statements=self.ledger.statements,
            trains=self.ledger.trains,
            pipelines=self.pipelines,
            # Whatever the service is called, this is its repository.
            repositories=defaultdict(lambda: self.repository),
            branches=defaultdict(lambda: self.repository),
            builder=self.builder,
            store=self.store,
            refs=self.ledger.refs,
            pushes=self.pushes,
            branched=self.ledger.branched,
            grounds=self.platform,
            tags=self.tags,
            outbox=self.ledger.outbox,
            notifier=self.notifier,
            herald=self.herald,
            new_id=lambda: f"r{next(numbers)}",
        )

    def release(self, release: Release) -> Release:
        """Cut: a commit on main, and the release on the record."""
        commit = Commit(release.commit, release.author, release.cut_at, f"Make {release.version}")
        if release.commit not in self.repository.commits:
            self.repository.commit(commit)
        self.ledger.releases.add(release, (Event(release.cut_at, release.cut_by, "cut"),))
        return release


def sample_release(
    version: str = "1.0.0", *, service: str = "tally", at: datetime = NOON, checks: tuple[CheckSpec, ...] = (), digest: str | None = None
) -> Release:
    """A release whose commit and digest follow from its version."""
    commit = version.encode().hex().ljust(40, "0")[:40]
    return Release(
        service=service,
        version=version,
        commit=commit,
        ref="main",
        digest=digest or f"sha256:{commit:0<64}",
        run=RunSpec(argv=("serve", "--port", "$PORT")),
        author="ada",
        cut_by="ada",
        cut_at=at,
        checks={check.name: check for check in checks},
    )


def sample_stage(environment: str = "production", *, service: str = "tally", replicas: int = 2, **rules: object) -> Stage:
    """A stage with these rules; anything else as the product has it by default."""
    configuration = Configuration({"GREETING": environment}, digest=f"configuration of {environment}")
    return Stage(service, Environment(environment, replicas, configuration), **rules)  # type: ignore[arg-type]
