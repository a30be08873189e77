"""Databases made anew, and those of branches: by real processes, on real databases."""

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from headway.adapters.databases.address import address
from headway.adapters.databases.anew import KEPT
from headway.adapters.databases.branched import LONGEST, database_of, of_branch
from headway.adapters.local import processes
from headway.adapters.migrating.port import DatabaseMigrations
from headway.adapters.sources import Sources
from headway.environments.branches import own
from headway.environments.model import Configuration, Database, Place
from headway.errors import Refused
from headway.migration.shipping import Anew, Outlook
from headway.releases.model import MigrationSpec, Release, RunSpec
from headway.rollout.model import Fence, Intent, RunMigration, Workload
from headway.rollout.seen import MigrationRun, Probe, RunState
from headway.testing import NOON, sample_release

PLACE = Place("tally", "dev")
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);\n"
OTHER = "-- migrate:up\nCREATE TABLE people (id integer primary key, mail text);\n-- migrate:verify\nSELECT count(*) = 0 FROM people;\n"
FILL = "-- migrate:backfill table=people key=id batch=10\nUPDATE people SET mail = 'none' WHERE id BETWEEN :first AND :last;\n"
SEED = "INSERT INTO people VALUES (1, 'ada');\nINSERT INTO people VALUES (2, 'bob');\n"
ALLOWED = Anew(contradicted=True)


@dataclass
class Exports:
    """A repository: each commit's files."""

    files: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def export(self, commit: str, into: Path) -> None:
        for name, text in self.files[commit].items():
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@dataclass
class Bench:
    """The port with one database."""

    port: DatabaseMigrations
    exports: Exports
    database: Database
    home: Path

    def release(self, version: str, files: Mapping[str, str], **more: str) -> Release:
        made = replace(sample_release(version), migrations=MigrationSpec("migrations"))
        self.exports.files[made.commit] = {f"migrations/{name}.sql": text for name, text in files.items()} | more
        return made

    def outlook(self, release: Release, *running: Release, anew: Anew | None = ALLOWED) -> Outlook:
        return self.port.outlook(self.database, release, running, anew)

    def intent(self, release: Release, *running: Release, key: str = "r1-1", anew: Anew | None = ALLOWED) -> Intent:
        shipping = self.outlook(release, *running, anew=anew).shipping
        assert shipping is not None
        configuration = Configuration({"GREETING": "hello"}, {"APP_DB": self.database.url})
        workload = Workload("v1", release.version, release.commit, release.digest, RunSpec(("serve",)), configuration)
        return Intent(key, Fence(1, 1), RunMigration("reset" if shipping.anew else "migrate", workload, shipping), NOON)

    def run(self, release: Release, *running: Release, key: str = "r1-1", anew: Anew | None = ALLOWED) -> MigrationRun:
        intent = self.intent(release, *running, key=key, anew=anew)
        self.port.start(PLACE, intent)
        return self.ended(intent)

    def ended(self, intent: Intent) -> MigrationRun:
        assert isinstance(intent.effect, RunMigration)
        until = time.monotonic() + 30
        while (run := self.port.look(intent.key, intent.effect)).state is RunState.RUNNING:
            assert time.monotonic() < until, run
            time.sleep(0.02)
        return run

    def ask(self, query: str, url: str | None = None) -> list[tuple[Any, ...]]:
        found = address(url or self.database.url)
        if found.dialect.value == "SQLite":
            with closing(sqlite3.connect(found.path, isolation_level=None)) as lite:
                return lite.execute(query).fetchall()
        import psycopg

        with psycopg.connect(found.url, autocommit=True) as on:
            answer = on.execute(query)
            return answer.fetchall() if answer.description else []


def made(home: Path, url: str) -> Bench:
    exports = Exports()
    (home / "url").write_text(url)
    port = DatabaseMigrations(home, Sources(home / "sources", {"tally": exports}))  # type: ignore[dict-item]
    return Bench(port, exports, Database(f"file:{home / 'url'}", seed=(("seed.sql",),)), home)


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Bench]:
    yield made(tmp_path, f"sqlite:///{tmp_path / 'app.db'}")
    _end(tmp_path)


@pytest.fixture
def pg(tmp_path: Path, postgres_url: str) -> Iterator[Bench]:
    bench = made(tmp_path, postgres_url)
    yield bench
    _end(tmp_path)
    _drop_beside(postgres_url)


def _end(home: Path) -> None:
    for folder in (home / "migrations").glob("*/process"):
        processes.stop(folder, grace=0)


def _drop_beside(url: str) -> None:
    """What was moved aside, or made for a branch, goes with the test."""
    import psycopg
    from psycopg import sql

    name = database_of(url)
    with psycopg.connect(url, dbname="postgres", autocommit=True) as on:
        names = on.execute("select datname from pg_database where left(datname, %s) = %s", (len(name[:20]), name[:20])).fetchall()
        for (one,) in names:
            if one != name:
                on.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(one)))


@pytest.fixture(params=["lite", "pg"], ids=["SQLite", "PostgreSQL"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def live(bench: Bench) -> Bench:
    """One branch runs, with its own history."""
    assert bench.run(bench.release("1.0.0", {"0001_users": USERS}, **{"seed.sql": ""}), key="r0-1", anew=None).state is RunState.PASSED
    bench.ask("INSERT INTO users VALUES (7, '0123')")
    return bench


def other(bench: Bench, **more: str) -> Release:
    """Another branch, with another file of the same number."""
    return bench.release("1.1.0", {"0001_people": OTHER}, **({"seed.sql": SEED} | more))


def test_another_history_is_made_anew_seeded_and_what_was_there_is_kept_beside(live: Bench) -> None:
    release = other(live)
    outlook = live.outlook(release)
    assert outlook.refusals == ()
    assert outlook.shipping is not None
    assert any("changed after it was applied" in why for why in outlook.shipping.anew)
    run = live.run(release)
    assert run.state is RunState.PASSED, run
    assert sorted(live.ask("SELECT id, mail FROM people")) == [(1, "ada"), (2, "bob")]
    (note,) = [one for one in run.notes if "is kept as" in one]
    kept = note.partition("is kept as ")[2]
    assert "_before_r1" in kept
    assert live.ask("SELECT id, phone FROM users", _beside(live, kept)) == [(7, "0123")]


def test_without_leave_it_is_refused_as_ever(live: Bench) -> None:
    outlook = live.outlook(other(live), anew=None)
    assert outlook.shipping is not None
    assert outlook.shipping.anew == ()
    assert any("changed after it was applied" in why for why in outlook.refusals)


def test_a_history_that_goes_on_is_migrated_and_loses_nothing(live: Bench) -> None:
    more = live.release("1.2.0", {"0001_users": USERS, "0002_mail": "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;\n"})
    assert live.run(more).state is RunState.PASSED
    assert live.ask("SELECT id, mail FROM users") == [(7, None)]


def test_backfills_and_seeds_that_are_commands_have_their_turn(live: Bench) -> None:
    live.database = replace(live.database, seed=(("seed.sql",), (sys.executable, "fill.py")))
    fill = (
        "import os, pathlib\n"
        "assert os.environ['APP_DB'] == os.environ['DATABASE_URL'], 'both are the one that is being made'\n"
        "assert '_fresh_' in os.environ['DATABASE_URL']\n"
        "assert not any(name.startswith('HEADWAY_MIGRATION') for name in os.environ)\n"
        "said = f\"{os.environ['GREETING']} {os.environ['HEADWAY_ENVIRONMENT']}\"\n"
        f"pathlib.Path({str(live.home / 'said')!r}).write_text(said)\n"
    )
    release = live.release("1.1.0", {"0001_people": OTHER, "0002_fill": FILL}, **{"seed.sql": SEED, "fill.py": fill})
    run = live.run(release)
    assert run.state is RunState.PASSED, (run, Path(run.log).read_text())
    assert (live.home / "said").read_text() == "hello dev"
    assert not (live.home / "migrations" / "r1-1" / "seed").exists()


@pytest.mark.parametrize(
    ("files", "seed", "says"),
    [
        pytest.param({"0001_people": OTHER}, "INSERT INTO nowhere VALUES (1);", "the seed seed.sql", id="a seed"),
        pytest.param({"0001_people": "-- migrate:up\nALTER TABLE nobody ADD COLUMN a int;\n"}, "", "0001_people.sql", id="a migration"),
    ],
)
def test_what_fails_is_evidence_and_leaves_the_live_database_alone(live: Bench, files: dict[str, str], seed: str, says: str) -> None:
    run = live.run(live.release("1.1.0", files, **{"seed.sql": seed}))
    assert run.state is RunState.FAILED
    assert says in run.text
    assert live.ask("SELECT id FROM users") == [(7,)]
    assert [path.name for path in live.home.glob("app.db_*")] == []


def test_a_command_that_is_not_there_is_said_and_leaves_the_live_database_alone(live: Bench) -> None:
    live.database = replace(live.database, seed=(("./nobody",),))
    run = live.run(other(live))
    assert (run.state, "cannot be started" in run.text) == (RunState.FAILED, True)
    assert live.ask("SELECT id FROM users") == [(7,)]


def test_the_run_killed_on_the_way_leaves_the_old_one_and_the_next_makes_it_once(live: Bench) -> None:
    live.database = replace(live.database, seed=((sys.executable, "wait.py"),))
    wait = f"import pathlib, time\npathlib.Path({str(live.home / 'waits')!r}).touch()\ntime.sleep(60)\n"
    intent = live.intent(other(live, **{"wait.py": wait}))
    live.port.start(PLACE, intent)
    _until((live.home / "waits").exists)
    found = processes.state(live.home / "migrations" / "r1-1" / "process")
    assert isinstance(found, processes.Running)
    os.kill(found.identity.pid, signal.SIGKILL)
    assert live.ended(intent).state is RunState.ERRORED
    assert live.ask("SELECT id FROM users") == [(7,)]
    live.database = replace(live.database, seed=())
    assert live.run(other(live), key="r1-2").state is RunState.PASSED
    assert live.ask("SELECT count(*) FROM people") == [(0,)]
    assert [path.name for path in live.home.glob("app.db_fresh*")] == []


def test_a_run_of_which_no_trace_is_left_is_known_by_what_it_made(live: Bench) -> None:
    intent = live.intent(other(live))
    assert live.port.probe(PLACE, intent) is Probe.NOT_DONE
    assert live.run(other(live), key="r1-5").state is RunState.PASSED
    assert live.port.probe(PLACE, intent) is Probe.DONE
    assert live.port.probe(PLACE, replace(intent, key="r2-1")) is Probe.NOT_DONE, "another rollout has to make its own"
    live.ask("INSERT INTO people VALUES (9, 'eve')")
    live.port.start(PLACE, intent)
    assert live.ended(intent).state is RunState.PASSED
    assert (9, "eve") in live.ask("SELECT id, mail FROM people"), "it was not made twice"


def test_only_the_newest_that_were_moved_aside_stay(live: Bench) -> None:
    for number in range(KEPT + 2):
        assert live.run(other(live), key=f"r{number + 1}-1", anew=Anew(("somebody asked",))).state is RunState.PASSED
    assert len(_moved_aside(live)) == KEPT


def test_a_database_by_two_names_is_spared_for_the_one_whose_data_is_real(live: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", address(live.database.url).url)
    with pytest.raises(Refused, match="never made anew"):
        live.outlook(other(live), anew=Anew(contradicted=True, spare=(Database("env:PRODUCTION_DATABASE_URL"), Database("env:NOT_SET"))))


def test_whoever_has_a_sqlite_file_open_goes_on_with_the_new_content(lite: Bench) -> None:
    lite.run(lite.release("1.0.0", {"0001_users": USERS}, **{"seed.sql": ""}), key="r0-1", anew=None)
    with closing(sqlite3.connect(address(lite.database.url).path, isolation_level=None)) as service:
        service.execute("pragma journal_mode = wal")
        service.execute("insert into users values (1, 'x')")
        assert lite.run(other(lite)).state is RunState.PASSED
        assert service.execute("select count(*) from people").fetchone() == (2,)
        service.execute("insert into people values (3, 'cid')")
        assert service.execute("pragma journal_mode").fetchone() == ("wal",)
        assert service.execute("pragma integrity_check").fetchone() == ("ok",)
    assert lite.ask("SELECT count(*) FROM people") == [(3,)]


# -- of branches


@pytest.fixture
def branch(bench: Bench) -> Bench:
    """The database of a branch's own environment, which is not there yet."""
    bench.database = replace(bench.database, url=own("dev.feature-x", bench.database.url))
    return bench


def test_a_branch_gets_a_database_of_its_own_which_goes_with_it(branch: Bench) -> None:
    shared = f"file:{branch.home / 'url'}"
    run = branch.run(other(branch))
    assert run.state is RunState.PASSED, run
    assert branch.ask("SELECT count(*) FROM people") == [(2,)]
    names = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'people'"
    if address(shared).dialect.value == "SQLite":
        assert not address(shared).path.exists()
    else:
        assert branch.ask(names, shared) == [(0,)]
    assert branch.run(other(branch), key="r2-1", anew=Anew(("somebody asked",))).state is RunState.PASSED
    (said,) = branch.port.remove(branch.database)
    assert said.endswith("was removed")
    assert branch.port.remove(branch.database) == ()
    assert _moved_aside(branch) == []
    assert [path.name for path in branch.home.glob("app.dev*")] == []


def test_a_database_that_somebody_else_made_under_the_branchs_name_stays(branch: Bench) -> None:
    found = address(branch.database.url)
    if found.dialect.value == "SQLite":
        found.path.touch()
    else:
        branch.ask(f'CREATE DATABASE "{database_of(found.url)}"', f"file:{branch.home / 'url'}")
    (said,) = branch.port.remove(branch.database)
    assert said.endswith("Headway did not make it")


def test_the_shared_database_is_never_removed(live: Bench) -> None:
    assert live.port.remove(live.database) == ()
    assert live.ask("SELECT id FROM users") == [(7,)]


@pytest.mark.parametrize(
    ("url", "environment", "there"),
    [
        pytest.param("sqlite:////srv/app.db", "dev.feature-x", "sqlite:////srv/app.dev.feature-x.db", id="a file"),
        pytest.param("postgresql://a:b@h:5/app?x=y", "dev.x", "postgresql://a:b@h:5/app_dev_x?x=y", id="a name"),
    ],
)
def test_it_is_named_after_the_branch(url: str, environment: str, there: str) -> None:
    assert of_branch(url, environment) == there


def test_no_two_branches_share_a_name_and_none_is_too_long() -> None:
    environments = ["dev.a-b", "dev-a.b", "dev.a", f"dev.{'x' * 60}", f"dev.{'x' * 60}y"]
    names = [database_of(of_branch("postgresql://h/application", one)) for one in environments]
    assert len(set(names)) == len(environments)
    assert max(map(len, names)) <= LONGEST


def _beside(bench: Bench, name: str) -> str:
    url = address(bench.database.url).url
    return f"sqlite:///{name}" if url.startswith("sqlite") else url.replace(f"/{database_of(url)}", f"/{name}", 1)


def _moved_aside(bench: Bench) -> list[str]:
    found = address(bench.database.url)
    if found.dialect.value == "SQLite":
        return [path.name for path in found.path.parent.glob(f"{found.path.name}_before_*")]
    names = [str(one) for (one,) in bench.ask("SELECT datname FROM pg_database", f"file:{bench.home / 'url'}")]
    return [one for one in names if one.startswith(f"{database_of(found.url)[:30]}_before_r")]


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
