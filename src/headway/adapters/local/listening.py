"""Ports of this machine: which are free, and who has one that is not."""

import random
import socket
from collections.abc import Iterable

import psutil

from headway.adapters.local import processes
from headway.adapters.local.envoy_config import LOOPBACK
from headway.errors import Unavailable

PLACES, REPLICAS = range(20_000, 25_000), range(25_000, 32_000)
"""Below the ports that the system hands out for outgoing connections; apart, so that a place's port stays free while its Envoy is down."""


def is_free(port: int) -> bool:
    """Whether one could listen there now."""
    with socket.socket() as trial:
        # Else connections that just ended would make it look taken for a minute.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
            trial.listen(1)
        except OSError:
            return False
        return True


def draw(out_of: range, taken: Iterable[int] = ()) -> int:
    """A free port that is not among those taken."""
    avoid = frozenset(taken)
    for _ in range(1000):
        port = random.choice(out_of)  # noqa: S311 - chance, not a secret
        if port not in avoid and is_free(port):
            return port
    raise Unavailable(f"no free port found between {out_of.start} and {out_of.stop}")


def demand(port: int, what: str) -> None:
    """Unavailable, with the owner and the way out, if the port is taken."""
    if is_free(port):
        return
    raise Unavailable(
        f"port {port} for {what} is taken by {owner(port)}; stop that process, or set another `port:` for the environment in headway.yaml"
    )


def owner(port: int) -> str:
    """Who listens there, in words."""
    try:
        pids = processes.listeners(port)
    except psutil.Error:
        return "a process that we may not see"
    if not pids:
        return "nobody"
    return " and ".join(_named(pid) for pid in sorted({pid or 0 for pid in pids}))


def _named(pid: int) -> str:
    if not pid:
        return "a process of another user"
    try:
        return f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.Error:
        return f"process {pid}"
