"""The process of one run against a database: `python -m headway.adapters.migrating.work FOLDER`, started by port.py.

It says on its output what it does, and leaves how it ended in the folder. It may be killed at any moment: the ledger in the database
knows what was kept. SIGTERM rolls back what is in a transaction, and ends it.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from headway.adapters.databases import backup as backups
from headway.adapters.databases import folder as folders
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import Address, address
from headway.adapters.databases.anew import ground
from headway.adapters.databases.filling import fill
from headway.adapters.databases.runner import How, Runner
from headway.adapters.databases.store import Store, Timeouts, Unfinished, open_store
from headway.adapters.databases.verify import verify
from headway.adapters.migrating import notes
from headway.adapters.migrating.seeding import seed, url_of
from headway.adapters.migrating.toolwork import ToolWork
from headway.adapters.system import new_id
from headway.errors import Failed, HeadwayError, Refused, Unavailable
from headway.migration.model import Dialect, Migration, Progress, State
from headway.migration.plan import Run, Together
from headway.migration.retention import Keep
from headway.migration.shipping import made_by
from headway.rollout.seen import RunState

URL, KEY = "HEADWAY_MIGRATION_URL", "HEADWAY_MIGRATION_KEY"
"""Where the process finds what no file may hold."""


class _Stop:
    """Somebody wants this run to end. A flag too: what SQLite's own callbacks raise is swallowed."""

    wanted = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.wanted = True
        raise KeyboardInterrupt


def main(folder: Path) -> int:
    """Do what the folder says, and leave there how it ended."""
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop)
    order = notes.taken(folder)
    found = address(os.environ[URL])
    work: _Work | ToolWork = _Work(folder, order, found)
    if order.tool is not None:
        work = ToolWork(folder, order, found, order.tool, os.environ.get(KEY))
    try:
        state, text, more = work.done()
    except KeyboardInterrupt:
        state, text, more = RunState.STOPPED, f"the run on {found.where} was stopped", work.kept()
    except Exception as error:
        if stop.wanted:
            state, text, more = RunState.STOPPED, f"the run on {found.where} was stopped", work.kept()
        else:
            state, text, more = work.because(error)
    notes.end(folder, state, found.masked(text), tuple(map(found.masked, more)))
    _say(found.masked(text))
    return 0 if state is RunState.PASSED else 1


class _Work:
    """One run."""

    def __init__(self, folder: Path, order: notes.About, found: Address) -> None:
        self.folder, self.order, self.found = folder, order, found
        self.backup: Path | None = None
        self.existed = found.dialect is not Dialect.SQLITE or found.path.exists()

    def done(self) -> tuple[RunState, str, tuple[str, ...]]:
        """Do it; what came of it."""
        what: dict[str, Callable[[], tuple[str, tuple[str, ...]]]] = {
            "migrate": self._migrate,
            "reset": self._reset,
            "verify data": self._verify,
            "backfill": self._fill,
        }
        text, more = what[self.order.what]()
        return RunState.PASSED, text, more

    def because(self, error: Exception) -> tuple[RunState, str, tuple[str, ...]]:
        """Whose fault it is, so that only what the release did counts against it."""
        if (begun := self._begun()) is not None:
            return RunState.STUCK, f"{error}; {begun}", self.kept()
        match error:
            case Failed():
                return RunState.FAILED, str(error), self.kept()
            case Unfinished() | Refused():
                return RunState.STUCK, str(error), self.kept()
            case Unavailable():
                return RunState.ERRORED, str(error), self.kept()
            case HeadwayError():
                return RunState.STUCK, str(error), self.kept()
        return RunState.STUCK, f"Headway stumbled over itself: {error!r}", self.kept()

    def kept(self) -> tuple[str, ...]:
        """What stays in the database of a run that did not get through, and where the backup is."""
        try:
            rows = [row for row in self._store.look().rows if row.rollout == self.order.rollout and row.state is State.APPLIED]
        except HeadwayError:
            rows = []
        stays = (f"{', '.join(row.title for row in rows)} had been committed and stays",) if rows else ()
        return (*stays, *self._backed_up())

    # -- what there is to do

    def _migrate(self) -> tuple[str, tuple[str, ...]]:
        files = self._files()
        runner = Runner(self._store, _now, _say)
        how = How(
            together=Together(self.order.together),
            who="headway",
            contracts=True if self.order.whole else frozenset(self.order.contracts),
            release=self.order.release,
            rollout=self.order.rollout,
            took=dict(self.order.took),
        )
        applied = list(runner.up(files, how, self._back_up).applied)
        # Where nothing runs yet, nobody minds: what takes something away waits only for the backfills before it.
        while self.order.whole and fill(self._store, files, self._tell):
            applied += runner.up(files, how).applied
        took = sum(row.seconds for row in applied)
        named = ", ".join(row.title for row in applied) or "nothing, it was all there"
        return f"migrated {self.found.where}: {named}", (f"the statements took {took:.3f} s", *self._backed_up())

    def _reset(self) -> tuple[str, tuple[str, ...]]:
        files, there = self._files(), ground(self.found)
        if there.exists() and made_by(self.order.rollout, self._store.look().rows):
            return f"made {self.found.where} anew", ("it had been put in place when an earlier run was cut short",)
        kept = there.renew(lambda fresh: self._fresh(fresh, files), self.order.rollout, like=self.order.like, mark=self.order.mark)
        seeded = f", seeded by {', '.join(' '.join(one) for one in self.order.seed)}" if self.order.seed else ""
        said = f"made {self.found.where} anew: {', '.join(one.title for one in files)}{seeded}"
        return said, (f"what it held is kept as {kept}",) if kept else ()

    def _fresh(self, fresh: Address, files: tuple[Migration, ...]) -> None:
        """Everything in its order, on a database that nobody uses yet."""
        store = open_store(fresh, Timeouts(self.order.lock_timeout, self.order.statement_timeout))
        runner = Runner(store, _now, _say)
        how = How(Together(self.order.together), "headway", release=self.order.release, rollout=self.order.rollout)
        runner.up(files, how)
        while fill(store, files, self._tell):
            runner.up(files, how)
        given = {name: value for name, value in os.environ.items() if not name.startswith(URL) and name != KEY}
        env = {**given, **self.order.env, **dict.fromkeys(self.order.urls, url_of(fresh))}
        for one in self.order.seed:
            _say(f"seeding by {' '.join(one)}")
            seed(one, fresh, Path(self.order.source), self.folder / "seed", env, self.order.statement_timeout)
        shutil.rmtree(self.folder / "seed", ignore_errors=True)

    def _verify(self) -> tuple[str, tuple[str, ...]]:
        wanted = {version for version, _ in self.order.apply}
        found = verify(self._store, [one for one in self._files() if one.version in wanted], everything=True)
        held = f"{len(found)} verify queries are true" if found else "nothing was promised, and no index is broken"
        return f"{held} in {self.found.where}", ()

    def _fill(self) -> tuple[str, tuple[str, ...]]:
        filled = fill(self._store, self._files(), self._tell)
        rows = sum(one.rows for one in filled)
        return f"filled {rows:,} rows of {self.found.where}" if filled else f"nothing was left to fill in {self.found.where}", ()

    # -- parts

    @property
    def _store(self) -> Store:
        return open_store(self.found, Timeouts(self.order.lock_timeout, self.order.statement_timeout))

    def _files(self) -> tuple[Migration, ...]:
        """The release's own, and those that the rollout was planned with must be as they were then."""
        files = folders.read(Path(self.order.files), self.found.dialect)
        there = {(one.version, one.sha256) for one in files}
        if changed := [version for version, sha256 in self.order.apply if (version, sha256) not in there]:
            raise Refused("the files are not those of the plan", (f"version {version} is another one" for version in changed))
        return files

    def _back_up(self, _run: Run) -> None:
        """Under the lock, as late as possible: its age is what a restore would lose."""
        if not self.existed:
            return
        shelf = Path(self.order.shelf)
        made = backups.back_up(self.found, shelf, _now, new_id(), os.environ.get(KEY))
        self.backup = made.path
        _say(f"backed up to {made.path}")
        if self.order.keep:
            shelves.thin(shelf, Keep(*self.order.keep))

    def _backed_up(self) -> tuple[str, ...]:
        return (f"backed up to {self.backup}",) if self.backup else ()

    def _tell(self, one: Migration, progress: Progress) -> None:
        notes.advance(self.folder, one.title, progress.rows, done=progress.done)

    def _begun(self) -> str | None:
        if self.order.what == "reset":  # what was begun on the old one does not matter
            return None
        try:
            rows = self._store.look().rows
        except HeadwayError:
            return None
        return next((notes.unfinished(row.title) for row in rows if row.state is not State.APPLIED), None)


def _now() -> datetime:
    return datetime.now(UTC)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
