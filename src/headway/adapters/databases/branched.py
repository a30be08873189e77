"""A branch's own database: where it is, worked out from the URL of the one that the environment names. That one itself is never touched."""

import hashlib
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from headway.errors import InvalidSpec

LONGEST = 34
"""Of a name on PostgreSQL: what is put behind it for databases beside it must fit into 63."""


def of_branch(url: str, environment: str) -> str:
    """The URL of this environment's own database, beside the one that the URL names; never that of another environment."""
    if url.startswith("sqlite"):
        scheme, _, rest = url.partition("://")
        path = PurePosixPath(rest.removeprefix("/"))
        if not path.name:
            raise InvalidSpec("the database's URL names no file; expected sqlite:////path/app.db")
        return f"{scheme}:///{path.with_name(f'{path.stem}.{environment}{path.suffix}')}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidSpec("the database's URL cannot be read; expected postgresql://user@host/name") from None
    if not database_of(url) or "dbname" in dict(parse_qsl(parts.query)):
        raise InvalidSpec("the database's URL must name the database in its path, so that a branch's own can be named after it")
    return urlunsplit(parts._replace(path=f"/{quote(_named(database_of(url), environment), safe='')}"))


def database_of(url: str) -> str:
    """The name of the database in the path of a PostgreSQL URL."""
    return unquote(urlsplit(url).path.lstrip("/"))


def _named(base: str, environment: str) -> str:
    name = f"{base}_{environment.replace('.', '_').replace('-', '_')}"
    if len(name.encode()) <= LONGEST and "-" not in environment.partition(".")[0] and "_" not in environment:
        return name
    mark = hashlib.sha256(f"{base}\0{environment}".encode()).hexdigest()[:8]
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore').rstrip('_')}_{mark}"
