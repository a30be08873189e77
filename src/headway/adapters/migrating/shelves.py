"""Backups on a schedule, and drills, as processes that outlive us: one folder for each database.

    <database>/<chore>-<when>/process/    who runs and how it ended, and its log, secrets masked
    <database>/<chore>-<when>/result.json how it ended, in words
    <database>/drilled.json               when a backup was last restored to prove it

What backups there are, the shelf itself says, by its manifests.
"""

import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import Address
from headway.adapters.folders import disk, remove
from headway.adapters.local import processes
from headway.adapters.migrating import notes
from headway.adapters.migrating.port import PASSED_ON, database_address, shelf_of
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.outcomes import log_of
from headway.adapters.secrets import resolve
from headway.environments.model import Database
from headway.migration.keeping import Attempt, Chore, Shelf
from headway.rollout.seen import RunState

_STAMP = "%Y%m%dT%H%M%S.%fZ"


class DatabaseShelves:
    """Implements ports.Shelves for the databases that this machine reaches."""

    def __init__(self, home: Path) -> None:
        self._home = home / "upkeep"
        self._shelves = home / "backups"

    def look(self, database: Database) -> Shelf:
        """What is kept of it, and how the last chores went."""
        found = database_address(database)
        kept = shelves.backups(Path(shelf_of(database, self._shelves, found)))
        folder = self._folder(found)
        return Shelf(
            where=found.where,
            newest=kept[-1].manifest.at if kept else None,
            rows=sum(kept[-1].manifest.tables.values()) if kept else 0,
            drilled=drilled(folder),
            backup=self._attempt(folder, "backup"),
            drill=self._attempt(folder, "drill"),
        )

    def start(self, database: Database, chore: Chore, now: datetime) -> None:
        """Begin, unless one is under way."""
        found = database_address(database)
        folder = self._folder(found)
        last = self._attempt(folder, chore)
        if last is not None and not last.ended:
            return
        mine = folder / f"{chore}-{now.astimezone(UTC):{_STAMP}}"
        order = {
            "chore": chore,
            "shelf": str(shelf_of(database, self._shelves, found)),
            "keep": list(database.backup.keep) if database.backup.keep else None,
        }
        with disk(f"start a {chore} of {found.where}"):
            for old in folder.glob(f"{chore}-*"):
                remove(old)
            mine.mkdir(parents=True, exist_ok=True, mode=0o700)
            (mine / "order.json").write_text(json.dumps(order))
        own = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("PG")}
        hidden = {f"{URL}_{number}": one for number, one in enumerate(found.secrets)}
        hidden |= {KEY: resolve(database.backup.key)} if database.backup.key else {}
        argv = (sys.executable, "-P", "-m", "headway.adapters.migrating.upkeep", str(mine))
        env = {**own, "PYTHONUNBUFFERED": "1", URL: found.url}
        processes.start(mine / "process", argv, cwd=mine, env=env | hidden, mask=(*([URL] if found.secrets else []), *hidden))

    def _attempt(self, folder: Path, chore: Chore) -> Attempt | None:
        mine = max(folder.glob(f"{chore}-*"), default=None, key=lambda one: one.name)
        if mine is None:
            return None
        at = datetime.strptime(mine.name.partition("-")[2], _STAMP).replace(tzinfo=UTC)
        state = processes.state(mine / "process")
        if isinstance(state, processes.Running):
            return Attempt(at, ended=False)
        log = log_of(mine / "process")
        if (result := notes.result(mine, log)) is not None:
            return Attempt(at, ended=True, good=result.state is RunState.PASSED, text=result.text)
        return Attempt(at, ended=True, text=f"the {chore} was lost: its process {state}")

    def _folder(self, found: Address) -> Path:
        return self._home / hashlib.sha256(found.where.encode()).hexdigest()[:12]


def drilled(folder: Path) -> datetime | None:
    """When a backup was last restored to prove it."""
    try:
        return datetime.fromisoformat(json.loads((folder / "drilled.json").read_text())["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # then it is due
