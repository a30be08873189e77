"""Waiting for the next reason to look: a word from us, a process that ends, or time."""

import contextlib
import os
import select
from collections.abc import Sequence

from headway.adapters.local import processes


class Waker:
    """One waits, many wake. Where there is no pidfd (macOS), processes that end are seen at the next look."""

    def __init__(self) -> None:
        self._hear, self._bell = os.pipe()
        for end in (self._hear, self._bell):
            os.set_blocking(end, False)

    def wake(self) -> None:
        """Look now."""
        with contextlib.suppress(OSError):  # full: it is awake already
            os.write(self._bell, b"!")

    def wait(self, seconds: float, watched: Sequence[processes.Identity]) -> None:
        """Return at the first reason."""
        with contextlib.ExitStack() as open_now:
            poll = select.poll()
            poll.register(self._hear, select.POLLIN)
            for identity in watched:
                with contextlib.suppress(AttributeError, OSError):
                    try:
                        pidfd = os.pidfd_open(identity.pid)
                    except ProcessLookupError:
                        return  # it ended since it was last looked at: that is a reason
                    open_now.callback(os.close, pidfd)
                    poll.register(pidfd, select.POLLIN)
            poll.poll(seconds * 1000)
        with contextlib.suppress(OSError):
            os.read(self._hear, 4096)

    def close(self) -> None:
        """Nobody waits any more."""
        os.close(self._hear)
        os.close(self._bell)
