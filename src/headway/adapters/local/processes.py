"""Processes that outlive us: started once, found again after kill -9, stopped by identity and never by number alone.

One folder, one process, ever. A shim (see shim.py) keeps each of them; it holds the folder's lock, writes who runs and how it
ended, and keeps the log. Everything here can be asked by any Headway at any time: all memory is in the folder.

    identity = start(folder, ("python3", "-m", "tally"), cwd=tree, env={"PATH": …, "PORT": "4711"})
    match state(folder):
        case Running(identity): ...
        case Exited(code, signal, at): ...
    stop(folder, grace=10)
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from headway.errors import Unavailable
from headway.releases.model import Limits

SHIM = Path(__file__).with_name("shim.py")
UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is: its number alone is soon somebody else's. It leads a process group of the same number."""

    pid: int
    ticks: int | None
    boot: str
    shim: int
    started: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """Nothing was started in this folder."""


@dataclass(frozen=True, slots=True)
class Running:
    """It runs."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Exited:
    """It ended: by itself with `code`, or by `signal`. `error` says why it could not be started at all (then `code` is 127)."""

    code: int | None
    signal: int | None
    at: datetime
    error: str = ""

    def __str__(self) -> str:
        if self.error:
            return self.error
        if self.signal is not None:
            return f"killed by {_signal_name(self.signal)}"
        return f"exited with status {self.code}"


@dataclass(frozen=True, slots=True)
class Lost:
    """It ran, and does not any more; nobody saw it end (the machine restarted, or its shim was killed)."""

    def __str__(self) -> str:
        return "lost: it ended and nobody saw how (did the machine restart?)"


State = Never | Running | Exited | Lost


def start(
    folder: Path,
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log_bytes: int = 5_000_000,
    log_files: int = 3,
    limits: Limits = UNLIMITED,
    mask: Sequence[str] = (),
) -> Identity:
    """Start the process, unless this folder already has one (running or ended): then that one's identity.

    `env` is the whole environment, nothing is inherited. `mask` names the variables in it whose values never reach the log. A program
    that cannot be executed is no exception here: state() says Exited with an error.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (known := _identity(folder)) is not None:
        return known
    spec = {
        "argv": list(argv),
        "cwd": str(cwd),
        "log_bytes": log_bytes,
        "log_files": log_files,
        "limits": _rlimits(limits),
        "mask": list(mask),
    }
    command = (sys.executable, "-I", "-S", "-E", str(SHIM), str(folder))
    try:
        ran = subprocess.run(command, input=json.dumps(spec).encode(), env=dict(env), capture_output=True, cwd="/", timeout=30, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the shim for {argv[0]} could not be started: {error}") from error
    identity = _identity(folder)
    if identity is None:
        said = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Unavailable(f"the shim for {argv[0]} did not start it in {folder}: {said or 'it said nothing'}")
    return identity


def state(folder: Path) -> State:
    """How the folder's process stands."""
    if (ended := _ending(folder)) is not None:
        return ended
    about = _read(folder / "pid.json")
    if about is None:
        return _state_without_pid(folder)
    identity = _identity_in(about)
    if lives(identity):
        return Running(identity)
    # It ended a moment ago and its shim is still writing down how, or there is no shim any more.
    _wait_until(lambda: (folder / "exit.json").exists() or not _runs(about["shim"], about["shim_ticks"], identity), 5.0)
    return _ending(folder) or Lost()


def _state_without_pid(folder: Path) -> State:
    if not _wait_until(lambda: (folder / "pid.json").exists() or not _locked(folder), 10.0):
        raise Unavailable(f"a shim holds {folder / 'lock'} and started nothing for 10 s; is the disk full?")
    return state(folder) if (folder / "pid.json").exists() else Never()


def lives(identity: Identity) -> bool:
    """Whether exactly this process runs (an unreaped one does not)."""
    return identity.boot == _boot() and _runs(identity.pid, identity.ticks, identity)


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal its whole group, if it is still the same process; whether it was."""
    if not lives(identity):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(identity.pid, number)
        return True
    return False


def stop(folder: Path, *, grace: float) -> State:
    """SIGTERM to the group; what still runs after `grace` seconds gets SIGKILL. Returns how it ended; twice is as good as once."""
    now = state(folder)
    if not isinstance(now, Running):
        return now
    with _watching(now.identity) as ended:
        send(now.identity, signal.SIGTERM)
        if not ended(grace):
            send(now.identity, signal.SIGKILL)
            ended(10.0)
    return state(folder)


@contextlib.contextmanager
def _watching(identity: Identity) -> Any:
    """A function that waits up to so many seconds for its end: by pidfd where there is one, else by looking."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except (AttributeError, OSError):
        yield lambda seconds: _wait_until(lambda: not lives(identity), seconds)
        return

    def ended(seconds: float) -> bool:
        # Opened by number, so look again: the number may have been somebody else's by then.
        return not lives(identity) or bool(select.select([pidfd], [], [], seconds)[0])

    try:
        yield ended
    finally:
        os.close(pidfd)


def group(identity: Identity) -> frozenset[int]:
    """The numbers of the process and of everything in its group."""
    if not lives(identity):
        return frozenset()
    members = {identity.pid}
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == identity.pid:
                members.add(pid)
    return frozenset(members)


def tail(folder: Path, lines: int = 20) -> tuple[str, ...]:
    """The last lines that it printed, secrets masked."""
    kept: list[str] = []
    for name in ("log", "log.1"):
        kept = [*_last_lines(folder / name, lines - len(kept)), *kept]
        if len(kept) >= lines:
            break
    return tuple(kept)


def _last_lines(path: Path, lines: int) -> list[str]:
    if lines <= 0:
        return []
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - lines * 2000))
            return log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _rlimits(limits: Limits) -> dict[str, int]:
    rlimits = {}
    if limits.memory_mb is not None:
        # DATA, not AS: runtimes reserve address space that they never use.
        rlimits["DATA"] = limits.memory_mb * 1024 * 1024
    if limits.open_files is not None:
        rlimits["NOFILE"] = limits.open_files
    return rlimits


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error


def _identity(folder: Path) -> Identity | None:
    about = _read(folder / "pid.json")
    return None if about is None else _identity_in(about)


def _identity_in(about: Mapping[str, Any]) -> Identity:
    return Identity(about["pid"], about["ticks"], about["boot"], about["shim"], datetime.fromtimestamp(about["at"], UTC))


def _ending(folder: Path) -> Exited | None:
    about = _read(folder / "exit.json")
    if about is None:
        return None
    return Exited(about["code"], about["signal"], datetime.fromtimestamp(about["at"], UTC), about["error"])


def _runs(pid: int, ticks: int | None, identity: Identity) -> bool:
    try:
        if ticks is not None:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return int(fields[19]) == ticks and fields[0] not in (b"Z", b"X")
        # No /proc (macOS): the same number, started when we wrote it down.
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= identity.started.timestamp() + 2)
    except (OSError, psutil.Error, IndexError):
        return False


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _locked(folder: Path) -> bool:
    """Whether a shim lives here. Looking takes a shared lock for a moment; a starting shim knows that and tries again."""
    try:
        lock = os.open(folder / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def _wait_until(true: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
