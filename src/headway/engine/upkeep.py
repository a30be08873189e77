"""Backups on a schedule, and proofs that they restore: begun when they are due, and told to people when they are missed or fail.

What is due follows from what lies on the shelf, so that a restart forgets nothing and repeats nothing.
"""

from collections.abc import Iterator

from headway.engine.commands import Commands
from headway.engine.everywhere import everywhere
from headway.environments.model import Database, Place
from headway.errors import HeadwayError
from headway.migration.keeping import CHORES, Chore, Stands, due, standing
from headway.ports import Event, Notice, World
from headway.promotion.model import Stage, Upkeep

US = "headway"


class UpkeepTurns:
    """The turn that keeps backups coming."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def look(self) -> int:
        """Begin what is due, write down what came of it; how much moved."""
        moved, seen = 0, set()
        for stage, database in self._scheduled():
            if database.url in seen:  # several services may share it
                continue
            seen.add(database.url)
            try:
                moved += self._look_at(stage, database)
            except HeadwayError as error:
                moved += self._note(stage, "backup", Stands("failed", str(error)))
        return moved

    def _scheduled(self) -> Iterator[tuple[Stage, Database]]:
        for stage in everywhere(self._world):
            database = stage.environment.database
            if database is not None and database.backup.scheduled and stage.per_branch is None:
                yield stage, database

    def _look_at(self, stage: Stage, database: Database) -> int:
        now, shelf, moved = self._world.clock.now(), self._world.shelves.look(database), 0
        for chore in CHORES:
            moved += self._note(stage, chore, standing(chore, database.backup, shelf, now))
            if due(chore, database.backup, shelf, now, stage.timezone):
                self._world.shelves.start(database, chore, now)
                moved += 1
        return moved

    def _note(self, stage: Stage, chore: Chore, stands: Stands | None) -> int:
        """Each change once: people hear of the first that fails or is late, the record also of the one that is good again."""
        place = Place(stage.service, stage.environment.name)
        name = f"{place.service}@backups"  # no release: what is said here is said of the place
        said = self._world.statements.statements(name, place.environment)
        last = next((one.state for one in reversed(said) if isinstance(one, Upkeep) and one.what == chore), None)
        if stands is None or stands.state == last:
            return 0
        now = self._world.clock.now()
        what = f"the {chore} of {place} {stands.state}"
        about = {"service": place.service, "environment": place.environment}
        notices = [Notice(target, what, stands.text, about) for target in (stage.notify if stands.state != "is good" else ())]
        word = Upkeep(name, place.environment, US, now, chore, stands.state, stands.text)
        self._world.statements.state(word, Event(now, US, what, (stands.text,)), notices)
        self._commands.wake(place.service)
        return 1
