"""What a run would do, in which transactions, before anything is touched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from headway.migration.changes import Name, kind_of, losses
from headway.migration.model import Dialect, Kind, Migration
from headway.migration.status import Status


class Together(Enum):
    """How far a transaction reaches."""

    RELEASE = "release"
    """All pending files in one: fast, and a failure leaves nothing."""
    FILE = "file"
    """One per file: locks are held for one file only."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are kept or lost together. A file outside of transactions is alone."""

    migrations: tuple[Migration, ...]
    transaction: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What one `up` does: groups in order; then contracts that wait, and why."""

    groups: tuple[Group, ...]
    waiting: tuple[Migration, ...]
    why: tuple[str, ...]


def default_together(dialect: Dialect, *, traffic: bool) -> Together:
    """Under traffic on PostgreSQL every lock must be short; everywhere else all or nothing is worth more."""
    return Together.FILE if traffic and dialect is Dialect.POSTGRES else Together.RELEASE


def plan(status: Status, dialect: Dialect, together: Together, *, contracts: bool | Collection[int]) -> Run:
    """The pending files up to the first that must wait. A contract waits for every backfill before it, and for a word.

    `contracts` is that word: for all of them, for none, or for these versions.
    """
    created: set[Name] = set()
    ready: list[Migration] = []
    why: tuple[str, ...] = ()
    unfilled = [one.title for one in status.unfilled]
    for one in status.pending:
        kind = kind_of(one, dialect, created)
        # A table may be new to the old release and yet be what a backfill before this file still reads.
        if unfilled and kind is not Kind.CONTRACT and losses(one.up, dialect):
            kind = Kind.CONTRACT
        why = _waits(one, kind, unfilled, may=contracts if isinstance(contracts, bool) else one.version in contracts)
        if why:
            break
        ready.append(one)
        unfilled += [one.title] if one.backfill else []
    return Run(groups(ready, together), tuple(status.pending[len(ready) :]), why)


def _waits(one: Migration, kind: Kind, unfilled: Sequence[str], *, may: bool) -> tuple[str, ...]:
    if kind is not Kind.CONTRACT:
        return ()
    if unfilled:
        return tuple(f"{one.title} takes something away and waits for the backfill of {title}" for title in unfilled)
    if may:
        return ()
    return (f"{one.title} takes something away and waits until no running release needs it",)


def groups(migrations: Sequence[Migration], together: Together) -> tuple[Group, ...]:
    """Neighbours share a transaction if they may."""
    found: list[Group] = []
    for one in migrations:
        alone = one.up is not None and not one.up.transaction
        if not alone and together is Together.RELEASE and found and found[-1].transaction:
            found[-1] = Group((*found[-1].migrations, one), transaction=True)
        else:
            found.append(Group((one,), transaction=not alone))
    return tuple(found)
