"""Runs against databases: the same suite for the fake and for the real ones, and what only real processes can show."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from headway.adapters.databases.address import address
from headway.adapters.databases.store import Timeouts, open_store
from headway.adapters.local import processes
from headway.adapters.migrating.port import DatabaseMigrations
from headway.adapters.sources import Sources
from headway.environments.model import Backups, Configuration, Database, Place
from headway.errors import InvalidSpec, Unavailable
from headway.migration.model import State
from headway.ports import Migrations
from headway.releases.model import MigrationSpec, Release, RunSpec
from headway.rollout.model import Fence, Intent, RunMigration, Workload
from headway.rollout.seen import MigrationRun, Probe, RunState
from headway.testing import NOON, FakeClock, FakeMigrations, sample_release

PLACE = Place("tally", "production")
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);\n-- migrate:verify\nSELECT count(*) = 0 FROM users;\n"
MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;\n"
FILL = MAIL + "-- migrate:backfill table=users key=id batch=10\nUPDATE users SET mail = 'none' WHERE id BETWEEN :first AND :last;\n"
DROP = "-- migrate:up\nALTER TABLE users DROP COLUMN phone;\n"
WRONG = "-- migrate:up\nALTER TABLE nobody ADD COLUMN mail text;\n"
FIRST = {"0001_users.sql": USERS}
ENDED = frozenset(RunState) - {RunState.RUNNING}


@dataclass
class Exports:
    """A repository: each commit's migrations."""

    files: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def export(self, commit: str, into: Path) -> None:
        (into / "migrations").mkdir()
        for name, text in self.files[commit].items():
            (into / "migrations" / name).write_text(text)


@dataclass
class Bench:
    """One implementation of the port with one database."""

    port: Migrations
    files: dict[str, Mapping[str, str]]
    database: Database
    pass_time: Callable[[], None]

    def release(self, version: str, files: Mapping[str, str]) -> Release:
        made = replace(sample_release(version), migrations=MigrationSpec("migrations"))
        self.files[made.commit] = files
        return made

    def intent(self, release: Release, running: tuple[Release, ...] = (), what: Any = "migrate", key: str = "r1-1") -> Intent:
        found = self.port.outlook(self.database, release, running)
        assert found.shipping is not None
        workload = Workload("v1", release.version, release.commit, release.digest, RunSpec(("serve",)), Configuration())
        return Intent(key, Fence(1, 1), RunMigration(what, workload, found.shipping), NOON)

    def ended(self, intent: Intent) -> MigrationRun:
        assert isinstance(intent.effect, RunMigration)
        until = time.monotonic() + 30
        while (run := self.port.look(intent.key, intent.effect)).state not in ENDED:
            assert time.monotonic() < until, run
            self.pass_time()
        return run

    def run(self, release: Release, *running: Release, what: str = "migrate", key: str = "r1-1") -> MigrationRun:
        intent = self.intent(release, running, what, key)
        self.port.start(PLACE, intent)
        return self.ended(intent)


@pytest.fixture
def fake() -> Bench:
    clock = FakeClock()
    port = FakeMigrations(clock)
    return Bench(port, port.files, Database("env:FAKE"), lambda: clock.pass_time(1.0))


def real(home: Path, url: str) -> Bench:
    exports = Exports()
    sources = Sources(home / "sources", {"tally": exports})  # type: ignore[dict-item]
    (home / "url").write_text(url)
    return Bench(DatabaseMigrations(home, sources), exports.files, Database(f"file:{home / 'url'}"), lambda: time.sleep(0.02))


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Bench]:
    yield real(tmp_path, f"sqlite:///{tmp_path / 'app.db'}")
    _end(tmp_path)


@pytest.fixture
def pg(tmp_path: Path, postgres_url: str) -> Iterator[Bench]:
    yield real(tmp_path, postgres_url)
    _end(tmp_path)


def _end(home: Path) -> None:
    for folder in (home / "migrations").glob("*/process"):
        processes.stop(folder, grace=0)


@pytest.fixture(params=["fake", "lite", "pg"], ids=["the fake", "SQLite", "PostgreSQL"])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(request.param)
    return made


# -- for every implementation


def test_what_is_pending_is_told_with_its_kind_and_then_applied_once(bench: Bench) -> None:
    first = bench.release("1.0.0", FIRST)
    outlook = bench.port.outlook(bench.database, first, ())
    assert outlook.shipping is not None
    assert [(one.title, one.kind.value) for one in outlook.shipping.apply] == [("0001_users", "expand")]
    assert (outlook.waits, outlook.refusals) == ((), ())
    assert bench.run(first).state is RunState.PASSED
    again = bench.port.outlook(bench.database, first, (first,))
    assert again.shipping is not None
    assert again.shipping.apply == ()


def test_one_key_is_one_run(bench: Bench) -> None:
    intent = bench.intent(bench.release("1.0.0", FIRST))
    assert bench.port.probe(PLACE, intent) is Probe.NOT_DONE
    bench.port.start(PLACE, intent)
    assert bench.port.probe(PLACE, intent) is Probe.DONE
    ended = bench.ended(intent)
    bench.port.start(PLACE, intent)
    assert bench.ended(intent) == ended


def test_what_was_applied_by_a_run_that_nobody_remembers_is_done_says_the_ledger(bench: Bench) -> None:
    first = bench.release("1.0.0", FIRST)
    intent = bench.intent(first)
    assert bench.run(first, key="another").state is RunState.PASSED
    assert bench.port.probe(PLACE, intent) is Probe.DONE
    assert isinstance(intent.effect, RunMigration)
    assert bench.port.look(intent.key, intent.effect).state is RunState.PASSED


def test_a_run_that_was_stopped_before_it_began_never_begins(bench: Bench) -> None:
    intent = bench.intent(bench.release("1.0.0", FIRST))
    bench.port.stop(intent.key, effect_of(intent))
    bench.port.start(PLACE, intent)
    assert bench.ended(intent).state is RunState.STOPPED
    found = bench.port.outlook(bench.database, bench.release("1.0.0", FIRST), ()).shipping
    assert found is not None
    assert found.apply


def test_what_takes_something_away_waits_for_the_release_that_may_need_it(bench: Bench) -> None:
    old, new = bench.release("1.0.0", FIRST), bench.release("1.1.0", FIRST | {"0002_drop.sql": DROP})
    bench.run(old)
    held = bench.port.outlook(bench.database, new, (old,)).shipping
    assert held is not None
    assert ([one.title for one in held.apply], [one.title for one in held.waiting]) == ([], ["0002_drop"])
    free = bench.port.outlook(bench.database, new, (new,)).shipping
    assert free is not None
    assert [one.title for one in free.apply] == ["0002_drop"]
    assert "after 0002_drop there is no automatic way back: it drops users.phone (users.phone: 0 values)" in free.apply[0].back
    assert bench.run(new, new, key="r2-1").state is RunState.PASSED
    (gone,) = bench.port.taken(bench.database, old)
    assert "took users.phone: 0 values" in gone
    assert bench.port.taken(bench.database, new) == ()


def test_a_backfill_comes_by_itself_and_says_so(bench: Bench) -> None:
    old, new = bench.release("1.0.0", FIRST), bench.release("1.1.0", FIRST | {"0002_mail.sql": FILL})
    bench.run(old)
    shipping = bench.port.outlook(bench.database, new, (old,)).shipping
    assert shipping is not None
    assert [one.title for one in shipping.fill] == ["0002_mail"]
    assert bench.run(new, old, key="r2-1").state is RunState.PASSED
    left = bench.port.outlook(bench.database, new, (old,)).shipping
    assert left is not None
    assert ([one.title for one in left.apply], [one.title for one in left.fill]) == ([], ["0002_mail"])
    assert bench.run(new, old, what="backfill", key="r2-2").state is RunState.PASSED
    done = bench.port.outlook(bench.database, new, (old,)).shipping
    assert done is not None
    assert done.fill == ()


def test_a_first_release_brings_everything_in_its_order(bench: Bench) -> None:
    release = bench.release("1.0.0", FIRST | {"0002_mail.sql": FILL, "0003_drop.sql": DROP})
    assert bench.run(release).state is RunState.PASSED
    found = bench.port.outlook(bench.database, release, (release,)).shipping
    assert found is not None
    assert (found.apply, found.fill, found.waiting) == ((), (), ())


# -- real ones


@pytest.fixture(params=["lite", "pg"], ids=["SQLite", "PostgreSQL"])
def there(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(request.param)
    return made


def folder(bench: Bench, key: str) -> Path:
    assert isinstance(bench.port, DatabaseMigrations)
    return bench.port._folder(key)


def running(bench: Bench, key: str) -> processes.Running:
    found = processes.state(folder(bench, key) / "process")
    assert isinstance(found, processes.Running)
    return found


def test_a_file_that_fails_is_evidence_and_what_it_shared_a_transaction_with_is_gone_too(there: Bench) -> None:
    there.database = replace(there.database, together="release")
    run = there.run(there.release("1.0.0", FIRST | {"0002_wrong.sql": WRONG}))
    assert run.state is RunState.FAILED
    assert "0002_wrong.sql" in run.text
    assert not any("stays" in note for note in run.notes)


def test_with_a_transaction_for_each_file_what_was_kept_is_said(there: Bench) -> None:
    there.database = replace(there.database, together="file")
    run = there.run(there.release("1.0.0", FIRST | {"0002_wrong.sql": WRONG}))
    assert run.state is RunState.FAILED
    assert "0001_users had been committed and stays" in run.notes


def test_a_promise_that_does_not_hold_is_evidence(there: Bench) -> None:
    run = there.run(there.release("1.0.0", {"0001_users.sql": USERS.replace("count(*) = 0", "count(*) = 1")}))
    assert run.state is RunState.FAILED
    assert "expected one true value" in run.text


def test_a_database_that_is_not_there_is_trouble_and_nobodys_fault(there: Bench) -> None:
    intent = there.intent(there.release("1.0.0", FIRST))
    Path(there.database.url.removeprefix("file:")).write_text("postgresql://nobody@127.0.0.1:9/nowhere")
    there.port.start(PLACE, intent)
    with pytest.raises(Unavailable):
        there.port.outlook(there.database, there.release("1.0.0", FIRST), ())
    assert there.ended(intent).state is RunState.ERRORED


def test_the_backup_is_made_before_and_the_policy_is_kept(there: Bench, tmp_path: Path) -> None:
    there.database = replace(there.database, backup=Backups(str(tmp_path / "kept"), (1, 0, 0)))
    release = there.release("1.0.0", FIRST)
    there.run(release)
    for number in (2, 3):
        release = there.release(
            f"1.{number}.0", {**there.files[release.commit], f"000{number}_more.sql": f"-- migrate:up\nCREATE TABLE t{number} (a int);"}
        )
        run = there.run(release, release, key=f"r{number}-1")
        assert any(note.startswith("backed up to ") for note in run.notes), run
    assert len(list((tmp_path / "kept").glob("*/*.manifest.json"))) == 1


def test_kill_9_in_the_middle_leaves_nothing_and_the_next_run_applies_it_once(pg: Bench) -> None:
    pg.database = replace(pg.database, together="release")
    slow = pg.release("1.0.0", FIRST | {"0002_slow.sql": "-- migrate:up\nSELECT pg_sleep(1.5);\nCREATE TABLE slow (a int);\n"})
    intent = pg.intent(slow)
    pg.port.start(PLACE, intent)
    _until(lambda: _statement(pg, "pg_sleep"))
    os.kill(running(pg, intent.key).identity.pid, signal.SIGKILL)
    assert isinstance(intent.effect, RunMigration)
    # The server goes on with the statement it was given; until it notices, nobody else may begin.
    assert pg.ended(intent).state is RunState.ERRORED
    assert pg.run(slow, key="r1-2").state is RunState.PASSED
    with pg_store(pg).reading() as on:
        assert [row.version for row in on.rows()] == [1, 2]


def test_what_was_begun_outside_a_transaction_and_killed_is_for_a_person(pg: Bench) -> None:
    wait = "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY mails ON users (phone);\n"
    first = pg.release("1.0.0", FIRST)
    pg.run(first)
    new = pg.release("1.1.0", FIRST | {"0002_index.sql": wait})
    intent = pg.intent(new, (first,), key="r2-1")
    import psycopg

    with psycopg.connect(address(pg.database.url).url) as blocking:
        blocking.execute("insert into users values (1, 'x')")  # the index waits for this transaction
        pg.port.start(PLACE, intent)
        _until(lambda: [row for row in pg_store(pg).look().rows if row.state is State.RUNNING])
        os.kill(running(pg, intent.key).identity.pid, signal.SIGKILL)
        blocking.rollback()
    run = pg.ended(intent)
    assert run.state is RunState.STUCK
    assert "headway migrate repair" in run.text
    assert pg.port.outlook(pg.database, new, (first,)).waits


def test_a_stop_rolls_back_what_was_in_a_transaction(pg: Bench) -> None:
    slow = pg.release("1.0.0", {"0001_slow.sql": "-- migrate:up\nCREATE TABLE slow (a int);\nSELECT pg_sleep(20);\n"})
    intent = pg.intent(slow)
    pg.port.start(PLACE, intent)
    _until(lambda: _statement(pg, "pg_sleep"))
    started = time.monotonic()
    pg.port.stop(intent.key, effect_of(intent))
    assert time.monotonic() - started < 8
    assert pg.ended(intent).state is RunState.STOPPED
    assert pg_store(pg).look().rows == ()
    _until(lambda: not _statement(pg, "pg_sleep"))


def test_what_another_server_runs_is_not_called_stopped_while_it_is_at_work(pg: Bench, tmp_path: Path) -> None:
    """Its server stands still, and one with a home of its own goes back: it cannot end that process, and does not claim to have."""
    slow = pg.release("1.0.0", {"0001_slow.sql": "-- migrate:up\nCREATE TABLE slow (a int);\nSELECT pg_sleep(20);\n"})
    intent = pg.intent(slow)
    pg.port.start(PLACE, intent)
    _until(lambda: _statement(pg, "pg_sleep"))
    other = DatabaseMigrations(tmp_path / "another", Sources(tmp_path / "another" / "sources", {"tally": Exports(pg.files)}))  # type: ignore[dict-item]
    other.stop(intent.key, effect_of(intent))
    run = other.look(intent.key, effect_of(intent))
    assert run.state is RunState.RUNNING, run
    assert "somebody still works on" in run.text
    os.kill(running(pg, intent.key).identity.pid, signal.SIGTERM)
    _until(lambda: other.look(intent.key, effect_of(intent)).state is RunState.STOPPED)


def test_a_stop_on_sqlite_rolls_back_too(lite: Bench) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) INSERT INTO slow SELECT max(i) FROM n;"
    intent = lite.intent(lite.release("1.0.0", {"0001_slow.sql": f"-- migrate:up\nCREATE TABLE slow (a int);\n{endless}\n"}))
    lite.port.start(PLACE, intent)
    path = address(lite.database.url).path
    _until(lambda: _busy(path))
    lite.port.stop(intent.key, effect_of(intent))
    run = lite.ended(intent)
    assert run.state is RunState.STOPPED, run
    with closing(sqlite3.connect(path)) as on:
        assert on.execute("select count(*) from sqlite_master where name = 'slow'").fetchone() == (0,)


def test_a_path_that_depends_on_where_one_stands_is_refused(lite: Bench) -> None:
    Path(lite.database.url.removeprefix("file:")).write_text("sqlite:///app.db")
    with pytest.raises(InvalidSpec, match="four slashes"):
        lite.port.outlook(lite.database, lite.release("1.0.0", FIRST), ())


def test_the_password_is_in_no_file_no_process_list_and_no_answer(tmp_path: Path) -> None:
    word = "not-a-real-password"
    bench = real(tmp_path, f"postgresql://nobody:{word}@127.0.0.1:9/nowhere")
    release = bench.release("1.0.0", FIRST)
    fake = FakeMigrations(FakeClock(), files=bench.files)
    shipping = fake.outlook(bench.database, release, ()).shipping
    assert shipping is not None
    workload = Workload("v1", release.version, release.commit, release.digest, RunSpec(("serve",)), Configuration())
    intent = Intent("r1-1", Fence(1, 1), RunMigration("migrate", workload, shipping), NOON)
    bench.port.start(PLACE, intent)
    listed = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    run = bench.ended(intent)
    assert word not in listed + str(run)
    (tmp_path / "url").unlink()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and word.encode() in path.read_bytes()] == []


def pg_store(bench: Bench) -> Any:
    return open_store(address(bench.database.url), Timeouts())


def _statement(bench: Bench, text: str) -> bool:
    import psycopg

    with psycopg.connect(address(bench.database.url).url, autocommit=True) as on:
        found = on.execute(
            "select 1 from pg_stat_activity where state = 'active' and query like %s and pid <> pg_backend_pid()"
            " and datname = current_database()",
            (f"%{text}%",),
        ).fetchone()
    return found is not None


def _busy(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as on:
        try:
            on.execute("begin immediate")
            on.execute("rollback")
        except sqlite3.OperationalError:
            return True
    return False


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def effect_of(intent: Intent) -> RunMigration:
    assert isinstance(intent.effect, RunMigration)
    return intent.effect
