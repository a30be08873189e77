"""Which database, what people call it, and what must never be shown of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from headway.adapters.secrets import ONES_OWN, SCHEMES, in_cluster, resolve
from headway.environments.branches import OWN
from headway.errors import InvalidSpec
from headway.migration.model import Dialect

EXPECTED = "expected sqlite:////path/app.db or postgresql://user@host/name, or env:NAME or file:PATH where it stands"
_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
_SECRET_OPTIONS = {"password", "sslpassword"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is. `url` may hold a password and is never shown; `where` is for people."""

    dialect: Dialect
    where: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    scheme: str = "postgresql"
    """How the URL began: other tools read a driver's name out of it."""
    exposed: bool = False
    """The password came with the reference itself, so it stood on a command line."""

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(_sqlite_path(self.url))

    def masked(self, text: object) -> str:
        """The text without the secrets."""
        return mask(str(text), self.secrets)


def address(reference: str) -> Address:
    """Read a URL, or the reference to one. No error shows the URL: what does not parse may hold a password anywhere."""
    if in_cluster(reference):
        told = f"say in: cluster and a Job migrates it there; from here it is needed as {ONES_OWN}"
        raise InvalidSpec(f"the database's URL is {reference}, a Secret that only pods of that cluster read; {told}")
    url = resolve(reference) if reference.startswith((*SCHEMES, OWN)) else reference
    scheme = url.partition(":")[0]
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        path = _sqlite_path(url)
        if path in {"", ":memory:"} or "?" in path:
            raise InvalidSpec(f"the database's URL names no file; {EXPECTED}")
        return Address(Dialect.SQLITE, f"the database {path}", url, scheme=scheme)
    if scheme not in _POSTGRES:
        raise InvalidSpec(f"the database's URL cannot be read; {EXPECTED}")
    plain = "postgresql" + url[len(scheme) :]
    try:
        parts = urlsplit(plain)
        port = f":{parts.port}" if parts.port else ""
        options = dict(parse_qsl(parts.query))
    except ValueError:
        raise InvalidSpec(f"the database's URL cannot be read; {EXPECTED}") from None
    if "@" in parts.netloc.rpartition("@")[0]:
        raise InvalidSpec("the database's URL has two @; write an @ within the password as %40")
    found = [parts.password, *(options.get(name) for name in _SECRET_OPTIONS)]
    secrets = tuple(dict.fromkeys(each for one in found if one for each in (one, unquote(one))))
    host = parts.hostname or options.get("host") or "the local socket"
    name = unquote(parts.path.lstrip("/")) or options.get("dbname") or unquote(parts.username or "")
    where = f"the database {name} on PostgreSQL at {host}{port}"
    return Address(Dialect.POSTGRES, where, plain, secrets, scheme, exposed=bool(secrets) and url is reference)


def mask(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text


def _sqlite_path(url: str) -> str:
    return url.partition("://")[2].removeprefix("/")
