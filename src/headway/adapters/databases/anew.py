"""A database made anew: beside the live one first, whole, and then in its place, in one step. What it held is kept beside it.

Killed at any moment, the live name has all of the old or all of the new; the new one's ledger names the rollout that made it, which is
how anybody can tell.
"""

from collections.abc import Callable
from typing import Protocol

from headway.adapters.databases.address import Address
from headway.errors import InvalidSpec
from headway.migration.model import Dialect

FRESH = "_fresh_"
BEFORE = "_before_"
KEPT = 3
"""So many of those that were moved aside stay; the next reset removes the oldest."""
MARK = "made by Headway for a branch"


class Ground(Protocol):
    """Where one database is, or will be."""

    def exists(self) -> bool: ...

    def renew(self, build: Callable[[Address], None], tag: str, *, like: str, mark: bool) -> str | None:
        """Have `build` fill an empty database and put that in place; where the old one is kept, if there was one.

        On PostgreSQL it is set up like the database of the name `like` where there was none. `mark` it as ours to remove.
        """
        ...

    def remove(self) -> tuple[str, ...]:
        """Remove it with all that was moved aside, but only if it bears our mark; what came of it."""
        ...


def ground(address: Address) -> Ground:
    """The ground for this address."""
    if address.dialect is Dialect.SQLITE:
        from headway.adapters.databases.sqlite_anew import SqliteGround

        return SqliteGround(address)
    try:
        from headway.adapters.databases.postgres_anew import PostgresGround
    except ModuleNotFoundError as error:
        raise InvalidSpec(f"{address.where} needs a driver that is not installed: pip install 'headway[postgres]'") from error
    return PostgresGround(address)
