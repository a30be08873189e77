"""Other teams' tools, by their own commands: alembic and Django for real."""

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from headway.adapters.databases.foreign import Alembic, Command, Dbmate, Django, Flyway, tool
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


def test_alembic_goes_up_and_down(alembic: Alembic, tmp_path: Path) -> None:
    alembic.up()
    assert {"first", "second", "third"} <= tables(tmp_path / "app.db")
    alembic.down(2)
    assert tables(tmp_path / "app.db") & {"first", "second", "third"} == {"first"}


def test_alembics_dry_run_is_the_sql_that_is_left(alembic: Alembic, tmp_path: Path) -> None:
    alembic.command.run("upgrade", "first")
    said = alembic.dry_run()
    assert "CREATE TABLE second" in said
    assert "CREATE TABLE first" not in said
    assert "second" not in tables(tmp_path / "app.db")


def test_alembics_failure_is_the_releases(alembic: Alembic) -> None:
    (alembic.command.folder / "m/versions/third.py").write_text(
        REVISION.format(name="third", before="second").replace("op.create", "op.no")
    )
    with pytest.raises(Failed, match="ended with 1"):
        alembic.up()


def test_a_database_ahead_of_alembics_files_is_refused(alembic: Alembic) -> None:
    alembic.up()
    (alembic.command.folder / "m/versions/third.py").unlink()
    with pytest.raises((Refused, Failed), match="third"):
        alembic.status()


@pytest.fixture
def django(tmp_path: Path) -> Django:
    here = tmp_path / "project"
    (here / "shop/migrations").mkdir(parents=True)
    (here / "manage.py").write_text(
        "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    (here / "settings.py").write_text(
        f"SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': '{tmp_path}/app.db'}}}}\n"
    )
    (here / "shop/__init__.py").touch()
    (here / "shop/migrations/__init__.py").touch()
    for number, before in ((1, None), (2, 1)):
        needs = f"[('shop', '000{before}_m')]" if before else "[]"
        (here / f"shop/migrations/000{number}_m.py").write_text(
            f"from django.db import migrations\nclass Migration(migrations.Migration):\n    dependencies = {needs}\n"
            f"    operations = [migrations.RunSQL('create table t{number} (id int)', 'drop table t{number}')]\n"
        )
    return Django(Command((sys.executable, "manage.py"), here, dict(os.environ)))


def test_django_goes_up_and_down_and_tells(django: Django, tmp_path: Path) -> None:
    assert django.status().pending == ("shop.0001_m", "shop.0002_m")
    assert "shop.0002_m" in django.dry_run()
    assert not (tmp_path / "app.db").exists() or "t1" not in tables(tmp_path / "app.db")
    django.up()
    assert {"t1", "t2"} <= tables(tmp_path / "app.db")
    django.down(1)
    assert (django.status().applied, django.status().pending) == (("shop.0001_m",), ("shop.0002_m",))
    django.down(1)
    assert tables(tmp_path / "app.db") & {"t1", "t2"} == set()


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
    states = [{"version": "1", "description": "a", "state": "Success"}, {"version": "2", "description": "b", "state": "Pending"}]
    found = Flyway(_prints(tmp_path, "flyway", json.dumps({"migrations": states})))
    assert (found.status().applied, found.status().pending) == (("1",), ("2",))
    with pytest.raises(Refused, match="no undo"):
        found.down(1)


@pytest.mark.parametrize(
    ("name", "dialect", "said"),
    [
        pytest.param("alembic", Dialect.SQLITE, "a failure may leave a migration half applied", id="alembic on SQLite"),
        pytest.param("alembic", Dialect.POSTGRES, "a failure leaves nothing behind", id="alembic on PostgreSQL"),
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
