"""One database, SQLite or PostgreSQL, reached the same way: read from a snapshot, write in one transaction."""

import select
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from headway.adapters.ledger.prepared import Direct
from headway.adapters.ledger.troubles import explain, secrets_of
from headway.errors import InvalidSpec

SCHEMES: Mapping[str, str] = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
SQLITE_OPTIONS: dict[str, Any] = {"connect_args": {"timeout": 10.0, "check_same_thread": False}}
# A machine that vanished says no goodbye, and the system's own patience with it is two hours: a turn would wait for as long.
_GONE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_args": {
        "connect_timeout": 5,
        "application_name": "headway",
        "options": "-c lock_timeout=10s -c statement_timeout=60s",
        **_GONE,
    },
}


KEPT = 10
"""How many connections of each kind wait for work; more are made when they are wanted, and closed after that."""
IDLE = 1.0
"""Seconds after which a connection to PostgreSQL is asked whether it is still one."""


class Database:
    """An engine, what people call it, and its two doors."""

    def __init__(self, url: str) -> None:
        address = _address(url)
        self.where = _where(address)
        self._secrets = secrets_of(address)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.sends_together = not self.is_sqlite and _can_send_together()
        # One writer at a time, by a lock of our own: SQLite's waiting sleeps up to 100 ms between looks.
        self._turn: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        self.engine = self._create(address)
        self._idle: list[tuple[Any, float]] = []
        """The driver's own connections for looks, and when each was given back."""
        self._idle_writers: list[tuple[Any, float]] = []
        self._writer = self.engine.execution_options(writing=True)
        # A look is one statement, or several that need not agree: a transaction around it would only cost, twice the way to PostgreSQL.
        self._reader = self.engine.execution_options(**({"looking": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}))
        # PostgreSQL shows each statement its own moment unless it is told otherwise.
        self._snapshot = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")

    def _create(self, address: URL) -> Engine:
        options = SQLITE_OPTIONS if self.is_sqlite else POSTGRES_OPTIONS
        try:
            # Parameters stay out of errors: they hold whole records.
            engine = create_engine(address, hide_parameters=True, pool_size=KEPT, max_overflow=20, **options)
        except ModuleNotFoundError as error:
            raise InvalidSpec(f"{self.where} needs a driver that is not installed: pip install 'headway[postgres]'") from error
        if self.is_sqlite:
            event.listen(engine, "connect", _settle)
            event.listen(engine, "begin", _begin)
        else:
            event.listen(engine, "checkin", _put_back)
            event.listen(engine, "checkout", _take_out)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one look; it writes nothing."""
        with self._translated(), self._reader.connect() as on:
            yield on

    @contextmanager
    def looking(self) -> Iterator[Connection | Direct]:
        """The same for looks that happen all the time, which know only prepared statements: the way there would be the most of them."""
        with self._translated():
            lent = self._lend(self._idle, begins=False)
            try:
                yield Direct(lent, self.engine)
            except BaseException:
                lent.close()
                raise
            _keep(self._idle, lent)

    @contextmanager
    def recording(self) -> Iterator[Direct]:
        """One transaction of what is written all the time, as `looking`: all of it is kept, or nothing."""
        with self._translated(), self._turn:
            lent = self._lend(self._idle_writers, begins=True)
            on = Direct(lent, self.engine)
            try:
                if self.is_sqlite:  # PostgreSQL's driver begins by itself, on the way of the first statement
                    on.run(lambda: on.driver.execute("begin immediate"), "begin")
                yield on
                on.run(on.driver.commit, "commit")
            except BaseException:
                try:
                    on.driver.rollback()
                except Exception:  # it is gone, and what was said before tells why
                    lent.close()
                else:
                    _keep(self._idle_writers, lent)
                raise
            _keep(self._idle_writers, lent)

    def _lend(self, idle: list[tuple[Any, float]], *, begins: bool) -> Any:
        with suppress(IndexError):
            while True:
                lent, used = idle.pop()
                if self.is_sqlite or _answers(lent, used):
                    return lent
                lent.close()
        new = self.engine.raw_connection()
        new.detach()
        driver: Any = new.dbapi_connection
        if not self.is_sqlite:
            driver.autocommit = not begins
        return driver

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose several looks all see the same moment."""
        with self._translated(), self._snapshot.connect() as on:
            yield on

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing."""
        with self._translated(), self._turn, self._writer.begin() as on:
            yield on

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise explain(error, self.where, self._secrets) from error
        except self.engine.dialect.loaded_dbapi.Error as error:  # the driver's own, of a connection that could not be made, say
            raise explain(_wrapped(error, self.engine), self.where, self._secrets) from error

    def close(self) -> None:
        for idle in (self._idle, self._idle_writers):
            while idle:
                idle.pop()[0].close()
        self.engine.dispose()


def _keep(idle: list[tuple[Any, float]], lent: Any) -> None:
    """For the next who asks; of a crowd that all asked at once not everybody's."""
    if len(idle) < KEPT:
        idle.append((lent, time.monotonic()))
    else:
        lent.close()


def _wrapped(error: Exception, engine: Engine) -> SQLAlchemyError:
    """As SQLAlchemy would have raised it."""
    base = engine.dialect.loaded_dbapi.Error
    made = DBAPIError.instance(None, None, error, base, hide_parameters=True, dialect=engine.dialect)
    return made if isinstance(made, SQLAlchemyError) else SQLAlchemyError(str(error))


def _can_send_together() -> bool:
    """PostgreSQL's library does since its version 14, whatever the server's is."""
    try:
        from psycopg import Pipeline
    except ImportError:  # said when an engine is made
        return False
    return Pipeline.is_supported()


def insert_new(on: Connection, table: Table, values: Mapping[str, object], *key: str) -> bool:
    """Insert a row unless one with this key is there; tells whether it did."""
    insert = postgresql.insert if on.dialect.name == "postgresql" else sqlite.insert
    new = insert(table).values(values).on_conflict_do_nothing(index_elements=key)
    return on.execute(new.returning(table.c[key[0]])).first() is not None


def put(on: Connection, table: Table, values: Mapping[str, object], *key: str) -> None:
    """Insert a row, or replace what the one with this key says."""
    insert = postgresql.insert if on.dialect.name == "postgresql" else sqlite.insert
    rest = {name: value for name, value in values.items() if name not in key}
    on.execute(insert(table).values(values).on_conflict_do_update(index_elements=key, set_=rest))


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # `from None`, and no quoting: what does not parse may hold a password anywhere.
        raise InvalidSpec("the ledger's URL cannot be read; expected sqlite:////path/ledger.db or postgresql://user@host/name") from None
    driver = SCHEMES.get(address.drivername)
    if driver is None:
        raise InvalidSpec(f"the ledger's URL starts with {address.drivername}://; expected sqlite:// or postgresql://")
    if "@" in (address.host or ""):
        raise InvalidSpec("the ledger's URL has two @; write an @ within the password as %40")
    if driver.startswith("sqlite") and address.database in (None, "", ":memory:"):
        raise InvalidSpec("the ledger's URL names no file, and a ledger in memory keeps nothing; expected sqlite:////path/ledger.db")
    return address.set(drivername=driver)


def _where(address: URL) -> str:
    if address.get_backend_name() == "sqlite":
        return f"the ledger {address.database}"
    host = address.host or address.query.get("host") or "the local socket"
    return f"the ledger {address.database or address.username} on PostgreSQL at {host}"


def _settle(connection: sqlite3.Connection, _: object) -> None:
    """What every SQLite connection needs before its first statement."""
    # The driver would begin transactions on its own, deferred, and those can die half-way for want of the write lock.
    connection.isolation_level = None
    if connection.execute("pragma journal_mode").fetchone()[0] != "wal":
        connection.execute("pragma journal_mode = wal")
    # FULL: a commit that we acted upon must survive a power cut, not only a crash.
    connection.execute("pragma synchronous = full")


def _put_back(_: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _take_out(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
    if not _answers(connection, record.info.get("used", -IDLE)):
        raise DisconnectionError


def _answers(connection: Any, used: float) -> bool:
    """Is it still one? A server that was restarted must not cost the first turn after it.

    Its goodbye waits on the socket, and looking there is free. Asking costs a turn half its time, so only who lay idle is asked.
    """
    try:
        quiet = not select.select([connection.fileno()], [], [], 0)[0]
        if quiet and time.monotonic() - used < IDLE:
            return True
        was, connection.autocommit = connection.autocommit, True
        connection.execute("")
        connection.autocommit = was
    except Exception:
        return False
    return True


def _begin(on: Connection) -> None:
    if on.get_execution_options().get("looking"):
        return
    on.exec_driver_sql("begin immediate" if on.get_execution_options().get("writing") else "begin")


def file_of(url: str) -> Path | None:
    """The file of a SQLite ledger, for those who lock or back it up; None for PostgreSQL."""
    address = _address(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None
