"""A rollout's runs against databases by the team's own tool: alembic and Django for real, on both stores."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tool_projects import BROKEN, COMMANDS, DROP, PHONE, PROJECTS, TABLE, Change, name

from headway.adapters.databases.address import address
from headway.adapters.databases.store import Timeouts, open_store
from headway.adapters.local import processes
from headway.adapters.migrating.port import DatabaseMigrations
from headway.adapters.sources import Sources
from headway.environments.model import Configuration, Database, Place
from headway.migration.shipping import Outlook, Shipping, for_later
from headway.releases.model import MigrationSpec, Release, RunSpec
from headway.rollout.model import Fence, Intent, RunMigration, Workload
from headway.rollout.seen import MigrationRun, Probe, RunState
from headway.testing import NOON, sample_release

PLACE = Place("tally", "production")
SLOW: Change = (["create table slow (id integer)", "select slowly"], ["drop table slow"])


@dataclass
class Exports:
    """A repository whose commits hold a project of the tool."""

    tool: str
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)

    def export(self, commit: str, into: Path) -> None:
        PROJECTS[self.tool](into / "server", *self.changes[commit])


class Bench:
    """One tool with one database."""

    def __init__(self, home: Path, tool: str, url: str) -> None:
        self.tool, self.home = tool, home
        self.exports = Exports(tool)
        (home / "url").write_text(url)
        self.database = Database(f"file:{home / 'url'}", tool=tool)  # type: ignore[arg-type]
        self.port = DatabaseMigrations(home, Sources(home / "sources", {"tally": self.exports}))  # type: ignore[dict-item]
        self.address = address(url)

    def name(self, at: int) -> str:
        return name(self.tool, at)

    def release(self, version: str, *changes: Change) -> Release:
        spec = MigrationSpec("server", self.tool, COMMANDS[self.tool])
        made = replace(sample_release(version), migrations=spec)
        self.exports.changes[made.commit] = changes
        return made

    def outlook(self, release: Release, *running: Release) -> Outlook:
        return self.port.outlook(self.database, release, running)

    def shipping(self, release: Release, *running: Release) -> Shipping:
        found = self.outlook(release, *running).shipping
        assert found is not None
        return found

    def intent(self, release: Release, *running: Release, what: str = "migrate", key: str = "r1-1") -> Intent:
        workload = Workload("v1", release.version, release.commit, release.digest, RunSpec(("serve",)), Configuration())
        effect = RunMigration(what, workload, self.shipping(release, *running))  # type: ignore[arg-type]
        return Intent(key, Fence(1, 1), effect, NOON)

    def look(self, intent: Intent) -> MigrationRun:
        assert isinstance(intent.effect, RunMigration)
        return self.port.look(intent.key, intent.effect)

    def ended(self, intent: Intent) -> MigrationRun:
        until = time.monotonic() + 60
        while (run := self.look(intent)).state is RunState.RUNNING:
            assert time.monotonic() < until, run
            time.sleep(0.05)
        return run

    def run(self, release: Release, *running: Release, what: str = "migrate", key: str = "r1-1") -> MigrationRun:
        intent = self.intent(release, *running, what=what, key=key)
        self.port.start(PLACE, intent)
        return self.ended(intent)

    def tables(self) -> str:
        return "\n".join(open_store(self.address, Timeouts()).catalog())


def _benches(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    store, tool = request.param
    url = f"sqlite:///{tmp_path}/app.db" if store == "SQLite" else request.getfixturevalue("postgres_url")
    yield Bench(tmp_path, tool, url)
    for folder in (tmp_path / "migrations").glob("*/process"):
        processes.stop(folder, grace=0)


FOUR = [("SQLite", "alembic"), ("SQLite", "django"), ("PostgreSQL", "alembic"), ("PostgreSQL", "django")]


def _words(pairs: list[tuple[str, str]]) -> list[object]:
    return [pytest.param(pair, id=f"{pair[1]} on {pair[0]}") for pair in pairs]


every = pytest.fixture(params=_words(FOUR), name="every")(_benches)
bench = pytest.fixture(params=_words([FOUR[0], FOUR[3]]), name="bench")(_benches)
"""What is ours and not the tool's is looked at once on each store."""
lite = pytest.fixture(params=_words(FOUR[:1]), name="lite")(_benches)


def test_what_is_pending_is_told_with_what_the_tool_can_do_and_then_applied_once(every: Bench) -> None:
    first = every.release("1.0.0", TABLE)
    found = every.outlook(first)
    assert (found.waits, found.refusals) == ((), ())
    assert found.shipping is not None
    assert found.shipping.tool is not None
    assert [one.title for one in found.shipping.apply] == [every.name(1)]
    assert found.shipping.tool.promises.atomic is (every.tool == "django" or not every.address.url.startswith("sqlite"))
    intent = every.intent(first)
    assert every.port.probe(PLACE, intent) is Probe.NOT_DONE
    every.port.start(PLACE, intent)
    ended = every.ended(intent)
    assert ended.state is RunState.PASSED, ended
    assert every.name(1) in ended.text
    every.port.start(PLACE, intent)
    assert every.ended(intent) == ended
    # Another run, of which no trace is left: the tool's own table says that it is done.
    other = replace(intent, key="r9-1")
    assert every.port.probe(PLACE, other) is Probe.DONE
    assert every.look(other).state is RunState.PASSED
    assert every.shipping(first, first).apply == ()
    again = every.run(first, first, what="verify data", key="r1-2")
    assert (again.state, "all of it is applied" in again.text) == (RunState.PASSED, True)


def test_looking_makes_no_database(lite: Bench) -> None:
    assert lite.outlook(lite.release("1.0.0", TABLE)).shipping is not None
    assert not lite.address.path.exists()


def test_a_failure_is_evidence_and_what_is_said_of_the_rest_is_true(every: Bench) -> None:
    first, bad = every.release("1.0.0", TABLE), every.release("1.1.0", TABLE, PHONE, BROKEN)
    every.run(first)
    run = every.run(bad, first, key="r2-1")
    assert run.state is RunState.FAILED, run
    said = " / ".join(run.notes)
    assert any(one.startswith("backed up to ") for one in run.notes)
    if every.tool == "django":  # each migration is a transaction of its own
        assert f"{every.name(2)} had been applied and stays" in said
        assert "half" not in every.tables()
    elif every.address.url.startswith("sqlite"):
        assert "table half" in said
        assert "table half" in every.tables()
    else:  # all of them are one
        assert "stays" not in said
        assert "phone" not in every.tables()


def test_one_that_takes_something_away_holds_all_of_it(bench: Bench) -> None:
    first = bench.release("1.0.0", TABLE)
    bench.run(first)
    both = bench.outlook(bench.release("1.1.0", TABLE, PHONE, DROP), first)
    assert "goes all the way or not at all" in both.refusals[0]
    assert f"ship {bench.name(3)} in a release of its own" in both.refusals[0]
    second = bench.release("1.2.0", TABLE, PHONE)
    assert "way down, which Headway has not read" in bench.shipping(second, first).apply[0].back
    bench.run(second, first, key="r2-1")
    third = bench.release("1.3.0", TABLE, PHONE, DROP)
    held = bench.shipping(third, second)
    assert ([one.title for one in held.apply], [one.title for one in held.waiting]) == ([], [bench.name(3)])
    assert "goes all the way or not at all" in for_later(held)[0]
    fourth = bench.release("1.4.0", TABLE, PHONE, DROP)
    free = bench.shipping(fourth, third)
    assert [one.title for one in free.apply] == [bench.name(3)]
    assert "users.name: 0 values" in free.apply[0].back
    assert bench.run(fourth, third, key="r4-1").state is RunState.PASSED
    (gone,) = bench.port.taken(bench.database, second)
    assert "took users.name: 0 values" in gone
    assert bench.port.taken(bench.database, third) == ()


def test_what_cannot_be_read_waits_like_what_takes_away(lite: Bench) -> None:
    first = lite.release("1.0.0", TABLE)
    lite.run(first)
    asking = (["select 1"], ["select 1"])
    new = lite.release("1.1.0", TABLE, asking)
    _make_it_ask(lite, new)
    held = lite.shipping(new, first)
    assert [(one.title, one.word) for one in held.waiting] == [("r2", "unclear")]
    assert "what it runs cannot be told beforehand" in for_later(held)[-1]
    assert "nobody can say" in held.waiting[0].back
    assert [one.title for one in lite.shipping(new, new).apply] == ["r2"]


def _make_it_ask(bench: Bench, release: Release) -> None:
    """A migration that reads the database while it runs, which no SQL beforehand can show."""
    assert isinstance(bench.port, DatabaseMigrations)
    path = bench.port._sources("tally", release.commit) / "server/m/versions/r2.py"
    path.write_text(path.read_text() + "\ndef upgrade():\n    op.get_bind().exec_driver_sql('select 1').fetchall()\n")


def test_a_tool_that_the_environment_does_not_name_never_gets_the_url(lite: Bench) -> None:
    lite.database = replace(lite.database, tool="headway")
    marker = lite.home / "ran"
    release = lite.release("1.0.0", TABLE)
    assert release.migrations is not None
    release = replace(release, migrations=replace(release.migrations, command=("touch", str(marker))))
    assert "hands the URL to the release's own code" in lite.outlook(release).refusals[0]
    assert not marker.exists()


def test_a_tool_sees_no_secret_of_the_server(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_SECRET", "not-a-real-secret")
    release = lite.release("1.0.0", TABLE)
    assert release.migrations is not None
    words = ("sh", "-c", f'env >> "{lite.home}/saw"; exec "$0" "$@"', *COMMANDS["alembic"])
    release = replace(release, migrations=replace(release.migrations, command=words))
    assert lite.run(release).state is RunState.PASSED
    saw = (lite.home / "saw").read_text()
    assert "DATABASE_URL=" in saw
    assert "not-a-real-secret" not in saw
    assert "HEADWAY_" not in saw


def _held(bench: Bench) -> tuple[Intent, int]:
    """A run in the middle of a migration that waits for a file, after it made a table; and the number of its process."""
    first = bench.release("1.0.0", TABLE)
    bench.run(first)
    new = bench.release("1.1.0", TABLE, SLOW)
    intent = bench.intent(new, first, key="r2-1")
    assert isinstance(bench.port, DatabaseMigrations)
    # Written down beforehand, in alembic's offline mode, it waits for nothing.
    go = str(bench.home / "go")
    slowly = f"import pathlib, time\nwhile not op.get_context().as_sql and not pathlib.Path({go!r}).exists():\n    time.sleep(0.02)\n"
    path = bench.port._sources("tally", new.commit) / "server/m/versions/r2.py"
    body = f"\n\ndef upgrade():\n    op.execute('create table slow (id integer)')\n    exec({slowly!r})\n"
    path.write_text(path.read_text() + body)
    bench.port.start(PLACE, intent)
    found = processes.state(bench.port._folder(intent.key) / "process")
    assert isinstance(found, processes.Running)
    _until(lambda: "table slow" in bench.tables())
    return intent, found.identity.pid


def test_a_run_that_was_killed_goes_on_by_its_tool_and_is_done_when_that_is(lite: Bench) -> None:
    intent, worker = _held(lite)
    os.kill(worker, signal.SIGKILL)
    run = _after_death(lite, intent)
    assert (run.state, "still works on" in run.text) == (RunState.RUNNING, True)
    (lite.home / "go").touch()
    assert lite.ended(intent).state is RunState.PASSED


def test_half_of_a_migration_that_nobody_saw_end_is_for_a_person(lite: Bench) -> None:
    intent, worker = _held(lite)
    tool = _tool_of(worker)
    os.kill(worker, signal.SIGKILL)
    os.kill(tool, signal.SIGKILL)
    run = lite.ended(intent)
    assert run.state is RunState.STUCK, run
    assert "r2 is not applied by its own word, and may be there in half" in run.text
    with closing(sqlite3.connect(lite.address.path)) as on, on:  # what the person does
        on.execute("drop table slow")
    (lite.home / "go").touch()
    effect = intent.effect
    assert isinstance(effect, RunMigration)
    lite.port.start(PLACE, replace(intent, key="r2-2", effect=replace(effect, attempt=2)))
    assert lite.ended(replace(intent, key="r2-2")).state is RunState.PASSED


def test_a_stop_ends_the_tool_and_says_what_it_left(lite: Bench) -> None:
    intent, _ = _held(lite)
    lite.port.stop(intent.key, effect_of(intent))
    run = lite.ended(intent)
    assert run.state is RunState.STOPPED, run
    assert any("table slow" in one for one in run.notes), run.notes


def _tool_of(worker: int) -> int:
    import psutil

    (child,) = psutil.Process(worker).children()
    return child.pid


def _after_death(bench: Bench, intent: Intent) -> MigrationRun:
    assert isinstance(bench.port, DatabaseMigrations)
    folder = bench.port._folder(intent.key) / "process"
    _until(lambda: not isinstance(processes.state(folder), processes.Running))
    return bench.look(intent)


def _until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def effect_of(intent: Intent) -> RunMigration:
    assert isinstance(intent.effect, RunMigration)
    return intent.effect
