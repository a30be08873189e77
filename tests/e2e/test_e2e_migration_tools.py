"""A release that migrates by the team's own alembic, from the commit to the database, on SQLite: a good one, then one that fails."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from scene import File, Scene, by_health, lost_by_headway

ENV = """
import os
from alembic import context
from sqlalchemy import create_engine
url = os.environ["STORE_URL"]
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    context.run_migrations()
else:
    with create_engine(url).connect() as on:
        context.configure(connection=on)
        with context.begin_transaction():
            context.run_migrations()
"""
REVISION = """
from alembic import op
revision = {name!r}
down_revision = {before!r}
def upgrade():
    for one in {ups!r}:
        op.execute(one)
"""
GIVEN = {"url": "env:TALLY_DEV", "tool": "alembic"}


def with_databases(file: File) -> None:
    by_health(file)
    environments = file["environments"]
    file["environments"] = {
        "dev": environments["dev"] | {"trigger": {"merge": "main"}, "database": GIVEN},
        # What the protected branch does not give to a tool, no tool gets.
        "production": environments["production"] | {"after": "dev", "approvals": 0, "database": {"url": "env:TALLY_PRODUCTION"}},
    }


def by_alembic(file: File) -> None:
    command = [sys.executable, "-m", "alembic"]
    file["services"]["tally"]["migrations"] = {"dir": "store", "tool": "alembic", "command": command, "url_in": "STORE_URL"}


def ship(scene: Scene, version: str, name: str, before: str | None, *ups: str) -> None:
    versions = scene.repo.folder / "store/m/versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions.parent.parent / "alembic.ini").write_text("[alembic]\nscript_location = m\n")
    (versions.parent / "env.py").write_text(ENV)
    (versions / f"{name}.py").write_text(REVISION.format(name=name, before=before, ups=list(ups)))
    scene.repo.release(version, edit=by_alembic)
    scene.push()


def test_alembic_migrates_for_a_rollout_and_what_it_leaves_when_it_fails_is_told(play: Callable[..., Scene], tmp_path: Path) -> None:
    scene = play(with_databases, TALLY_DEV=f"sqlite:///{tmp_path}/dev.db", TALLY_PRODUCTION=f"sqlite:///{tmp_path}/production.db")
    scene.ended("1.0.0", "dev")
    ship(scene, "1.1.0", "r1", None, "create table users (id integer primary key)")
    view = scene.ended("1.1.0", "dev")
    assert "by alembic: r1 (expand); alembic declares: a failure may leave a migration half applied" in view["steps"][0]
    assert "users" in tables(tmp_path / "dev.db")
    refused = scene.headway("plan", "1.1.0", "--to", "production", code=12).text
    assert "hands the URL to the release's own code" in " ".join(refused.split())
    with scene.users("dev") as users:
        ship(scene, "1.2.0", "r2", "r1", "create table half (id integer)", "select nonsense")
        bad = scene.ended("1.2.0", "dev", phase="rolled back")
        counts = users.leave()
    assert "no such column: nonsense" in bad["why"]
    assert "alembic is not atomic here and takes nothing back: not as before it began: table half" in str(bad)
    assert "half" in tables(tmp_path / "dev.db")
    assert scene.live("dev") == "1.1.0"
    assert lost_by_headway(counts) == []


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as on:
        return {name for (name,) in on.execute("select name from sqlite_master where type = 'table'")}
