"""One run by the team's own tool, in the process of work.py: backed up, gone up, asked again; and what it left, if it did not get through.

What a tool that is not atomic leaves of a migration that failed is looked up in the schema: nobody is told that nothing is left.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import Address
from headway.adapters.databases.foreign_verbs import ToolMigrations
from headway.adapters.databases.keeping import View
from headway.adapters.databases.store import Timeouts
from headway.adapters.databases.toolcommand import Stands
from headway.adapters.migrating import notes
from headway.adapters.migrating.tools import by_tool, halves, seen
from headway.errors import Contradiction, Failed, HeadwayError, Unavailable
from headway.migration.model import Dialect
from headway.migration.retention import Keep
from headway.migration.toolshipping import Went
from headway.releases.model import MigrationSpec
from headway.rollout.seen import RunState


class ToolWork:
    """One run."""

    def __init__(self, folder: Path, order: notes.About, found: Address, tool: Mapping[str, Any], secret: str | None) -> None:
        self.folder, self.order, self.found, self.tool, self.secret = folder, order, found, tool, secret
        self.names = tuple(str(one["name"]) for one in tool["apply"])
        self.existed = found.dialect is not Dialect.SQLITE or found.path.exists()
        self.backup: str | None = None
        self.before: Stands | None = None
        self.schema: tuple[str, ...] = ()

    def done(self) -> tuple[RunState, str, tuple[str, ...]]:
        """Do it; what came of it."""
        if self.order.what == "migrate":
            return RunState.PASSED, *self._migrate()
        return RunState.PASSED, self._verify(), ()

    def because(self, error: Exception) -> tuple[RunState, str, tuple[str, ...]]:
        """Whose fault it is, so that only what the release did counts against it."""
        match error:
            case Failed():
                return RunState.FAILED, str(error), self.kept()
            case Unavailable() if self.before is not None and not self._made.promises.atomic and self._left() != ():
                applied = self._applied() or ()
                begun = next((one for one in self.names if one not in applied), self.names[-1])
                return RunState.STUCK, f"{error}; {halves(self._made.tool, self.found.where, begun)}", self.kept()
            case Unavailable():
                return RunState.ERRORED, str(error), self.kept()
            case HeadwayError():
                return RunState.STUCK, str(error), self.kept()
        return RunState.STUCK, f"Headway stumbled over itself: {error!r}", self.kept()

    def kept(self) -> tuple[str, ...]:
        """What stays in the database of a run that did not get through, and where the backup is."""
        backed_up = (f"backed up to {self.backup}",) if self.backup else ()
        if self.before is None:
            return backed_up
        applied = self._applied()
        if applied is not None:
            self._remember(applied, only=True)
        done = [one for one in applied or () if one not in self.before.applied]
        stays = (f"{', '.join(done)} had been applied and stays",) if done else ()
        return (*stays, *(() if self._made.promises.atomic else self._halves()), *backed_up)

    # -- what there is to do

    def _migrate(self) -> tuple[str, tuple[str, ...]]:
        view = self._made.up(contracts=True, backup=self.existed, only=self.names, begin=self._begin)
        _say(view["said"])
        applied = [one["name"] for one in view["applied"]]
        named = ", ".join(applied) or "nothing, it was all there"
        return f"migrated {self.found.where} by {self._made.tool}: {named}", (f"backed up to {self.backup}",) if self.backup else ()

    def _begin(self, stands: Stands, view: View) -> None:
        self.before, self.backup = stands, view["backup"]
        if self.backup:
            _say(f"backed up to {self.backup}")
            if self.order.keep:
                shelves.thin(Path(self.order.shelf), Keep(*self.order.keep))
        if not self._made.promises.atomic:
            self.schema = self._made.schema()
        # Before it begins: of a run that nobody saw end, what it may have taken is taken.
        self._remember(self.names)
        notes.begin(self.folder)

    def _verify(self) -> str:
        made = self._made
        if missing := [one for one in self.names if one not in made.looked()[0].applied]:
            raise Contradiction(f"{made.tool} says that {', '.join(missing)} is not applied to {self.found.where} any more")
        if broken := made.broken():
            raise Failed(f"{self.found.where}: {'; '.join(broken)}")
        return f"all of it is applied, says {made.tool} of {self.found.where}, which keeps no verify queries"

    # -- parts

    @cached_property
    def _made(self) -> ToolMigrations:
        order = self.order
        spec = MigrationSpec("", self.tool["name"], tuple(self.tool["command"]), self.tool["url_in"])
        timeouts = Timeouts(order.lock_timeout, order.statement_timeout)
        return by_tool(spec, Path(order.files), Path(order.shelf), self.found, timeouts, seen(), served=True, secret=self.secret)

    def _applied(self) -> tuple[str, ...] | None:
        """What is applied by the tool's own word; None: it cannot be told."""
        try:
            return self._made.looked()[0].applied
        except HeadwayError:
            return None

    def _left(self) -> tuple[str, ...] | None:
        """The objects of the schema that are not as they were before the tool began; None: that cannot be told."""
        try:
            now = self._made.schema()
        except HeadwayError:
            return None
        return tuple(sorted({line.partition(":")[0] for line in {*self.schema} ^ {*now}}))

    def _halves(self) -> tuple[str, ...]:
        left, tool = self._left(), self._made.tool
        if left is None:
            return (f"{tool} is not atomic here, and what it left cannot be told",)
        if not left:
            return ("the schema is as it was before it began",)
        return (f"{tool} is not atomic here and takes nothing back: not as before it began: {', '.join(left)}",)

    def _remember(self, names: tuple[str, ...], *, only: bool = False) -> None:
        """What goes, and what that takes: the tool's own table has only the names. `only`: the others of this run did not go."""
        if self.tool["remember"] is None:
            return
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        went = [Went(one["name"], one["contract"], one["took"], at) for one in self.tool["apply"] if one["name"] in names]
        notes.remember(Path(self.tool["remember"]), went, forget=frozenset(self.names) - {*names} if only else frozenset())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
