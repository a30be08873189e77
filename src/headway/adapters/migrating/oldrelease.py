"""The release that runs now, started once more against a migrated clone: no traffic, its own checks, and gone again.

It is a child of the rehearsal's process, in its group, so that nothing stays behind if that dies.
"""

import contextlib
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headway.adapters.databases.address import Address
from headway.adapters.folders import copy
from headway.adapters.local.envoy_config import LOOPBACK
from headway.adapters.local.listening import REPLICAS, draw
from headway.errors import Failed, Unavailable

_INHERITED = ("PATH", "HOME", "LANG")
_PAUSE = 0.1
_LONGEST = 300


def tried(one: Mapping[str, Any], clone: Address, scratch: Path, say: Callable[[str], None]) -> str:
    """Start it, wait until it is ready, run its checks. What passed; Failed says what did not, and with what last words."""
    scratch.mkdir()
    port = draw(REPLICAS)
    settings = {name: os.environ[stands] for name, stands in one["settings"].items() if stands in os.environ}
    settings |= {name: str(clone.path) if how == "path" else clone.url for name, how in one["urls"].items()}
    with _running(one, settings, port, scratch, say) as ready:
        passed = [f"ready after {ready:.1f} s"]
        for check in one["checks"]:
            _check(check, one, settings, port, scratch, say)
            passed.append(f"{check['name']} passed")
    if not one["checks"]:
        passed.append("no check of its own was to be run")
    return ", ".join(passed)


@contextmanager
def _running(one: Mapping[str, Any], settings: Mapping[str, str], port: int, scratch: Path, say: Callable[[str], None]) -> Iterator[float]:
    log, state = scratch / "log", scratch / "state"
    state.mkdir()
    copy(Path(one["tree"]), scratch / "tree")  # what is kept must not change: it goes out by its digest
    env = {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **settings,
        "PORT": str(port),
        "HEADWAY_VERSION": one["version"],
        "HEADWAY_SERVICE": one["service"],
        "HEADWAY_ENVIRONMENT": one["environment"],
        "HEADWAY_RELEASE": one["release"],
        "HEADWAY_STATE": str(state),
        "HEADWAY_REHEARSAL": "1",
    }
    argv = [part.replace("${PORT}", str(port)).replace("$PORT", str(port)) for part in one["argv"]]
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(argv, cwd=scratch / "tree", env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        except OSError as error:
            raise Unavailable(f"{one['version']} could not be started for a rehearsal: {error}") from error
    try:
        yield _await(process, one, port, log)
    finally:
        _end(process, one["grace"])
        with contextlib.suppress(OSError):
            say(f"-- {one['version']} said:\n{log.read_text(errors='replace')[-4000:]}")


def _await(process: "subprocess.Popen[bytes]", one: Mapping[str, Any], port: int, log: Path) -> float:
    began = time.monotonic()
    while True:
        if (code := process.poll()) is not None:
            raise Failed(f"it ended with status {code}{_last(log)}")
        answer = _ask(port, one["ready"])
        if not answer:
            return time.monotonic() - began
        if time.monotonic() - began > one["ready_within"]:
            raise Failed(f"it was not ready within {one['ready_within']:g} s: {answer}{_last(log)}")
        time.sleep(_PAUSE)


def _ask(port: int, path: str) -> str:
    """Why it is not ready; empty when it is."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"GET {path}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"GET {path} answered {status}"


def _check(
    check: Mapping[str, Any], one: Mapping[str, Any], settings: Mapping[str, str], port: int, scratch: Path, say: Callable[[str], None]
) -> None:
    """As it would see the release in its environment, but for the address."""
    room = scratch / f"check-{check['name']}"
    shutil.copytree(one["source"], room / "source", symlinks=True)
    for name in ("home", "tmp"):
        (room / name).mkdir()
    env = {
        **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
        **{"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        **{name: settings[name] for name in check["settings"] if name in settings},
        **{"HOME": str(room / "home"), "TMPDIR": str(room / "tmp"), "GIT_CEILING_DIRECTORIES": str(room)},
        **{"HEADWAY_URL": f"http://{LOOPBACK}:{port}", "HEADWAY_VERSION": one["version"], "HEADWAY_REHEARSAL": "1"},
        **{"HEADWAY_SERVICE": one["service"], "HEADWAY_ENVIRONMENT": one["environment"]},
    }
    log = room / "log"
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(check["argv"], cwd=room / "source", env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        except OSError as error:
            raise Unavailable(f"the check {check['name']} could not be started: {error}") from error
    try:
        code = process.wait(check["timeout"])
    except subprocess.TimeoutExpired:
        raise Failed(f"its check {check['name']} timed out after {check['timeout']:g} s{_last(log)}") from None
    finally:
        _end(process, 1.0)
        say(f"-- {check['name']} said:\n{log.read_text(errors='replace')[-4000:]}")
    if code != 0:
        raise Failed(f"its check {check['name']} failed: exit {code}{_last(log)}")


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last(log: Path) -> str:
    # A database's caret under its complaint says nothing by itself.
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if any(map(str.isalnum, line))]
    return f": {lines[-1][:_LONGEST]}" if lines else ""
