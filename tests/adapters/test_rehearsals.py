"""Rehearsals as real processes on clones of real databases, with the release that runs now started on what comes of it."""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from headway.adapters.databases.address import address
from headway.adapters.local import processes
from headway.adapters.migrating.port import DatabaseMigrations
from headway.adapters.migrating.rehearsals import DatabaseRehearsals
from headway.adapters.sources import Sources
from headway.environments.model import Configuration, Database, Place
from headway.ports import Alive, Rehearsing
from headway.releases.model import CheckSpec, MigrationSpec, Release, RunSpec
from headway.rollout.model import Workload
from headway.rollout.seen import MigrationRun, RunState
from headway.testing import sample_release

PLACE = Place("tally", "production")
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);\n-- migrate:down\nDROP TABLE users;\n"
MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;\n-- migrate:down\nALTER TABLE users DROP COLUMN mail;\n"
RENAME = (
    "-- migrate:up\nALTER TABLE users RENAME COLUMN phone TO telephone;\n-- migrate:down\nALTER TABLE users RENAME telephone TO phone;\n"
)
SERVER = """
import http.server, os, sqlite3, sys
URL = os.environ["TALLY_DB"]

def count():
    if URL.startswith("postgres"):
        import psycopg
        with psycopg.connect(URL) as on:
            return on.execute("select count(phone) from users").fetchone()[0]
    path = URL.removeprefix("sqlite:///")
    return sqlite3.connect(path).execute("select count(phone) from users").fetchone()[0]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            text, status = (b"fine", 200) if self.path == "/health" else (str(count()).encode(), 200)
        except Exception as error:
            text, status = str(error).encode(), 500
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SMOKE = """
import os, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(os.environ["HEADWAY_URL"] + "/count").read())
except urllib.error.HTTPError as error:
    raise SystemExit(error.read().decode())
"""


@dataclass
class Exports:
    """A repository: each commit's migrations, and its check."""

    files: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def export(self, commit: str, into: Path) -> None:
        (into / "migrations").mkdir()
        for name, text in self.files.get(commit, {}).items():
            (into / "migrations" / name).write_text(text)
        (into / "smoke.py").write_text(SMOKE)


@dataclass
class Stagehand:
    """One database with 0001_users applied and a row in it, and 1.0.0 that reads it."""

    home: Path
    url: str
    plain: bool = False
    """1.0.0 is told the file, not the URL."""

    def __post_init__(self) -> None:
        self.exports = Exports()
        self.sources = Sources(self.home / "sources", {"tally": self.exports})  # type: ignore[dict-item]
        (self.home / "url").write_text(self.url)
        self.database = Database(f"file:{self.home / 'url'}")
        self.tree = self.home / "tree"
        self.tree.mkdir()
        (self.tree / "serve.py").write_text(f"import helper\n{SERVER}")
        (self.tree / "helper.py").touch()
        self.rehearsals = DatabaseRehearsals(self.home, self.sources, lambda _: self.tree)
        self.live = self.release("1.0.0", {"0001_users.sql": USERS})
        self.apply("0001_users.sql", USERS)

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        found = address(self.url)
        rows: list[tuple[object, ...]] = []
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(found.path)) as on, on:
                for one in statements:
                    rows = on.execute(one).fetchall()
            return rows
        import psycopg

        with psycopg.connect(found.url) as pg:
            for one in statements:
                made = pg.execute(one.encode())
                rows = made.fetchall() if made.description else []
        return rows

    def apply(self, file: str, text: str) -> None:
        """By the runner itself, so that the ledger is as it would be."""
        from headway.migrating import migrations

        folder = self.home / "applied"
        folder.mkdir()
        (folder / file).write_text(text)
        migrations(f"file:{self.home / 'url'}", folder, self.home / "shelf", "the test").up(backup=False)
        self.sql("INSERT INTO users (id, phone) VALUES (1, '0123')")

    def release(self, version: str, files: Mapping[str, str]) -> Release:
        made = replace(sample_release(version), migrations=MigrationSpec("migrations"))
        self.exports.files[made.commit] = files
        return made

    def alive(self, setting: str = "TALLY_DB") -> Alive:
        told = str(address(self.url).path) if self.plain else f"file:{self.home / 'url'}"
        settings = Configuration({setting: told}) if self.plain else Configuration({}, {setting: told})
        run = RunSpec((sys.executable, "serve.py"), ready_within=20.0, grace=1.0)
        workload = Workload("v1", "1.0.0", self.live.commit, self.live.digest, run, settings)
        return Alive(PLACE, workload, (CheckSpec("smoke", (sys.executable, "smoke.py"), timeout=20.0),))

    def asked(self, files: Mapping[str, str], lives: Sequence[Alive] = (), **rules: object) -> Rehearsing:
        database = replace(self.database, **rules)  # type: ignore[arg-type]
        release = self.release("1.1.0", {"0001_users.sql": USERS, **files})
        shipping = DatabaseMigrations(self.home, self.sources).outlook(database, release, (self.live,)).shipping
        assert shipping is not None
        return Rehearsing(PLACE, release, shipping, tuple(lives))

    def run(self, what: Rehearsing, key: str = "k1") -> MigrationRun:
        self.rehearsals.start(key, what)
        return self.ended(key)

    def ended(self, key: str = "k1") -> MigrationRun:
        until = time.monotonic() + 60
        while (run := self.rehearsals.look(key)) is None or run.state is RunState.RUNNING:
            assert time.monotonic() < until, run
            time.sleep(0.05)
        return run


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stagehand]:
    lite = request.param == "SQLite"
    yield Stagehand(tmp_path, f"sqlite:///{tmp_path / 'app.db'}" if lite else request.getfixturevalue("postgres_url"))
    for folder in (tmp_path / "rehearsals").glob("*/process"):
        processes.stop(folder, grace=0)


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Stagehand]:
    yield Stagehand(tmp_path, f"sqlite:///{tmp_path / 'app.db'}", plain=True)
    for folder in (tmp_path / "rehearsals").glob("*/process"):
        processes.stop(folder, grace=0)


def test_the_way_there_and_back_is_gone_on_a_clone_and_the_release_that_runs_lives_on_it(there: Stagehand) -> None:
    run = there.run(there.asked({"0002_mail.sql": MAIL}, [there.alive()]))
    assert run.state is RunState.PASSED, run
    assert run.text.startswith("0002_mail took ")
    assert "down and up again: the catalog is as it was" in run.notes
    assert any(note.startswith("1.0.0 runs on the schema of 1.1.0: ready after") and "smoke passed" in note for note in run.notes)
    assert there.sql("select version from schema_migrations") == [(1,)]
    assert there.sql("select * from users") == [(1, "0123")], "the database itself was only read"
    assert [path.name for path in sorted(there.tree.rglob("*"))] == ["helper.py", "serve.py"], "the artifact is as it was"


def test_a_release_that_cannot_run_on_the_new_schema_speaks_against_the_migration(there: Stagehand) -> None:
    what = there.asked({"0002_rename.sql": RENAME}, [there.alive()], lint="off")
    what = replace(what, shipping=replace(what.shipping, apply=what.shipping.waiting, waiting=()))  # as if it were called an expand
    run = there.run(what)
    assert run.state is RunState.FAILED, run
    assert run.text.startswith("1.0.0 cannot run on the schema of 1.1.0: its check smoke failed: exit 1")
    assert "phone" in run.text
    assert run.text.endswith("a rollback would have nowhere to go")


def test_a_way_down_that_does_not_lead_back_fails(there: Stagehand) -> None:
    run = there.run(there.asked({"0002_mail.sql": MAIL.replace("ALTER TABLE users DROP COLUMN mail", "SELECT 1")}))
    assert run.state is RunState.FAILED
    assert "after up and down the schema is not what it was before" in run.text


def test_what_is_dangerous_under_traffic_blocks_or_warns_as_the_file_says(postgres_url: str, tmp_path: Path) -> None:
    there = Stagehand(tmp_path, postgres_url)
    index = {"0002_index.sql": "-- migrate:up\nCREATE INDEX by_phone ON users (phone);\n-- migrate:down\nDROP INDEX by_phone;\n"}
    blocked = there.run(there.asked(index, lint="block"))
    assert blocked.state is RunState.FAILED
    assert "0002_index.sql:2: CREATE INDEX stops writes while it builds" in blocked.text
    warned = there.run(there.asked(index, lint="warn"), key="k2")
    assert warned.state is RunState.PASSED
    assert any(note.startswith("lint, danger: 0002_index.sql:2") for note in warned.notes)


def test_the_last_backup_is_what_it_is_tried_on_where_the_file_says_so(there: Stagehand) -> None:
    first = there.run(there.asked({"0002_mail.sql": MAIL}, rehearse="backup"))
    assert "no backup is kept yet: rehearsed on a fresh copy" in first.notes
    from headway.adapters.databases.backup import back_up
    from headway.adapters.migrating.port import database_address, shelf_of
    from headway.testing import NOON

    found = database_address(there.database)
    back_up(found, Path(shelf_of(there.database, there.home / "backups", found)), lambda: NOON, "test")
    run = there.run(there.asked({"0002_mail.sql": MAIL}, rehearse="backup"), key="k2")
    assert run.state is RunState.PASSED, run
    assert "on the restored backup of 2030-01-01" in run.text


def test_a_release_told_the_file_alone_finds_the_clone_too(lite: Stagehand) -> None:
    run = lite.run(lite.asked({"0002_mail.sql": MAIL}, [lite.alive()]))
    assert run.state is RunState.PASSED, run
    assert any("smoke passed" in note for note in run.notes)


def test_a_release_whose_settings_name_no_database_is_not_started_for_it_would_work_on_the_live_one(lite: Stagehand) -> None:
    alive = lite.alive()
    stranger = replace(alive, workload=replace(alive.workload, configuration=Configuration({"TALLY_DB": "elsewhere"})))
    run = lite.run(lite.asked({"0002_mail.sql": MAIL}, [stranger]))
    assert run.state is RunState.PASSED
    assert any("1.0.0 was not started on the new schema: none of its settings is the URL of the database" in note for note in run.notes)
    named = lite.run(lite.asked({"0002_mail.sql": MAIL}, [stranger], setting="TALLY_DB"), key="k2")
    assert any("smoke passed" in note for note in named.notes), named


def test_a_file_that_does_not_run_fails_with_its_line(there: Stagehand) -> None:
    run = there.run(there.asked({"0002_wrong.sql": "-- migrate:up\nALTER TABLE nobody ADD COLUMN mail text;\n"}))
    assert run.state is RunState.FAILED
    assert "0002_wrong.sql" in run.text


def test_one_key_is_one_rehearsal_and_one_that_was_stopped_never_begins(lite: Stagehand) -> None:
    what = lite.asked({"0002_mail.sql": MAIL})
    assert lite.rehearsals.look("k1") is None
    first = lite.run(what)
    assert lite.run(what) == first
    lite.rehearsals.stop("k2")
    assert lite.run(what, key="k2").state is RunState.STOPPED


def test_kill_9_of_a_rehearsal_leaves_nothing_running_and_the_next_one_takes_the_clone_away(there: Stagehand) -> None:
    slow = Stagehand.alive(there)
    waits = CheckSpec("smoke", (sys.executable, "-c", "import time; time.sleep(60)"), timeout=70.0)
    there.rehearsals.start("k1", there.asked({"0002_mail.sql": MAIL}, [replace(slow, checks=(waits,))]))
    process = there.home / "rehearsals" / "k1" / "process"
    until = time.monotonic() + 30
    while not (children := _children(process)):
        assert time.monotonic() < until, there.rehearsals.look("k1")
        time.sleep(0.05)
    state = processes.state(process)
    assert isinstance(state, processes.Running)
    os.kill(state.identity.pid, signal.SIGKILL)
    run = there.ended()
    assert run.state is RunState.ERRORED
    assert "the rehearsal was lost" in run.text
    psutil.wait_procs(children, timeout=10)
    assert not any(one.is_running() for one in children), "what it started goes with it"
    assert there.run(there.asked({"0002_mail.sql": MAIL}), key="k2").state is RunState.PASSED
    if not there.url.startswith("sqlite"):
        assert there.sql("select datname from pg_database where datname like '%rehearsal%'") == []


def test_no_secret_is_written_anywhere(there: Stagehand) -> None:
    alive = there.alive()
    (there.home / "word").write_text("not-a-real-word")
    there.tree.joinpath("serve.py").write_text("import os\nraise SystemExit('told ' + os.environ['WORD'] + ' ' + os.environ['TALLY_DB'])\n")
    settings = Configuration({}, {**alive.workload.configuration.secrets, "WORD": f"file:{there.home / 'word'}"})
    run = there.run(there.asked({"0002_mail.sql": MAIL}, [replace(alive, workload=replace(alive.workload, configuration=settings))]))
    assert run.state is RunState.FAILED
    assert "it ended with status 1: told •••" in run.text
    kept = [path.read_text(errors="replace") for path in (there.home / "rehearsals").rglob("*") if path.is_file()]
    assert not any("not-a-real-word" in text for text in kept)
    assert json.loads((there.home / "rehearsals" / "k1" / "result.json").read_text())["state"] == "failed"


def _children(process: Path) -> list[psutil.Process]:
    state = processes.state(process)
    if not isinstance(state, processes.Running):
        return []
    try:
        found = psutil.Process(state.identity.pid).children(recursive=True)
        return found if any("serve.py" in one.cmdline() for one in found) else []
    except psutil.Error:
        return []
