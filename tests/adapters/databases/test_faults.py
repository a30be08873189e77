"""Faults met for real: each is a clear sentence, leaves nothing half done, and shows no password."""

import json
import os
import resource
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases_bench import Bench

from headway.adapters.databases import dumps, postgres
from headway.adapters.databases.address import address
from headway.adapters.databases.backup import back_up, drill, restore
from headway.adapters.databases.shelf import backups
from headway.errors import HeadwayError, Refused, Unavailable
from support.postgres import PASSWORD, Postgres

TABLE = "create table a (id integer primary key, b text);"
MORE = "insert into a values (1, 'x');"


def in_a_child(act: Callable[[], str]) -> str:
    """What it says, in a process of its own: limits and privileges that were given up do not come back."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = act()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return told.read()


# -- passwords


@pytest.mark.parametrize("act", ["look", "up", "back up", "restore"])
def test_a_wrong_password_is_a_sentence_without_it(pg: Bench, postgres: Postgres, act: str) -> None:
    pg.up(TABLE)
    made = back_up(pg.address, pg.folder / "shelf", pg.now, "t")
    pg.address = address(postgres.guarded_url(pg.address.url, "w%72ong-and-secret"))
    acts: dict[str, Callable[[], object]] = {
        "look": pg.store.look,
        "up": lambda: pg.up(TABLE, MORE),
        "back up": lambda: back_up(pg.address, pg.folder / "shelf", pg.now, "u"),
        "restore": lambda: restore(pg.address, made, "r", swap=True, accept_loss=True),
    }
    with pytest.raises(Unavailable, match="refuses the password; check the URL, or PGPASSFILE") as error:
        acts[act]()
    told = "".join(traceback.format_exception(error.value))
    assert "and-secret" not in told
    assert len(backups(pg.folder / "shelf")) == 1


def test_the_right_password_is_nowhere_to_be_found(
    pg: Bench, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in what is printed, in files, in the ledger, in any command line."""
    from headway.cli.main import main

    url = postgres.guarded_url(pg.address.url)
    programs, seen = tmp_path / "bin", tmp_path / "seen"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore"):
        real = dumps.program(name, "1")
        (programs / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] || ps -eww -o args >> {seen}\nexec {real} "$@"\n')
        (programs / name).chmod(0o755)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text(f"-- migrate:up\n{TABLE}\n-- migrate:down\ndrop table a;\n")
    home = tmp_path / "home"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for verb in (["rehearse"], ["up"], ["status", "--json"], ["backup", "--json"], ["restore", "--drill"], ["down", "--accept-data-loss"]):
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), "migrate", *verb, "--dir", str(folder)])
        assert not ended.value.code
    told = "".join(capfd.readouterr())
    assert "taken down 0001_a" in told
    assert "pg_dump" in seen.read_text()
    assert PASSWORD not in told + seen.read_text()
    for path in home.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
    assert PASSWORD not in str(pg.ask("select * from schema_migrations"))


# -- servers and their programs


def test_a_server_that_is_too_old_is_refused(pg: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST", 99)
    with pytest.raises(Refused, match="need 99 or newer"):
        pg.up(TABLE)


def test_a_server_newer_than_pg_dump_is_refused_before_anything_is_written(
    pg: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pg.up(TABLE)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setattr(dumps.shutil, "which", lambda name: str(old) if name == "pg_dump" else None)
    monkeypatch.setattr(dumps.Path, "glob", lambda _self, _pattern: [])
    with pytest.raises(Refused, match=r"and there is pg_dump 9\n.*install the client programs of PostgreSQL"):
        back_up(pg.address, pg.folder / "shelf", pg.now, "t")
    assert list((pg.folder / "shelf").iterdir()) == []


# -- read-only


def test_a_read_only_server_can_be_looked_at_and_backed_up(pg: Bench) -> None:
    pg.up(TABLE)
    pg.ask(f"alter database {pg.one('select current_database()')} set default_transaction_read_only = on")
    assert pg.versions() == [1]
    assert back_up(pg.address, pg.folder / "shelf", pg.now, "t").manifest.versions == (1,)
    with pytest.raises(Refused, match="is read-only"):
        pg.up(TABLE, MORE)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that others may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="headway-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_file_that_may_not_be_written_is_refused(lite: Bench, open_folder: Path, what: str) -> None:
    lite.address = address(f"sqlite:///{open_folder}/app.db")
    lite.up(TABLE)
    lock = open_folder / "app.db.headway-lock"
    lite.address.path.chmod(0o444)
    lock.chmod(0o666)
    open_folder.chmod(0o777 if what == "the file" else 0o555)
    if what == "the folder":
        lock.unlink()

    def act() -> str:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)  # to root no mode means anything
        lite.up(TABLE, MORE)
        return "it was written"

    said = in_a_child(act)
    assert said.startswith("Refused: "), said
    assert ("is read-only" if what == "the file" else "cannot be written") in said
    assert lite.versions() == [1]


# -- the disk is full


def small_disk(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_no_room_in_the_middle_of_a_migration(lite: Bench) -> None:
    lite.up(TABLE)

    def act() -> str:
        small_disk(200_000)
        lite.up(TABLE, "insert into a select 1, hex(zeroblob(500000));")
        return "it was written"

    said = in_a_child(act)
    assert said.startswith("Unavailable: "), said
    assert "nothing of this transaction was kept" in said
    assert lite.versions() == [1]
    assert lite.one("select count(*) from a") == 0
    lite.up(TABLE, MORE)
    assert lite.one("pragma integrity_check") == "ok"


def test_no_room_on_the_server(pg: Bench) -> None:
    """The server's own word for it, in the middle of a file."""
    full = "do $$ begin raise exception using errcode = '53100', message = 'could not extend file: No space left on device'; end $$;"
    with pytest.raises(Unavailable, match="has no room left on its disk; nothing of this transaction was kept"):
        pg.up(TABLE, MORE + full)
    assert pg.tables() == set()


def test_no_room_for_a_backup_or_a_restore(bench: Bench) -> None:
    rows = "insert into a select i, hex(randomblob(400)) from n" if not bench.is_postgres else "insert into a select i, md5(i::text) from n"
    some = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) " if not bench.is_postgres else
        "with n as (select generate_series(1, 40000) i) "
    )  # fmt: skip
    bench.up(TABLE, f"{rows.replace('insert into a', f'insert into a {some}', 1)};")
    made = back_up(bench.address, bench.folder / "shelf", bench.now, "t")

    def act() -> str:
        small_disk(100_000)
        back_up(bench.address, bench.folder / "shelf", bench.now, "u")
        return "it was written"

    said = in_a_child(act)
    assert said.startswith("Unavailable: "), said
    assert [one.path for one in backups(bench.folder / "shelf")] == [made.path]
    assert [path.name for path in (bench.folder / "shelf").iterdir() if path.name.startswith(".")] == []
    if not bench.is_postgres:  # a server writes by itself

        def again() -> str:
            small_disk(100_000)
            restore(bench.address, made, "r", swap=True, accept_loss=True)
            return "it was written"

        assert in_a_child(again).startswith("Unavailable: ")
        assert list(bench.folder.glob("app.db_*")) == []
    assert bench.one("select count(*) from a") > 0
    assert drill(bench.address, made, "d").rows > 0


# -- the connection goes


def test_a_connection_that_is_ended_in_the_middle_of_a_file(pg: Bench) -> None:
    """By an administrator, or a fail-over: the file itself ends the session that runs it."""
    suicide = f"{MORE} select pg_terminate_backend(pg_backend_pid()); insert into a values (2, 'y');"
    with pytest.raises(Unavailable, match="run it again, the ledger knows what was kept"):
        pg.up(TABLE, suicide)
    assert pg.tables() == set()
    assert len(pg.up(TABLE, MORE).applied) == 2


def test_a_connection_that_is_ended_during_a_backup(pg: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pg.up(TABLE)
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    real = dumps.count

    def cut(on, table):
        pg.ask(end)
        return real(on, table)

    monkeypatch.setattr(dumps, "count", cut)
    with pytest.raises(HeadwayError):
        back_up(pg.address, pg.folder / "shelf", pg.now, "t")
    assert backups(pg.folder / "shelf") == ()
    monkeypatch.undo()
    assert back_up(pg.address, pg.folder / "shelf", pg.now, "u").manifest.versions == (1,)


# -- what status says of it


@pytest.mark.parametrize("word", ["applied", "pending", "changed", "duplicate", "out_of_order", "unknown", "running"])
def test_status_tells_each_case_by_its_word(bench: Bench, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from headway.cli.main import main

    folder = tmp_path / "migrations"
    folder.mkdir()
    names = ["001_a.sql", "003_c.sql"]
    for name in names:
        (folder / name).write_text(f"-- migrate:up\ncreate table {name[4]} (id integer);\n")
    url = bench.address.url

    def said(*words: str) -> dict[str, list[object]]:
        with pytest.raises(SystemExit):
            main(["--home", str(tmp_path / "home"), "migrate", *words, "--database", url, "--dir", str(folder)])
        out = capsys.readouterr().out
        return json.loads(out) if out else {}

    said("up", "--no-backup", "--json")
    deeds: dict[str, Callable[[], object]] = {
        "applied": lambda: None,
        "pending": lambda: (folder / "004_d.sql").write_text("-- migrate:up\ncreate table d (id integer);\n"),
        "changed": lambda: (folder / "001_a.sql").write_text("-- migrate:up\ncreate table a (id bigint);\n"),
        "duplicate": lambda: (folder / "0003_again.sql").write_text("-- migrate:up\nselect 1;\n"),
        "out_of_order": lambda: (folder / "002_b.sql").write_text("-- migrate:up\ncreate table b (id integer);\n"),
        "unknown": (folder / "003_c.sql").unlink,
        "running": lambda: bench.ask("update schema_migrations set state = 'running' where version = 3"),
    }
    deeds[word]()
    view = said("status", "--json")
    expected: dict[str, list[str]] = {
        "applied": ["a", "c"],
        "pending": ["004_d.sql"],
        "changed": ["001_a.sql"],
        "duplicate": ["0003_again.sql", "003_c.sql"],
        "out_of_order": ["002_b.sql"],
        "unknown": ["0003_c"],
        "running": ["c"],
    }
    found = view[word][0] if word == "duplicate" else view[word]
    assert [one.get("file", one["name"]) if isinstance(one, dict) else one for one in found] == expected[word]  # type: ignore[union-attr]
    assert bool(view["objections"]) is (word not in {"applied", "pending"})


def test_a_file_that_is_no_database_is_not_backed_up(lite: Bench) -> None:
    lite.address.path.write_bytes(b"not a database at all, but long enough to be looked at by somebody" * 20)
    with pytest.raises(HeadwayError, match="is not a whole SQLite database"):
        back_up(lite.address, lite.folder / "shelf", lite.now, "t")
    assert backups(lite.folder / "shelf") == ()
