"""Rehearsals of migrations: begun for what waits to enter, and what came of them written down.

Everything is on the record before it is done, as with the commands of checklists: that a rehearsal was asked for, then how it ended. Its
key follows from what it is about, so whoever comes back after a crash finds the same run. A result is asked of the record, never repeated,
until the ledger of the database, the files, or what runs on it are others.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from headway.engine.candidate import Asked, Considered, consider
from headway.engine.commands import Commands
from headway.engine.everywhere import everywhere
from headway.engine.views import View
from headway.engine.waiting import waiting
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Event, Notice, World
from headway.promotion.model import Rehearsal, Stage
from headway.promotion.rehearsals import last
from headway.rollout.seen import MigrationRun, RunState

log = structlog.get_logger()
US = "headway"
TRIES = 3
"""How often one that came to nothing by our fault is tried before a person is needed."""
AGAIN = timedelta(seconds=30)
NEWEST = 20
"""Of how many releases of a service rehearsals are followed that somebody asked for without a promotion that waits."""


class RehearsalRuns:
    """The verb that asks for a rehearsal, and the turn that starts and follows them."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {"rehearse": self.rehearse, "rehearsal": self.show}

    def rehearse(self, release: str, environment: str, by: str) -> View:
        """Have it tried on a clone, again if it was before; the newest result counts."""
        considered, place = self._considered(release, environment)
        if considered.rehearsing is None:
            why = considered.unproved or (f"it does nothing to the database of {environment}, or that is not rehearsed",)
            raise Refused(f"{considered.release.name} has nothing to rehearse for {environment}", why)
        found = last(considered.subject, self._said(considered.release.name, environment))
        if found is None or found.state != "asked":
            self._ask(considered, place, (found.number if found else 0) + 1, by)
        return self.show(release, environment)

    def show(self, release: str, environment: str) -> View:
        """How the newest rehearsal stands, and what it found."""
        considered, _ = self._considered(release, environment)
        found = last(considered.subject, self._said(considered.release.name, environment)) if considered.rehearsing else None
        return {
            "release": considered.release.name,
            "environment": environment,
            "state": found.state if found else None,
            "number": found.number if found else 0,
            "text": found.text if found else "",
            "notes": list(found.notes) if found else [],
            "log": found.log if found else "",
            "objections": list(considered.unproved),
        }

    # -- the turn

    def look(self) -> int:
        """Ask for what waiting releases need, start what was asked for, write down what ended; how many rehearsals moved."""
        moved = 0
        for stage in everywhere(self._world):
            if stage.environment.database is None:
                continue
            for release, waits in self._concerned(stage.service, stage):
                try:
                    moved += self._look_at(release, Place(stage.service, stage.environment.name), waits)
                except HeadwayError as error:
                    log.warning("will look again", release=release, environment=stage.environment.name, error=str(error))
        return moved

    def _concerned(self, service: str, stage: Stage) -> Iterator[tuple[str, bool]]:
        """The releases that wait to enter, and those with a rehearsal that is not over; each with whether it waits."""
        place = Place(service, stage.environment.name)
        waits = waiting(service, stage, self._world)
        newest = [one.name for one in self._world.releases.all(service, most=NEWEST) if one.migrations is not None]
        yield from ((name, True) for name in sorted(waits))
        yield from ((name, False) for name in newest if name not in waits and _open(self._said(name, place.environment)))

    def _look_at(self, release: str, place: Place, waits: bool) -> int:
        found = self._world.releases.get(release)
        if found is None or found.migrations is None:
            return 0
        now = self._world.clock.now()
        said = self._said(release, place.environment)
        considered = consider(Asked(release, place, ""), self._world, now)
        newest = last(considered.subject, said) if considered.rehearsing is not None else None
        moved = sum(self._drop(one) for one in _open(said) if one != newest)
        if considered.rehearsing is None:
            return moved
        if newest is not None and newest.state == "asked":
            return moved + self._follow(considered, place, newest)
        if waits and _wanted(newest, said, now):
            self._ask(considered, place, (newest.number if newest else 0) + 1, US)
            return moved + 1
        return moved

    def _follow(self, considered: Considered, place: Place, asked: Rehearsal) -> int:
        """Start it, if nobody has yet; write down how it ended, if it has."""
        assert considered.rehearsing is not None
        key = _key(asked)
        run = self._world.rehearsals.look(key)
        if run is None:
            try:
                self._world.rehearsals.start(key, considered.rehearsing)
            except HeadwayError as error:
                run = MigrationRun(RunState.ERRORED, f"it could not be started: {error}")
        if run is None or run.state is RunState.RUNNING:
            return 0
        self._end(asked, run, considered.stage.notify)
        self._commands.wake(place.service)
        return 1

    def _drop(self, asked: Rehearsal) -> int:
        """What it was about is no more: nobody needs its answer."""
        self._world.rehearsals.stop(_key(asked))
        self._end(asked, MigrationRun(RunState.STOPPED, "the database, the files or what runs there changed meanwhile"), ())
        return 1

    def _end(self, asked: Rehearsal, run: MigrationRun, notify: tuple[str, ...]) -> None:
        state = {RunState.PASSED: "passed", RunState.FAILED: "failed"}.get(run.state, "errored")
        now = self._world.clock.now()
        ended = Rehearsal(asked.release, asked.environment, US, now, asked.subject, asked.number, state, run.text, run.notes, run.log)  # type: ignore[arg-type]
        what = f"rehearsal for {asked.environment} {state}"
        event = Event(now, US, what, (run.text, *run.notes), {"subject": asked.subject, "number": asked.number, "log": run.log})
        title = f"the rehearsal of {asked.release} for {asked.environment} failed"
        about = {"release": asked.release, "environment": asked.environment}
        notices = [Notice(target, title, run.text, about) for target in (notify if state == "failed" else ())]
        self._world.statements.state(ended, event, notices)

    # -- small parts

    def _ask(self, considered: Considered, place: Place, number: int, by: str) -> None:
        assert considered.rehearsing is not None
        name, now, shipping = considered.release.name, self._world.clock.now(), considered.rehearsing.shipping
        asked = Rehearsal(name, place.environment, by, now, considered.subject, number)
        titles = tuple(dict.fromkeys(one.title for one in (*shipping.apply, *shipping.fill)))
        data: dict[str, object] = {"subject": asked.subject, "data": shipping.subject, "number": number}
        self._world.statements.state(asked, Event(now, by, f"asked for a rehearsal for {place.environment}", titles, data))

    def _considered(self, release: str, environment: str) -> tuple[Considered, Place]:
        name = str(self._commands.release(release)["release"])
        place = Place(name.rpartition("@")[0], environment)
        return consider(Asked(name, place, ""), self._world, self._world.clock.now()), place

    def _said(self, release: str, environment: str) -> list[Rehearsal]:
        return [one for one in self._world.statements.statements(release, environment) if isinstance(one, Rehearsal)]


def _open(said: list[Rehearsal]) -> list[Rehearsal]:
    """Those that were asked for and have not ended."""
    ended = {(one.subject, one.number) for one in said if one.state != "asked"}
    return [one for one in said if one.state == "asked" and (one.subject, one.number) not in ended]


def _wanted(newest: Rehearsal | None, said: list[Rehearsal], now: datetime) -> bool:
    """Never tried, or ended by our own trouble and not too often."""
    if newest is None:
        return True
    errored = [one for one in said if (one.subject, one.state) == (newest.subject, "errored")]
    return newest.state == "errored" and len(errored) < TRIES and now - newest.at >= AGAIN


def _key(asked: Rehearsal) -> str:
    about = f"{asked.release} {asked.environment} {asked.subject} {asked.at.isoformat()}"
    return f"rehearsal-{asked.number}-{sha256(about.encode()).hexdigest()[:24]}"
