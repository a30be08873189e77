"""Seeds: what fills a database that was made anew, from the release's own commit."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.errors import Failed
from headway.migration.model import Dialect

SQL = ".sql"


def seed(one: tuple[str, ...], fresh: Address, source: Path, scratch: Path, env: Mapping[str, str], timeout: float) -> None:
    """Run one seed: an SQL file, or a command in a copy of the source. Failed when it, or the database, says no."""
    if len(one) == 1 and one[0].endswith(SQL):
        _script(one[0], fresh, source, timeout)
    else:
        _command(one, source, scratch, env, timeout)


def url_of(fresh: Address) -> str:
    """The URL in the form in which it was given: other programs read a driver's name out of its scheme."""
    return f"{fresh.scheme}{fresh.url[fresh.url.index(':') :]}"


def _script(name: str, fresh: Address, source: Path, timeout: float) -> None:
    path = (source / name).resolve()
    if not path.is_relative_to(source.resolve()) or not path.is_file():
        raise Failed(f"the seed {name} is not in this release")
    text = path.read_text(encoding="utf-8")
    if fresh.dialect is Dialect.SQLITE:
        with closing(sqlite3.connect(fresh.path, isolation_level=None)) as on:
            on.execute("pragma synchronous = off")  # nobody has seen this file yet: killed, it is made once more
            try:
                on.executescript(text)
            except sqlite3.Error as error:
                raise Failed(f"the seed {name}: {error}") from error
        return
    from headway.adapters.databases.postgres import PostgresStore
    from headway.adapters.databases.postgres_errors import translated
    from headway.adapters.databases.store import Timeouts

    with PostgresStore(fresh, Timeouts(statement=timeout)).connect() as there, translated(fresh, f"the seed {name}"):
        there.execute(text.encode())


def _command(argv: tuple[str, ...], source: Path, scratch: Path, env: Mapping[str, str], timeout: float) -> None:
    shown = " ".join(argv)
    if not scratch.exists():
        shutil.copytree(source, scratch, symlinks=True)
    try:
        process = subprocess.Popen(argv, cwd=scratch, env=dict(env), stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise Failed(f"the seed {shown} cannot be started: {error.strerror}") from error
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"the seed {shown} took longer than {timeout:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started goes with it, and it goes with us
        process.wait()
    if status:
        raise Failed(f"the seed {shown} ended with {status}; see the log")
