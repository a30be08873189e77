"""Does a Service lead to its pods yet? Ready is what the cluster says; each node learns of it a moment later, and nobody says when."""

import socket
import time
from urllib.parse import urlsplit

HEARD = 10.0
"""Seconds that this node may take to learn of a Service's pods. Whoever still refuses then is the release itself."""
PAUSE = 0.1


def until_heard(url: str, *, within: float = HEARD) -> None:
    """Wait while connections there are refused, as a node does that knows no pod behind a Service; never longer than so many seconds.

    Anything else ends it: a connection that is taken, and an address that is not reached from here (Headway is outside of the cluster, or a
    policy keeps it out). This is no word about the release: who asks it next hears the same.
    """
    at = urlsplit(url)
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            socket.create_connection((at.hostname or "", at.port or 80), timeout=1.0).close()
        except ConnectionRefusedError:
            time.sleep(PAUSE)
        except OSError:
            return
        else:
            return
