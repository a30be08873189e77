"""A backup counts when it was read; a restore never overwrites what nobody gave up."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databases_bench import Bench

from headway.adapters.databases import dumps, shelf
from headway.adapters.databases.address import address
from headway.adapters.databases.backup import back_up, drill, newest, restore
from headway.adapters.databases.sealing import MAGIC
from headway.adapters.databases.shelf import backups, read, thin
from headway.errors import Contradiction, HeadwayError, Refused, Unavailable
from headway.migration.retention import Keep

DATA = "create table a (id integer primary key, t text); insert into a values (1, 'x'), (2, 'a\nb'), (3, 'secret-looking');"
ODD = 'create table "Odd table" (id int); create table none_in (id int);'
KEY = "a key for tests"


@pytest.fixture
def filled(bench: Bench) -> Bench:
    bench.up(DATA, ODD)
    return bench


def taken(bench: Bench, secret: str | None = None, tag: str = "t1"):
    return back_up(bench.address, bench.folder / "shelf", bench.now, tag, secret)


def test_a_backup_says_what_it_holds(filled: Bench) -> None:
    made = taken(filled)
    rows = {name.rpartition(".")[2].strip('"'): count for name, count in made.manifest.tables.items()}
    assert rows == {"a": 3, "Odd table": 0, "none_in": 0, "schema_migrations": 2, "schema_backfills": 0}
    assert made.manifest.versions == (1, 2)
    assert made.manifest.sha256 == shelf.digest(made.path)
    assert [path.name for path in made.path.parent.iterdir() if path.name.startswith(".")] == []
    assert made.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("secret", [pytest.param(None, id="plain"), pytest.param(KEY, id="sealed")])
def test_a_drill_proves_that_it_restores_and_leaves_nothing(filled: Bench, secret: str | None) -> None:
    made = taken(filled, secret)
    before = sorted(path.name for path in filled.folder.iterdir())
    assert drill(filled.address, made, "d1", secret).rows == 5
    assert sorted(path.name for path in filled.folder.iterdir()) == before
    if filled.is_postgres:
        assert filled.one("select count(*) from pg_database where starts_with(datname, current_database() || '_drill')") == 0


def test_a_restore_goes_beside_the_live_database(filled: Bench) -> None:
    made = taken(filled)
    filled.ask("delete from a")
    done = restore(filled.address, made, "r1", swap=False)
    assert filled.one("select count(*) from a") == 0
    assert filled.one(f"select count(*) from ({_count(filled, done.database)}) q") == 3


def _count(bench: Bench, name: str) -> str:
    if bench.is_postgres:
        other = replace(bench, address=dumps_named(bench, name))
        return " union all ".join(f"select {one[0]}" for one in other.ask("select id from a"))
    with closing(sqlite3.connect(name)) as on:
        return " union all ".join(f"select {one[0]}" for one in on.execute("select id from a").fetchall())


def dumps_named(bench: Bench, name: str):
    from headway.adapters.databases.postgres_vault import named

    return named(bench.address, name)


def test_newer_writes_need_a_persons_word(filled: Bench) -> None:
    made = taken(filled)
    filled.ask("insert into a values (4, 'new')")
    with pytest.raises(Refused, match="4 rows now, 3 in the backup"):
        restore(filled.address, made, "r1", swap=True)
    assert filled.one("select count(*) from a") == 4
    done = restore(filled.address, made, "r2", swap=True, accept_loss=True)
    assert filled.one("select count(*) from a") == 3
    assert done.kept is not None and "_bad_r2" in done.kept
    filled.up(DATA, ODD, "create table after_it (id int)")
    assert filled.versions() == [1, 2, 3]


def test_nobody_wrote_and_that_is_proved(filled: Bench) -> None:
    made = taken(filled)
    if filled.is_postgres:
        # Other tests write to this server, and one number counts for all its databases; ours is set to now.
        from headway.adapters.databases.postgres import PostgresStore
        from headway.adapters.databases.postgres_vault import PostgresVault

        with PostgresStore(filled.address, filled.timeouts).connect() as on:
            on.execute("begin isolation level repeatable read")
            assert dumps.position(on).partition(":")[0] == made.manifest.position.partition(":")[0]
        stale = shelf.Backup(made.path, replace(made.manifest, position="1:1"))
        assert PostgresVault(filled.address).since(stale, filled.folder).untouched is False
        return
    restore(filled.address, made, "r1", swap=True)
    assert filled.one("select count(*) from a") == 3


# -- what must not pass


def _damaged(path: Path, deed: str) -> None:
    whole = path.read_bytes()
    if deed == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])


@pytest.mark.parametrize("deed", ["cut", "flipped"])
@pytest.mark.parametrize("secret", [pytest.param(None, id="plain"), pytest.param(KEY, id="sealed")])
def test_a_damaged_backup_is_found_before_anything_is_touched(filled: Bench, deed: str, secret: str | None) -> None:
    made = taken(filled, secret)
    _damaged(made.path, deed)
    with pytest.raises(Contradiction, match="is not what was backed up"):
        restore(filled.address, made, "r1", swap=True, accept_loss=True, secret=secret)
    assert filled.one("select count(*) from a") == 3


@pytest.mark.parametrize("deed", ["cut", "flipped"])
def test_a_damaged_sealed_file_does_not_open_even_with_its_sum_made_anew(filled: Bench, deed: str) -> None:
    made = taken(filled, KEY)
    _damaged(made.path, deed)
    forged = shelf.Backup(made.path, replace(made.manifest, sha256=shelf.digest(made.path)))
    with pytest.raises(HeadwayError, match=r"cannot be opened|failed"):
        drill(filled.address, forged, "d1", KEY)


def test_a_sealed_backup_shows_nothing_and_opens_with_its_key_only(filled: Bench) -> None:
    made = taken(filled, KEY)
    content = made.path.read_bytes()
    assert content.startswith(MAGIC)
    assert b"secret-looking" not in content
    with pytest.raises(HeadwayError, match=r"another key sealed it|failed"):
        drill(filled.address, made, "d1", "another key")
    with pytest.raises(Refused, match="is encrypted"):
        drill(filled.address, made, "d2", None)


def test_a_dump_that_was_cut_short_never_becomes_a_backup(pg: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a full disk or a killed pg_dump leaves it; pg_restore alone would take it with exit code 0."""
    pg.up(DATA)
    cutting = _cutting(tmp_path)
    real = shutil.which
    monkeypatch.setattr(dumps.shutil, "which", lambda name: {"zstd": None, "pg_dump": cutting}.get(name, real(name)))
    with pytest.raises(HeadwayError):
        taken(pg)
    assert backups(pg.folder / "shelf") == ()
    assert list((pg.folder / "shelf").iterdir()) == []


def _cutting(folder: Path) -> str:
    real = dumps.program("pg_dump", "1")
    program = folder / "pg_dump"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then exec {real} --version; fi\n{real} "$@" | head -c 1500\n')
    program.chmod(0o755)
    return str(program)


def test_rows_that_are_missing_in_the_dump_are_counted(pg: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pg.up(DATA)
    real = dumps.count
    monkeypatch.setattr(dumps, "count", lambda on, table: real(on, table) + (table == "public.a"))
    with pytest.raises(Contradiction, match=r"does not hold all rows: public\.a: 3 of 4"):
        taken(pg)
    assert backups(pg.folder / "shelf") == ()


def test_a_dump_sees_one_moment_while_others_write(pg: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pg.up(DATA)
    real = dumps.count

    def late(on, table):
        pg.ask("insert into a select max(id) + 1, 'late' from a")
        return real(on, table)

    monkeypatch.setattr(dumps, "count", late)
    assert taken(pg).manifest.tables["public.a"] == 3
    assert pg.one("select count(*) from a") > 3


def test_an_older_pg_dump_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.1'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    monkeypatch.setattr(dumps.Path, "glob", lambda _self, _pattern: [])
    with pytest.raises(Refused, match="the server is PostgreSQL 99, and there is pg_dump 12"):
        dumps.program("pg_dump", "99.1 (Debian 99.1-1)")


def test_no_password_reaches_a_command_line() -> None:
    found = address("postgresql://app:pass-that-nobody-has@db.example/app?sslmode=require")
    assert "pass-that-nobody-has" not in dumps.conninfo(found)
    assert "sslmode=require" in dumps.conninfo(found)
    assert dumps.environ(found)["PGPASSWORD"] == "pass-that-nobody-has"
    assert "pass-that-nobody-has" not in f"{found!r} {found.where}"


def test_a_disk_that_is_full_is_a_sentence_and_no_backup(filled: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf.os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left on device"):
        taken(filled)
    assert backups(filled.folder / "shelf") == ()


# -- SQLite's own


def test_a_stale_log_does_not_undo_a_restore(lite: Bench) -> None:
    lite.up(DATA)
    made = taken(lite)
    with closing(sqlite3.connect(lite.address.path, isolation_level=None)) as on:
        on.execute("pragma journal_mode = wal")
        on.execute("insert into a values (4, 'in the log')")
        # Whoever has it open holds the log; nothing may be swapped under their feet.
        with pytest.raises(Refused, match="is in use"):
            restore(lite.address, made, "r1", swap=True, accept_loss=True)
    restore(lite.address, made, "r2", swap=True, accept_loss=True)
    assert lite.one("select count(*) from a") == 3
    assert lite.one("pragma journal_mode") == "wal"


def test_a_database_that_is_damaged_is_put_aside_with_all_that_belongs_to_it(lite: Bench) -> None:
    lite.up(DATA)
    made = taken(lite)
    lite.address.path.write_bytes(b"damaged" * 1000)
    wal = Path(f"{lite.address.path}-wal")
    wal.write_bytes(b"a log of something")
    restore(lite.address, made, "r1", swap=True, accept_loss=True)
    assert lite.one("select count(*) from a") == 3
    assert not wal.exists() or wal.read_bytes() != b"a log of something"
    assert Path(f"{lite.address.path}_bad_r1-wal").read_bytes() == b"a log of something"


def test_a_copy_beside_a_busy_writer_ends(lite: Bench) -> None:
    import threading

    lite.up(DATA)
    lite.ask("pragma journal_mode = wal")
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(lite.address.path, isolation_level=None, timeout=5)) as on:
            while not stop.is_set():
                on.execute("insert into a (t) values (hex(randomblob(500)))")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert taken(lite).manifest.tables["a"] >= 3
    finally:
        stop.set()
        writer.join()


# -- PostgreSQL's own


def test_settings_and_grants_belong_to_the_name(pg: Bench, postgres) -> None:
    pg.up(DATA)
    name = pg.one("select current_database()")
    pg.ask(f"alter database {name} set search_path = a, public")
    pg.ask(f"alter database {name} set work_mem = '5MB'")
    pg.ask(f"revoke connect on database {name} from public")
    made = taken(pg)
    restore(pg.address, made, "r1", swap=True, accept_loss=True)
    assert pg.one("show search_path") == "a, public"
    assert pg.one("show work_mem") == "5MB"
    public = f"pg_database, aclexplode(datacl) a where datname = '{name}' and a.grantee = 0 and privilege_type = 'CONNECT'"
    assert pg.one(f"select count(*) from {public}") == 0


# -- the shelf


def test_the_shelf_is_thinned_by_its_policy(lite: Bench) -> None:
    lite.up(DATA)
    days = iter(range(100))
    lite.now = lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(days))
    made = [taken(lite, tag=f"t{number}") for number in range(5)]
    gone = thin(lite.folder / "shelf", Keep(last=2, days=0, weeks=0))
    assert set(gone) == {one.path.name for one in made[:3]}
    assert [one.path for one in backups(lite.folder / "shelf")] == [one.path for one in made[3:]]
    assert newest(lite.folder / "shelf").path == made[4].path
    assert len(list((lite.folder / "shelf").iterdir())) == 4


def test_a_file_without_its_manifest_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "x.dump").write_bytes(b"something")
    assert backups(tmp_path) == ()
    with pytest.raises(Refused, match="is not a backup"):
        read(tmp_path / "x.dump")
    with pytest.raises(Refused, match="holds no backup"):
        newest(tmp_path)


def test_a_swap_gets_past_clients_that_come_back(pg: Bench) -> None:
    import threading

    import psycopg

    pg.up(DATA)
    made = taken(pg)
    pg.ask("insert into a values (4, 'new')")
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(pg.address.url) as on:
                    on.execute("select 1 from a")
                    stop.wait(0.05)
            except psycopg.Error:
                continue

    clients = [threading.Thread(target=visit) for _ in range(3)]
    for one in clients:
        one.start()
    try:
        restore(pg.address, made, "r1", swap=True, accept_loss=True)
    finally:
        stop.set()
        for one in clients:
            one.join()
    assert pg.one("select count(*) from a") == 3
