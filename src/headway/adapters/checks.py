"""Checks as commands that outlive us: one folder per key, so that one key is one run, whoever asks and however often.

    <key>/about.json    what was started, when, how long it may take
    <key>/process/      who runs and how it ended, and its log, secrets masked (see local/processes.py)
    <key>/scratch/      a copy of the release's own source to run in, HOME and TMPDIR; gone when the check ended
    <key>/stopped       somebody ended it

A check sees PATH, HOME, TMPDIR, LANG, PYTHONUNBUFFERED, GIT_CEILING_DIRECTORIES, HEADWAY_URL, HEADWAY_VERSION, HEADWAY_SERVICE,
HEADWAY_ENVIRONMENT, and those settings that the file grants it: nothing of our own environment.
"""

import contextlib
import hashlib
import os
import re
import secrets as chance
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headway.adapters.folders import disk, remove
from headway.adapters.jottings import leave, left
from headway.adapters.local import processes
from headway.adapters.outcomes import log_of, outcome
from headway.adapters.sources import Sources
from headway.environments.model import Place
from headway.errors import Contradiction, InvalidSpec
from headway.releases.model import CheckSpec
from headway.rollout.model import Intent, StartCheck
from headway.rollout.seen import CheckRun, CheckState, Probe

_GRACE = 1.0
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CommandChecks:
    """Runs the checks of releases as processes on this machine."""

    def __init__(self, home: Path, sources: Sources, secrets: Callable[[str], str], *, path: str | None = None) -> None:
        self._home = home / "checks"
        self._sources = sources
        self._secrets = secrets
        self._path = path or os.environ.get("PATH", os.defpath)

    def users(self, path: str, rate: float, seconds: float) -> CheckSpec:
        """Headway's own load, as a command. Isolated (-I): it runs in the release's folder, and must find none of its modules there."""
        load = (sys.executable, "-I", "-m", "headway.adapters.traffic", "--path", path, f"--rate={rate:g}", f"--seconds={seconds:g}")
        return CheckSpec("users", load, timeout=seconds + 60)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        """Start the command of a StartCheck, unless this key was started, or stopped, before."""
        effect = intent.effect
        if not isinstance(effect, StartCheck):
            raise Contradiction(f"{intent.key} is to {effect.kind}, and no check")
        if not effect.check.argv:
            raise InvalidSpec(f"the check {effect.check.name} has no command; a person ticks it")
        folder = self._folder(intent.key)
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return
        granted, hidden, missing = self._granted(effect)
        with disk(f"start the check {effect.check.name}"):
            scratch = self._prepare(folder, place.service, effect.workload.commit)
            about = {"name": effect.check.name, "timeout": effect.check.timeout, "missing": missing, "where": place.environment}
            # Written first, so that look() can tell of a check whose start we did not survive.
            leave(folder / "about.json", {**about, "started": time.time()})
        env = {
            # Unbuffered, so that what a check said last is there when its time runs out, and in the order in which it said it.
            **{"PATH": self._path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
            **granted,
            **{"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp"), "GIT_CEILING_DIRECTORIES": str(scratch)},
            **{"HEADWAY_URL": url, "HEADWAY_VERSION": effect.workload.version},
            **{"HEADWAY_SERVICE": place.service, "HEADWAY_ENVIRONMENT": place.environment},
        }
        identity = processes.start(folder / "process", effect.check.argv, cwd=scratch / "source", env=env, mask=hidden)
        with disk(f"record the check {effect.check.name}"):
            leave(folder / "about.json", {**about, "started": identity.started.timestamp()})

    def probe(self, place: Place, key: str) -> Probe:  # noqa: ARG002 - as the port has it: here a key is enough
        """Was a run with this key started, or stopped before it could be?"""
        folder = self._folder(key)
        started = (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never)
        return Probe.DONE if started else Probe.NOT_DONE

    def look(self, place: Place, key: str) -> CheckRun:  # noqa: ARG002 - as the port has it: here a key is enough
        """How the run with this key is going; one that has had its time is ended now, whoever slept meanwhile."""
        folder = self._folder(key)
        about = left(folder / "about.json")
        if about is None:
            return CheckRun(CheckState.ERRORED, f"no check was started as {key}")
        state = processes.state(folder / "process")
        if isinstance(state, processes.Running) and _since(about, datetime.now(UTC)) >= about["timeout"]:
            state = processes.stop(folder / "process", grace=_GRACE)
        log = log_of(folder / "process")
        ended = state.at if isinstance(state, processes.Exited) else datetime.now(UTC)
        last = next((line for line in reversed(processes.tail(folder / "process")) if line.strip()), "")
        found, text = outcome(about["name"], state, seconds=_since(about, ended), timeout=about["timeout"], last=last)
        if found is CheckState.RUNNING:
            return CheckRun(found, text, log)
        remove(folder / "scratch")
        if (folder / "stopped").exists():
            return CheckRun(CheckState.ERRORED, f"{about['name']} was stopped", log)
        if found is CheckState.FAILED and about["missing"]:
            text += f" (not set in {about['where']}: {', '.join(about['missing'])})"
        return CheckRun(found, text, log)

    def stop(self, place: Place, key: str) -> None:  # noqa: ARG002 - as the port has it: here a key is enough
        """End it, if it still runs; a start that comes later starts nothing."""
        folder = self._folder(key)
        state = processes.state(folder / "process")
        with disk(f"stop the check {key}"):
            if isinstance(state, processes.Never | processes.Running):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "stopped").touch()
            processes.stop(folder / "process", grace=_GRACE)
            remove(folder / "scratch")

    def collect(self, older_than: timedelta) -> None:
        """Forget the runs that ended so long ago, logs included."""
        with disk(f"clean {self._home}"):
            for folder in self._home.glob("*"):
                old = time.time() - folder.stat().st_mtime > older_than.total_seconds()
                if old and not isinstance(processes.state(folder / "process"), processes.Running):
                    remove(folder)

    def _granted(self, effect: StartCheck) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
        """The settings that the check may see, the names of those that no log may show, the names of those that are not set here."""
        known = effect.workload.configuration
        hidden = tuple(name for name in effect.check.settings if name in known.secrets)
        plain = {name: known.values[name] for name in effect.check.settings if name in known.values}
        missing = tuple(name for name in effect.check.settings if name not in known.values and name not in known.secrets)
        return {**plain, **{name: self._secrets(known.secrets[name]) for name in hidden}}, hidden, missing

    def _prepare(self, folder: Path, service: str, commit: str) -> Path:
        """A place to run in, which is there as a whole or not at all: another start of this key may be under way."""
        scratch = folder / "scratch"
        if scratch.exists():
            return scratch
        new = folder / f".new-{chance.token_hex(8)}"
        try:
            for name in ("home", "tmp"):
                (new / name).mkdir(parents=True)
            self._sources.copy(service, commit, new / "source")
            with contextlib.suppress(FileExistsError):
                new.rename(scratch)
        except OSError:
            if not scratch.exists():
                raise
        finally:
            remove(new)
        return scratch

    def _folder(self, key: str) -> Path:
        if _SAFE.fullmatch(key):
            return self._home / key
        readable = re.sub(r"[^A-Za-z0-9]+", "-", key)[:60].strip("-")
        return self._home / f"{readable}-{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _since(about: Mapping[str, Any], then: datetime) -> float:
    return max(0.0, then.timestamp() - float(about["started"]))
