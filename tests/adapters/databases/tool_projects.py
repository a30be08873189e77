"""Small projects of other teams: alembic, Django and dbmate for real, reading their database's URL where such projects do."""

import sys
from pathlib import Path
from typing import Any

from databases_bench import Bench

from headway.adapters.databases.foreign_verbs import ToolMigrations

ENV = """
import os
from alembic import context
from sqlalchemy import create_engine
url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
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
revision = "{name}"
down_revision = {before!r}
def upgrade():
    for one in {ups!r}:
        op.execute(one)
def downgrade():
    for one in {downs!r}:
        op.execute(one)
"""
SETTINGS = """
import os
from urllib.parse import parse_qs, urlsplit
url = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
USE_TZ = True
if url.scheme == "sqlite":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path[1:]}}
else:
    host = parse_qs(url.query).get("host", [url.hostname])[0]
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username,
                             "PASSWORD": url.password or "", "HOST": host, "PORT": url.port or ""}}
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
OPERATIONS = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = {needs!r}
    operations = [migrations.RunSQL(up, down) for up, down in {pairs!r}]
"""

Change = tuple[list[str], list[str]]
"""Statements up, and statements down."""
TABLE: Change = (["create table users (id integer primary key, name text)"], ["drop table users"])
PHONE: Change = (["alter table users add column phone text"], ["alter table users drop column phone"])
DROP: Change = (["alter table users drop column name"], ["alter table users add column name text"])
BROKEN: Change = (["create table half (id integer)", "select nonsense"], ["drop table half"])


def alembic(folder: Path, *changes: Change) -> Path:
    (folder / "m/versions").mkdir(parents=True, exist_ok=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = m\n")
    (folder / "m/env.py").write_text(ENV)
    for at, (ups, downs) in enumerate(changes, 1):
        before = f"r{at - 1}" if at > 1 else None
        (folder / f"m/versions/r{at}.py").write_text(REVISION.format(name=f"r{at}", before=before, ups=ups, downs=downs))
    return folder


def django(folder: Path, *changes: Change) -> Path:
    (folder / "shop/migrations").mkdir(parents=True, exist_ok=True)
    (folder / "manage.py").write_text(MANAGE)
    (folder / "settings.py").write_text(SETTINGS)
    for empty in ("shop/__init__.py", "shop/migrations/__init__.py"):
        (folder / empty).touch()
    for at, (ups, downs) in enumerate(changes, 1):
        pairs = list(zip(ups, [*downs[::-1], *[""] * len(ups)], strict=False))
        needs = [("shop", f"000{at - 1}_m")] if at > 1 else []
        (folder / f"shop/migrations/000{at}_m.py").write_text(OPERATIONS.format(needs=needs, pairs=pairs))
    return folder


def dbmate(folder: Path, *changes: Change) -> Path:
    (folder / "db/migrations").mkdir(parents=True, exist_ok=True)
    for at, (ups, downs) in enumerate(changes, 1):
        text = f"-- migrate:up\n{';'.join(ups)};\n-- migrate:down\n{';'.join(downs)};\n"
        (folder / f"db/migrations/{at:03d}_m.sql").write_text(text)
    return folder


PROJECTS = {"alembic": alembic, "dbmate": dbmate, "django": django}
COMMANDS = {
    "alembic": (sys.executable, "-m", "alembic"),
    "dbmate": (str(Path(sys.executable).with_name("dbmate")),),
    "django": (sys.executable, "manage.py"),
}
NAMES = {"alembic": "r{}", "dbmate": "00{}_m.sql", "django": "shop.000{}_m"}


def migrations(bench: Bench, tool: str, *changes: Change, **more: Any) -> ToolMigrations:
    """The tool's project with these changes, on this database."""
    folder = PROJECTS[tool](bench.folder / "project", *changes)
    shelf, words = bench.folder / "shelf", {"argv": COMMANDS[tool], **more}
    numbers = iter(f"n{at}" for at in range(100))
    return ToolMigrations(
        bench.address, folder, shelf, "alice", bench.now, lambda: next(numbers), timeouts=bench.timeouts, tool=tool, pause=0.01, **words
    )


def name(tool: str, at: int) -> str:
    return NAMES[tool].format(at)
