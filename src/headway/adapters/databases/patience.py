"""Trying again when a lock was not to be had: everything was rolled back, and the queue behind us has drained meanwhile."""

from collections.abc import Callable
from typing import TypeVar

from headway.adapters.databases.store import Busy

T = TypeVar("T")


def patiently(act: Callable[[], T], tries: int, pause: float, sleep: Callable[[float], None]) -> T:
    """Do it, again while somebody holds the lock, a little later each time."""
    for attempt in range(1, tries):
        try:
            return act()
        except Busy:
            sleep(pause * attempt)
    try:
        return act()
    except Busy as error:
        raise Busy(
            f"{error}; tried {tries} times: run it again when there is less traffic, or end the long transaction that holds it"
        ) from error
