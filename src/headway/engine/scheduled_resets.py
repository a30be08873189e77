"""Databases made anew by the clock, where nobody would miss what they hold: asked for when due, like anybody who asks.

What is due follows from the record: when the schedule was first seen, and when it last had one made. A restart forgets nothing and
repeats nothing; what an outage missed is made up for once.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from headway.engine.commands import Commands
from headway.engine.controller import US
from headway.engine.everywhere import everywhere
from headway.engine.resetting import next_reset, record_of, reset, said_of_resets, schedule_of
from headway.environments.model import Place
from headway.errors import HeadwayError
from headway.ports import Event, Notice, World
from headway.promotion.model import Stage, Upkeep

log = structlog.get_logger()

AGAIN = timedelta(minutes=10)
"""A reset that was refused is asked for again then."""


class ScheduledResets:
    """The turn that asks for what is due."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands
        self._refused: dict[Place, datetime] = {}

    def look(self) -> int:
        """Ask for every reset that is due; how much moved."""
        moved = 0
        for stage in self._stages():
            try:
                moved += self._look_at(stage)
            except HeadwayError as error:
                moved += self._failed(stage, str(error))
        return moved

    def _stages(self) -> Iterator[Stage]:
        return (stage for stage in everywhere(self._world) if schedule_of(stage) is not None)

    def _look_at(self, stage: Stage) -> int:
        place, now, schedule = Place(stage.service, stage.environment.name), self._world.clock.now(), schedule_of(stage)
        assert schedule is not None
        due = next_reset(stage, self._world)
        if due is None:  # nothing of before it was seen is made up for
            self._say(stage, "is scheduled", schedule)
            return 1
        if now < due.at or now < self._refused.get(place, now) or self._busy(place):
            return 0
        self._refused[place] = now + AGAIN  # whatever comes of it
        rollout, _ = reset(place, US, f"by the clock: {schedule}", self._world)
        log.info("a database is made anew by the clock", place=str(place), rollout=rollout.id)
        self._commands.wake(place.service)
        return 1

    def _busy(self, place: Place) -> bool:
        """Whoever is under way, or waits, there goes first."""
        return bool(self._world.records.standings(place=place, ended=False))

    def _failed(self, stage: Stage, why: str) -> int:
        last = said_of_resets(stage, self._world)
        if last is not None and (last.state, last.text) == ("failed", why):
            return 0
        self._say(stage, "failed", why, stage.notify)
        return 1

    def _say(self, stage: Stage, state: str, text: str, told: tuple[str, ...] = ()) -> None:
        now, place = self._world.clock.now(), Place(stage.service, stage.environment.name)
        what = f"the reset of {place} by the clock {state}"
        about = {"service": place.service, "environment": place.environment}
        word = Upkeep(record_of(stage), place.environment, US, now, "reset", "failed" if state == "failed" else "is scheduled", text)
        self._world.statements.state(word, Event(now, US, what, (text,)), [Notice(target, what, text, about) for target in told])
