"""Fakes that watch the engine while it acts, and tell what broke a law at the moment it did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headway.environments.model import Place
from headway.rollout.model import Fence, Intent
from headway.rollout.moves import doing
from headway.testing import FakeChecks, FakePlatform
from headway.testing.tables import Tables


class Broken(BaseException):
    """Something that must always hold did not. No `except` of the engine's may catch it."""


@dataclass
class Watch:
    """Order in time, finer than the clock: what was done when, and who took which rollout when."""

    tables: Callable[[], Tables]
    moment: int = 0
    done: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    """When the server that turns now claimed the rollout that it turns."""
    wrote: dict[Place, Fence] = field(default_factory=dict)

    def tick(self) -> int:
        self.moment += 1
        return self.moment

    def before_an_effect(self, intent: Intent) -> None:
        """The record knows of it, its event is written, and nobody who could have asked repeats what was done."""
        name = intent.key.rpartition("-")[0]
        row = self.tables().rows[name]
        if row.rollout.turn < intent.fence.turn:
            raise Broken(f"{intent.key} is done, and the record has not heard of it")
        said = [one.event.what for one in self.tables().recorded if one.stream == name]
        if doing(intent.effect) not in said:
            raise Broken(f"{intent.key} has no event: {doing(intent.effect)}")
        if self.done.get(intent.key, self.taken) < self.taken:
            raise Broken(f"{intent.key} was done before this server took the rollout, and is done again")

    def after_an_effect(self, place: Place, intent: Intent) -> None:
        """Nobody's effect comes after a newer one's."""
        if intent.fence < self.wrote.get(place, intent.fence):
            raise Broken(f"{intent.key} with {intent.fence} came after {self.wrote[place]}")
        self.wrote[place] = intent.fence
        self.done.setdefault(intent.key, self.tick())


@dataclass
class WatchedPlatform(FakePlatform):
    """Reports to the watch."""

    watch: Watch = field(kw_only=True)

    def act(self, place: Place, intent: Intent) -> None:
        self.watch.before_an_effect(intent)
        super().act(place, intent)

    def report(self) -> None:
        """What was done just now, even when a crash is about to swallow the answer."""
        self.watch.after_an_effect(self.done[-1].place, self.done[-1].intent)


@dataclass
class WatchedChecks(FakeChecks):
    """Reports to the watch."""

    watch: Watch = field(kw_only=True)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        self.watch.before_an_effect(intent)
        super().start(place, intent, url)

    def report(self) -> None:
        """What was started just now."""
        self.watch.done.setdefault(next(reversed(self.runs)), self.watch.tick())
