"""The nouns: a migration as its file says it, a row of the ledger, and how the two compare."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Dialect(Enum):
    """Which SQL a database speaks."""

    SQLITE = "SQLite"
    POSTGRES = "PostgreSQL"


class Kind(Enum):
    """What a migration means for the release that still runs."""

    EXPAND = "expand"
    """Only adds: the old release does not notice."""
    CONTRACT = "contract"
    """Takes away or tightens: it waits until no running release needs what goes."""
    BACKFILL = "backfill"
    """Fills rows in batches, after the deploy and before anything contracts."""


@dataclass(frozen=True, slots=True)
class Script:
    """One section of a file. `line` is the file's line on which `sql` begins; `transaction` is false when it must run outside one."""

    sql: str
    line: int
    transaction: bool = True


@dataclass(frozen=True, slots=True)
class Backfill:
    """Rows changed in batches by key: `sql` is one statement that speaks of `:first` and `:last`, both inclusive.

    `rate` bounds the rows per second, `pause` is the rest in seconds between two batches.
    """

    sql: str
    line: int
    table: str
    key: str
    batch: int
    rate: float | None = None
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Migration:
    """A file (or a pair): what changes, how to take it back, and how to see that it is right.

    `verify` holds once `up` ran, `filled` once the backfill is through.
    """

    version: int
    name: str
    file: str
    sha256: str
    up: Script | None
    down: Script | None = None
    verify: tuple[Script, ...] = ()
    backfill: Backfill | None = None
    filled: tuple[Script, ...] = ()

    @property
    def title(self) -> str:
        """How people call it."""
        return f"{self.version:04d}_{self.name}"


class State(Enum):
    """Where a row of the ledger stands."""

    APPLIED = "applied"
    RUNNING = "running"
    """A statement outside a transaction was begun; whether it was done, the ledger cannot know."""
    REVERTING = "reverting"
    """The same, on the way down."""


UNFINISHED = frozenset({State.RUNNING, State.REVERTING})


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger keeps of one migration. `down` is its own way back, as it was when it was applied, header line included."""

    version: int
    name: str
    sha256: str
    state: State
    down: str | None
    kind: Kind
    release: str
    rollout: str
    who: str
    at: datetime
    seconds: float = 0.0
    took: str = ""
    """What it took away for good, such as a column's name; empty: nothing."""

    @property
    def title(self) -> str:
        return f"{self.version:04d}_{self.name}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill came: the last key of the last batch that was committed, and the rows so far."""

    version: int
    cursor: str | int | None
    rows: int
    done: bool
