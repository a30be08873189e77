"""Whose is this half-made thing? Whoever makes a file holds a lock on it, so that what a dead maker left can be told from work in hand.

The lock goes when its process goes, however it goes; nobody has to guess from an age.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claimed(make: Callable[[], Path]) -> Iterator[Path]:
    """What `make` makes, a file or a folder that was not there before, held until the end."""
    while True:
        path = make()
        held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(held, path):
                break
        except BlockingIOError:
            pass
        # Between the making and the lock, a broom took it for abandoned.
        os.close(held)
    try:
        yield path
    finally:
        os.close(held)


def abandoned(path: Path) -> bool:
    """Is its maker dead?"""
    try:
        held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(held).st_uid == os.geteuid()
    except OSError:
        return False
    finally:
        os.close(held)


def _is(held: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        there, ours = path.stat(), os.fstat(held)
        return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)
    return False
