"""Starting a part of the cluster, waiting until it answers, and ending it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.layout import LOGS, STATE
from lab.network import inside
from lab.trouble import Trouble

STARTS = 3
"""So often a part that ends while it starts is started."""


@dataclass(frozen=True)
class Part:
    """One program of the cluster: how it is started and how one knows that it serves."""

    name: str
    argv: Sequence[str]
    ready: Callable[[], bool]
    within: float = 180.0
    """Seconds; on a machine that others keep busy the API server needs more than a minute."""
    environment: dict[str, str] = field(default_factory=dict)


def start(part: Part) -> None:
    """Start it in the background, in the cluster's network, and return when it answers.

    One that ends because what it needs was slow (the API server without its etcd, a controller without its API) is started again.
    """
    until = time.monotonic() + part.within
    for again in range(STARTS):
        process = _launch(part)
        while process.poll() is None:
            if part.ready():
                return
            if time.monotonic() > until:
                raise Trouble(f"{part.name} does not answer after {part.within:g} s; its last lines ({_log(part)}):\n{_tail(part)}")
            time.sleep(0.1)
        time.sleep(again)
    raise Trouble(f"{part.name} ended {STARTS} times, with {process.returncode}; its last lines ({_log(part)}):\n{_tail(part)}")


def _launch(part: Part) -> "subprocess.Popen[bytes]":
    LOGS.mkdir(parents=True, exist_ok=True)
    with _log(part).open("ab") as out:
        process = subprocess.Popen(
            inside(part.argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | part.environment,
            cwd=STATE,
        )
    _file(part.name).write_text(str(process.pid))
    return process


def end(name: str, patience: float = 5.0) -> None:
    """Ask it to go, then make it go: apiserver and etcd wait for their clients for ever."""
    try:
        pid = int(_file(name).read_text())
    except (FileNotFoundError, ValueError):
        return
    for word, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, word)
        except ProcessLookupError:
            break
        if gone([pid], seconds):
            break
    _file(name).unlink(missing_ok=True)


def ended() -> list[str]:
    """The parts that were started here, were not told to end, and run no more."""
    return [file.name for file in sorted(_file("").iterdir()) if not _alive(int(file.read_text()))]


def gone(pids: Sequence[int], within: float) -> bool:
    """Wait until none of these is left."""
    until = time.monotonic() + within
    while any(_alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):  # ours are reaped here; a dead one that nobody reaps yet is gone all the same
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _file(name: str) -> Path:
    folder = STATE / "pids"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _log(part: Part) -> Path:
    return LOGS / f"{part.name}.log"


def _tail(part: Part) -> str:
    return "\n".join(_log(part).read_text(errors="replace").splitlines()[-15:])
