"""Statements that run often: put into SQL once, and given to the driver as they are.

SQLAlchemy spends about 40 microseconds on a statement that SQLite runs in 3, and a rollout is some eighty statements. The statement is
still built, and its values still converted, by SQLAlchemy's own rules; only its way there is short. Values that Python would fill in by
a column's default are not: whoever inserts names them all.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Engine, Insert, Select, Table, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Direct:
    """The driver's own connection: nothing around it but what a statement needs."""

    driver: Any
    engine: Engine

    @property
    def dialect(self) -> Dialect:
        return self.engine.dialect

    def run(self, what: Callable[[], object], sql: str) -> None:
        """Do something by the driver itself; what goes wrong is told as SQLAlchemy would have."""
        try:
            what()
        except self.dialect.loaded_dbapi.Error as error:
            raise _explained(self, sql, error) from error

    def invalidate(self, error: Exception) -> None:
        """Whoever lent it takes none back that failed."""


Converts = tuple[tuple[str, Any], ...]


class _Ready(NamedTuple):
    """A statement for one database."""

    sql: str
    order: Any
    """Takes the values in the order of their places in the SQL; None where the driver finds them by name."""
    fixed: Mapping[str, object]
    """The values that stand in the statement itself."""
    to_database: Converts
    row: Any
    from_database: tuple[tuple[int, Any], ...]


class Prepared:
    """One statement. Its values are named: those of its parameters, and those of the columns that it sets."""

    def __init__(self, statement: Select[Any] | Update | Insert | Delete) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}

    def all(self, on: Connection | Direct, given: Mapping[str, object]) -> list[Any]:
        """Every row."""
        ready, cursor = self._run(on, given)
        return [_row(ready, each) for each in cursor.fetchall()]

    def one(self, on: Connection | Direct, given: Mapping[str, object]) -> Any:
        """The row, or None. Only for what has one at most."""
        ready, cursor = self._run(on, given)
        found = cursor.fetchone()
        cursor.close()
        return None if found is None else _row(ready, found)

    def change(self, on: Connection | Direct, given: Mapping[str, object]) -> int:
        """How many rows it changed."""
        return int(self._run(on, given)[1].rowcount)

    def sent(self, on: Connection | Direct, given: Mapping[str, object], batch: "Batch") -> None:
        """Go on without waiting for the answer, in which exactly one row has to have changed."""
        batch.must_change_one(self._run(on, given)[1])

    def change_each(self, on: Connection | Direct, given: Sequence[Mapping[str, object]]) -> None:
        """The same for each of these."""
        for each in given:
            self._run(on, each)

    def _run(self, on: Connection | Direct, given: Mapping[str, object]) -> tuple[_Ready, Any]:
        dialect = on.dialect
        ready = self._ready.get(dialect.name) or self._prepare(dialect, given)
        values = {**ready.fixed, **given}
        for name, convert in ready.to_database:
            values[name] = convert(values[name])
        driver: Any = on.driver if isinstance(on, Direct) else on.connection.dbapi_connection
        try:
            return ready, driver.execute(ready.sql, values if ready.order is None else ready.order(values))
        except dialect.loaded_dbapi.Error as error:
            raise _explained(on, ready.sql, error) from error

    def _prepare(self, dialect: Dialect, given: Mapping[str, object]) -> _Ready:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(given))
        converts = {bind.key: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind in compiled.bind_names}
        names = list(compiled.positiontup or ())
        columns = self._statement.exported_columns
        back = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        ready = _Ready(
            sql=compiled.string,
            order=_in_order(names) if compiled.positional else None,
            fixed={name: value for name, value in compiled.params.items() if name not in given},
            to_database=tuple((name, convert) for name, convert in converts.items() if convert is not None),
            row=namedtuple("Row", [str(column.key) for column in columns]) if columns else None,
            from_database=tuple((place, convert) for place, convert in enumerate(back) if convert is not None),
        )
        self._ready[dialect.name] = ready
        return ready


def unless_there(table: Table, *key: str) -> Mapping[str, Prepared]:
    """Inserts a row, unless there is one with this key: by database, since each says so in its own way. Changes one row, or none."""
    made: tuple[tuple[str, Any], ...] = (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
    return {name: Prepared(insert(table).on_conflict_do_nothing(index_elements=key)) for name, insert in made}


class NotAtOnce(Exception):  # noqa: N818 - nothing is wrong yet: whoever tried goes the slow way, which finds out
    """What was sent together did not all do what was expected of it; nothing of it is kept."""


class Batch:
    """Statements sent to PostgreSQL together: one way there and back for all of them, not one each."""

    def __init__(self) -> None:
        self._cursors: list[Any] = []

    def must_change_one(self, cursor: Any) -> None:
        """Looked at when everything is answered."""
        self._cursors.append(cursor)

    def did(self) -> bool:
        """Each changed its row."""
        return all(cursor.rowcount == 1 for cursor in self._cursors)


@contextmanager
def together(on: Direct) -> Iterator[Batch]:
    """Within the transaction of this connection to PostgreSQL, and only `Prepared`. After NotAtOnce the transaction has to be given up."""
    batch, dialect = Batch(), on.dialect
    try:
        with on.driver.pipeline():
            yield batch
    except DBAPIError as error:  # of a statement whose answer was waited for
        if error.connection_invalidated:
            raise
        raise NotAtOnce from error
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, None, None):
            raise _explained(on, "statements sent together", error) from error
        raise NotAtOnce from error
    if not batch.did():
        raise NotAtOnce


def _in_order(names: list[str]) -> Any:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _row(ready: _Ready, found: Sequence[Any]) -> Any:
    if not ready.from_database:
        return ready.row._make(found)
    values = list(found)
    for place, convert in ready.from_database:
        values[place] = convert(values[place])
    return ready.row._make(values)


def _explained(on: Connection | Direct, sql: str, error: Exception) -> DBAPIError | Exception:
    """The error as SQLAlchemy would have raised it, without the values; a connection that is gone is not used again."""
    dialect = on.dialect
    gone = dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]
    if gone:
        on.invalidate(error)
    base = dialect.loaded_dbapi.Error
    return DBAPIError.instance(sql, None, error, base, hide_parameters=True, connection_invalidated=gone, dialect=dialect)
