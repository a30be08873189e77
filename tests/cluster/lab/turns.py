"""Who may use the cluster now: any number of tests that only live in it, or one that breaks it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until the cluster is ours, with others or alone."""
    state = Path(os.environ["HEADWAY_TEST_KUBECONFIG"]).parent  # the cluster's, whichever checkout's tests these are
    # Whoever waits to be alone holds the door, so that not always somebody else slips in.
    with (state / "door").open("w") as door, (state / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
