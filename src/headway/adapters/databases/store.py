"""What the runner needs from a database, and how it goes about it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from headway.adapters.databases.address import Address
from headway.errors import Unavailable
from headway.migration.changes import Loss
from headway.migration.model import Backfill, Progress, Row, Script

TOOL = "headway migrate tool"
"""What the sessions of a tool that we started are called in a database that names its sessions."""


class Busy(Unavailable):
    """A lock was not to be had in time. Everything was rolled back; trying again is safe."""


class Unfinished(Unavailable):
    """A statement outside a transaction ended in a way that may have left something behind."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may wait, in seconds. Behind an ALTER that waits for its lock every new SELECT waits too, so that is short."""

    lock: float = 2.0
    statement: float = 900.0
    patience: float = 30.0
    """For another runner to finish."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the ledger says, without locks; empty where there is none yet."""

    rows: tuple[Row, ...] = ()
    progress: Mapping[int, Progress] = ()  # type: ignore[assignment]
    broken: tuple[str, ...] = ()
    """Invalid indexes and the like: nothing that stops, all that a person should know."""


class Session(Protocol):
    """A working connection, under the lock."""

    def rows(self) -> tuple[Row, ...]: ...

    def progress(self) -> dict[int, Progress]: ...

    def transaction(self, scripts: Sequence[Script]) -> AbstractContextManager[None]:
        """All of it is kept, or nothing. The scripts that will run in it say what the connection must be set to before."""
        ...

    def run(self, script: Script, file: str) -> None:
        """Statements within the transaction, with fresh settings."""
        ...

    def apply(self, script: Script, row: Row, file: str) -> None:
        """Run the statements, settle, and record the row, in as few trips as it takes."""
        ...

    def alone(self, script: Script, file: str) -> None:
        """One statement outside of any transaction."""
        ...

    def settle(self) -> None:
        """Check now what would be checked at the COMMIT."""
        ...

    def ask(self, query: str) -> list[tuple[Any, ...]]: ...

    def record(self, row: Row) -> None:
        """A new row of the ledger."""
        ...

    def mark(self, row: Row) -> None:
        """The row as it is now."""
        ...

    def forget(self, version: int) -> None: ...

    def advance(self, progress: Progress) -> None: ...

    def next_batch(self, backfill: Backfill, after: str | int | None) -> list[Any]:
        """The next keys, in order; empty when there are none."""
        ...

    def fill(self, backfill: Backfill, first: Any, last: Any, file: str) -> int:
        """Run the batch; how many rows changed."""
        ...

    def count(self, loss: Loss, *, lock: bool) -> int | None:
        """How many rows or values this would destroy. `lock`: nobody adds any before the transaction ends."""
        ...

    def broken(self) -> tuple[str, ...]: ...

    def index(self, name: tuple[str, ...]) -> bool | None:
        """Is this index valid? None: there is none."""
        ...


class Store(Protocol):
    """One database."""

    @property
    def address(self) -> Address: ...

    def look(self) -> Look: ...

    def session(self) -> AbstractContextManager[Session]:
        """Take the lock, then a working connection; the ledger exists in it."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """A connection that cannot write, without the lock."""
        ...

    def turn(self) -> AbstractContextManager[tuple[int, ...]]:
        """Only the lock, for a tool that is not ours; nothing is made. The tool keeps these files open as long as it is at work."""
        ...

    def catalog(self, *also: str) -> tuple[str, ...]:
        """The whole schema, one object or line each, the ledger's own and tables named `also` left out; equal for equal schemas."""
        ...


def open_store(address: Address, timeouts: Timeouts) -> Store:
    """The store behind an address."""
    from headway.migration.model import Dialect

    if address.dialect is Dialect.SQLITE:
        from headway.adapters.databases.sqlite import SqliteStore

        return SqliteStore(address, timeouts)
    try:
        from headway.adapters.databases.postgres import PostgresStore
    except ModuleNotFoundError as error:
        from headway.errors import InvalidSpec

        raise InvalidSpec(f"{address.where} needs a driver that is not installed: pip install 'headway[postgres]'") from error
    return PostgresStore(address, timeouts)
