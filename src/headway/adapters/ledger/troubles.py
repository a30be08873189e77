"""What databases say when they cannot, as sentences with the way out; never with a password in them."""

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from sqlalchemy import URL
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from headway.errors import Contradiction, HeadwayError, Unavailable

# What SQLite's or PostgreSQL's own text contains, and what to do about it. The first that fits speaks.
WAYS_OUT: tuple[tuple[str, str], ...] = (
    ("disk is full", "the disk is full; free some space there and try again"),
    ("No space left on device", "the disk is full; free some space there and try again"),
    ("readonly database", "it cannot be written; make the file and its folder writable for the user who runs Headway"),
    ("read-only transaction", "it takes no writes: a standby, or set to read only; name the primary in the URL"),
    ("unable to open database file", "it cannot be opened; make sure that its folder exists and is writable for the user who runs Headway"),
    ("database is locked", "another process has kept it locked; find out who writes to it and try again"),
    ("lock timeout", "somebody else has kept a row locked; try again"),
    ("deadlock detected", "two writers met; try again"),
    ("file is not a database", "the file is no SQLite database; name another file, or restore it from a backup"),
    ("malformed", "the file is damaged; restore it from a backup"),
    ("disk I/O error", "the disk does not read or write; look at the system's log"),
    ("too many clients", "the server has no connection left; raise max_connections or stop a client"),
    ("password authentication failed", "the server refused the user or the password"),
    ("permission denied", "the user lacks a right; grant it create and usage on the schema"),
    ("does not exist", "create it, or correct the URL"),
    ("Connection refused", "nothing answers there; start PostgreSQL, or correct the URL"),
)


def explain(error: SQLAlchemyError, where: str, secrets: Iterable[str]) -> HeadwayError:
    """Unavailable when trying again, or mending the world, may help; Contradiction when only our own records can be wrong."""
    said = _first_line(str(getattr(error, "orig", None) or error))
    for secret in secrets:
        said = said.replace(secret, "***")
    way_out = next((way for words, way in WAYS_OUT if words in said), None)
    if way_out is None and isinstance(error, IntegrityError | ProgrammingError | DataError):
        return Contradiction(f"{where} does not fit what Headway wants to write or read: {said}")
    return Unavailable(f"{where}: {way_out} ({said})" if way_out else f"{where} did not answer: {said}")


def secrets_of(url: URL) -> tuple[str, ...]:
    """Every spelling of every password in the URL, longest first."""
    given = [str(url.password or ""), *(str(value) for key, value in url.query.items() if "pass" in key)]
    return tuple(sorted({way(each) for each in given if each for way in (str, quote, quote_plus)}, key=len, reverse=True))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
