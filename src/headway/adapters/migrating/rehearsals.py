"""Rehearsals as processes that outlive us: one folder per key, so that one key is one run, whoever asks and however often.

    <key>/order.json     what to try, on what; no URL, no setting's value
    <key>/process/       who runs and how it ended, and its log, secrets masked (see local/processes.py)
    <key>/result.json    how it ended, in words (see notes.py)
    <key>/stopped        we ended it, or never let it begin

The process (see trial.py) gets the database's URL, and the settings of the releases that it starts, in its environment.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

from headway.adapters.databases.address import Address
from headway.adapters.folders import disk, remove
from headway.adapters.local import processes
from headway.adapters.migrating import notes
from headway.adapters.migrating.port import PASSED_ON, database_address, shelf_of
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.outcomes import log_of
from headway.adapters.secrets import resolve
from headway.adapters.sources import Sources
from headway.migration.model import Dialect
from headway.ports import Alive, Rehearsing
from headway.rollout.seen import MigrationRun, RunState

_GRACE = 10.0
"""Seconds in which a rehearsal that is ended may remove its clone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The order as trial.py finds it."""

    files: str
    shelf: str
    version: str
    apply: tuple[tuple[int, str], ...]
    waiting: tuple[int, ...]
    block: bool
    lint: bool
    on: str
    hidden: tuple[str, ...]
    """The variables whose values nobody may read."""
    lock_timeout: float
    statement_timeout: float
    lives: tuple[Mapping[str, Any], ...]
    """Releases to start on the clone, or why one is not."""


class DatabaseRehearsals:
    """Implements ports.Rehearsals on the databases that this machine reaches."""

    def __init__(self, home: Path, sources: Sources, artifacts: Callable[[str], Path]) -> None:
        self._home = home / "rehearsals"
        self._shelves = home / "backups"
        self._sources = sources
        self._artifacts = artifacts

    def start(self, key: str, what: Rehearsing) -> None:
        """Start it, unless this key was started, or stopped, before."""
        folder, database, release = self._home / key, what.shipping.database, what.release
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return
        found = database_address(database)
        env = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("PG")}
        hidden = {URL: found.url} if found.secrets else {}
        hidden |= {f"{URL}_{number}": one for number, one in enumerate(found.secrets)}
        hidden |= {KEY: resolve(database.backup.key)} if database.backup.key else {}
        lives = []
        for number, alive in enumerate(what.lives):
            told, plain, secret = self._alive(alive, what, found, number)
            lives.append(told)
            env |= plain
            hidden |= secret
        order = {
            "files": str(self._sources(release.service, release.commit) / what.shipping.folder),
            "shelf": str(shelf_of(database, self._shelves, found)),
            "version": release.version,
            "apply": [(one.version, one.sha256) for one in what.shipping.apply],
            "waiting": [one.version for one in what.shipping.waiting],
            "block": database.lint == "block",
            "lint": database.lint != "off",
            "on": database.rehearse,
            "lock_timeout": database.lock_timeout,
            "statement_timeout": database.statement_timeout,
            "lives": lives,
            "hidden": list(hidden),
        }
        with disk(f"start a rehearsal on {found.where}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / "order.json").write_text(json.dumps(order))
        argv = (sys.executable, "-P", "-m", "headway.adapters.migrating.trial", str(folder))
        env |= {"PYTHONUNBUFFERED": "1", URL: found.url}
        processes.start(folder / "process", argv, cwd=folder, env=env | hidden, mask=tuple(hidden))

    def look(self, key: str) -> MigrationRun | None:
        """How it is going; None if it was never started."""
        folder = self._home / key
        state = processes.state(folder / "process")
        log = log_of(folder / "process")
        if isinstance(state, processes.Running):
            return MigrationRun(RunState.RUNNING, "the rehearsal runs", log=log)
        if (result := notes.result(folder, log)) is not None:
            return result
        if (folder / "stopped").exists():
            return MigrationRun(RunState.STOPPED, "it was stopped", log=log)
        if isinstance(state, processes.Never):
            return None
        return MigrationRun(RunState.ERRORED, f"the rehearsal was lost: its process {state}", log=log)

    def stop(self, key: str) -> None:
        """End it, if it still runs; its clone goes."""
        folder = self._home / key
        with disk(f"stop the rehearsal {key}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (folder / "result.json").exists():
                (folder / "stopped").touch()
        processes.stop(folder / "process", grace=_GRACE)

    def collect(self, older_than: timedelta) -> None:
        """Forget those that ended so long ago, logs included; what came of them is on the record."""
        with disk(f"clean {self._home}"):
            for folder in self._home.glob("*"):
                old = time() - folder.stat().st_mtime > older_than.total_seconds()
                if old and not isinstance(processes.state(folder / "process"), processes.Running):
                    remove(folder)

    def _alive(self, alive: Alive, what: Rehearsing, found: Address, number: int) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
        """What to start and how, and its settings under names that cannot meet ours: the plain ones, and the secret ones."""
        workload, database = alive.workload, what.shipping.database
        told: dict[str, Any] = {"version": workload.version, "service": alive.place.service, "environment": alive.place.environment}
        if database.old_release == "skip" or database.rehearse == "off":
            return told | {"skipped": f"{workload.version} was not started on the new schema: the file says so"}, {}, {}
        if workload.cluster is not None:
            return told | {"skipped": f"{workload.version} was not started on the new schema: it runs on Kubernetes"}, {}, {}
        secret = {name: resolve(reference) for name, reference in workload.configuration.secrets.items()}
        values = {**workload.configuration.values, **secret}
        urls = [name for name, value in values.items() if _means(value, found)] if database.setting is None else [database.setting]
        if not urls:
            why = f"none of its settings is the URL of {found.where}; `database: setting:` names the one"
            return told | {"skipped": f"{workload.version} was not started on the new schema: {why}"}, {}, {}
        prefix = f"HEADWAY_OLD_{number}_"
        told |= {
            "argv": list(workload.run.argv),
            "ready": workload.run.ready,
            "ready_within": workload.run.ready_within,
            "grace": workload.run.grace,
            "release": workload.name,
            "tree": str(self._artifacts(workload.digest)),
            "source": str(self._sources(alive.place.service, workload.commit)),
            "settings": {name: f"{prefix}{name}" for name in values},
            "urls": {name: "path" if values.get(name) == _path(found) else "url" for name in urls},
            "checks": [
                {"name": one.name, "argv": list(one.argv), "timeout": one.timeout, "settings": list(one.settings)} for one in alive.checks
            ],
        }
        plain = {f"{prefix}{name}": value for name, value in workload.configuration.values.items()}
        return told, plain, {f"{prefix}{name}": value for name, value in secret.items()}


def _means(value: str, found: Address) -> bool:
    return value in {found.url, _path(found)}


def _path(found: Address) -> str | None:
    """Programs that use SQLite are often told the file alone."""
    return str(found.path) if found.dialect is Dialect.SQLITE else None
