"""Ports of this machine: which are free, and who has one that is not."""

import contextlib
import os
import random
import re
import socket
from collections.abc import Iterable
from pathlib import Path

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


def owns(identity: processes.Identity, port: int) -> bool:
    """Whether this process's group, and nobody else, listens on the port: a stale process must not pass another's health check."""
    sockets = _sockets_listening(port)
    if sockets is None:
        return _owns_elsewhere(identity, port)
    # Asked for every replica again and again, so its leader is looked at before everybody else on this machine is.
    if sockets and (foreign := sockets - _sockets_of(identity.pid)):
        foreign -= frozenset().union(*(_sockets_of(member) for member in processes.group(identity)))
        return not foreign
    return bool(sockets) and processes.lives(identity)


def listeners(port: int) -> tuple[int | None, ...]:
    """Who listens on this TCP port: process numbers, None for one that we may not see."""
    found = psutil.net_connections("tcp")
    return tuple(c.pid for c in found if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port)


def owner(port: int) -> str:
    """Who listens there, in words."""
    try:
        pids = listeners(port)
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


def _sockets_listening(port: int) -> frozenset[str] | None:
    """The sockets (by inode) that listen on this port; None where there is no /proc."""
    # local address, remote address, state 0A, queues, timer, retransmits, user, timeout, inode
    listening = re.compile(rb":%04X [0-9A-F]+:0000 0A \S+ \S+ \S+ +\d+ +\d+ (\d+)" % port)
    try:
        tables = [Path("/proc/net/tcp").read_bytes()]
    except OSError:
        return None
    if (six := Path("/proc/net/tcp6")).exists():
        tables.append(six.read_bytes())
    return frozenset(inode.decode() for table in tables for inode in listening.findall(table))


def _sockets_of(pid: int) -> frozenset[str]:
    found = set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as files:
        for file in files:
            with contextlib.suppress(OSError):  # closed while we looked
                target = os.readlink(file)  # noqa: PTH115 - hundreds of them, often
                if target.startswith("socket:["):
                    found.add(target[len("socket:[") : -1])
    return frozenset(found)


def _owns_elsewhere(identity: processes.Identity, port: int) -> bool:
    members = processes.group(identity)
    try:
        owners = set(listeners(port))
    except psutil.AccessDenied:  # macOS shows everybody's sockets to root only; our own we may always see
        return any(_listens(member, port) for member in members)
    return bool(owners) and owners <= members


def _listens(pid: int, port: int) -> bool:
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in found)
