"""python3 -m tally: serve on 127.0.0.1:$PORT until SIGTERM, then finish what is in flight."""

import signal
import sqlite3
import sys
import threading

from tally import settings as from_environment
from tally.answers import Answers
from tally.fault import Fault
from tally.server import Server
from tally.votes import Votes

GRACE = 4.5  # less than stop_grace in headway.yaml, so that we end by ourselves and can say what was cut off
STOPS = {signal.SIGTERM, signal.SIGINT}


def main() -> int:
    # Blocked before any thread starts, so that a signal always waits for sigwait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        settings = from_environment.read()
        fault = Fault(settings.environment)
        fault.at_start()
        votes = Votes(settings.state)
        server = Server(settings.port, Answers(settings, votes).answer, fault.strikes, debug=settings.debug)
    except (ValueError, OSError, sqlite3.Error) as error:
        return _complain(f"cannot start: {error}")
    say(f"{settings.version} listens on http://127.0.0.1:{settings.port}, votes are in {settings.state}")
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    signal.sigwait(STOPS)
    if left := server.stop(GRACE):
        return _complain(f"stopped with {left} connection(s) still busy")
    votes.close()
    say("stopped")
    return 0


def say(text: str) -> None:
    sys.stderr.write(f"tally: {text}\n")


def _complain(text: str) -> int:
    say(text)
    return 1


sys.exit(main())
