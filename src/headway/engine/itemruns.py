"""The items of checklists that commands answer: runs them for what waits, and writes down how they ended.

Everything is on the record before it is done: that a run was asked for, then how it ended. A run is a process of its own under a key that
follows from what it is about, so whoever comes back after a crash finds the same run and never starts a second one.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from headway.engine.callers import identity
from headway.engine.candidate import Asked, Considered, against, consider, not_yet
from headway.engine.commands import Commands
from headway.engine.everywhere import everywhere
from headway.engine.views import View
from headway.engine.waiting import waiting
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Event, World
from headway.promotion.checklists import concerning, last_run
from headway.promotion.model import Item, ItemRun, Stage
from headway.rollout.model import Fence, Intent, StartCheck
from headway.rollout.seen import CheckState, Probe

log = structlog.get_logger()
US = "headway"
NEWEST = 20
"""Of how many releases of a service runs are followed that somebody asked for without a promotion that waits."""
TRIES = 3
"""How often a run that came to nothing by our fault is tried before a person is needed."""
AGAIN = timedelta(seconds=30)


class ItemRuns:
    """The verb that asks for a run, and the turn that starts and follows them."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {"run_item": self.run}

    def run(self, release: str, environment: str, item: str, by: str) -> View:
        """Run an item's command, again if it ran before; the newest run counts."""
        name = str(self._commands.release(release)["release"])
        place = Place(name.rpartition("@")[0], environment)
        considered = consider(Asked(name, place, by), self._world, self._world.clock.now())
        found = next((one for one in considered.stage.checklist if one.name == item), None)
        if found is None or found.command is None:
            known = ", ".join(one.name for one in considered.stage.checklist if one.command is not None) or "none"
            raise Refused(f"no command answers {item} on the checklist of {environment}", (f"items with one: {known}",))
        last = last_run(found, considered.release.digest, self._runs(name, environment))
        if last is not None and last.state == "asked":
            return _view(last, new=False)
        if why := not_yet(found, considered.stage, considered.release.digest, self._world):
            raise Refused(f"{item} cannot run for {name}", (why,))
        return _view(self._ask(name, environment, item, considered.release.digest, (last.number if last else 0) + 1, by), new=True)

    # -- the turn

    def look(self) -> int:
        """Ask for what waiting releases need, start what was asked for, write down what ended; how many runs moved."""
        moved = 0
        for stage in everywhere(self._world):
            if all(item.command is None for item in stage.checklist):
                continue
            for release, waits in self._concerned(stage.service, stage):
                try:
                    moved += self._look_at(release, Place(stage.service, stage.environment.name), waits)
                except HeadwayError as error:
                    log.warning("will look again", release=release, environment=stage.environment.name, error=str(error))
        return moved

    def _concerned(self, service: str, stage: Stage) -> Iterator[tuple[str, bool]]:
        """The releases that wait to enter, and the newest others, each with whether it waits."""
        waits = waiting(service, stage, self._world)
        newest = [one.name for one in self._world.releases.all(service, most=NEWEST)]
        for name in dict.fromkeys((*sorted(waits), *newest)):
            yield name, name in waits

    def _look_at(self, release: str, place: Place, waits: bool) -> int:
        runs = self._runs(release, place.environment)
        ended = {(run.item, run.digest, run.number) for run in runs if run.state != "asked"}
        if not waits and all((run.item, run.digest, run.number) in ended for run in runs):
            return 0
        now = self._world.clock.now()
        considered = consider(Asked(release, place, ""), self._world, now)
        digest, moved = considered.release.digest, 0
        for item in concerning(considered.candidate, considered.stage.checklist):
            if item.command is None:
                continue
            last = last_run(item, digest, runs)
            if last is not None and last.state == "asked":
                moved += self._follow(considered, place, item, last)
            elif waits and _wanted(last, runs, now) and not_yet(item, considered.stage, digest, self._world) is None:
                self._ask(release, place.environment, item.name, digest, (last.number if last else 0) + 1, US)
                moved += 1
        return moved

    def _follow(self, considered: Considered, place: Place, item: Item, run: ItemRun) -> int:
        """Start it, if nobody has yet; write down how it ended, if it has."""
        key = _key(run)
        there = Place(place.service, against(item, considered.stage))
        if self._world.checks.probe(there, key) is not Probe.DONE:
            self._start(considered, place, there, item, run, key)
            return 1
        seen = self._world.checks.look(there, key)
        if seen.state is CheckState.RUNNING:
            return 0
        state = {CheckState.PASSED: "passed", CheckState.FAILED: "failed"}.get(seen.state, "errored")
        now = self._world.clock.now()
        ended = ItemRun(run.release, run.environment, US, now, run.item, run.digest, run.number, state, seen.text, seen.log)  # type: ignore[arg-type]
        data: dict[str, object] = {"digest": run.digest, "number": run.number, "log": seen.log}
        self._world.statements.state(ended, Event(now, US, f"{run.item} {state} for {run.environment}", (seen.text,), data))
        self._commands.wake(place.service)
        return 1

    def _start(self, considered: Considered, place: Place, there: Place, item: Item, run: ItemRun, key: str) -> None:
        assert item.command is not None
        # What it sees are the settings of the environment that it talks to, as this release would have them there.
        workload = considered.plan.new if there == place else consider(Asked(run.release, there, ""), self._world, run.at).plan.new
        intent = Intent(key, Fence(0, run.number), StartCheck(item.command.check, workload, attempt=run.number), run.at)
        self._world.checks.start(there, intent, self._world.platform.url(there))

    def _ask(self, release: str, environment: str, item: str, digest: str, number: int, by: str) -> ItemRun:
        run = ItemRun(release, environment, by, self._world.clock.now(), item, digest, number)
        data: dict[str, object] = {"digest": digest, "number": number, **({} if by == US else {"identity": identity()})}
        self._world.statements.state(run, Event(run.at, by, f"asked for {item} for {environment}", (), data))
        return run

    def _runs(self, release: str, environment: str) -> list[ItemRun]:
        return [one for one in self._world.statements.statements(release, environment) if isinstance(one, ItemRun)]


def _wanted(last: ItemRun | None, runs: list[ItemRun], now: datetime) -> bool:
    """Never run, or ended by our own trouble and not too often."""
    if last is None:
        return True
    errored = [run for run in runs if (run.item, run.digest, run.state) == (last.item, last.digest, "errored")]
    return last.state == "errored" and len(errored) < TRIES and now - last.at >= AGAIN


def _key(run: ItemRun) -> str:
    about = f"{run.release} {run.environment} {run.item} {run.digest} {run.at.isoformat()}"
    return f"item-{run.item}-{run.number}-{sha256(about.encode()).hexdigest()[:16]}"


def _view(run: ItemRun, *, new: bool) -> View:
    return {
        "release": run.release,
        "environment": run.environment,
        "item": run.item,
        "number": run.number,
        "state": run.state,
        "new": new,
    }
