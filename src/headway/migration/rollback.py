"""Down, restore or neither: which way back is right after a migration, and what the others would lose.

The right way back from a bad release is nearly always the old version on the new schema. A down loses what the new columns hold; a
restore loses every write since the backup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from headway.migration.changes import Loss, losses
from headway.migration.files import down_of
from headway.migration.model import Dialect, Kind, Row


class Way(Enum):
    """The ways back."""

    NOTHING = "nothing to do"
    LEAVE = "old version back, schema stays"
    DOWN = "down"
    RESTORE = "restore"
    PERSON = "a person decides"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when somebody wants to go back.

    `values` counts what a down would destroy; None: not counted, or not countable. `writes` since the backup: None is not known.
    """

    failed_in_transaction: bool = False
    contract_applied: bool = False
    has_down: bool = True
    schema_must_go: bool = False
    values: int | None = None
    writes: bool | None = None
    backup: bool = False


@dataclass(frozen=True, slots=True)
class WayBack:
    """The right way, and why."""

    way: Way
    reasons: tuple[str, ...]


def way_back(now: Situation) -> WayBack:
    """One way back for each situation, gravest first."""
    if now.failed_in_transaction:
        return WayBack(
            Way.NOTHING, ("the transaction was rolled back and left nothing; a restore would lose every write since the backup",)
        )
    if now.contract_applied and now.backup and now.writes is False:
        return WayBack(Way.RESTORE, ("nobody wrote since the backup, so a restore loses nothing",))
    if now.contract_applied:
        return WayBack(Way.PERSON, ("what was dropped stays gone: a down brings it back empty; restore side by side and copy by key",))
    if not now.schema_must_go:
        return WayBack(Way.LEAVE, ("the schema only grew, and the old version runs on it; a down would lose what the new columns hold",))
    if not now.has_down:
        return WayBack(Way.PERSON, ("there is no way down in the ledger",))
    if now.values == 0:
        return WayBack(Way.DOWN, ("the new objects are empty",))
    counted = "their values were not counted" if now.values is None else f"they hold {now.values:,} values"
    return WayBack(Way.LEAVE, (f"a down would destroy the new objects, and {counted}: leave them, or export them first",))


@dataclass(frozen=True, slots=True)
class Counted:
    """A loss and how many values it means; None: could not be counted."""

    loss: Loss
    values: int | None

    def __str__(self) -> str:
        if self.values is None:
            return f"{self.loss.what}: could not be counted"
        return f"{self.loss.what}: {self.values:,} {'values' if self.loss.column else 'rows'}"


def down_objections(rows: Sequence[Row], wanted: Sequence[Row]) -> tuple[str, ...]:
    """Why these rows cannot be taken down at all."""
    lowest = min((row.version for row in wanted), default=0)
    left_out = [row for row in rows if row.version > lowest and row not in wanted]
    without = [row for row in wanted if row.down is None and row.kind is not Kind.BACKFILL]
    return (
        *(f"{row.title} is above it and would stay" for row in left_out),
        *(f"{row.title} has no way down in the ledger; restore, or write a new migration" for row in without),
    )


def loss_objections(row: Row, counted: Sequence[Counted]) -> tuple[str, ...]:
    """What a person must accept before this row goes down; empty when nothing is lost."""
    empty = (f"{row.title} took {row.took}: going down brings that back empty; restore side by side and copy by key",) if row.took else ()
    return (*empty, *(f"{row.title} would destroy {one}" for one in counted if one.values != 0))


def down_losses(row: Row, dialect: Dialect) -> tuple[Loss, ...]:
    """What a row's own way down destroys."""
    return losses(down_of(row.down, row.title, dialect), dialect) if row.down is not None else ()


def sentence(title: str, kind: Kind, what: Sequence[str], counted: Mapping[Loss, int | None], *, has_down: bool) -> str:
    """Which way back exists after a migration, for the plan: said beforehand."""
    if kind is Kind.CONTRACT:
        values = ", ".join(str(Counted(loss, number)) for loss, number in counted.items())
        gone = f"it {'; '.join(what)}" + (f" ({values})" if values else "")
        return f"after {title} there is no automatic way back: {gone}"
    down = "; its down is there for when the schema must go" if has_down else "; it has no down"
    return f"after {title} the old version comes back on the new schema{down}"
