"""Backups and drills by the clock, as real processes on real databases."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from headway.adapters.local import processes
from headway.adapters.migrating.shelves import DatabaseShelves
from headway.adapters.system import SystemClock
from headway.environments.model import Backups, Database
from headway.migration.keeping import Attempt, Chore

KEPT = Backups(every=60.0, keep=(2, 0, 0))


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "SQLite":
        url = f"sqlite:///{tmp_path / 'app.db'}"
        with closing(sqlite3.connect(tmp_path / "app.db")) as on, on:
            on.execute("create table users (id integer)")
            on.execute("insert into users values (1), (2)")
    else:
        import psycopg

        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url) as pg:
            pg.execute("create table users (id integer)")
            pg.execute("insert into users values (1), (2)")
    (tmp_path / "url").write_text(url)
    yield Database(f"file:{tmp_path / 'url'}", backup=KEPT)
    for folder in (tmp_path / "upkeep").glob("*/*/process"):
        processes.stop(folder, grace=0)


def done(home: Path, database: Database, chore: Chore) -> Attempt:
    """By another one than began it: all memory is in the folder."""
    DatabaseShelves(home).start(database, chore, SystemClock().now())
    until = time.monotonic() + 60
    while (found := DatabaseShelves(home).look(database).attempt(chore)) is None or not found.ended:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def test_a_backup_is_made_read_through_and_the_old_ones_go_by_the_policy(tmp_path: Path, database: Database) -> None:
    assert DatabaseShelves(tmp_path).look(database).newest is None
    for _ in range(3):
        assert done(tmp_path, database, "backup").good
    shelf = DatabaseShelves(tmp_path).look(database)
    assert shelf.newest is not None
    assert shelf.rows == 2
    assert len(list((tmp_path / "backups").rglob("*.manifest.json"))) == 2


def test_a_drill_proves_that_the_newest_restores_and_remembers_when(tmp_path: Path, database: Database) -> None:
    assert done(tmp_path, database, "backup").good
    drill = done(tmp_path, database, "drill")
    assert drill.good, drill
    assert "restores: 2 rows" in drill.text
    assert DatabaseShelves(tmp_path).look(database).drilled is not None


def test_a_backup_that_was_damaged_fails_its_drill(tmp_path: Path, database: Database) -> None:
    assert done(tmp_path, database, "backup").good
    (manifest,) = (tmp_path / "backups").rglob("*.manifest.json")
    manifest.with_name(manifest.name.removesuffix(".manifest.json")).write_bytes(b"x")
    drill = done(tmp_path, database, "drill")
    assert not drill.good
    assert "is not what was backed up" in drill.text
    assert DatabaseShelves(tmp_path).look(database).drilled is None


def test_a_database_that_is_away_is_an_attempt_that_failed(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://nobody@127.0.0.1:1/gone")
    away = Database(f"file:{tmp_path / 'url'}", backup=replace(KEPT, keep=None))
    found = done(tmp_path, away, "backup")
    assert not found.good
    assert found.text
