"""Databases in virtual time: real migration files against a ledger in memory, each run a while and as its script says."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headway.environments.branches import own_database
from headway.environments.model import Database, Place
from headway.errors import Unavailable
from headway.migration.changes import Loss, kind_of, losses
from headway.migration.files import parse
from headway.migration.model import Dialect, Kind, Migration, Progress, Row, State
from headway.migration.shipping import Anew, Outlook, Runs, known, made_anew, made_by, outlook, taken, why_anew
from headway.migration.status import Status, compare, objections
from headway.ports import Clock
from headway.releases.model import Release
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe, RunState


@dataclass
class FakeDatabase:
    """One database: its ledger, and how often each version was applied."""

    rows: dict[int, Row] = field(default_factory=dict)
    progress: dict[int, Progress] = field(default_factory=dict)
    applied: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DataRun:
    """One run that was started. `end` once it is over; `lost`: its process died and nobody saw how."""

    effect: RunMigration
    at: datetime
    end: MigrationRun | None = None
    lost: bool = False


@dataclass
class FakeMigrations:
    """`files` maps a commit to its migrations, file name to SQL. What happens to a version: `fails` at it, `breaks` what it promised,
    leaves it `unfinished` when it is outside of a transaction. Every run takes `takes` seconds; `lock` holds databases, by URL.

    `asked` counts how often each key was asked to start, `runs` has what really ran: one for each key.
    """

    clock: Clock
    files: dict[str, Mapping[str, str]] = field(default_factory=dict)
    databases: dict[str, FakeDatabase] = field(default_factory=dict)
    fails: set[int] = field(default_factory=set)
    breaks: set[int] = field(default_factory=set)
    unfinished: set[int] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    values: int = 0
    """How many values everything holds that could be lost."""
    takes: float = 2.0
    down_until: datetime | None = None
    interrupt: Callable[[str], None] = lambda _: None
    runs: dict[str, DataRun] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    # -- the port

    def outlook(self, database: Database, release: Release, running: Sequence[Release], anew: Anew | None = None) -> Outlook:
        self._answer()
        files = self._files(release.commit)
        runs = [Runs(one.name, known(self._files(one.commit))) for one in running]
        folder = release.migrations.folder if release.migrations else ""
        if anew is not None and files and (why := why_anew(anew, self._there(database.url, files), database.url)):
            return made_anew(self._status(database.url, files), Dialect.SQLITE, database, database.url, folder, why)
        return outlook(self._status(database.url, files), Dialect.SQLITE, database, database.url, folder, runs, self._count)

    def taken(self, database: Database, release: Release) -> tuple[str, ...]:
        self._answer()
        return taken(tuple(self.database(database.url).rows.values()), known(self._files(release.commit)))

    def start(self, place: Place, intent: Intent) -> None:
        del place
        self._answer()
        self.interrupt("before the run started")
        effect = intent.effect
        assert isinstance(effect, RunMigration), "only a RunMigration starts a run"
        self.asked[intent.key] += 1
        if intent.key not in self.runs and intent.key not in self.stopped:
            self.runs[intent.key] = DataRun(effect, self.clock.now())
        self.interrupt("the run started, and nobody was told")

    def probe(self, place: Place, intent: Intent) -> Probe:
        del place
        self._answer()
        assert isinstance(intent.effect, RunMigration), "only a RunMigration is asked for here"
        if intent.key in self.runs or intent.key in self.stopped:
            return Probe.DONE
        if intent.effect.what not in {"migrate", "reset"}:
            return Probe.NOT_DONE
        found = self._by_the_ledger(intent.key, intent.effect)
        return {RunState.PASSED: Probe.DONE, RunState.STUCK: Probe.UNKNOWN}.get(found.state, Probe.NOT_DONE)

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        self._answer()
        run = self.runs.get(key)
        if run is not None and run.end is not None:
            return run.end
        if key in self.stopped:
            return MigrationRun(RunState.STOPPED, "it was stopped")
        if run is None or run.lost:
            return self._by_the_ledger(key, effect)
        return MigrationRun(RunState.RUNNING, f"{effect.what} goes on")

    def stop(self, key: str, effect: RunMigration) -> None:  # noqa: ARG002 - as the port has it: here a key is enough
        self._answer()
        self.stopped.add(key)

    def remove(self, database: Database) -> tuple[str, ...]:
        self._answer()
        if own_database(database.url) is None or database.url not in self.databases:
            return ()
        del self.databases[database.url]
        return (f"{database.url} was removed",)

    # -- to steer and to look at

    def database(self, url: str) -> FakeDatabase:
        """The database behind a URL; empty when nobody has used it."""
        return self.databases.setdefault(url, FakeDatabase())

    def lose(self, key: str) -> None:
        """kill -9 of a run's process: what it had not committed is gone."""
        self._settle()
        if self.runs[key].end is None:
            self.runs[key] = replace(self.runs[key], lost=True)

    def repair(self, url: str) -> None:
        """A person settles what was begun and not finished: it was not done."""
        there = self.database(url)
        for version in [row.version for row in there.rows.values() if row.state is not State.APPLIED]:
            del there.rows[version]

    def settle(self) -> None:
        """Have everything happen that has had its time."""
        self._settle()

    # -- inside

    def _answer(self) -> None:
        self._settle()
        if self.down_until is not None and self.clock.now() < self.down_until:
            raise Unavailable(f"the fake databases do not answer before {self.down_until:%H:%M:%S}")

    def _settle(self) -> None:
        for key, run in self.runs.items():
            over = self.clock.now() >= run.at + timedelta(seconds=self.takes)
            if over and run.end is None and not run.lost and key not in self.stopped:
                self.runs[key] = replace(run, end=self._done(key, run.effect))

    def _done(self, key: str, effect: RunMigration) -> MigrationRun:
        shipping = effect.shipping
        url = shipping.database.url
        there, files = self.database(url), self._files(effect.workload.commit)
        if url in self.locked:
            return MigrationRun(RunState.ERRORED, f"{url}: the lock was not to be had; nothing was kept")
        if effect.what == "reset":
            return self._made_anew(key, url, files, effect)
        if said := objections(self._status(url, files)):
            return MigrationRun(RunState.STUCK, "; ".join(said))
        match effect.what:
            case "migrate":
                return self._migrated(there, [one for one in files if one.version in {each.version for each in shipping.apply}], effect)
            case "backfill":
                self._fill(there, files)
                return MigrationRun(RunState.PASSED, "filled")
        broken = [one.title for one in shipping.apply if one.version in self.breaks]
        if broken:
            return MigrationRun(RunState.FAILED, f"{broken[0]}: verify says false")
        return MigrationRun(RunState.PASSED, "all promises hold")

    def _there(self, url: str, files: Sequence[Migration]) -> Status | None:
        """Nobody but a run makes a branch's own database; the others were always there."""
        missing = url not in self.databases and own_database(url) is not None
        return None if missing else self._status(url, files)

    def _made_anew(self, key: str, url: str, files: Sequence[Migration], effect: RunMigration) -> MigrationRun:
        """A new one takes the place of the old one at once, or nothing happens."""
        rollout, old = key.rpartition("-")[0], self.databases.get(url)
        if old is not None and made_by(rollout, tuple(old.rows.values())):
            return MigrationRun(RunState.PASSED, f"made {url} anew", ("an earlier run had done it",))
        if bad := [one.title for one in files if one.version in self.fails]:
            return MigrationRun(RunState.FAILED, f"{bad[0]} failed")
        fresh = FakeDatabase()
        self._keep(fresh, files, effect, rollout)
        self._fill(fresh, files)
        if old is not None:
            self.databases[f"{url}_before_{rollout}"] = old
        self.databases[url] = fresh
        return MigrationRun(RunState.PASSED, f"made {url} anew", (f"what it held is kept as {url}_before_{rollout}",) if old else ())

    def _migrated(self, there: FakeDatabase, files: Sequence[Migration], effect: RunMigration) -> MigrationRun:
        fresh = [one for one in files if one.version not in there.rows]
        kept: list[Migration] = []
        for one in fresh:
            if one.version in self.unfinished:
                self._keep(there, kept, effect)
                there.rows[one.version] = _row(one, effect, self.clock.now(), State.RUNNING)
                return MigrationRun(RunState.STUCK, f"{one.title} was begun and not finished: `headway migrate repair`")
            if one.version in self.fails:
                together = effect.shipping.together.value == "release"
                self._keep(there, [] if together else kept, effect)
                return MigrationRun(RunState.FAILED, f"{one.title} failed")
            kept.append(one)
        self._keep(there, kept, effect)
        if effect.shipping.whole:
            self._fill(there, files)
        return MigrationRun(RunState.PASSED, f"migrated: {', '.join(one.title for one in kept)}")

    def _keep(self, there: FakeDatabase, kept: Sequence[Migration], effect: RunMigration, rollout: str = "") -> None:
        for one in kept:
            there.applied[one.version] += 1
            there.rows[one.version] = replace(_row(one, effect, self.clock.now(), State.APPLIED), rollout=rollout)

    def _fill(self, there: FakeDatabase, files: Sequence[Migration]) -> None:
        for one in files:
            if one.backfill is not None and one.version in there.rows:
                there.progress[one.version] = Progress(one.version, 1, 1, done=True)

    def _by_the_ledger(self, key: str, effect: RunMigration) -> MigrationRun:
        if effect.what == "reset":
            old = self.databases.get(effect.shipping.database.url)
            made = old is not None and made_by(key.rpartition("-")[0], tuple(old.rows.values()))
            return MigrationRun(RunState.PASSED, "made anew, says the ledger") if made else MigrationRun(RunState.ERRORED, "it was lost")
        rows = self.database(effect.shipping.database.url).rows
        if begun := [row.title for row in rows.values() if row.state is not State.APPLIED]:
            return MigrationRun(RunState.STUCK, f"{begun[0]} was begun and not finished: `headway migrate repair`")
        if effect.what == "migrate" and all(one.version in rows for one in effect.shipping.apply):
            return MigrationRun(RunState.PASSED, "all of it is applied, says the ledger")
        return MigrationRun(RunState.ERRORED, "the run was lost")

    def _status(self, url: str, files: Sequence[Migration]) -> Status:
        there = self.databases.get(url, FakeDatabase())  # looking makes none
        return compare(files, tuple(there.rows[version] for version in sorted(there.rows)), there.progress)

    def _files(self, commit: str) -> tuple[Migration, ...]:
        return parse(self.files.get(commit, {}), Dialect.SQLITE)

    def _count(self, _loss: Loss) -> int | None:
        return self.values


def _row(one: Migration, effect: RunMigration, now: datetime, state: State) -> Row:
    kind: Kind = kind_of(one, Dialect.SQLITE)
    counted = {each.version: each.took for each in effect.shipping.apply}
    took = counted.get(one.version) or ", ".join(loss.what for loss in losses(one.up, Dialect.SQLITE))
    return Row(one.version, one.name, one.sha256, state, None, kind, effect.workload.version, "", "headway", now, took=took)
