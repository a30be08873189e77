"""The verbs of `headway migrate`, whole: each looks, refuses cheaply first, acts, and answers with a view."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headway.adapters.databases import folder
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.down import down
from headway.adapters.databases.filling import Tell, fill
from headway.adapters.databases.keeping import Keeping, View, kinds
from headway.adapters.databases.rehearse import rehearse
from headway.adapters.databases.repair import repair
from headway.adapters.databases.runner import Done, How, Runner
from headway.adapters.databases.verify import verify
from headway.errors import Refused
from headway.migration.abilities import Promises
from headway.migration.model import Dialect, Migration, Progress, Row, Script
from headway.migration.plan import Run, Together, default_together
from headway.migration.status import Status, compare, objections

PROMISES = Promises(atomic=True, has_down=True, has_checksum=True)


@dataclass(frozen=True)
class Migrations(Keeping):
    """Headway's own runner on the folder's SQL files."""

    @cached_property
    def files(self) -> tuple[Migration, ...]:
        return folder.read(self.folder, self.address.dialect)

    # -- looking

    def status(self) -> View:
        """What is applied, pending, and out of order; and whether anything stands in the way."""
        look = self.store.look()
        status = compare(self.files, look.rows, look.progress)
        return {**_status(status, look.progress, self.address.dialect), "broken": list(look.broken), "database": self.address.where,
                "tool": {"name": "headway", **asdict(PROMISES)}}  # fmt: skip

    def lint(self) -> View:
        """Findings about the pending files."""
        return self._linted(self._status().pending)

    def plan(self) -> tuple[str, ...]:
        """Which way back there is after each pending file, with the values that go counted."""
        return self._ways_back(self._status().pending)

    def dry_run(self) -> str:
        """The SQL that is left to run, file by file."""
        told = []
        for one in self._status().pending:
            script = one.up or (one.backfill and Script(one.backfill.sql, 1))
            what = "" if one.up else ", a backfill"
            told.append(f"-- {one.file}{what}\n{script.sql if script else ''}")
        return "\n".join(told)

    def verify(self, *, everything: bool = False) -> View:
        """Ask again what the newest run promised."""
        return {"true": list(verify(self.store, self.files, everything=everything))}

    # -- trying

    def rehearse(self, *, backup: Path | None = None, template: bool = False) -> View:
        """Up, verify, down, up, on a clone."""
        self._status_without_objections()
        source = shelves.read(backup) if backup else None
        done = rehearse(
            self.address, self.files, self.now, self.new_id(), backup=source, template=template, secret=self.secret, timeouts=self.timeouts
        )
        return asdict(done)

    # -- acting

    def up(self, *, together: Together | None = None, contracts: bool | None = None, backup: bool = True, fill_now: bool = False,
           tell: Tell = lambda _one, _progress: None) -> View:  # fmt: skip
        """Cheap refusals first; under the lock a backup as late as possible; then the files."""
        status = self._status_without_objections()
        if stopped := self._stopping(status.pending):
            raise Refused("nothing was applied", map(str, stopped))
        told = self.plan()
        kept: list[str] = []

        def before(_run: Run) -> None:
            if backup and self._exists:
                kept.append(str(self._back_up().path))

        how = How(
            together=together or default_together(self.address.dialect, traffic=self.traffic),
            who=self.who,
            contracts=(not self.traffic) if contracts is None else contracts,
            rollout=self.new_id(),
        )
        runner = Runner(self.store, self.now)
        done = runner.up(self.files, how, before)
        filled: tuple[Progress, ...] = ()
        while fill_now and (fresh := fill(self.store, self.files, tell)):
            filled += fresh
            more = runner.up(self.files, how)
            done = Done((*done.applied, *more.applied), more.waiting, more.why)
        look = self.store.look()
        return {
            "applied": [_row(row) for row in done.applied],
            "waiting": [one.title for one in done.waiting],
            "why": list(done.why),
            "unfilled": [one.title for one in compare(self.files, look.rows, look.progress).unfilled],
            "filled": [asdict(one) for one in filled],
            "backup": kept[0] if kept else None,
            "way_back": list(told),
        }

    def down(self, steps: int, *, accept_loss: bool, backup: bool = True) -> View:
        """By the ledger's own SQL, after a backup."""
        kept = self._back_up() if backup and self._exists else None
        taken = down(self.store, steps, self.now, accept_loss=accept_loss)
        lost = [str(one) for each in taken for one in each.lost if one.values != 0]
        return {"taken_down": [_row(one.row) for one in taken], "lost": lost, "backup": str(kept.path) if kept else None}

    def repair(self, *, done: bool | None = None) -> View:
        """Settle what was begun and not finished."""
        return {"repaired": list(repair(self.store, self.files, done=done))}

    # -- parts

    def _status(self) -> Status:
        look = self.store.look()
        return compare(self.files, look.rows, look.progress)

    def _status_without_objections(self) -> Status:
        status = self._status()
        if said := objections(status):
            raise Refused(f"{self.address.where} cannot be migrated", said)
        return status


def _status(status: Status, progress: Any, dialect: Dialect) -> View:
    found = kinds(status.pending, dialect)
    return {
        "applied": [_row(row) for row in status.applied],
        "pending": [{"version": one.version, "name": one.name, "file": one.file, "kind": found[one.title]} for one in status.pending],
        "changed": [one.file for one in status.changed],
        "duplicate": [[one.file for one in each] for each in status.duplicate],
        "out_of_order": [one.file for one in status.out_of_order],
        "unknown": [row.title for row in status.unknown],
        "running": [_row(row) for row in status.running],
        "ahead": [row.title for row in status.ahead],
        "backfills": [{"file": one.file, "rows": progress[one.version].rows if one.version in progress else 0} for one in status.unfilled],
        "objections": list(objections(status)),
    }


def _row(row: Row) -> View:
    return {
        "version": row.version,
        "name": row.name,
        "title": row.title,
        "state": row.state.value,
        "kind": row.kind.value,
        "sha256": row.sha256,
        "release": row.release,
        "rollout": row.rollout,
        "who": row.who,
        "at": row.at.isoformat(),
        "seconds": row.seconds,
        "down": row.down is not None,
        "took": row.took,
    }
