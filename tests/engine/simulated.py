"""A random world: stages, releases that are well or bad in their own ways, and people who say things at odd moments."""

# ruff: noqa: TID251 - chance with a seed

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.environments.model import Database
from headway.errors import HeadwayError
from headway.promotion.model import Approvals, Quarantine, Stage
from headway.releases.model import CheckSpec, MigrationSpec
from headway.rollout.phases import ENDED, Phase
from headway.rollout.routing import Mark, Routing
from headway.rollout.seen import CheckState
from headway.testing import CheckScript, FakeChecks, FakeMigrations, FakePlatform, FakeWorld, Script, sample_release, sample_stage
from headway.testing.tables import Row

RELEASES = 6
QUICK = Script(ready_after=0.4, stops_after=0.3)
SCRIPTS = (
    (QUICK, 9),
    (replace(QUICK, errors=0.6), 3),
    (replace(QUICK, slow=0.7), 1),
    (replace(QUICK, silent=True), 2),
    (replace(QUICK, never_ready=True), 1),
    (replace(QUICK, crashes=True), 1),
    (replace(QUICK, errors=0.6, spoils_after=12.0), 1),
    (replace(QUICK, dies_after=15.0), 1),
)
THRESHOLDS = Thresholds(min_time=3.0, needs=8, max_wait=20.0, hold_for=8.0, latency_ms=500.0)


@dataclass
class Told:
    """What people did, for the laws that depend on it."""

    fakes: FakeWorld
    order: list[str] = field(default_factory=list)
    """The commits, oldest first: a later one contains the earlier ones."""
    advanced: set[str] = field(default_factory=set)
    cleared: list[Quarantine] = field(default_factory=list)

    def quarantined(self) -> list[Quarantine]:
        return [*self.fakes.ledger.tables.quarantines, *self.cleared]


TESTERS = Routing((Mark("header", "X-Tester", "yes"),), sticky=True)
COPIES = Routing((Mark("cookie", "beta", "1"),), mirror=30, alone=1.0)


def stages(chance: Random) -> list[Stage]:
    """One to three environments in a row."""
    names = ("dev", "staging", "production")[-chance.choice([1, 1, 2, 3]) :]
    return [_stage(chance, name, names[:number][-1:], last=name == names[-1]) for number, name in enumerate(names)]


def _stage(chance: Random, name: str, after: tuple[str, ...], last: bool) -> Stage:
    replicas = chance.choice([1, 2, 3])
    return sample_stage(
        name,
        replicas=replicas,
        after=after,
        approvals=Approvals(chance.choice([0, 1, 2])) if last else Approvals(),
        checks=("smoke",) if chance.random() < 0.4 else (),
        strategy=chance.choice(["canary", "canary", "rolling", "blue-green"]),
        holdback=chance.choice([0, 0, 5]),
        weights=chance.choice([(10, 50), (50,), (25,), ()]),
        routing=chance.choice([None, TESTERS, COPIES]),
        batch=chance.randint(1, replicas),
        thresholds=THRESHOLDS if chance.random() < 0.85 or last else replace(THRESHOLDS, mode="health"),
        soak=chance.choice([2.0, 5.0, 12.0]),
        keep_warm=chance.choice([0.0, 20.0]),
        newer=chance.choice(["waits", "supersedes"]),
        notify=("ops",),
    )


class People:
    """Cut, promote, approve, speak, change their minds."""

    def __init__(self, chance: Random, fakes: FakeWorld, platform: FakePlatform, checks: FakeChecks) -> None:
        self.chance, self.fakes = chance, fakes
        self.commands = Commands(fakes.world)
        self.told = Told(fakes)
        self.releases = [self._release(number, platform, checks) for number in range(chance.randint(3, RELEASES))]
        self.cut: list[str] = []
        self.next = fakes.clock.now()
        self.repair: Callable[[], None] = lambda: None
        self.over = fakes.clock.now() + timedelta(seconds=chance.randint(80, 240))
        self.calm = all(platform.scripts[version] == QUICK for version in self.releases)

    def _release(self, number: int, platform: FakePlatform, checks: FakeChecks) -> str:
        version = f"1.{number}.0"
        good = number == 0 and self.chance.random() < 0.8
        scripts, odds = zip(*SCRIPTS, strict=True)
        platform.scripts[version] = QUICK if good else self.chance.choices(scripts, odds)[0]
        ends = self.chance.choices([CheckState.PASSED, CheckState.FAILED, CheckState.ERRORED], [8, 1, 1])[0]
        checks.scripts[f"smoke {version}"] = CheckScript(ends, takes=self.chance.choice([0.5, 2.0]), flaky=self.chance.choice([0, 0, 1]))
        return version

    def act(self) -> None:
        """Something that somebody does now; an objection is an answer like any other."""
        self.next = self.fakes.clock.now() + timedelta(seconds=self.chance.choice([0.5, 3.0, 8.0]))
        try:
            if len(self.cut) < len(self.releases) and self.chance.random() < 0.35:
                self._cut(self.releases[len(self.cut)])
            elif self.cut:
                self.chance.choices([self._promote, self._approve, self._speak, self._roll_back, self._clear], [5, 8, 0.8, 0.4, 4])[0]()
        except HeadwayError:
            pass

    def _cut(self, version: str) -> None:
        smoke = CheckSpec("smoke", ("smoke",), retries=self.chance.choice([0, 1]))
        made = sample_release(version, at=self.fakes.clock.now(), checks=(smoke,))
        known = self.fakes.world.migrations.files.get(made.commit)  # type: ignore[attr-defined]
        release = self.fakes.release(replace(made, migrations=MigrationSpec("migrations")) if known else made)
        self.told.order.append(release.commit)
        self.cut.append(release.name)

    def _promote(self) -> None:
        name = self.cut[-1] if self.chance.random() < 0.8 else self.chance.choice(self.cut)
        self.commands.promote(name, self._onward(name), "ada")

    def _onward(self, name: str) -> str:
        """Mostly where it has not been yet; now and then anywhere, as people do."""
        declared = [stage.environment.name for stage in self.fakes.pipelines.declared]
        passed = {one.environment for _, one in self.fakes.ledger.tables.passed if one.release == name}
        fresh = [environment for environment in declared if environment not in passed]
        return fresh[0] if fresh and self.chance.random() < 0.9 else self.chance.choice(declared)

    def _approve(self) -> None:
        self.commands.approve(
            self.chance.choice(self.cut[-2:]),
            self.fakes.pipelines.declared[-1].environment.name,
            self.chance.choice(["bob", "cyd", "dan"]),
            yes=True,
        )

    def _speak(self) -> None:
        word = self.chance.choice(["pause", "resume", "resume", "advance", "retry", "abort"])
        if standing := self._unended():
            self._tell(word, self.chance.choice(standing))

    def _tell(self, word: str, row: Row) -> None:
        if word == "advance":
            self.told.advanced.add(row.rollout.id)
        self.commands.tell(word, row.rollout.id, "bob", "so they say")

    def _roll_back(self) -> None:
        self.commands.rollback(self.chance.choice(self.fakes.pipelines.declared).environment.name, "bob")

    def _clear(self) -> None:
        tables = self.fakes.ledger.tables
        if tables.quarantines:
            gone = self.chance.choice(tables.quarantines)
            self.told.cleared += [one for one in tables.quarantines if one.release == gone.release]
            self.commands.clear(gone.release, "bob", "not to blame")

    def _unended(self) -> list[Row]:
        return [row for row in self.fakes.ledger.tables.rows.values() if row.rollout.phase not in ENDED]

    def tidy_up(self, now: datetime) -> None:
        """In the end somebody answers everything that waits for a person."""
        self.next = now + timedelta(seconds=5)
        for row in self._unended():
            match row.rollout.phase:
                case Phase.PAUSED:
                    self._tell("resume", row)
                case Phase.PARKED:
                    self.repair()
                    self._tell("retry", row)
                case Phase.ROLLING_BACK:
                    self._tell("advance", row)
                case Phase.HELD | Phase.PENDING:
                    self._tell("abort", row)
                case _ if "a person decides" in row.why or now > self.over + timedelta(minutes=3):
                    self._tell("abort", row)


FILES = (
    "-- migrate:up\nALTER TABLE t ADD COLUMN c{0} text;\n",
    "-- migrate:up\nALTER TABLE t ADD COLUMN c{0} text;\n-- migrate:backfill table=t key=id batch=10\n"
    "UPDATE t SET c{0} = '' WHERE id BETWEEN :first AND :last;\n",
    "-- migrate:up\nDROP TABLE old{0};\n",
)


class Data:
    """What happens to databases, from a chance of its own: each release may bring a file, and every run may meet trouble."""

    def __init__(self, seed: int, fakes: FakeWorld, migrations: FakeMigrations, versions: list[str]) -> None:
        self.chance, self.fakes, self.migrations = Random(f"data {seed}"), fakes, migrations
        if self.chance.random() < 0.4:
            return
        for number, stage in enumerate(fakes.pipelines.declared):
            database = Database(f"env:{stage.environment.name}", contract=self.chance.choice(["hold", "auto"]), lint="off", rehearse="off")
            fakes.pipelines.declared[number] = replace(stage, environment=replace(stage.environment, database=database))
        files = {"0000_t.sql": "-- migrate:up\nCREATE TABLE t (id integer primary key);\n"}
        for number, version in enumerate(versions, 1):
            if self.chance.random() < 0.7:
                files = files | {f"{number:04d}_f.sql": self.chance.choices(FILES, [5, 2, 2])[0].format(number)}
            migrations.files[sample_release(version).commit] = files
        highest = len(versions)
        migrations.takes = self.chance.choice([0.3, 2.0])
        migrations.fails = {self.chance.randint(2, highest)} if self.chance.random() < 0.2 else set()
        migrations.breaks = {self.chance.randint(2, highest)} if self.chance.random() < 0.1 else set()
        migrations.unfinished = {self.chance.randint(2, highest)} if self.chance.random() < 0.15 else set()

    def act(self) -> None:
        """Now and then a run's process dies, a lock is held, a database is away."""
        match self.chance.random():
            case draw if draw < 0.1:
                for key, run in self.migrations.runs.items():
                    if run.end is None and not run.lost:
                        self.migrations.lose(key)
            case draw if draw < 0.15:
                self.migrations.locked = {f"env:{stage.environment.name}" for stage in self.fakes.pipelines.declared}
            case draw if draw < 0.3:
                self.migrations.locked = set()
            case draw if draw < 0.33:
                self.migrations.down_until = self.fakes.clock.now() + timedelta(seconds=self.chance.choice([0.5, 5.0]))

    def repair(self) -> None:
        """A person settles what was begun; it goes through the next time."""
        self.migrations.unfinished = set()
        for url in self.migrations.databases:
            self.migrations.repair(url)

    def calm(self) -> None:
        """In the end nobody holds a lock any more."""
        self.migrations.locked = set()
