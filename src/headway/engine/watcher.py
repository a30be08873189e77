"""Watches the refs of the registered repositories, level-triggered: what a branch points at now is what should have been asked for."""

import threading
from collections.abc import Callable, Iterable

import structlog

from headway.engine.commands import Commands
from headway.engine.cutting import cut
from headway.errors import Contradiction, HeadwayError, Unavailable
from headway.ports import Event, World
from headway.promotion.model import Stage
from headway.promotion.stages import triggered

log = structlog.get_logger()


class Watcher:
    """Turns pushes and merges into releases and promotions; a hook only makes it look sooner."""

    def __init__(self, world: World, commands: Commands, woken: Callable[[], None]) -> None:
        self._world = world
        self._commands = commands
        self._woken = woken
        self._looking = threading.Lock()
        self._rules: dict[str, tuple[Stage, ...]] = {}

    def look(self) -> int:
        """Deal with every ref that moved; how many did."""
        # A hook and the clock may ask at once; a push that both dealt with would be built, and rolled out, twice.
        with self._looking:
            return sum(self._look_at(service) for service in self._world.pipelines.services())

    def settle(self, services: Iterable[str]) -> None:
        """Take the branches of a repository that is new here as they are: what was pushed before we watched is no push now.

        The branches that stages are merged to are followed at once, so that an empty staging gets what main holds.
        """
        for service in services:
            stages = tuple(self._world.pipelines.stages(service))
            for ref, commit in sorted(self._world.repositories[service].refs().items()):
                wanted = triggered(stages, ref)
                if wanted and not any(stage.trigger.merge == ref for stage in wanted):
                    what = f"{ref} at {commit[:10]} was there before this repository was watched; push to it, and it goes"
                    self._note(service, ref, commit, what, (), released="")

    def _look_at(self, service: str) -> int:
        try:
            refs = self._world.repositories[service].refs()
            stages = tuple(self._world.pipelines.stages(service))
        except HeadwayError as error:
            log.warning("cannot look at the repository", service=service, error=str(error))
            return 0
        if self._rules.setdefault(service, stages) != stages:
            # The protected branch changed its rules: what waits may have to wait for more now, or for less.
            self._rules[service] = stages
            self._commands.wake(service)
        moved = 0
        for ref, commit in sorted(refs.items()):
            wanted = triggered(stages, ref)
            if wanted and self._world.refs.seen(service, ref) != commit:
                moved += self._follow(service, ref, commit, wanted)
        return moved

    def _follow(self, service: str, ref: str, commit: str, stages: tuple[Stage, ...]) -> int:
        repository = self._world.repositories[service]
        try:
            # Who pushed is what the repository's server says; without one, what the commit claims, and the record says so.
            by = repository.resolve(commit).author
            made = cut(self._world, service, commit, by, ref=ref)
            for stage in stages:
                self._commands.promote(made.release.name, stage.environment.name, by, automatic=True)
        except (Unavailable, Contradiction) as error:
            log.warning("will look again", service=service, ref=ref, error=str(error))
            return 0
        except HeadwayError as error:
            # The commit's own fault: said once, on the record, and not built again until the branch moves.
            self._note(service, ref, commit, f"{ref} at {commit[:10]} was not released", (str(error),), released=None)
            return 1
        asked = ", ".join(stage.environment.name for stage in stages)
        what = f"{ref} at {commit[:10]} became {made.release.name}, for {asked}"
        self._note(service, ref, commit, what, made.evidence, released=made.release.name)
        return 1

    def _note(self, service: str, ref: str, commit: str, what: str, why: tuple[str, ...], *, released: str | None) -> None:
        log.info(what, why="; ".join(why))
        data: dict[str, object] = {"ref": ref, "commit": commit, "released": released, "identity": "as the commit claims"}
        self._world.refs.note(service, ref, commit, Event(self._world.clock.now(), "headway", what, why, data))
        self._woken()
