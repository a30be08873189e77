"""The team's own tools in a rollout, looked at: what one would do, what it did, what became of a run that nobody saw end.

A tool is the release's own code and gets the database's URL, so it runs only where the environment, on the protected branch, names it. It
runs in a copy of the release: of what was built, where that has the folder, else of the commit.

    migration-tools/<commit>-<digest>/   a release laid out to look with; kept, and made again when it is gone
    migration-tools/<database>.json      what Headway had tools apply, and what that took
"""

import os
import secrets as chance
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import TypeVar

from headway.adapters.databases.address import Address
from headway.adapters.databases.foreign_verbs import ToolMigrations
from headway.adapters.databases.store import Timeouts
from headway.adapters.databases.toolcommand import Stands
from headway.adapters.folders import disk, remove
from headway.adapters.migrating import notes
from headway.adapters.sources import Sources
from headway.adapters.system import new_id
from headway.environments.model import Database
from headway.errors import Failed, HeadwayError, Refused, Unavailable
from headway.migration.abilities import ByTool
from headway.migration.changes import Loss
from headway.migration.model import Dialect
from headway.migration.shipping import Outlook
from headway.migration.toolshipping import Knows, Pending, known, outlook_by_tool, taken_by
from headway.releases.model import MigrationSpec, Release
from headway.rollout.model import RunMigration
from headway.rollout.seen import MigrationRun, RunState

T = TypeVar("T")
Answer = tuple[Stands, tuple[str, ...], Mapping[str, str]]
OWN = "headway"
_SEES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_LOOK = 60.0
"""Seconds that one question to a tool may take."""
_KEPT = 32
_FRESH = 30.0
"""Seconds for which an answer is good enough to plan with: the run asks again, under the lock."""


def agreed(database: Database, release: Release) -> str | None:
    """Why the release's tool may not have this database; None when both sides name the same."""
    spec = release.migrations
    if spec is None or spec.tool == database.tool:
        return None
    if spec.tool == OWN:
        return f"{release.version} has files for Headway's own runner, and its environment gives the database to {database.tool}"
    return (
        f"{release.version} migrates by {spec.tool}, which its environment does not give the database to;"
        f" `database: {{tool: {spec.tool}}}` there, on the protected branch, hands the URL to the release's own code"
    )


def seen() -> dict[str, str]:
    """What a tool sees of our environment: how to find programs and databases, and no secret that was not meant for it."""
    return {name: value for name, value in os.environ.items() if name in _SEES or name.startswith("PG")}


class ByTools:
    """Looks at databases through the tools of releases."""

    def __init__(self, home: Path, sources: Sources, artifacts: Callable[[str], Path] | None) -> None:
        self._home = home / "migration-tools"
        self._shelf = home / "backups"
        self._sources = sources
        self._artifacts = artifacts
        # A tool that proved to go where it is sent, and what its migrations run, need not be asked again.
        self._known: dict[tuple[object, ...], ToolMigrations] = {}
        self._answers: dict[int, tuple[ToolMigrations, float, Answer]] = {}
        # One at a time: a turn that lost its lease over a slow tool must find the answer that the one before it got.
        self._asking = Lock()

    # -- before it starts

    def outlook(
        self, database: Database, found: Address, release: Release, running: Sequence[Release], count: Callable[[Loss], int | None]
    ) -> Outlook:
        """What this release would do there, and why it may not, by its tool's own word."""
        spec = release.migrations
        assert spec is not None, "asked of releases that have migrations"
        made = self._of(release, spec, database, found, served=bool(running))
        stands, said, sql = self._asked(made, release)
        pending = [Pending(name, sql.get(name)) for name in stands.pending]
        knowing = [self._knows(one, release, database, found, stands) for one in running]
        tool = ByTool(spec.tool, release.service, made.promises, spec.command, spec.url_in)
        begun = len(stands.running)
        lasting = (said[:begun], said[begun:])
        return outlook_by_tool(tool, found.dialect, pending, lasting, database, found.where, spec.folder, knowing, count)

    def _knows(self, one: Release, new: Release, database: Database, found: Address, stands: Stands) -> Knows:
        """What a release that runs has. One that cannot be asked has none: then everything has to wait for it."""
        if one.commit == new.commit:
            return Knows(one.name, same=True)
        if one.migrations is None or one.migrations.tool != database.tool or not stands.pending:
            return Knows(one.name)
        try:
            there, _, sql = self._asked(self._of(one, one.migrations, database, found, served=True), one)
        except Unavailable:
            raise
        except HeadwayError:
            return Knows(one.name)
        return Knows(one.name, known([Pending(name, sql.get(name)) for name in there.pending]))

    def taken(self, database: Database, found: Address, release: Release) -> tuple[str, ...]:
        """What was taken from the database that this release may need."""
        went = notes.remembered(self.memory(found))
        if release.migrations is None or release.migrations.tool != database.tool:
            return taken_by(went, frozenset(), ())
        stands, _, _ = self._asked(self._of(release, release.migrations, database, found, served=False), release)
        return taken_by(went, frozenset((*stands.applied, *stands.pending)), stands.ahead)

    # -- what became of a run

    def by_the_ledger(self, effect: RunMigration, tool: ByTool, found: Address, *, began: bool) -> MigrationRun:
        """All there is done; some there, or one begun, is a person's where the tool leaves halves; a lock that is held is at work."""
        self.forget()
        shipping = effect.shipping
        spec = MigrationSpec(shipping.folder, tool.name, tool.command, tool.url_in)
        load = effect.workload
        folder = self._room(tool.service, load.commit, load.digest, shipping.folder)
        made = self._made((load.commit, load.digest), folder, spec, shipping.database, found, served=False)
        if found.dialect is not Dialect.SQLITE or found.path.exists():
            with made.store.reading():
                pass  # a database that is away is not one that somebody works on
        try:
            with replace(made, timeouts=replace(made.timeouts, patience=0.0)).store.turn():
                pass
        except Unavailable:
            return MigrationRun(RunState.RUNNING, f"somebody still works on {found.where}")
        try:
            stands = self._stands(made)
        except Failed as error:
            raise Unavailable(f"what {tool.name} did to {found.where} cannot be told: {error}") from error
        missing = [one.title for one in shipping.apply if one.title not in stands.applied]
        if not missing:
            return MigrationRun(RunState.PASSED, f"all of it is applied, says {tool.name} of {found.where}")
        if effect.what == "migrate" and not tool.promises.atomic and (began or len(missing) < len(shipping.apply)):
            return MigrationRun(RunState.STUCK, halves(tool.name, found.where, missing[0]))
        left = f"not applied: {', '.join(missing)}"
        return MigrationRun(RunState.ERRORED, f"the run on {found.where} was lost; {left}")

    # -- the release, laid out

    def lay(self, into: Path, service: str, commit: str, digest: str, folder: str) -> None:
        """A copy of the release to run its tool in: of what was built, where that has the folder, else of the commit."""
        if into.exists():
            return
        new = into.with_name(f".new-{chance.token_hex(8)}")
        new.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        built = self._built(digest)
        try:
            if built is not None and (built / folder).is_dir():
                shutil.copytree(built, new, symlinks=True)
                _writable(new)
            else:
                self._sources.copy(service, commit, new)
            new.rename(into)
        except OSError as error:
            if not into.exists():  # else somebody else laid out the same just now
                raise Unavailable(f"{service} at {commit[:10]} cannot be laid out to run its tool in: {error}") from error
        finally:
            remove(new)

    def memory(self, found: Address) -> Path:
        """Where it is kept what tools took from this database."""
        return self._home / f"{sha256(found.where.encode()).hexdigest()[:12]}.json"

    def collect(self, older_than: timedelta) -> None:
        """Remove the copies that were made so long ago; they are made again when somebody asks."""
        with disk(f"clean {self._home}"):
            for one in self._home.glob("*"):
                if one.is_dir() and time() - one.stat().st_mtime > older_than.total_seconds():
                    remove(one)

    def _built(self, digest: str) -> Path | None:
        try:
            return self._artifacts(digest) if self._artifacts is not None else None
        except Unavailable:
            return None  # an image, or an artifact that is elsewhere: the commit has the migrations

    def _room(self, service: str, commit: str, digest: str, folder: str) -> Path:
        kept = self._home / f"{commit[:16]}-{digest[-16:]}"
        self.lay(kept, service, commit, digest, folder)
        return kept / folder

    def _of(self, release: Release, spec: MigrationSpec, database: Database, found: Address, *, served: bool) -> ToolMigrations:
        folder = self._room(release.service, release.commit, release.digest, spec.folder)
        return self._made((release.commit, release.digest), folder, spec, database, found, served=served)

    def _made(
        self, which: tuple[str, str], folder: Path, spec: MigrationSpec, database: Database, found: Address, *, served: bool
    ) -> ToolMigrations:
        key = (which, spec, found, database.lock_timeout, database.statement_timeout, served)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            timeouts = Timeouts(lock=database.lock_timeout, statement=database.statement_timeout)
            self._known[key] = by_tool(spec, folder, self._shelf, found, timeouts, seen(), served=served, seconds=_LOOK)
        return self._known[key]

    def _asked(self, made: ToolMigrations, release: Release) -> Answer:
        with self._asking:
            found = self._answers.get(id(made))
            if found is not None and found[0] is made and monotonic() - found[1] < _FRESH:
                return found[2]
            try:
                answer = _elsewhere_if_not_there(made, lambda there: there.looked())
            except Failed as error:
                raise Refused(
                    f"{release.version}: {made.tool} cannot tell what is pending in {made.address.where}", (str(error),)
                ) from error
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[id(made)] = (made, monotonic(), answer)
            return answer

    def forget(self) -> None:
        """A run began or ended: whoever asks is told anew."""
        self._answers.clear()

    @staticmethod
    def _stands(made: ToolMigrations) -> Stands:
        return _elsewhere_if_not_there(made, lambda there: there.looked()[0])


def by_tool(
    spec: MigrationSpec, folder: Path, shelf: Path, found: Address, timeouts: Timeouts, sees: Mapping[str, str], *, served: bool,
    seconds: float = 3600.0, secret: str | None = None,
) -> ToolMigrations:  # fmt: skip
    """The verbs by the team's tool, for a rollout."""
    return ToolMigrations(
        found, folder, shelf, OWN, lambda: datetime.now(UTC), new_id, timeouts=timeouts, secret=secret, tool=spec.tool,
        argv=spec.command, variable=spec.url_in, sees=sees, served=served, seconds=seconds,
    )  # fmt: skip


def halves(tool: str, where: str, name: str) -> str:
    """What a person must know of a tool that nobody saw end, where it leaves halves."""
    return (
        f"{tool} was at work on {where} and nobody saw it end: {name} is not applied by its own word, and may be there in half,"
        f" since {tool} leaves there what it did before it was ended; look, mend it by {tool}, then retry"
    )


def _elsewhere_if_not_there(made: ToolMigrations, ask: Callable[[ToolMigrations], T]) -> T:
    """A tool that is asked about a file that is not there makes one; so it is asked about an empty one elsewhere."""
    if made.address.dialect is not Dialect.SQLITE or made.address.path.exists():
        return ask(made)
    with tempfile.TemporaryDirectory(prefix="headway-empty-") as empty:
        return ask(replace(made, address=replace(made.address, url=f"sqlite:///{empty}/nothing.db")))


def _writable(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        for one in (Path(place), *(Path(place, name) for name in files)):
            if not one.is_symlink():
                one.chmod(one.stat().st_mode | stat.S_IWUSR)
