"""Runs against databases as processes that outlive us: one folder per key, so that one key is one run, whoever asks and however often.

    <key>/about.json     what to do, to which database as people call it; no URL and no key of a backup
    <key>/process/       who runs and how it ended, and its log, secrets masked (see local/processes.py)
    <key>/progress.json  how far a backfill is
    <key>/result.json    how it ended, in words (see notes.py)
    <key>/stopped        we ended it, or never let it begin

The process gets the database's URL and the key of backups in its environment, which only this user can read. What a run left that
nobody saw end, the database's own ledger tells.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from time import time

from headway.adapters.databases import folder as folders
from headway.adapters.databases.address import Address, address
from headway.adapters.databases.store import Store, Timeouts, open_store
from headway.adapters.folders import disk, remove
from headway.adapters.local import processes
from headway.adapters.migrating import notes
from headway.adapters.migrating.tools import OWN, ByTools, agreed
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.outcomes import log_of
from headway.adapters.secrets import resolve
from headway.adapters.sources import Sources
from headway.environments.model import Database, Place
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Unavailable
from headway.migration.changes import Loss
from headway.migration.model import Dialect, Migration
from headway.migration.shipping import Outlook, Runs, known, outlook, taken
from headway.migration.status import compare
from headway.releases.model import Release
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe, RunState

_GRACE = 10.0
"""Seconds in which a run that is ended may roll back."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class DatabaseMigrations:
    """Implements ports.Migrations with Headway's own runner, on the databases that this machine reaches."""

    def __init__(self, home: Path, sources: Sources, artifacts: Callable[[str], Path] | None = None) -> None:
        self._home = home / "migrations"
        self._shelves = home / "backups"
        self._sources = sources
        self._tools = ByTools(home, sources, artifacts)

    # -- before it starts

    def outlook(self, database: Database, release: Release, running: Sequence[Release]) -> Outlook:
        """What this release would do there, and why it may not."""
        found = _address(database)
        if (mismatch := agreed(database, release)) is not None:
            return Outlook(refusals=(mismatch,))
        if release.migrations is not None and release.migrations.tool != OWN:
            counting = _counting(open_store(found, _timeouts(database)), found)
            return self._tools.outlook(database, found, release, running, counting)
        files = self._files(release, found.dialect)
        runs = [Runs(one.name, known(self._files_there_were(one, found.dialect))) for one in running]
        store = open_store(found, _timeouts(database))
        look = store.look()
        status = compare(files, look.rows, look.progress)
        folder = release.migrations.folder if release.migrations else ""
        return outlook(status, found.dialect, database, found.where, folder, runs, _counting(store, found))

    def taken(self, database: Database, release: Release) -> tuple[str, ...]:
        """What was taken from the database that this release may need."""
        found = _address(database)
        if database.tool != OWN:
            return self._tools.taken(database, found, release)
        return taken(open_store(found, _timeouts(database)).look().rows, known(self._files(release, found.dialect)))

    def _files(self, release: Release, dialect: Dialect) -> tuple[Migration, ...]:
        if release.migrations is None or release.migrations.tool != OWN:
            return ()
        return folders.read(self._sources(release.service, release.commit) / release.migrations.folder, dialect)

    def _files_there_were(self, release: Release, dialect: Dialect) -> tuple[Migration, ...]:
        """Those of a release that runs. One whose files cannot be read knows of none: then everything has to wait for it."""
        try:
            return self._files(release, dialect)
        except InvalidSpec:
            return ()

    # -- runs

    def start(self, place: Place, intent: Intent) -> None:
        """Start the run, unless this key was started, or stopped, before."""
        effect = _effect(intent)
        folder = self._folder(intent.key)
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return
        database = effect.shipping.database
        found = _address(database)
        secret = {KEY: resolve(database.backup.key)} if database.backup.key else {}
        order = notes.about(
            effect,
            files=self._files_of(place.service, effect, folder),
            shelf=_shelf(database, self._shelves, found),
            release=f"{place.service}@{effect.workload.version}",
            rollout=intent.key.rpartition("-")[0],
            remember=self._tools.memory(found),
        )
        with disk(f"start a run on {found.where}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if effect.shipping.tool is not None:
                # A copy of its own, as it was built: what an earlier look left behind must not migrate anything.
                self._tools.lay(folder / "release", place.service, effect.workload.commit, effect.workload.digest, effect.shipping.folder)
            notes.give(folder, order)
        own = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PG")}
        env = {**own, "PYTHONUNBUFFERED": "1", URL: found.url, **secret}
        argv = (sys.executable, "-P", "-m", "headway.adapters.migrating.work", str(folder))
        # Every secret by itself, too: a driver may quote the password without the URL around it.
        hidden = {f"{URL}_{number}": one for number, one in enumerate(found.secrets)}
        processes.start(folder / "process", argv, cwd=folder, env=env | hidden, mask=(*([URL] if hidden else []), *secret, *hidden))

    def _files_of(self, service: str, effect: RunMigration, folder: Path) -> Path:
        there = folder / "release" if effect.shipping.tool is not None else self._sources(service, effect.workload.commit)
        return there / effect.shipping.folder

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this run started? Where no trace of it is left, the ledger answers."""
        del place
        effect, folder = _effect(intent), self._folder(intent.key)
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return Probe.DONE
        if effect.what != "migrate":
            return Probe.NOT_DONE
        return {RunState.PASSED: Probe.DONE, RunState.STUCK: Probe.UNKNOWN}.get(self._by_the_ledger(effect, folder).state, Probe.NOT_DONE)

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        """How the run with this key is going; of one that was lost, what the ledger says became of it."""
        folder = self._folder(key)
        state = processes.state(folder / "process")
        log = log_of(folder / "process")
        if isinstance(state, processes.Running):
            return MigrationRun(RunState.RUNNING, notes.progress(folder, effect), log=log)
        if (result := notes.result(folder, log)) is not None:
            return result
        if (folder / "stopped").exists():
            return MigrationRun(RunState.STOPPED, "it was stopped", log=log)
        found = self._by_the_ledger(effect, folder)
        ended = "its process is gone" if isinstance(state, processes.Never) else f"its process {state}"
        return MigrationRun(found.state, f"{found.text} ({ended})", log=log)

    def stop(self, key: str) -> None:
        """End it, if it still runs, and let it not be started any more."""
        folder = self._folder(key)
        with disk(f"stop the run {key}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (folder / "result.json").exists():
                (folder / "stopped").touch()
        processes.stop(folder / "process", grace=_GRACE)

    def collect(self, older_than: timedelta) -> None:
        """Forget the runs that ended so long ago, logs included."""
        with disk(f"clean {self._home}"):
            for folder in self._home.glob("*"):
                old = time() - folder.stat().st_mtime > older_than.total_seconds()
                if old and not isinstance(processes.state(folder / "process"), processes.Running):
                    remove(folder)
        self._tools.collect(older_than)

    def _by_the_ledger(self, effect: RunMigration, folder: Path) -> MigrationRun:
        """What became of a run that left no word: all there is done, a `running` row is a person's, a lock that is held is at work."""
        found = _address(effect.shipping.database)
        if effect.shipping.tool is not None:
            return self._tools.by_the_ledger(effect, effect.shipping.tool, found, began=notes.begun(folder))
        timeouts = _timeouts(effect.shipping.database)
        rows = open_store(found, timeouts).look().rows
        if begun := [row for row in rows if row.state.value != "applied"]:
            return MigrationRun(RunState.STUCK, notes.unfinished(begun[0].title))
        have = {(row.version, row.sha256) for row in rows}
        missing = [one.title for one in effect.shipping.apply if (one.version, one.sha256) not in have]
        if effect.what == "migrate" and not missing:
            return MigrationRun(RunState.PASSED, f"all of it is applied, says the ledger of {found.where}")
        try:
            with open_store(found, Timeouts(timeouts.lock, timeouts.statement, patience=0.0)).session():
                pass
        except Unavailable:
            return MigrationRun(RunState.RUNNING, f"somebody still works on {found.where}")
        except HeadwayError as error:
            return MigrationRun(RunState.ERRORED, str(error))
        left = f"not applied: {', '.join(missing)}" if effect.what == "migrate" else "it is not through"
        return MigrationRun(RunState.ERRORED, f"the run on {found.where} was lost; {left}")

    def _folder(self, key: str) -> Path:
        if _SAFE.fullmatch(key):
            return self._home / key
        readable = re.sub(r"[^A-Za-z0-9]+", "-", key)[:60].strip("-")
        return self._home / f"{readable}-{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _effect(intent: Intent) -> RunMigration:
    if not isinstance(intent.effect, RunMigration):
        raise Contradiction(f"{intent.key} is to {intent.effect.kind}, and no run on a database")
    return intent.effect


def _address(database: Database) -> Address:
    found = address(database.url)
    if found.dialect is Dialect.SQLITE and not found.path.is_absolute():
        raise InvalidSpec(f"{found.where} is named relative to nobody knows what; expected sqlite:////path/app.db with four slashes")
    return found


def _timeouts(database: Database) -> Timeouts:
    return Timeouts(lock=database.lock_timeout, statement=database.statement_timeout)


def _shelf(database: Database, otherwise: Path, found: Address) -> Path:
    """One for each database: what is kept of one must not sweep away another's."""
    return Path(database.backup.folder or otherwise) / hashlib.sha256(found.where.encode()).hexdigest()[:12]


def _counting(store: Store, found: Address) -> Callable[[Loss], int | None]:
    """Counts what a loss would destroy, each once, without a lock; what cannot be counted is not known."""
    counted: dict[Loss, int | None] = {}

    def count(loss: Loss) -> int | None:
        if loss not in counted:
            try:
                if found.dialect is Dialect.SQLITE and not found.path.exists():
                    return 0
                with store.reading() as session:
                    counted[loss] = session.count(loss, lock=False)
            except HeadwayError:
                counted[loss] = None
        return counted[loss]

    return count
