"""PostgreSQL: the lock, the ledger, and files in transactions.

Two sessions. One only holds the lock, so that no statement of ours ever waits for its own runner. The working one holds a second
key: after kill -9 of the runner the server goes on with the statement it was given, and until that ends nobody else may begin.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

from headway.adapters.databases import rows as ledger
from headway.adapters.databases.address import Address
from headway.adapters.databases.postgres_errors import translated
from headway.adapters.databases.store import TOOL, Look, Timeouts, Unfinished
from headway.errors import Contradiction, HeadwayError, Refused, Unavailable
from headway.migration.changes import Loss
from headway.migration.lexer import Sort, statements, tokens
from headway.migration.model import Backfill, Dialect, Progress, Row, Script

OLDEST = 13
"""The first that drops a database under its sessions, and says which transaction comes next."""
_KEY = 0x48777931
"""Advisory locks belong to one database, and so does this number in it: 1 is the runner's turn, 2 a working session."""
FRESH = "RESET ALL; RESET ROLE; RESET SESSION AUTHORIZATION; DISCARD TEMP;\n"
"""What one file SETs must not reach the next one. (DISCARD ALL would let go of the lock.)"""
_SETTLE = "SET CONSTRAINTS ALL IMMEDIATE; RESET ALL; RESET ROLE; RESET SESSION AUTHORIZATION;\n"
_TOOK = "extract(epoch from clock_timestamp() - statement_timestamp())"
_POLL = 0.03
_INVALID = """
select n.nspname, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where not (i.indisvalid and i.indisready) and c.relkind in ('i', 'I') and n.nspname not like 'pg\\_%' order by 1, 2
"""


class PostgresStore:
    """A database of a PostgreSQL server."""

    def __init__(self, address: Address, timeouts: Timeouts) -> None:
        self.address = address
        self.timeouts = timeouts

    def connect(self, **settings: str) -> psycopg.Connection:
        """A connection in autocommit, with timeouts that RESET comes back to."""
        wanted = {
            "lock_timeout": f"{self.timeouts.lock:g}s",
            "statement_timeout": f"{self.timeouts.statement:g}s",
            "idle_in_transaction_session_timeout": "0",
            "client_min_messages": "warning",
            **settings,
        }
        with translated(self.address):
            given = conninfo_to_dict(self.address.url)
            options = " ".join((str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in wanted.items())))
            timeout = int(given.get("connect_timeout") or 10)
            made = psycopg.connect(
                self.address.url, autocommit=True, connect_timeout=timeout, application_name="headway migrate", options=options.strip()
            )
        found = made.info.server_version // 10_000
        if found < OLDEST:
            made.close()
            raise Refused(f"{self.address.where} is PostgreSQL {found}", (f"Headway's migrations need {OLDEST} or newer",))
        return made

    def look(self) -> Look:
        with self.reading() as on:
            if not on.has_ledger():
                return Look(broken=on.broken(), progress={})
            return Look(on.rows(), on.progress(), on.broken())

    @contextmanager
    def reading(self) -> Iterator["PostgresSession"]:
        connection = self.connect(default_transaction_read_only="on")
        with translated(self.address), connection:
            yield PostgresSession(connection, self.address)

    @contextmanager
    def session(self) -> Iterator["PostgresSession"]:
        with self.connect() as keeper:
            with translated(self.address):
                self._writable(keeper)
                self._lock(keeper, 1)
            with self.connect() as working:
                with translated(self.address):
                    self._lock(working, 2)
                    session = PostgresSession(working, self.address)
                    session.prepare()
                yield session

    def _writable(self, on: psycopg.Connection) -> None:
        if on.execute("select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'").fetchone() == (True,):
            raise Refused(f"{self.address.where} is read-only", ("migrate the primary, or allow writes",))

    def _lock(self, on: psycopg.Connection, key: int) -> None:
        """Polled: a statement that waits for a lock holds a snapshot, and CREATE INDEX CONCURRENTLY would wait for that for ever."""
        until = time.monotonic() + self.timeouts.patience
        while on.execute("select pg_try_advisory_lock(%s, %s)", (_KEY, key)).fetchone() != (True,):
            if time.monotonic() > until:
                raise Unavailable(
                    f"{self.address.where} is being migrated by someone else{self._holder(on, key)}; wait, and run this again"
                )
            time.sleep(_POLL)

    @staticmethod
    def _holder(on: psycopg.Connection, key: int) -> str:
        found = on.execute(
            "select a.pid, a.query_start from pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and l.granted"
            " and l.classid = %s and l.objid = %s and l.database = (select oid from pg_database where datname = current_database())",
            (_KEY, key),
        ).fetchone()
        return f" (server process {found[0]}, at work since {found[1]:%H:%M:%S})" if found and found[1] else ""

    @contextmanager
    def turn(self) -> Iterator[tuple[int, ...]]:
        with self.connect() as keeper:
            with translated(self.address):
                self._writable(keeper)
                self._lock(keeper, 1)
                self._lock(keeper, 2)
                self._alone(keeper)
            yield ()

    def _alone(self, on: psycopg.Connection) -> None:
        """A tool whose Headway was killed goes on by itself; its sessions carry a name of ours."""
        until = time.monotonic() + self.timeouts.patience
        query = "select min(pid) from pg_stat_activity where datname = current_database() and application_name = %s"
        while (found := on.execute(query, (TOOL,)).fetchone()) != (None,):
            if time.monotonic() > until:
                said = f"a tool of an earlier run is still at work in it (server process {found[0] if found else '?'})"
                raise Unavailable(f"{self.address.where} is being migrated: {said}; wait, and run this again")
            time.sleep(_POLL)

    def catalog(self, *also: str) -> tuple[str, ...]:
        from headway.adapters.databases.dumps import schema

        return schema(self.address, *also)


class PostgresSession:
    """One working connection."""

    def __init__(self, connection: psycopg.Connection, address: Address) -> None:
        self._on = connection
        self._address = address
        self._transaction: object = None
        self._tables: dict[str, sql.Identifier] = {}

    # -- the ledger

    def has_ledger(self) -> bool:
        return self._found(ledger.LEDGER) is not None

    def prepare(self) -> None:
        """The ledger exists, and is ours."""
        for name in (ledger.LEDGER, ledger.BACKFILLS):
            if self._found(name) is None:
                self._on.execute(ledger.create(name, name).encode())
                self._found(name)

    def _found(self, name: str) -> sql.Identifier | None:
        """The table with its schema: files may change the search path."""
        found = self._on.execute(
            "select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(%s)", (name,)
        ).fetchone()
        if found is None:
            return None
        self._tables[name] = sql.Identifier(found[0], name)
        if name == ledger.LEDGER:
            self._check_shape()
        return self._tables[name]

    def _check_shape(self) -> None:
        columns = self._on.execute(sql.SQL("select * from {} limit 0").format(self._tables[ledger.LEDGER])).description or ()
        ledger.check_shape((one.name for one in columns), self._address.where)

    def rows(self) -> tuple[Row, ...]:
        return tuple(map(ledger.row, self._all(ledger.LEDGER, ledger.COLUMNS)))

    def progress(self) -> dict[int, Progress]:
        return {one.version: one for one in map(ledger.progress, self._all(ledger.BACKFILLS, ledger.PROGRESS))}

    def _all(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """A table of ours, by version; nothing where there is none yet."""
        with translated(self._address):
            if name not in self._tables and self._found(name) is None:
                return []
            query = sql.SQL("select {} from {} order by version").format(_names(columns), self._tables[name])
            return self._on.execute(query).fetchall()

    def record(self, row: Row) -> None:
        inside = self._transaction is not None
        with translated(self._address, row.title):
            found = self._last((_SETTLE if inside else "") + self._inserted(row, str(row.seconds)))
        self._check_transaction(row, found)

    def apply(self, script: Script, row: Row, file: str) -> None:
        # One trip for a file: its own text comes first, so that positions in errors are positions in it.
        query = f"{script.sql}\n;\n{_SETTLE}DISCARD TEMP;\n{self._inserted(row, _TOOK)}"
        with translated(self._address, file, script, 0):
            found = self._last(query)
        self._check_transaction(row, found)

    def _inserted(self, row: Row, seconds: str) -> str:
        names = ", ".join(ledger.COLUMNS)
        pairs = zip(ledger.COLUMNS, ledger.values(row), strict=True)
        values = ", ".join(seconds if name == "seconds" else self._literal(value) for name, value in pairs)
        table = self._tables[ledger.LEDGER].as_string(self._on)
        return f"insert into {table} ({names}) values ({values}) returning txid_current()"  # noqa: S608 - every value is a literal

    def _literal(self, value: str | int | None) -> str:
        """Quoted by libpq itself; sql.Literal is right too, and ten times slower."""
        if value is None:
            return "null"
        return str(value) if isinstance(value, int) else bytes(pq.Escaping(self._on.pgconn).escape_literal(value.encode())).decode()

    def _check_transaction(self, row: Row, found: object) -> None:
        if self._transaction is not None and found != self._transaction:
            raise Contradiction(f"{row.title} ended the transaction it ran in; what it did before is kept, and the ledger does not have it")

    def mark(self, row: Row) -> None:
        pairs = zip(ledger.COLUMNS, ledger.values(row), strict=True)
        assigned = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in pairs)
        where = sql.SQL("update {} set {} where version = {}")
        with translated(self._address, row.title):
            self._on.execute(where.format(self._tables[ledger.LEDGER], assigned, sql.Literal(row.version)))

    def forget(self, version: int) -> None:
        with translated(self._address):
            for table in (ledger.LEDGER, ledger.BACKFILLS):
                self._on.execute(sql.SQL("delete from {} where version = {}").format(self._tables[table], sql.Literal(version)))

    def advance(self, progress: Progress) -> None:
        query = sql.SQL(
            "insert into {} ({}) values ({}) on conflict (version) do update"
            " set cursor = excluded.cursor, rows = excluded.rows, done = excluded.done"
        )
        with translated(self._address):
            self._on.execute(
                query.format(self._tables[ledger.BACKFILLS], _names(ledger.PROGRESS), _literals(ledger.progress_values(progress)))
            )

    # -- files

    @contextmanager
    def transaction(self, scripts: Sequence[Script]) -> Iterator[None]:
        del scripts
        with translated(self._address):
            self._transaction = self._last(f"begin; {FRESH} select txid_current()")
        try:
            yield
            with translated(self._address, "COMMIT"):
                self._on.execute("commit")
        except BaseException:
            with suppress(psycopg.Error):
                self._on.execute("rollback")
            with suppress(psycopg.Error):
                self._on.execute(FRESH.encode())
            raise
        finally:
            self._transaction = None

    def _last(self, query: str) -> object:
        """Several statements in one trip; the last one's single value."""
        cursor = self._on.execute(query.encode())
        while cursor.nextset():
            pass
        found = cursor.fetchone()
        return found[0] if found else None

    def run(self, script: Script, file: str) -> None:
        with translated(self._address, file, script, 0):
            self._on.execute(f"{script.sql}\n;\nDISCARD TEMP".encode())

    def settle(self) -> None:
        with translated(self._address):
            self._on.execute(_SETTLE.encode())

    def alone(self, script: Script, file: str) -> None:
        (statement,) = statements(script.sql, Dialect.POSTGRES, script.line)
        concurrent = "CONCURRENTLY" in statement.words
        before = set(self.broken())
        with translated(self._address, file):
            self._on.execute(FRESH.encode())
            if concurrent:
                # It waits for old transactions without standing in anybody's way, and giving up leaves an invalid index.
                self._on.execute("set lock_timeout = 0")
        try:
            with translated(self._address, file, script, 0):
                self._on.execute(script.sql.encode())
            left = set(self.broken()) - before
        except HeadwayError as error:
            if self._on.closed or (concurrent and set(self.broken()) - before):
                raise Unfinished(f"{error}\nit may have left something behind: `headway migrate repair` looks") from error
            raise
        with translated(self._address, file):
            self._on.execute(FRESH.encode())
        if left:
            raise Unfinished(f"{file}: {'; '.join(sorted(left))}: `headway migrate repair` removes it")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with translated(self._address, query):
            return self._on.execute(query.encode()).fetchall()

    # -- backfills

    def next_batch(self, backfill: Backfill, after: str | int | None) -> list[Any]:
        key, table = sql.Identifier(backfill.key.lower()), sql.Identifier(*backfill.table.lower().split("."))
        where = sql.SQL("where {} > {}").format(key, sql.Literal(after)) if after is not None else sql.SQL("")
        # Inside and outside, since `order by` would take the text of the same name, and 11 comes before 2 in text.
        inner = sql.SQL("select {} as headway_key from {} {} order by {} limit {}").format(
            key, table, where, key, sql.Literal(backfill.batch)
        )
        query = sql.SQL("select q.headway_key::text from ({}) q order by q.headway_key").format(inner)
        with translated(self._address, f"the backfill of {backfill.table}"):
            return [one[0] for one in self._on.execute(query)]

    def fill(self, backfill: Backfill, first: Any, last: Any, file: str) -> int:
        text, at = "", 0
        for token in tokens(backfill.sql, Dialect.POSTGRES):
            if token.sort is Sort.PARAMETER and token.text in {":first", ":last"}:
                text += backfill.sql[at : token.start].replace("%", "%%") + f"%({token.text[1:]})s"
                at = token.start + len(token.text)
        text += backfill.sql[at:].replace("%", "%%")
        with translated(self._address, file, Script(backfill.sql, backfill.line), None):
            self._on.execute(FRESH.encode())
            return self._on.execute(text.encode(), {"first": first, "last": last}).rowcount

    # -- looking

    def count(self, loss: Loss, *, lock: bool) -> int | None:
        table = sql.Identifier(*loss.table)
        with translated(self._address):
            found = self._on.execute("select to_regclass(%s)::oid", (table.as_string(self._on),)).fetchone()
            if found is None or found[0] is None:
                return 0
            if loss.column is not None:
                column = self._on.execute(
                    "select 1 from pg_attribute where attrelid = %s and attname = %s and not attisdropped", (found[0], loss.column)
                ).fetchone()
                if column is None:
                    return 0
            if lock:
                self._on.execute(sql.SQL("lock table {} in access exclusive mode").format(table))
            what = sql.Identifier(loss.column) if loss.column else sql.SQL("*")
            counted = self._on.execute(sql.SQL("select count({}) from {}").format(what, table)).fetchone()
        return int(counted[0]) if counted else None

    def broken(self) -> tuple[str, ...]:
        if self._on.closed:
            return ()
        with translated(self._address):
            return tuple(f"the index {schema}.{name} is invalid" for schema, name in self._on.execute(_INVALID.encode()))

    def index(self, name: tuple[str, ...]) -> bool | None:
        with translated(self._address):
            found = self._on.execute(
                "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)",
                (sql.Identifier(*name).as_string(self._on),),
            ).fetchone()
        return bool(found[0]) if found else None


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _literals(values: Sequence[Any]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Literal, values))
