"""The verbs of `headway migrate` by the team's own tool: Headway locks, backs up, asks before and after; the tool migrates."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from headway.adapters.databases import foreign
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import Address
from headway.adapters.databases.filling import Tell
from headway.adapters.databases.keeping import Keeping, View, kinds
from headway.adapters.databases.patience import patiently
from headway.adapters.databases.rehearse import Rehearsal, cloned, same, scratch_folder
from headway.adapters.databases.store import TOOL, open_store
from headway.adapters.databases.toolcommand import Stands, Tool
from headway.errors import Contradiction, Failed, InvalidSpec, Refused
from headway.migration.abilities import Promises
from headway.migration.model import Dialect, Kind, Migration, Script
from headway.migration.plan import Together

UNCLEAR = "unclear"
"""What a migration means whose SQL nobody can tell beforehand."""
_TRIES = 5
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Named(Migration):
    """A tool's migration, by the tool's own name."""

    @property
    def title(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class ToolMigrations(Keeping):
    """A database that the team migrates by its own tool, run in `folder`. The same verbs and the same words as for Headway's own runner."""

    tool: str
    argv: tuple[str, ...] = ()
    variable: str = foreign.DATABASE_URL
    """How the team's configuration takes the database's URL."""
    pause: float = field(default=_PAUSE, repr=False)
    sees: Mapping[str, str] | None = field(default=None, repr=False)
    """The environment of the tool, but for the database; None: ours."""
    served: bool = False
    """A release runs on the database that could mind, also where nothing is applied yet."""
    seconds: float = 3600.0
    """How long one call of the tool may take."""

    @property
    def promises(self) -> Promises:
        return self._on(self.address).promises(self.address.dialect)

    # -- looking

    def status(self) -> View:
        """What is applied and what is pending by the tool's own word; and whether anything stands in the way."""
        stands = self._stands()
        found = self._kinds(stands)
        return {
            "applied": [_applied(name) for name in stands.applied],
            "pending": [{"version": None, "name": name, "title": name, "file": name, "kind": found[name]} for name in stands.pending],
            "changed": list(stands.changed),
            "duplicate": [list(each) for each in stands.duplicate],
            "out_of_order": list(stands.out_of_order),
            "unknown": list(stands.ahead),
            "running": [{**_applied(name), "state": "running"} for name in stands.running],
            "ahead": list(stands.ahead),
            "backfills": [],
            "objections": list(self._objections(stands)),
            "broken": list(self.broken()),
            "database": self.address.where,
            "tool": {"name": self.tool, **asdict(self.promises)},
        }

    def lint(self) -> View:
        """Findings about the SQL that the tool says it would run."""
        stands = self._stands()
        readable = self._readable(stands)
        silent = [
            f"{one} was not linted: what it runs cannot be told beforehand"
            for one in stands.pending
            if one not in {each.name for each in readable}
        ]
        view = self._linted(readable)
        return {**view, "kinds": self._kinds(stands), "not_run": [*view["not_run"], *silent]}

    def plan(self) -> tuple[str, ...]:
        """Which way back there is after each pending migration."""
        return self._told(self._stands())

    def dry_run(self) -> str:
        """What the tool says that it would do."""
        return self._ready.dry_run()

    def verify(self, *, everything: bool = False) -> View:
        del everything
        raise Refused(f"{self.tool} keeps no verify queries", ("they belong to Headway's own files; write a check instead",))

    def repair(self, *, done: bool | None = None) -> View:
        del done
        raise Refused(f"{self.tool} repairs itself, or a person does", (f"look at {self.tool}'s own table and mend it by {self.tool}",))

    def looked(self) -> tuple[Stands, tuple[str, ...], Mapping[str, str]]:
        """Where it stands, what stands in the way, and what the pending ones run, as far as that can be told beforehand."""
        stands = self._stands()
        return stands, self._objections(stands), {one.name: one.up.sql for one in self._readable(stands) if one.up}

    def schema(self) -> tuple[str, ...]:
        """The whole schema without the tool's own tables, one object or line each."""
        return self.store.catalog(*foreign.kind(self.tool).tables) if self._exists else ()

    # -- trying

    def rehearse(self, *, backup: Path | None = None, template: bool = False) -> View:
        """Up, down and up on a clone, by the tool."""
        self._without_objections()
        source = shelves.read(backup) if backup else None
        with (
            scratch_folder() as scratch,
            cloned(self.address, scratch, self.now, self.new_id(), source, self.secret, template=template) as (clone, on),
        ):
            there = replace(self, address=clone)
            return asdict(there._rehearsed(on))

    def _rehearsed(self, on: str) -> Rehearsal:
        tool, store = self._on(self.address), open_store(self.address, self.timeouts)
        tables = foreign.kind(self.tool).tables
        pending, before = tool.status().pending, store.catalog(*tables) if self._exists else ()
        started = time.monotonic()
        tool.up()
        seconds = time.monotonic() - started
        self._all_applied(pending, tool.status())
        if not self.promises.has_down or not pending:
            notes = [f"the way down was not rehearsed: {self.tool} has none"] if pending else []
            return Rehearsal(on, pending, 0, round(seconds, 3), tuple(notes))
        above = store.catalog(*tables)
        tool.down(len(pending))
        if before:
            same(before, store.catalog(*tables), "after up and down the schema is not what it was before")
        tool.up()
        same(above, store.catalog(*tables), "going up a second time leads to another schema")
        return Rehearsal(on, pending, 0, round(seconds, 3), ("down and up again: the catalog is as it was",))

    # -- acting

    def up(self, *, together: Together | None = None, contracts: bool | None = None, backup: bool = True, fill_now: bool = False,
           tell: Tell = lambda _one, _progress: None, only: Collection[str] | None = None,
           begin: Callable[[Stands, View], None] = lambda _stands, _view: None) -> View:  # fmt: skip
        """Under the lock the tool is asked, cheap refusals first; then a backup, and the tool does its work.

        `only` these may go; `begin` is told at the last moment before the tool begins.
        """
        del tell
        if together is not None or fill_now:
            raise InvalidSpec(
                f"how far a transaction reaches, and backfills, are {self.tool}'s own business: leave --together and --fill out"
            )
        with self._turn() as tool:
            stands = self._without_objections(tool)
            self._unblocked(stands)
            view: View = {"applied": [], "waiting": [], "why": [], "unfilled": [], "filled": [], "backup": None,
                          "way_back": list(self._told(stands)), "said": ""}  # fmt: skip
            if not stands.pending:
                return view
            if why := self._waits(stands, contracts=(not self.traffic) if contracts is None else contracts):
                return {**view, "waiting": list(stands.pending), "why": why}
            if only is not None and (more := [one for one in stands.pending if one not in only]):
                raise Refused("what is pending is not what was planned", (f"{one} came in between" for one in more))
            if backup and self._exists:
                view["backup"] = str(self._back_up().path)
            begin(stands, view)
            with self._blamed():
                # A migration that was ended by a lock left nothing of itself only if the tool promises so.
                view["said"] = patiently(tool.up, _TRIES if self.promises.atomic else 1, self.pause, time.sleep)
                after = tool.status()
        self._all_applied(stands.pending, after)
        return {**view, "applied": [_applied(name) for name in after.applied if name not in stands.applied]}

    def down(self, steps: int, *, accept_loss: bool, backup: bool = True) -> View:
        """By the tool, after a backup, and only on a person's word: what it destroys nobody can count."""
        if not self.promises.has_down:
            self._on(self.address).down(steps)
        with self._turn() as tool:
            before = self._without_objections(tool)
            going = before.applied[max(len(before.applied) - steps, 0) :]
            view: View = {"taken_down": [], "lost": [], "backup": None}
            if not going:
                return view
            if not accept_loss:
                said = tuple(f"what the way down of {one} destroys cannot be counted" for one in reversed(going))
                raise Refused("nothing was taken down; with --accept-data-loss it would be", said)
            if backup and self._exists:
                view["backup"] = str(self._back_up().path)
            with self._blamed():
                tool.down(len(going))
                left = tool.status().applied
        return {**view, "taken_down": [_applied(name) for name in reversed(before.applied) if name not in left]}

    # -- the tool

    def _on(self, address: Address, holds: tuple[int, ...] = ()) -> Tool:
        made = foreign.kind(self.tool)
        # libpq's own variables: whoever speaks through it gives a lock up as soon as we would, and its sessions can be told from others.
        limits = f"-c lock_timeout={self.timeouts.lock:g}s -c statement_timeout={self.timeouts.statement:g}s"
        extra = {"PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} {limits}".strip(), "PGAPPNAME": TOOL}
        ours = {**(extra if address.dialect is Dialect.POSTGRES else {}), **made.environment(address, self.variable)}
        sees = os.environ if self.sees is None else self.sees
        return foreign.tool(self.tool, self.folder, {**sees, **ours}, self.argv, address.secrets, holds, self.seconds)

    @cached_property
    def _ready(self) -> Tool:
        """The tool on our database; certain that it goes where we send it."""
        nowhere = "sqlite:////dev/null/nowhere.db" if self.address.dialect is Dialect.SQLITE else "postgresql://nobody@127.0.0.1:1/nowhere"
        try:
            self._on(replace(self.address, url=nowhere)).status()
        except (Failed, Refused):
            return self._on(self.address)
        raise Refused(
            f"{self.tool} does not go where {self.variable} says, so it may work on another database than {self.address.where}",
            (
                f"it answered although {self.variable} named a place where no database can be",
                f"make its configuration read {self.variable}, or name the variable that it reads with --url-in",
            ),
        )

    @contextmanager
    def _turn(self) -> Iterator[Tool]:
        """The tool, while nobody else migrates this database."""
        _ = self._ready  # asked before the lock is taken
        with self.store.turn() as holds:
            yield self._on(self.address, holds)

    def _stands(self, tool: Tool | None = None) -> Stands:
        with self._blamed():
            return (tool or self._ready).status()

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """A tool fails alike for a bad migration and for a database that is away; only one of them is the release's fault."""
        try:
            yield
        except Failed:
            if self._exists:
                with self.store.reading():
                    pass
            raise

    # -- what stands in the way

    def _without_objections(self, tool: Tool | None = None) -> Stands:
        stands = self._stands(tool)
        if said := self._objections(stands):
            raise Refused(f"{self.address.where} cannot be migrated", said)
        return stands

    def _objections(self, stands: Stands) -> tuple[str, ...]:
        return (
            *(f"{one} was begun and not finished: mend it by {self.tool}" for one in stands.running),
            *(f"{', '.join(each)} have one version, and {self.tool} would skip all but one; renumber" for each in stands.duplicate),
            *(f"{one} changed after it was applied; put it back as it was, and make the change a new file" for one in stands.changed),
            *(f"the database is ahead of these files: it has {one}; use the files of that release, or newer" for one in stands.ahead),
            *(f"{one} comes before what is applied already; give it a number above the highest" for one in stands.out_of_order),
        )

    def _unblocked(self, stands: Stands) -> None:
        if stopped := self._stopping(self._readable(stands)):
            raise Refused("nothing was applied", map(str, stopped))

    def _waits(self, stands: Stands, *, contracts: bool) -> list[str]:
        """The tool goes all the way or not at all, so one that must wait holds all of them."""
        if contracts:
            return []
        said = {
            Kind.CONTRACT.value: "takes something away and waits until no running release needs it",
            UNCLEAR: "may take something away, which cannot be told beforehand: look, and say --contract",
        }
        return [f"{name} {said[kind]}" for name, kind in self._kinds(stands).items() if kind in said]

    @staticmethod
    def _all_applied(pending: Sequence[str], after: Stands) -> None:
        if left := [one for one in pending if one not in after.applied]:
            raise Contradiction(f"the tool said that it went up, and {', '.join(left)} is not applied")

    def broken(self) -> tuple[str, ...]:
        """Invalid indexes and the like."""
        if not self._exists:
            return ()
        with self.store.reading() as session:
            return session.broken()

    # -- what the migrations mean

    def _readable(self, stands: Stands) -> tuple[Named, ...]:
        """The pending migrations whose SQL is known."""
        tables = foreign.kind(self.tool).tables
        known = self._sql(stands)
        return tuple(
            Named(at, name, name, "", Script(foreign.own_words(known[name], tables, self.address.dialect), 1))
            for at, name in enumerate(stands.pending)
            if name in known
        )

    def _sql(self, stands: Stands) -> dict[str, str]:
        # Where nothing is applied yet, no release runs that could mind.
        known = self._known.get(stands.pending)
        if known is None:
            known = self._known[stands.pending] = dict(self._ready.sql(stands.pending)) if stands.applied or self.served else {}
        return known

    @cached_property
    def _known(self) -> dict[tuple[str, ...], dict[str, str]]:
        return {}

    def _kinds(self, stands: Stands) -> dict[str, str]:
        known = kinds(self._readable(stands), self.address.dialect)
        otherwise = UNCLEAR if stands.applied or self.served else Kind.EXPAND.value
        return {name: known.get(name, otherwise) for name in stands.pending}

    def _told(self, stands: Stands) -> tuple[str, ...]:
        readable = self._readable(stands)
        unknown = [one for one in stands.pending if one not in {each.name for each in readable}] if stands.applied else []
        has_down = "; its down was not read" if self.promises.has_down else "; it has no down"
        return (
            *(one.replace("; it has no down", has_down) for one in self._ways_back(readable)),
            *(
                f"after {one} nobody can say whether there is an automatic way back: what it runs cannot be told beforehand"
                for one in unknown
            ),
        )


def _applied(name: str) -> View:
    return {"version": None, "name": name, "title": name, "state": "applied", "at": None, "who": None, "seconds": None}
