"""SQLite: the lock, the ledger, and files in transactions.

Three traps that this file is about. `PRAGMA foreign_keys` inside a transaction is ignored, so that a table rebuild would delete its
children's rows: the keys are off from outside, and what they forbid is looked for before the COMMIT. `executescript()` commits first:
statements go one by one. And a `-wal` or `-journal` belongs to its database: whoever moves one moves all (see `copies.py`).
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from headway.adapters.databases import rows as ledger
from headway.adapters.databases.address import Address
from headway.adapters.databases.sqlite_errors import translated
from headway.adapters.databases.store import Look, Timeouts
from headway.errors import Contradiction, Failed, HeadwayError, Refused, Unavailable
from headway.migration.changes import Loss
from headway.migration.lexer import Sort, Statement, canonical, statements, tokens
from headway.migration.model import Backfill, Dialect, Progress, Row, Script

DURABILITY = "full"
"""A commit that the ledger speaks of must survive a power cut, not only a crash."""
_POLL = 0.05
_STEPS = 10_000
"""Virtual machine steps between two looks at the clock."""
_ON = {"ON", "TRUE", "YES", "1"}


class SqliteStore:
    """A database in a file."""

    def __init__(self, address: Address, timeouts: Timeouts) -> None:
        self.address = address
        self.timeouts = timeouts
        self.path = address.path

    def connect(self, *, readonly: bool = False) -> sqlite3.Connection:
        """A connection whose transactions are ours alone."""
        with translated(self.address):
            if readonly:
                return looking(self.path, self.timeouts.lock)
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=self.timeouts.lock)
        try:
            with translated(self.address):
                connection.execute(f"pragma synchronous = {DURABILITY}")
                connection.execute("pragma foreign_keys = off")
        except HeadwayError:
            connection.close()
            raise
        return connection

    def look(self) -> Look:
        if not self.path.exists():
            return Look(progress={})
        with self.reading() as on:
            return Look(on.rows(), on.progress(), on.broken())

    @contextmanager
    def reading(self) -> Iterator["SqliteSession"]:
        if not self.path.exists():
            raise Unavailable(f"{self.address.where} does not exist")
        with closing(self.connect(readonly=True)) as connection, translated(self.address):
            yield SqliteSession(connection, self)

    @contextmanager
    def session(self) -> Iterator["SqliteSession"]:
        with locked(self.path, self.timeouts.patience, self.address.where), closing(self.connect()) as connection:
            session = SqliteSession(connection, self)
            session.prepare()
            yield session

    @contextmanager
    def turn(self) -> Iterator[tuple[int, ...]]:
        with locked(self.path, self.timeouts.patience, self.address.where) as file:
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise Refused(f"{self.address.where} is read-only", (f"its file's mode forbids writing: {self.path}",))
            yield (file,)

    def catalog(self, *also: str) -> tuple[str, ...]:
        ours = (ledger.LEDGER, ledger.BACKFILLS, *also)
        with self.reading() as on:
            found = on.ask("select type, name, tbl_name, sql from sqlite_master where name not like 'sqlite\\_%' escape '\\' order by 1, 2")
            version = on.ask("pragma user_version")[0][0]
        lines = [f"{kind} {name}: {canonical(text or '', Dialect.SQLITE)}" for kind, name, table, text in found if table not in ours]
        return (f"user_version {version}", *lines)


def looking(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection that writes nothing of ours.

    Not `mode=ro`: after kill -9 the first to look must roll back what the dead one left, and SQLite refuses that to a read-only one.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=timeout)
    try:
        connection.execute("pragma query_only = on")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def locked(path: Path, patience: float, where: str) -> Iterator[int]:
    """One runner per file; the lock goes when its process goes, however it goes, and whoever else was given the open file."""
    try:
        file = os.open(path.with_name(f"{path.name}.headway-lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as error:
        raise Unavailable(f"{where} is in a folder that does not exist") from error
    except OSError as error:
        raise Refused(f"{where} cannot be written", (f"{error.strerror}: {path.parent}",)) from error
    until = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unavailable(f"{where} is being migrated by someone else; wait, and run this again") from None
                time.sleep(_POLL)
        yield file
    finally:
        os.close(file)


class SqliteSession:
    """One connection."""

    def __init__(self, connection: sqlite3.Connection, store: SqliteStore) -> None:
        self._on = connection
        self._store = store
        self._address = store.address
        self._checked = False

    # -- the ledger

    def prepare(self) -> None:
        """The ledger exists, and is ours."""
        missing = [name for name in (ledger.LEDGER, ledger.BACKFILLS) if not self._exists(name)]
        with translated(self._address):
            if missing:
                self._on.execute("begin immediate")
                for name in missing:
                    self._on.execute(ledger.create(name, name))
                self._on.execute("commit")
        self._check_shape()

    def _exists(self, name: str) -> bool:
        with translated(self._address):
            return self._on.execute("select 1 from sqlite_master where type = 'table' and name = ?", (name,)).fetchone() is not None

    def _check_shape(self) -> None:
        self._checked = True
        ledger.check_shape((one[1] for one in self._on.execute(f"pragma table_info({ledger.LEDGER})")), self._address.where)

    def rows(self) -> tuple[Row, ...]:
        if not self._exists(ledger.LEDGER):
            return ()
        if not self._checked:
            self._check_shape()
        with translated(self._address):
            found = self._on.execute(f"select {', '.join(ledger.COLUMNS)} from {ledger.LEDGER} order by version").fetchall()  # noqa: S608
        return tuple(ledger.row(one) for one in found)

    def progress(self) -> dict[int, Progress]:
        if not self._exists(ledger.BACKFILLS):
            return {}
        with translated(self._address):
            found = self._on.execute(f"select {', '.join(ledger.PROGRESS)} from {ledger.BACKFILLS}").fetchall()  # noqa: S608
        return {one.version: one for one in map(ledger.progress, found)}

    def record(self, row: Row) -> None:
        self._put("insert", ledger.LEDGER, ledger.COLUMNS, ledger.values(row), row.title)

    def mark(self, row: Row) -> None:
        self._put("insert or replace", ledger.LEDGER, ledger.COLUMNS, ledger.values(row), row.title)

    def forget(self, version: int) -> None:
        with translated(self._address):
            for table in (ledger.LEDGER, ledger.BACKFILLS):
                self._on.execute(f"delete from {table} where version = ?", (version,))  # noqa: S608

    def advance(self, progress: Progress) -> None:
        self._put("insert or replace", ledger.BACKFILLS, ledger.PROGRESS, ledger.progress_values(progress), "a backfill")

    def _put(self, verb: str, table: str, columns: Sequence[str], values: Sequence[Any], what: str) -> None:
        marks = ", ".join("?" * len(columns))
        with translated(self._address, what):
            self._on.execute(f"{verb} into {table} ({', '.join(columns)}) values ({marks})", values)

    # -- files

    @contextmanager
    def transaction(self, scripts: Sequence[Script]) -> Iterator[None]:
        keys = _foreign_keys(scripts)
        with translated(self._address):
            self._on.execute(f"pragma foreign_keys = {'on' if keys else 'off'}")
            self._on.execute("begin immediate")
        try:
            yield
            if not self._on.in_transaction:
                raise Contradiction("a file ended the transaction it ran in; what it did before is kept, and the ledger does not have it")
            self._check_keys()
            with translated(self._address, "COMMIT"):
                self._on.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self._on.execute("rollback")
            raise
        finally:
            with suppress(sqlite3.Error):
                self._on.execute("pragma foreign_keys = off")

    def _check_keys(self) -> None:
        """No row may have lost its parent in this transaction; what was so before is not our doing."""
        with translated(self._address):
            found = {tuple(one) for one in self._on.execute("pragma foreign_key_check")}
        if not found:
            return
        try:
            with closing(self._store.connect(readonly=True)) as before:
                found -= {tuple(one) for one in before.execute("pragma foreign_key_check")}
        except (sqlite3.Error, HeadwayError):
            pass  # nobody can look at what was: then all of it counts
        if found:
            child, _, parent, _ = sorted(found, key=str)[0]
            raise Failed(f"{len(found)} rows would point at nothing, such as one of {child} at {parent}; nothing was kept")

    def run(self, script: Script, file: str) -> None:
        for one in statements(script.sql, Dialect.SQLITE, script.line):
            if _is_key_pragma(one):
                continue
            self._statement(one, file)

    def apply(self, script: Script, row: Row, file: str) -> None:
        self.run(script, file)
        self.record(row)

    def alone(self, script: Script, file: str) -> None:
        self.run(script, file)

    def _statement(self, one: Statement, file: str) -> None:
        until = time.monotonic() + self._store.timeouts.statement
        self._on.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
        try:
            with translated(self._address, f"{file}:{one.line}"):
                self._on.execute(one.text).fetchall()
        finally:
            self._on.set_progress_handler(None, 0)

    def settle(self) -> None:
        """Keys are looked at once, before the COMMIT."""

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with translated(self._address, query):
            return self._on.execute(query).fetchall()

    # -- backfills

    def next_batch(self, backfill: Backfill, after: str | int | None) -> list[Any]:
        table, key = ".".join(map(quoted, backfill.table.split("."))), quoted(backfill.key)
        where = f"where {key} > ?" if after is not None else ""
        query = f"select {key} from {table} {where} order by {key} limit {backfill.batch}"  # noqa: S608
        with translated(self._address, f"the backfill of {backfill.table}"):
            keys = [one[0] for one in self._on.execute(query, (after,) if after is not None else ())]
        if any(not isinstance(key, int | str) for key in keys[-1:]):
            raise Failed(f"the backfill of {backfill.table}: {backfill.key} holds neither numbers nor text; expected a key to go along")
        return keys

    def fill(self, backfill: Backfill, first: Any, last: Any, file: str) -> int:
        assert {one.text for one in tokens(backfill.sql, Dialect.SQLITE) if one.sort is Sort.PARAMETER} == {":first", ":last"}
        (statement,) = statements(backfill.sql, Dialect.SQLITE, backfill.line)
        with translated(self._address, f"{file}:{backfill.line}"):
            return self._on.execute(statement.text, {"first": first, "last": last}).rowcount

    # -- looking

    def count(self, loss: Loss, *, lock: bool) -> int | None:
        del lock  # BEGIN IMMEDIATE has it
        table = loss.table[-1]
        columns = [one[1].lower() for one in self.ask(f"pragma table_info({quoted(table)})")]
        if not columns or (loss.column is not None and loss.column.lower() not in columns):
            return 0
        return int(self.ask(f"select count({quoted(loss.column) if loss.column else '*'}) from {quoted(table)}")[0][0])  # noqa: S608

    def broken(self) -> tuple[str, ...]:
        return ()

    def index(self, name: tuple[str, ...]) -> bool | None:
        found = self._on.execute("select 1 from sqlite_master where type = 'index' and lower(name) = ?", (name[-1].lower(),)).fetchone()
        return True if found else None


def quoted(name: str) -> str:
    """An identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _is_key_pragma(one: Statement) -> bool:
    return one.begins("PRAGMA") and one.tokens[1].name == "foreign_keys"


def _foreign_keys(scripts: Sequence[Script]) -> bool:
    """Off, unless the files ask for them: outside is the only place where the setting works."""
    wants = [_asks(script) for script in scripts]
    if any(wants) and not all(wants):
        raise Refused(
            "some of these files ask for foreign keys on, others do not, and one transaction has one setting", ("use --together file",)
        )
    return any(wants)


def _asks(script: Script) -> bool:
    found = [one for one in statements(script.sql, Dialect.SQLITE, script.line) if _is_key_pragma(one) and len(one.tokens) > 2]
    return bool(found) and (any(token.text.upper() in _ON for token in found[0].tokens[2:]))
