"""The key by which secrets are told apart. Servers on one ledger need the same one: what one of them froze, another compares."""

from pathlib import Path
from typing import Protocol

from headway.adapters.secrets import fingerprint, resolve, server_key
from headway.errors import InvalidSpec, Refused

NOTE = "key"
"""In the ledger: what tells this key from another, and nothing else about it."""


class Settings(Protocol):
    """The ledger's, by name."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str) -> None: ...


def agreed(home: Path, named: str | None, settings: Settings, *, new: bool = False) -> bytes:
    """The key that `named` refers to, or else the home's own. Refused where the servers of this ledger have another.

    A ledger asks its servers to agree once one of them was given its key. `new`: from now on this one is it.
    """
    key = _given(named) if named else server_key(home / "key")
    mark, noted = fingerprint(key, "the key of this ledger's servers"), settings.get(NOTE)
    if (named and noted is None) or new:
        settings.put(NOTE, mark)
    elif noted is not None and noted != mark:
        raise Refused(
            "the servers of this ledger have another key than this one",
            (
                "give it the same: HEADWAY_KEY=file:PATH",
                "if that one is lost: `headway serve --new-key` takes this one; environments with secrets then count as changed",
            ),
        )
    return key


def _given(reference: str) -> bytes:
    value = resolve(reference)
    if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        # What was found is not shown: it is the key.
        raise InvalidSpec(f"HEADWAY_KEY: {reference} holds no key; expected 64 hex digits, as `openssl rand -hex 32` makes them")
    return bytes.fromhex(value)
