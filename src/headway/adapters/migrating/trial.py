"""The process of one rehearsal: `python -m headway.adapters.migrating.trial FOLDER`, started by rehearsals.py.

Lint, then the whole way on a clone, then the release that runs now on the schema that came of it. The database itself is only read. It may
be killed at any moment: the next one removes the clone, and what it started goes with it.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from headway.adapters.databases import folder as folders
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases import squawk
from headway.adapters.databases.address import Address, address, mask
from headway.adapters.databases.rehearse import rehearse
from headway.adapters.databases.store import Timeouts, open_store
from headway.adapters.migrating import notes
from headway.adapters.migrating.oldrelease import tried
from headway.adapters.migrating.rehearsals import Asked
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.system import new_id
from headway.errors import Failed, HeadwayError, Unavailable
from headway.migration.lint import blocking, lint
from headway.migration.model import Dialect, Migration
from headway.migration.status import compare
from headway.rollout.seen import RunState


def main(folder: Path) -> int:
    """Do what the folder says, and leave there what came of it."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    found = address(os.environ[URL])
    trial = _Trial(_order(folder), found)
    secrets = [os.environ[name] for name in trial.order.hidden if os.environ.get(name)]
    try:
        state, text = RunState.PASSED, trial.done()
    except Failed as error:
        state, text = RunState.FAILED, str(error)
    except HeadwayError as error:
        state, text = RunState.ERRORED, str(error)
    except KeyboardInterrupt:
        state, text = RunState.STOPPED, "the rehearsal was stopped"
    except Exception as error:
        state, text = RunState.ERRORED, f"Headway stumbled over itself: {error!r}"
    # A release that fails may say with its last words what it was told.
    notes.end(folder, state, mask(text, secrets), tuple(mask(one, secrets) for one in trial.notes))
    _say(text)
    return 0 if state is RunState.PASSED else 1


class _Trial:
    """One rehearsal; `notes` grows while it finds things out, so that a failure has them too."""

    def __init__(self, order: Asked, found: Address) -> None:
        self.order, self.found = order, found
        self.notes: list[str] = []

    def done(self) -> str:
        files = folders.read(Path(self.order.files), self.found.dialect)
        there = {(one.version, one.sha256) for one in files}
        if changed := [version for version, sha256 in self.order.apply if (version, sha256) not in there]:
            raise Unavailable(f"the files are not those that were asked about: {', '.join(map(str, changed))}")
        if self.order.lint:
            self._lint(files)
        return self._rehearse(files) if self.order.on != "off" else "lint found nothing that blocks"

    def _lint(self, files: Sequence[Migration]) -> None:
        look = open_store(self.found, self._timeouts).look()
        waiting = set(self.order.waiting)
        pending = [one for one in compare(files, look.rows, look.progress).pending if one.version not in waiting]
        found, silent = lint(pending, self.found.dialect), None
        if self.found.dialect is Dialect.POSTGRES:
            more, silent = squawk.opinions(pending)
            found = tuple(sorted((*found, *more), key=lambda one: (one.file, one.line)))
        stops = blocking(found, traffic=self.order.block)
        self.notes += [f"lint, {one.grade.value}: {one}" for one in found if one not in stops]
        self.notes += [silent] if silent else []
        if stops:
            raise Failed("\n".join(map(str, stops)))

    def _rehearse(self, files: Sequence[Migration]) -> str:
        last = next(iter(reversed(shelves.backups(Path(self.order.shelf)))), None) if self.order.on == "backup" else None
        if self.order.on == "backup" and last is None:
            self.notes.append("no backup is kept yet: rehearsed on a fresh copy")
        # A backup may be older than the newest migration: what went out since goes again.
        contracts = {one.version for one in files} - set(self.order.waiting)
        done = rehearse(
            self.found,
            files,
            _now,
            new_id(),
            backup=last,
            template=self.order.on == "template",
            secret=os.environ.get(KEY),
            timeouts=self._timeouts,
            contracts=contracts,
            then=self._old_releases,
        )
        self.notes += done.notes
        named = ", ".join(done.applied) or "the backfill"
        verified = f", {done.verified} promises held" if done.verified else ""
        return f"{named} took {done.seconds:g} s on {done.on}{verified}"

    def _old_releases(self, clone: Address, scratch: Path) -> Sequence[str]:
        """Not before the rest: what it writes must not disturb the way down and up again."""
        said = []
        for number, one in enumerate(self.order.lives):
            if "skipped" in one:
                said.append(str(one["skipped"]))
                continue
            try:
                passed = tried(one, clone, scratch / f"old-{number}", _say)
            except Failed as error:
                why = f"{one['version']} cannot run on the schema of {self.order.version}: {error}"
                raise Failed(f"{why}; a rollback would have nowhere to go") from error
            said.append(f"{one['version']} runs on the schema of {self.order.version}: {passed}")
        return said

    @property
    def _timeouts(self) -> Timeouts:
        return Timeouts(lock=self.order.lock_timeout, statement=self.order.statement_timeout)


def _order(folder: Path) -> Asked:
    read = json.loads((folder / "order.json").read_text())
    apply = tuple((int(version), str(sha256)) for version, sha256 in read["apply"])
    return Asked(
        **{**read, "apply": apply, "waiting": tuple(read["waiting"]), "lives": tuple(read["lives"]), "hidden": tuple(read["hidden"])}
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
