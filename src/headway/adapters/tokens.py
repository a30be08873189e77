"""Who may ask over the network: a file with a line for each token, `NAME HASH`. Whoever reads the file cannot ask with what it says."""

import hashlib
import hmac
import secrets
from pathlib import Path

from headway.errors import InvalidSpec, Unavailable

_BYTES = 32


def new_token() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(_BYTES)


def line_of(name: str, token: str) -> str:
    """What the file says of it."""
    if len(name.split()) != 1:
        raise InvalidSpec(f"a token belongs to one name without spaces, such as alice; found {name!r}")
    return f"{name} {_hash(token)}"


class Tokens:
    """The file. Read each time it changed, so that a token that is taken out is worth nothing at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], dict[str, str]] | None = None
        self._people()  # a file that is wrong is told at the start, not to the first who asks

    def person(self, token: str) -> str | None:
        """Whose it is; nobody's, if it is none of ours."""
        given, found = _hash(token), None
        for known, name in self._people().items():
            if hmac.compare_digest(known, given):
                found = name
        return found

    def _people(self) -> dict[str, str]:
        try:
            about = self._path.stat()
            mark = (about.st_mtime_ns, about.st_size)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, self._parsed(self._path.read_text("utf-8")))
        except OSError as error:
            raise Unavailable(f"the file of tokens {self._path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise InvalidSpec(f"the file of tokens {self._path} is not UTF-8 text") from None
        return self._read[1]

    def _parsed(self, text: str) -> dict[str, str]:
        people = {}
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or len(words[1]) != 64 or not set(words[1]) <= set("0123456789abcdef"):
                raise InvalidSpec(f"{self._path}:{number}: expected a name and a hash, as `headway token NAME` prints them")
            people[words[1]] = words[0]
        return people


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
