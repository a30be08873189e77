"""How it is known who asks, for the record: whoever stands at a door says it, and the verbs write it down with the name."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CLAIMED = "the name is what the caller said"
"""Over the socket: whoever may open it may say any name."""
OWNED = "the name is that of the token's owner"
"""Over the network."""

_identity: ContextVar[str] = ContextVar("identity", default=CLAIMED)


def identity() -> str:
    """How the name of whoever asked for what is being done is known."""
    return _identity.get()


@contextmanager
def known(how: str) -> Iterator[None]:
    """Whoever asks inside of this is known so."""
    before = _identity.set(how)
    try:
        yield
    finally:
        _identity.reset(before)
