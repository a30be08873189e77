"""What does the end of a command say? One rule for the checks of a build and those of an environment."""

import re
import signal
from pathlib import Path
from typing import assert_never

from headway.adapters.local.processes import Exited, Lost, Never, State
from headway.adapters.local.processes import Running as Runs
from headway.rollout.seen import CheckState

_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Nobody sends these to itself: somebody, or a machine short of memory, ended it. No evidence against the release."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f]")
_LONGEST = 300


def outcome(name: str, state: State, *, seconds: float, timeout: float, last: str) -> tuple[CheckState, str]:
    """How the command stands, and a sentence that says so; `last` is the last line that it printed."""
    match state:
        case Never():
            return CheckState.ERRORED, f"{name} was not started"
        case Runs():
            return CheckState.RUNNING, f"{name} has been running for {seconds:.1f} s of {timeout:g} s"
        case Lost():
            return CheckState.ERRORED, f"{name} was lost (did the machine restart?)"
        case Exited():
            return _ended(name, state, seconds, timeout, excerpt(last))
        case _:
            assert_never(state)


def log_of(folder: Path) -> str:
    """Where the log of the process kept in this folder is; empty while it has printed nothing."""
    log = folder / "log"
    return str(log) if log.exists() else ""


def _ended(name: str, end: Exited, seconds: float, timeout: float, last: str) -> tuple[CheckState, str]:
    if end.error:
        return CheckState.ERRORED, f"{name} could not be started: {end.error}"
    if seconds >= timeout:
        return CheckState.FAILED, f"{name} timed out after {timeout:g} s{last}"
    if end.signal in _FROM_OUTSIDE:
        return CheckState.ERRORED, f"{name} was ended from outside after {seconds:.1f} s: {end} (is memory short?)"
    if end.signal is not None:
        return CheckState.FAILED, f"{name} failed: {end} after {seconds:.1f} s{last}"
    if end.code == 0:
        return CheckState.PASSED, f"{name} passed in {seconds:.1f} s"
    return CheckState.FAILED, f"{name} failed: exit {end.code} after {seconds:.1f} s{last}"


def excerpt(last: str) -> str:
    """The last line that a command printed, fit to end a sentence; empty if it printed none."""
    text = _CONTROL.sub("", last).strip()
    return f": {text[:_LONGEST]}{'…' if len(text) > _LONGEST else ''}" if text else ""
