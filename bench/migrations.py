"""200 small migrations, on SQLite and PostgreSQL, against psql and sqlite3 in one transaction and other tools; and a backup there and back.

    python -m bench migrations --postgres postgresql://…/postgres [--files 200] [--runs 5] [--megabytes 1024]

Each tool gets an empty database and the same changes; the time is that of its whole command, start included, and, for Headway, that of
its runner alone too. Tools on PATH, or in the folder named by $BENCH_TOOLS, are measured; the others are named as missing. Backups are
measured with `--megabytes`: pg_dump's usual custom format against Headway's backup, which also reads everything back.
"""

import argparse
import itertools
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from headway.adapters.databases import dumps
from headway.adapters.databases.address import address
from headway.adapters.databases.backup import back_up, drill
from headway.adapters.databases.folder import read
from headway.adapters.databases.postgres_vault import PostgresVault, named
from headway.adapters.databases.runner import How, Runner
from headway.adapters.databases.store import Timeouts, open_store
from headway.adapters.system import SystemClock
from headway.migration.lexer import statements
from headway.migration.plan import Together

NOW = SystemClock().now
_numbers = itertools.count()
ROW = "{:34} {:>9} {:>9}\n"


def change(number: int) -> tuple[str, str]:
    """A small migration: a table, or a column and an index on one."""
    if number % 2:
        return f"CREATE TABLE t{number} (id integer primary key, a text, b integer);", f"DROP TABLE t{number};"
    return (
        f"ALTER TABLE t{number - 1} ADD COLUMN c text;\nCREATE INDEX i{number} ON t{number - 1} (b);",
        f"DROP INDEX i{number};\nALTER TABLE t{number - 1} DROP COLUMN c;",
    )


class Scene:
    """The same changes, as each tool wants them."""

    def __init__(self, folder: Path, files: int) -> None:
        self.folder = folder
        self.ours, self.yoyo, self.alembic, self.plain = folder / "sql", folder / "yoyo", folder / "alembic", folder / "all.sql"
        for each in (self.ours, self.yoyo, self.alembic / "versions"):
            each.mkdir(parents=True)
        (self.alembic / "env.py").write_text(_ENV)
        (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {self.alembic}\n")
        for number in range(1, files + 1):
            up, down = change(number)
            (self.ours / f"{number:04d}_m.sql").write_text(f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
            (self.yoyo / f"{number:04d}_m.sql").write_text(f"{up}\n")
            before = f"'r{number - 1}'" if number > 1 else "None"
            steps = "".join(f"    op.execute({one!r})\n" for one in up.split("\n"))
            (self.alembic / f"versions/r{number}.py").write_text(
                f"from alembic import op\nrevision = 'r{number}'\ndown_revision = {before}\n"
                f"def upgrade():\n{steps}def downgrade():\n    pass\n"
            )
        self.plain.write_text("BEGIN;\n" + "\n".join(change(number)[0] for number in range(1, files + 1)) + "\nCOMMIT;\n")


_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine
with create_engine(os.environ["BENCH_URL"]).connect() as on:
    context.configure(connection=on, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
"""


def tool(name: str) -> str | None:
    """Where a program is."""
    return shutil.which(name, path=os.pathsep.join(filter(None, (os.environ.get("BENCH_TOOLS"), os.environ["PATH"]))))


def called(argv: list[str], **environment: str) -> None:
    ran = subprocess.run(argv, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{ran.stderr[-2000:]}")


def ours(url: str, scene: Scene, together: Together) -> None:
    statements.cache_clear()  # nobody runs the same files twice in one process
    found = address(url)
    runner = Runner(open_store(found, Timeouts()), NOW)
    done = runner.up(read(scene.ours, found.dialect), How(together, "bench", rollout="bench"))
    assert done.applied


def command(url: str, scene: Scene, together: Together) -> None:
    headway = [str(Path(sys.executable).with_name("headway")), "--home", str(scene.folder / "home"), "migrate", "up", "--no-backup"]
    called([*headway, "--together", together.value, "--dir", str(scene.ours)], DATABASE_URL=url)


Way = Callable[[str], None]


def ways(scene: Scene, url_kind: str) -> dict[str, Way | None]:
    """Everybody, by name; None: not on this machine."""
    dbmate, yoyo, alembic = tool("dbmate"), tool("yoyo"), tool("alembic")
    plain = "psql, one transaction" if url_kind == "postgres" else "sqlite3, one transaction"
    found: dict[str, Way | None] = {
        plain: lambda url: _plain(url, scene),
        "headway, one transaction (runner)": lambda url: ours(url, scene, Together.RELEASE),
        "headway, one each (runner)": lambda url: ours(url, scene, Together.FILE),
        "headway, one transaction (command)": lambda url: command(url, scene, Together.RELEASE),
        "headway, one each (command)": lambda url: command(url, scene, Together.FILE),
        "dbmate": (lambda url: called([dbmate, "--url", _dbmate(url), "--migrations-dir", str(scene.ours), "--no-dump-schema", "up"]))
        if dbmate
        else None,
        "alembic": (
            (lambda url: called([alembic, "-c", str(scene.folder / "alembic.ini"), "upgrade", "heads"], BENCH_URL=_sqlalchemy(url)))
            if alembic
            else None
        ),
        "yoyo": (lambda url: called([yoyo, "apply", "--batch", "--no-config-file", "-d", _yoyo(url), str(scene.yoyo)])) if yoyo else None,
    }
    return found


def _plain(url: str, scene: Scene) -> None:
    if url.startswith("postgres"):
        called(["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", str(scene.plain), url])
    else:
        called(["sqlite3", "-bail", url.removeprefix("sqlite:///"), f".read {scene.plain}"])


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def _dbmate(url: str) -> str:
    if not url.startswith("postgres"):
        return "sqlite:" + url.removeprefix("sqlite:///")
    return url.replace("postgresql://", "postgres://").replace("?host=", "?socket=") + "&sslmode=disable"


def _yoyo(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://") if url.startswith("postgres") else url


@contextmanager
def databases(server: str | None, folder: Path) -> Iterator[Callable[[], str]]:
    """A maker of fresh databases, gone afterwards."""
    made: list[str] = []

    def fresh() -> str:
        name = f"bench_{os.getpid()}_{next(_numbers)}"
        made.append(name)
        if server is None:
            return f"sqlite:///{folder / name}.db"
        with psycopg.connect(server, autocommit=True) as on:
            on.execute(f"create database {name}".encode())
        return named(address(server), name).url

    try:
        yield fresh
    finally:
        for name in made if server else ():
            with psycopg.connect(server or "", autocommit=True) as on:
                on.execute(f"drop database if exists {name} with (force)".encode())


def measure(kind: str, server: str | None, files: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        scene = Scene(Path(place) / "scene", files)
        sys.stdout.write(f"\n{kind}, {files} files, median of {runs}\n" + ROW.format("tool", "seconds", "ratio"))
        base = 0.0
        for name, way in ways(scene, kind).items():
            if way is None:
                sys.stdout.write(f"{name:34} is not here\n")
                continue
            with databases(server, Path(place)) as fresh:
                times = [timed(way, fresh()) for _ in range(runs + 1)][1:]
            median = statistics.median(times)
            base = base or median
            sys.stdout.write(ROW.format(name, f"{median:.3f}", f"{median / base:.2f}"))


def timed(way: Way, url: str) -> float:
    started = time.perf_counter()
    way(url)
    return time.perf_counter() - started


def backups(server: str, megabytes: int) -> None:
    """A table of this size, out and in."""
    with tempfile.TemporaryDirectory() as place, databases(server, Path(place)) as fresh:
        url = fresh()
        with psycopg.connect(url, autocommit=True) as on:
            on.execute("create table big (id bigint primary key, name text, body text, at timestamptz default now())")
            rows = megabytes * 1024 * 1024 // 250
            values = "i, md5(i::text), repeat(md5((i * 7)::text) || ' ', 5), now()"
            on.execute(f"insert into big select {values} from generate_series(1, {rows}) i".encode())
            size = on.execute("select pg_database_size(current_database())").fetchone()
        sys.stdout.write(f"\nPostgreSQL backup of {(size or (0,))[0] / 2**20:,.0f} MiB\n" + ROW.format("way", "seconds", "MiB"))
        found, shelf = address(url), Path(place) / "shelf"
        plain = Path(place) / "plain.dump"
        _told("pg_dump -Fc", lambda: called(["pg_dump", "-Fc", "-f", str(plain), url]), plain)
        made = []
        _told("headway, read back and counted", lambda: made.append(back_up(found, shelf, NOW, "b")), shelf)
        vault = PostgresVault(found)
        target = vault.beside("_plain")
        vault.create(target)
        _told(
            "pg_restore",
            lambda: called([dumps.program("pg_restore", made[0].manifest.server), "-d", named(found, target).url, str(plain)]),
            plain,
        )
        vault.discard(target)
        _told("headway restore, counted", lambda: drill(found, made[0], "b"), shelf)


def lite_backups(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        path, shelf = Path(place) / "big.db", Path(place) / "shelf"
        with closing(sqlite3.connect(path)) as on:
            on.execute("create table big (id integer primary key, name text, body text)")
            body = ((number, f"n{number}", "abcdefgh " * 20) for number in range(megabytes * 1024 * 1024 // 200))
            on.executemany("insert into big values (?, ?, ?)", body)
            on.commit()
        sys.stdout.write(f"\nSQLite backup of {path.stat().st_size / 2**20:,.0f} MiB\n" + ROW.format("way", "seconds", "MiB"))
        plain = Path(place) / "plain.db"
        _told("sqlite3 .backup", lambda: called(["sqlite3", str(path), f".backup {plain}"]), plain)
        found = address(f"sqlite:///{path}")
        made = []
        _told("headway, read back and counted", lambda: made.append(back_up(found, shelf, NOW, "b")), shelf)
        _told("headway restore, counted", lambda: drill(found, made[0], "b"), shelf)


def _told(name: str, deed: Callable[[], object], place: Path) -> None:
    started = time.perf_counter()
    deed()
    took = time.perf_counter() - started
    size = sum(one.stat().st_size for one in place.iterdir()) if place.is_dir() else place.stat().st_size
    sys.stdout.write(ROW.format(name, f"{took:.2f}", f"{size / 2**20:,.0f}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="a server on which databases may be made and dropped")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=0)
    asked = parser.parse_args()
    measure("SQLite", None, asked.files, asked.runs)
    if asked.postgres:
        measure("postgres", asked.postgres, asked.files, asked.runs)
    if asked.megabytes:
        lite_backups(asked.megabytes)
        if asked.postgres:
            backups(asked.postgres, asked.megabytes)


if __name__ == "__main__":
    main()
