"""SQLite's errors as ours: who can act, and where in the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from headway.adapters.databases.address import Address
from headway.adapters.databases.store import Busy
from headway.errors import Contradiction, Failed, HeadwayError, Refused, Unavailable


@contextmanager
def translated(address: Address, what: str = "") -> Iterator[None]:
    """The driver's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(error, address, what) from error


def _explained(error: sqlite3.Error, address: Address, what: str) -> HeadwayError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    at = f"{what}: " if what else ""
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(f"{at}{address.where} is locked by someone else; nothing was kept")
    if code == sqlite3.SQLITE_READONLY:
        return Refused(f"{address.where} is read-only", (str(error),))
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(f"{at}{address.where} has no room left on its disk; nothing of this transaction was kept")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Contradiction(f"{address.where} is not a whole SQLite database ({error}); restore it from a backup")
    if code == sqlite3.SQLITE_IOERR:
        said = "the disk failed, or has no room left; nothing of this transaction was kept"
        return Unavailable(f"{at}{address.where} cannot be read or written ({error}): {said}")
    if code == sqlite3.SQLITE_CANTOPEN:
        return Unavailable(f"{at}{address.where} cannot be reached: {error}")
    if code == sqlite3.SQLITE_INTERRUPT:
        return Failed(f"{at}took longer than it may; nothing was kept")
    return Failed(f"{at}{error}")
