"""Ways for a version of tally to be bad. Change the one line below, commit, and Headway has something to catch."""

import itertools
import os
import socket
import time

FAULT = "none"
# One of
#   none
#   errors   30 % of what users ask is answered 500; health stays good
#   slow     each answer to a user takes 600 ms longer
#   hang     users never get an answer
#   crash    the process ends while it starts
#   leak     good for LEAKS_AFTER seconds, then memory and latency grow and errors begin
# or one of them in a single environment, as bugs that only real traffic wakes: errors@production

KINDS = ("none", "errors", "slow", "hang", "crash", "leak")
SLOWER = 0.6
LEAKS_AFTER = 20.0
LEAKED_PIECE = 128 * 1024
MOST_PIECES = 1024  # 128 MiB: enough to be seen, too little to take the machine along
SICK_PIECES = 100


class Fault:
    """What goes wrong in this process."""

    def __init__(self, environment: str, fault: str = FAULT) -> None:
        kind, _, only_in = fault.partition("@")
        if kind not in KINDS:
            raise ValueError(f"FAULT must be one of {', '.join(KINDS)}, not {kind!r}")
        # Tally's own tests turn the fault off: a bug that the tests catch is never released, and these are to be released.
        asleep = os.environ.get("TALLY_FAULT") == "off" or (only_in and only_in != environment)
        self.kind = "none" if asleep else kind
        self._born = time.monotonic()
        self._requests = itertools.count()
        self._leaked: list[bytes] = []

    def at_start(self) -> None:
        if self.kind == "crash":
            raise SystemExit("tally: cannot start: the table of tables has no table")

    def strikes(self, connection: socket.socket) -> bool:
        """Do harm to one user request; True if it shall be answered 500."""
        match self.kind:
            case "errors":
                return next(self._requests) * 3 % 10 < 3
            case "slow":
                time.sleep(SLOWER)
            case "hang":
                _wait_for_goodbye(connection)
            case "leak":
                return time.monotonic() - self._born > LEAKS_AFTER and self._leak()
        return False

    def _leak(self) -> bool:
        if len(self._leaked) < MOST_PIECES:
            self._leaked.append(b"\1" * LEAKED_PIECE)
        pieces = len(self._leaked)
        time.sleep(min(pieces * 0.002, 0.5))
        return pieces > SICK_PIECES and next(self._requests) % 2 == 0


def _wait_for_goodbye(connection: socket.socket) -> None:
    """Return when the other side has hung up, so that hanging costs a thread no longer than the caller's patience."""
    connection.settimeout(None)
    while connection.recv(1, socket.MSG_PEEK):
        time.sleep(0.2)
    raise ConnectionAbortedError("the caller gave up")
