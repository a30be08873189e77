"""Other teams' tools: what their commands say, and how it is read. Their whole way is in test_foreign_verbs.py."""

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from headway.adapters.databases.address import address
from headway.adapters.databases.foreign import Alembic, Command, Dbmate, Flyway, tool
from headway.errors import Failed, InvalidSpec, Refused, Unavailable
from headway.migration.model import Dialect

REVISION = """
from alembic import op
import sqlalchemy as sa
revision = "{name}"
down_revision = {before!r}
def upgrade():
    op.create_table("{name}", sa.Column("id", sa.Integer))
def downgrade():
    op.drop_table("{name}")
"""


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as on:
        return {name for (name,) in on.execute("select name from sqlite_master where type = 'table'")}


@pytest.fixture
def alembic(tmp_path: Path) -> Alembic:
    here = tmp_path / "project"
    (here / "m/versions").mkdir(parents=True)
    (here / "alembic.ini").write_text(f"[alembic]\nscript_location = m\nsqlalchemy.url = sqlite:///{tmp_path}/app.db\n")
    (here / "m/env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import create_engine\n"
        "url = context.config.get_main_option('sqlalchemy.url')\n"
        "if context.is_offline_mode():\n    context.configure(url=url, literal_binds=True)\n    context.run_migrations()\n"
        "else:\n    with create_engine(url).begin() as on:\n        context.configure(connection=on)\n        context.run_migrations()\n"
    )
    for before, name in ((None, "first"), ("first", "second"), ("second", "third")):
        (here / f"m/versions/{name}.py").write_text(REVISION.format(name=name, before=before))
    return Alembic(Command((sys.executable, "-m", "alembic"), here, dict(os.environ)))


def test_alembic_tells_what_is_applied_and_pending(alembic: Alembic) -> None:
    assert alembic.status().pending == ("first", "second", "third")
    alembic.command.run("upgrade", "second")
    assert (alembic.status().applied, alembic.status().pending) == (("first", "second"), ("third",))


def test_alembics_dry_run_is_the_sql_that_is_left(alembic: Alembic, tmp_path: Path) -> None:
    alembic.command.run("upgrade", "first")
    said = alembic.dry_run()
    assert "CREATE TABLE second" in said
    assert "CREATE TABLE first" not in said
    assert "second" not in tables(tmp_path / "app.db")


def test_a_database_ahead_of_alembics_files_is_seen(alembic: Alembic) -> None:
    alembic.up()
    (alembic.command.folder / "m/versions/third.py").unlink()
    assert alembic.status().ahead == ("third",)


def _prints(folder: Path, name: str, text: str) -> Command:
    program = folder / name
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    program.chmod(0o755)
    return Command((str(program),), folder, dict(os.environ))


def test_dbmates_list_is_read(tmp_path: Path) -> None:
    found = Dbmate(_prints(tmp_path, "dbmate", "[X] 001_a.sql\n[ ] 002_b.sql\n\nApplied: 1\nPending: 1"))
    assert (found.status().applied, found.status().pending) == (("001_a.sql",), ("002_b.sql",))
    with pytest.raises(Refused, match="no dry run"):
        found.dry_run()


def test_flyways_json_is_read(tmp_path: Path) -> None:
    """As flyway 11.8 says it: a changed file, one that came too late, one that the files do not have."""
    states = {"1": "Success", "1.5": "Ignored", "2": "Success", "3": "Future", "4": "Failed", "5": "Pending"}
    said = {
        "migrations": [{"version": version, "description": "x", "state": state} for version, state in states.items()],
        "invalidMigrations": [
            {"version": "1", "description": "x", "errorDetails": {"errorCode": "CHECKSUM_MISMATCH"}},
            {"version": "1.5", "description": "x", "errorDetails": {"errorCode": "RESOLVED_VERSIONED_MIGRATION_NOT_APPLIED"}},
        ],
    }
    found = Flyway(_prints(tmp_path, "flyway", f"WARNING: a word before it\n{json.dumps(said)}"))
    stands = found.status()
    assert (stands.applied, stands.pending) == (("1", "2", "3"), ("1.5", "5"))
    assert (stands.changed, stands.out_of_order, stands.ahead, stands.running) == (("1",), ("1.5",), ("3",), ("4",))
    for what in (lambda: found.down(1), found.dry_run):
        with pytest.raises(Refused, match="free edition"):
            what()


def test_flyway_is_told_where_to_go_in_its_own_words() -> None:
    found = Flyway.environment(address("postgresql://app:p%40ss-that-nobody-has@db.example:6432/shop?sslmode=require"), "DATABASE_URL")
    assert found == {
        "FLYWAY_URL": "jdbc:postgresql://db.example:6432/shop?sslmode=require",
        "FLYWAY_USER": "app",
        "FLYWAY_PASSWORD": "p@ss-that-nobody-has",
    }
    assert Flyway.environment(address("sqlite:////data/app.db"), "")["FLYWAY_URL"] == "jdbc:sqlite:/data/app.db"
    with pytest.raises(Refused, match="by TCP only"):
        Flyway.environment(address("postgresql://app@/shop?host=/run/postgresql"), "")


def test_dbmates_duplicates_are_seen(tmp_path: Path) -> None:
    found = Dbmate(_prints(tmp_path, "dbmate", "[ ] 001_a.sql\n[ ] 001_b.sql\n[ ] 002_c.sql\n"))
    assert found.status().duplicate == (("001_a.sql", "001_b.sql"),)


@pytest.mark.parametrize(
    ("name", "dialect", "said"),
    [
        pytest.param("alembic", Dialect.SQLITE, "a failure may leave a migration half applied", id="alembic on SQLite"),
        pytest.param("alembic", Dialect.POSTGRES, "a migration that fails leaves nothing of itself", id="alembic on PostgreSQL"),
        pytest.param("django", Dialect.POSTGRES, "it does not notice a file that changed", id="Django"),
        pytest.param("flyway", Dialect.POSTGRES, "it has no way down", id="Flyway"),
        pytest.param("dbmate", Dialect.SQLITE, "skips a duplicate version silently", id="dbmate"),
    ],
)
def test_each_tool_says_what_it_can_promise(name: str, dialect: Dialect, said: str, tmp_path: Path) -> None:
    words = tool(name, tmp_path, {}).promises(dialect).words
    assert any(said in one for one in words)


def test_an_unknown_tool_and_a_missing_program_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="expected alembic, dbmate, django, flyway"):
        tool("liquibase", tmp_path, {})
    with pytest.raises(Unavailable, match="cannot be started"):
        Dbmate(Command(("no-such-program-here",), tmp_path, {})).status()


def test_what_a_tool_says_is_shown_without_secrets(tmp_path: Path) -> None:
    failing = tmp_path / "dbmate"
    failing.write_text("#!/bin/sh\necho 'cannot reach app:hush-hush@db' >&2; exit 1\n")
    failing.chmod(0o755)
    with pytest.raises(Failed) as error:
        Dbmate(Command((str(failing),), tmp_path, {}, ("hush-hush",))).status()
    assert "hush-hush" not in str(error.value)
