"""Keeps one process: runs it, keeps its log, writes down how it ended. Started as `python -I -S -E shim.py FOLDER`, spec as JSON on stdin.

It lives in its own session and survives whoever started it. Standard library only, so that it stays small and needs no package
of the Headway that started it. The process's environment is the shim's own: no secret is in a file or in an argument list.

The spec: `argv`, `cwd`, `log_bytes` and `log_files` (cap of one log file, number of them), `limits` (rlimit name to number), `mask`
(names of variables whose values are `***` in the log).

In the folder, all mode 0600: `lock` (held while the shim lives), `pid.json` (written before the program is executed), `log`,
`log.1` …, `exit.json`. One folder, one process, ever.
"""
# ruff: noqa: PTH105, PTH108, PTH109, PTH110, PTH123, PTH208
# pathlib would cost this process 0.7 MiB, once for every replica.

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False  # mypy knows the name; importing typing for it would cost half a megabyte for every replica
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

PIECE = 65536
"""A line longer than this is written in pieces."""
MARK = "HEADWAY_INSTANCE"
"""What every descendant has in its environment, wherever it went: the folder of the process that it belongs to."""


def main(folder: str) -> int:
    """Start the process unless this folder already has one; return as soon as it is written down, and leave a keeper behind."""
    spec = json.load(sys.stdin)
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        # The keeper answers one byte when pid.json is there (its own or an earlier one's); silence means that it died.
        return 0 if os.read(told, 1) else 1
    os.close(told)
    os.setsid()
    os.chdir(folder)
    lock = _lock()
    if lock is None or os.path.exists("pid.json"):
        os.write(tell, b".")
        return 0
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _keep(spec, tell)
    return 0


def _lock() -> int | None:
    """The folder's lock, or None when another shim holds it and has started the process."""
    lock = os.open("lock", os.O_CREAT | os.O_RDWR, 0o600)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            # Somebody may only be looking whether it is held; a real holder shows by its pid.json.
            if os.path.exists("pid.json"):
                return None
            time.sleep(0.005)


def _keep(spec: "Spec", tell: int) -> None:
    # Reserved now: a disk that is full when the process ends cannot hide how it ended.
    ending = os.open("exit.json.new", os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
    os.write(ending, b" " * 1024)
    wake, bell = os.pipe()
    for end in (wake, bell):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    lines, voice = os.pipe()
    go, start = os.pipe()
    trouble, cry = os.pipe()
    child = os.fork()
    if not child:
        os.close(start)
        _become(spec, go, voice, cry)
    os.close(go)
    os.close(voice)
    os.close(cry)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    _write_down_pids(child)
    # Only now: a process that runs is always one that is written down.
    os.write(start, b"!")
    os.close(start)
    error = os.read(trouble, 4096).decode(errors="replace")
    os.close(trouble)
    os.write(tell, b".")
    os.close(tell)
    _quiet()
    status = _follow(child, lines, wake, Log(spec))
    _write_down_end(ending, status, error)


def _become(spec: "Spec", go: int, voice: int, cry: int) -> None:
    """In the child: wait until we are written down, then turn into the program."""
    try:
        os.setpgid(0, 0)
        if not os.read(go, 1):
            os._exit(125)  # the shim died before it wrote us down
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(voice, 1)
        os.dup2(voice, 2)
        os.environ[MARK] = os.getcwd()
        os.chdir(spec["cwd"])
        for name, most in {"CORE": 0, **spec.get("limits", {})}.items():
            _limit(getattr(resource, "RLIMIT_" + name), most)
        os.execvp(spec["argv"][0], spec["argv"])  # noqa: S606 - no shell is the point
    except BaseException as error:
        os.write(cry, f"cannot start {spec['argv'][0]}: {error}".encode())
    finally:
        os._exit(127)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _quiet() -> None:
    """Hold on to nothing of whoever started us."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _write_down_pids(child: int) -> None:
    about = {
        "pid": child,
        "ticks": _ticks(child),
        "boot": _boot(),
        "shim": os.getpid(),
        "shim_ticks": _ticks(os.getpid()),
        "at": time.time(),
    }
    new = os.open("pid.json.new", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    os.write(new, json.dumps(about).encode())
    os.fsync(new)
    os.close(new)
    os.replace("pid.json.new", "pid.json")


def _write_down_end(ending: int, status: int, error: str) -> None:
    about = {
        "code": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "at": time.time(),
        "error": error[:500],
    }
    os.pwrite(ending, json.dumps(about).encode(), 0)
    os.fsync(ending)
    os.replace("exit.json.new", "exit.json")


def _ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: with the pid and the boot, nobody else has the same."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot:
            return boot.read().strip()
    except OSError:
        return ""


def _follow(child: int, lines: int, wake: int, log: "Log") -> int:
    """Carry the process's words into the log until it ends; then end what it left behind in its group."""
    os.set_blocking(lines, False)
    poll = select.poll()
    poll.register(lines, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    listening = True
    while not _has_ended(child):
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 512)
            elif listening and not _carry(lines, log):
                poll.unregister(lines)
                listening = False
    # The leader is not reaped yet, so the group's number is still ours.
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    _end_strays()
    _, status = os.waitpid(child, 0)
    until = time.monotonic() + 1  # a process that left the group may hold the pipe open for ever
    while listening and time.monotonic() < until:
        listening = _carry(lines, log)
        select.select([lines], [], [], 0.05)
    log.close()
    return status


def _end_strays() -> None:
    """End what left the group by a session of its own: it still carries our mark in its environment."""
    mark = f"{MARK}={os.getcwd()}".encode()
    for _ in range(5):  # one that forks while we look is found by the next look
        found = [pid for pid in _processes() if mark in _environment(pid)]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # macOS has no such place


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            return environ.read().split(b"\0")
    except OSError:
        return []


def _has_ended(child: int) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: the parent still holds the zombie, ask ps
        return os.popen(f"ps -o stat= -p {child}").read().strip().startswith("Z")  # noqa: S605
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _carry(lines: int, log: "Log") -> bool:
    """Whether there may be more."""
    try:
        data = os.read(lines, PIECE)
    except BlockingIOError:
        return True
    log.add(data)
    return bool(data)


class Log:
    """The log files. Nothing that happens to them, a full disk included, ever stops the process: what cannot be written is counted."""

    def __init__(self, spec: "Spec") -> None:
        self._cap = spec["log_bytes"]
        self._files = max(spec["log_files"], 1)
        # Line by line, so that a secret of several lines (a key file) is found too; longest first, so that none hides in another.
        values = {line for name in spec["mask"] for line in os.environb.get(name.encode(), b"").splitlines() if line.strip()}
        self._secrets = sorted(values, key=len, reverse=True)
        self._hold = max((len(value) for value in values), default=1) - 1
        self._partial = b""
        self._file: int | None = None
        self._size = 0
        self._lost = 0

    def add(self, data: bytes) -> None:
        whole, newline, self._partial = (self._partial + data).rpartition(b"\n")
        if newline:
            self._write(self._masked(whole + newline))
        if len(self._partial) > PIECE:
            masked = self._masked(self._partial)
            cut = len(masked) - self._hold  # the end may be the beginning of a secret
            self._write(masked[:cut])
            self._partial = masked[cut:]

    def close(self) -> None:
        if self._partial:
            self._write(self._masked(self._partial) + b"\n")

    def _masked(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, b"***")
        return text

    def _write(self, text: bytes) -> None:
        for at in range(0, len(text), self._cap):  # a burst bigger than a whole file still keeps to the cap
            self._write_piece(text[at : at + self._cap])

    def _write_piece(self, text: bytes) -> None:
        try:
            file = self._open() if self._file is None or self._size + len(text) > self._cap else self._file
            if self._lost:
                note = f"[{self._lost} bytes of log could not be written]\n".encode()
                self._size += os.write(file, note)
                self._lost = 0
            written = os.write(file, text)
            self._size += written
            self._lost += len(text) - written
        except OSError:
            self._lost += len(text)

    def _open(self) -> int:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._rotate()
        self._file = os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._size = os.fstat(self._file).st_size
        return self._file

    def _rotate(self) -> None:
        names = ["log", *(f"log.{number}" for number in range(1, self._files))]
        if len(names) == 1:
            os.unlink("log")
        for older, newer in zip(reversed(names), list(reversed(names))[1:], strict=False):
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)


if __name__ == "__main__":
    os._exit(main(sys.argv[1]))
