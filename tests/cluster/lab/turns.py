"""Who may use the cluster now: any number of tests that only live in it, or one that breaks it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from lab.layout import STATE


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until the cluster is ours, with others or alone."""
    # Whoever waits to be alone holds the door, so that not always somebody else slips in.
    with (STATE / "door").open("w") as door, (STATE / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
