"""PostgreSQL's errors as ours: who can act, where in the file, and no secrets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import errors

from headway.adapters.databases.address import Address
from headway.adapters.databases.store import Busy
from headway.errors import Failed, HeadwayError, Refused, Unavailable
from headway.migration.model import Script

_RETRY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)
_REASONS: Mapping[type[psycopg.Error], tuple[type[HeadwayError], str]] = {
    errors.InvalidPassword: (Unavailable, "refuses the password; check the URL, or PGPASSFILE"),
    errors.InvalidAuthorizationSpecification: (Unavailable, "does not let this user in"),
    errors.InvalidCatalogName: (Unavailable, "does not exist"),
    errors.DiskFull: (Unavailable, "has no room left on its disk; nothing of this transaction was kept"),
    errors.TooManyConnections: (Unavailable, "has no connection to spare"),
    errors.ReadOnlySqlTransaction: (Refused, "is read-only"),
}


@contextmanager
def translated(address: Address, what: str = "", script: Script | None = None, offset: int | None = None) -> Iterator[None]:
    """The driver's errors as ours: who can act, where in the file, and no secrets."""
    try:
        yield
    except psycopg.Error as error:
        raise _explained(error, address, what, script, offset) from None


def _explained(error: psycopg.Error, address: Address, what: str, script: Script | None, offset: int | None) -> HeadwayError:
    message = address.masked(error.diag.message_primary or error).strip()
    for kind, (ours, text) in _REASONS.items():
        if isinstance(error, kind):
            return ours(f"{address.where} {text} ({message})")
    if error.sqlstate is None and "password" in message:
        return Unavailable(f"{address.where} refuses the password; check the URL, or PGPASSFILE ({message})")
    where = f"{what}:{_line(error, script, offset)}" if script is not None else what
    if isinstance(error, _RETRY):
        return Busy(f"{where or address.where}: {message}; nothing was kept")
    if error.sqlstate is None or error.sqlstate[:2] in {"08", "53", "57", "58"}:
        if isinstance(error, errors.QueryCanceled):
            return Failed(f"{where}: {message}; it took longer than it may under traffic")
        return Unavailable(f"{address.where}: {message}{f' (at {where})' if where else ''}; run it again, the ledger knows what was kept")
    detail = address.masked(error.diag.message_detail or "")
    hint = address.masked(error.diag.message_hint or "")
    return Failed(": ".join(one for one in (where or address.where, message, detail, hint) if one))


def _line(error: psycopg.Error, script: Script | None, offset: int | None) -> int:
    if script is None:
        return 1
    position = error.diag.statement_position
    if position is None or offset is None:
        return script.line
    return script.line + script.sql.count("\n", 0, max(int(position) - 1 - offset, 0))
