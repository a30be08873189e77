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
from headway.adapters.databases.anew import ground
from headway.adapters.databases.branched import database_of
from headway.adapters.databases.store import Look, Store, Timeouts, open_store
from headway.adapters.folders import disk, remove
from headway.adapters.local import processes
from headway.adapters.migrating import notes
from headway.adapters.migrating.tools import OWN, ByTools, agreed
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.outcomes import log_of
from headway.adapters.secrets import resolve
from headway.adapters.sources import Sources
from headway.environments.branches import own_database
from headway.environments.model import Database, Place
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Refused, Unavailable
from headway.migration.changes import Loss
from headway.migration.model import Dialect, Migration
from headway.migration.shipping import Anew, Outlook, Runs, known, made_anew, made_by, outlook, taken, why_anew
from headway.migration.status import compare
from headway.releases.model import Release
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe, RunState

_GRACE = 10.0
"""Seconds in which a run that is ended may roll back."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class DatabaseMigrations:
    """Implements ports.Migrations with Headway's own runner, on the databases that this machine reaches."""

    def __init__(self, home: Path, sources: Sources, artifacts: Callable[[str], Path] | None = None) -> None:
        self._home = home / "migrations"
        self._shelves = home / "backups"
        self._sources = sources
        self._tools = ByTools(home, sources, artifacts)

    # -- before it starts

    def outlook(self, database: Database, release: Release, running: Sequence[Release], anew: Anew | None = None) -> Outlook:
        """What this release would do there, and why it may not."""
        found = database_address(database)
        if (mismatch := agreed(database, release)) is not None:
            return Outlook(refusals=(mismatch,))
        if release.migrations is not None and release.migrations.tool != OWN:
            if anew is not None and anew.why:
                only = f"{found.where} is migrated by {database.tool}, and only what Headway's own files make can be made anew"
                return Outlook(refusals=(f"{only}: {'; '.join(anew.why)}",))
            counting = _counting(open_store(found, _timeouts(database)), found)
            return self._tools.outlook(database, found, release, running, counting)
        files = self._files(release, found.dialect)
        runs = [Runs(one.name, known(self._files_there_were(one, found.dialect))) for one in running]
        store = open_store(found, _timeouts(database))
        look = _look(store, found) if anew is not None else store.look()
        status = compare(files, look.rows, look.progress) if look is not None else compare(files, ())
        folder = release.migrations.folder if release.migrations else ""
        if anew is not None and files and (why := why_anew(anew, status if look is not None else None, found.where)):
            _spare(found, anew)
            return made_anew(status, found.dialect, database, found.where, folder, why)
        return outlook(status, found.dialect, database, found.where, folder, runs, _counting(store, found))

    def taken(self, database: Database, release: Release) -> tuple[str, ...]:
        """What was taken from the database that this release may need."""
        found = database_address(database)
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
        self._tools.forget()
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return
        database = effect.shipping.database
        found = database_address(database)
        secret = {KEY: resolve(database.backup.key)} if database.backup.key else {}
        order = notes.about(
            effect,
            place,
            source=self._source_of(place.service, effect, folder),
            shelf=shelf_of(database, self._shelves, found),
            rollout=_rollout(intent.key),
            like=_like(database, found),
            remember=self._tools.memory(found),
        )
        with disk(f"start a run on {found.where}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if effect.shipping.tool is not None:
                # A copy of its own, as it was built: what an earlier look left behind must not migrate anything.
                self._tools.lay(folder / "release", place.service, effect.workload.commit, effect.workload.digest, effect.shipping.folder)
            notes.give(folder, order)
        own = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("PG")}
        env = {**own, "PYTHONUNBUFFERED": "1", URL: found.url, **secret}
        argv = (sys.executable, "-P", "-m", "headway.adapters.migrating.work", str(folder))
        # Every secret by itself, too: a driver may quote the password without the URL around it.
        hidden = {f"{URL}_{number}": one for number, one in enumerate(found.secrets)}
        processes.start(folder / "process", argv, cwd=folder, env=env | hidden, mask=(*([URL] if hidden else []), *secret, *hidden))

    def _source_of(self, service: str, effect: RunMigration, folder: Path) -> Path:
        return folder / "release" if effect.shipping.tool is not None else self._sources(service, effect.workload.commit)

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this run started? Where no trace of it is left, the ledger answers."""
        del place
        effect, folder = _effect(intent), self._folder(intent.key)
        if (folder / "stopped").exists() or not isinstance(processes.state(folder / "process"), processes.Never):
            return Probe.DONE
        if effect.what not in {"migrate", "reset"}:
            return Probe.NOT_DONE
        found = self._by_the_ledger(intent.key, effect).state
        return {RunState.PASSED: Probe.DONE, RunState.STUCK: Probe.UNKNOWN}.get(found, Probe.NOT_DONE)

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        """How the run with this key is going; of one that was lost, what the ledger says became of it."""
        folder = self._folder(key)
        state = processes.state(folder / "process")
        log = log_of(folder / "process")
        if isinstance(state, processes.Running):
            return MigrationRun(RunState.RUNNING, notes.progress(folder, effect), log=log)
        if (result := notes.result(folder, log)) is not None:
            self._tools.forget()
            return result
        stopped = (folder / "stopped").exists()
        if stopped and not isinstance(state, processes.Never):
            return MigrationRun(RunState.STOPPED, "it was stopped", log=log)
        found = self._by_the_ledger(key, effect)
        if stopped and found.state is not RunState.RUNNING:  # else another server's process, which is not ours to end, has the lock
            return MigrationRun(RunState.STOPPED, "it was stopped", log=log)
        ended = "its process is gone" if isinstance(state, processes.Never) else f"its process {state}"
        return MigrationRun(found.state, f"{found.text} ({ended})", log=log)

    def stop(self, key: str, effect: RunMigration) -> None:  # noqa: ARG002 - as the port has it: here a key is enough
        """End it, if it still runs, and let it not be started any more."""
        folder = self._folder(key)
        with disk(f"stop the run {key}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (folder / "result.json").exists():
                (folder / "stopped").touch()
        processes.stop(folder / "process", grace=_GRACE)

    def remove(self, database: Database) -> tuple[str, ...]:
        """Remove a branch's own database with what lies beside it, and the backups of it that are in Headway's home."""
        if own_database(database.url) is None:
            return ()
        found = database_address(database)
        said = ground(found).remove()
        if database.backup.folder is None and (shelf := shelf_of(database, self._shelves, found)).exists():
            remove(shelf)
        return said

    def collect(self, older_than: timedelta) -> None:
        """Forget the runs that ended so long ago, logs included."""
        with disk(f"clean {self._home}"):
            for folder in self._home.glob("*"):
                old = time() - folder.stat().st_mtime > older_than.total_seconds()
                if old and not isinstance(processes.state(folder / "process"), processes.Running):
                    remove(folder)
        self._tools.collect(older_than)

    def _by_the_ledger(self, key: str, effect: RunMigration) -> MigrationRun:
        """What became of a run that left no word: all there is done, a `running` row is a person's, a lock that is held is at work."""
        found = database_address(effect.shipping.database)
        if effect.shipping.tool is not None:
            return self._tools.by_the_ledger(effect, effect.shipping.tool, found, began=notes.begun(self._folder(key)))
        timeouts = _timeouts(effect.shipping.database)
        if effect.what == "reset":
            look = _look(open_store(found, timeouts), found)
            if look is not None and made_by(_rollout(key), look.rows):
                return MigrationRun(RunState.PASSED, f"{found.where} was made anew by this rollout, says its ledger")
            return MigrationRun(RunState.ERRORED, f"the run that was to make {found.where} anew was lost; it is as it was")
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


def database_address(database: Database) -> Address:
    found = address(database.url)
    if found.dialect is Dialect.SQLITE and not found.path.is_absolute():
        raise InvalidSpec(f"{found.where} is named relative to nobody knows what; expected sqlite:////path/app.db with four slashes")
    return found


def _rollout(key: str) -> str:
    return key.rpartition("-")[0]


def _like(database: Database, found: Address) -> str:
    """The database that a branch's own is set up like."""
    own = own_database(database.url)
    return database_of(resolve(own[1])) if own is not None and found.dialect is Dialect.POSTGRES else ""


def _look(store: Store, found: Address) -> Look | None:
    """What the ledger says; None where there is no database."""
    try:
        return store.look() if found.dialect is Dialect.POSTGRES or found.path.exists() else None
    except Unavailable:
        if ground(found).exists():
            raise
        return None


def _spare(found: Address, anew: Anew) -> None:
    """Two references may name one database. One that cannot be read here cannot be reached from here either."""
    for other in anew.spare:
        try:
            there = address(other.url)
        except HeadwayError:
            continue
        if (there.dialect, _plain(there)) == (found.dialect, _plain(found)):
            raise Refused(f"{found.where} is never made anew", (f"{other.url} names it too, for an environment whose data is real",))


def _plain(of: Address) -> str:
    return of.where.removesuffix(":5432")


def _timeouts(database: Database) -> Timeouts:
    return Timeouts(lock=database.lock_timeout, statement=database.statement_timeout)


def shelf_of(database: Database, otherwise: Path, found: Address) -> Path:
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
