"""What every way of migrating a database shares: the database itself, its backups, and what the pending files mean."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from headway.adapters.databases import backup as backups
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases import squawk
from headway.adapters.databases.address import Address
from headway.adapters.databases.store import Store, Timeouts, open_store
from headway.migration.changes import changes, kind_of
from headway.migration.lint import Finding, blocking, lint
from headway.migration.model import Dialect, Migration
from headway.migration.retention import Keep
from headway.migration.rollback import sentence

View = dict[str, Any]


@dataclass(frozen=True)
class Keeping:
    """One database, one folder of migrations, one shelf of backups. `traffic`: as in production."""

    address: Address
    folder: Path
    shelf: Path
    who: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    timeouts: Timeouts = Timeouts()
    traffic: bool = False
    secret: str | None = None
    """The key that backups are encrypted with."""

    @cached_property
    def store(self) -> Store:
        return open_store(self.address, self.timeouts)

    def backup(self, keep: Keep | None = None) -> View:
        """A backup that was read through; then the policy's broom."""
        made = self._back_up()
        gone = shelves.thin(self.shelf, keep) if keep else ()
        return {"backup": str(made.path), **asdict(made.manifest), "removed": list(gone)}

    def restore(self, source: Path | None, *, swap: bool, drill: bool, accept_loss: bool) -> View:
        """Side by side; with `swap` in place, the old one kept; as a drill, gone again."""
        found = shelves.read(source) if source else backups.newest(self.shelf)
        if drill:
            done = backups.drill(self.address, found, self.new_id(), self.secret)
        else:
            done = backups.restore(self.address, found, self.new_id(), swap=swap, accept_loss=accept_loss, secret=self.secret)
        return {"backup": str(found.path), "of": found.manifest.created, "drill": drill, **asdict(done)}

    @property
    def _exists(self) -> bool:
        return self.address.dialect is not Dialect.SQLITE or self.address.path.exists()

    def _back_up(self) -> shelves.Backup:
        return backups.back_up(self.address, self.shelf, self.now, self.new_id(), self.secret)

    def _findings(self, pending: Sequence[Migration]) -> tuple[tuple[Finding, ...], str | None]:
        """What lint says, and why squawk says nothing, if so."""
        found = lint(pending, self.address.dialect)
        if self.address.dialect is not Dialect.POSTGRES:
            return found, None
        more, silent = squawk.opinions(pending)
        return tuple(sorted((*found, *more), key=lambda one: (one.file, one.line))), silent

    def _stopping(self, pending: Sequence[Migration]) -> tuple[Finding, ...]:
        """What must not go on. squawk finds what is dangerous under traffic and nothing worse, so elsewhere nobody waits for it."""
        found = self._findings(pending)[0] if self.traffic else lint(pending, self.address.dialect)
        return blocking(found, traffic=self.traffic)

    def _linted(self, pending: Sequence[Migration]) -> View:
        found, silent = self._findings(pending)
        return {
            "findings": [{**asdict(one), "grade": one.grade.value} for one in found],
            "blocking": [str(one) for one in blocking(found, traffic=self.traffic)],
            "kinds": kinds(pending, self.address.dialect),
            "not_run": [silent] if silent else [],
        }

    def _ways_back(self, pending: Sequence[Migration]) -> tuple[str, ...]:
        """Which way back there is after each, with the values that go counted."""
        if not pending or not self._exists:
            return ()
        with self.store.reading() as session:
            told = []
            for one in pending:
                found = changes(one.up, self.address.dialect)
                counted = {each.loss: session.count(each.loss, lock=False) for each in found if each.loss}
                breaking = [each.what for each in found if each.breaks]
                told.append(sentence(one.title, kind_of(one, self.address.dialect), breaking, counted, has_down=one.down is not None))
        return tuple(told)


def kinds(pending: Sequence[Migration], dialect: Dialect) -> dict[str, str]:
    """What each of these means for the release that still runs."""
    created: set[tuple[str, ...]] = set()
    return {one.title: kind_of(one, dialect, created).value for one in pending}
