"""Fakes that watch the engine while it acts, and tell what broke a law at the moment it did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headway.environments.model import Place
from headway.migration.model import Kind as Effect
from headway.migration.model import Migration
from headway.rollout.model import Fence, Intent, Kind, RunMigration, SetReplicas
from headway.rollout.moves import doing
from headway.testing import FakeChecks, FakeMigrations, FakePlatform
from headway.testing.migrations import FakeDatabase
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
    migrations: "WatchedMigrations | None" = None

    def act(self, place: Place, intent: Intent) -> None:
        self.watch.before_an_effect(intent)
        if self.migrations is not None and isinstance(intent.effect, SetReplicas) and intent.effect.replicas:
            self.migrations.before_instances(intent, intent.effect)
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


@dataclass
class WatchedMigrations(FakeMigrations):
    """Holds data to its laws: once, before the instances that need it, and nothing gone that somebody who runs may need."""

    watch: Watch = field(kw_only=True)
    platform: FakePlatform = field(kw_only=True)

    def start(self, place: Place, intent: Intent) -> None:
        self.watch.before_an_effect(intent)
        super().start(place, intent)

    def report(self) -> None:
        """What was started just now."""
        self.watch.done.setdefault(next(reversed(self.asked)), self.watch.tick())

    def before_instances(self, intent: Intent, effect: SetReplicas) -> None:
        """No instance of the new release before its migrations are there."""
        rollout = self.watch.tables().rows[intent.key.rpartition("-")[0]].rollout
        plan = rollout.plan
        if plan is None or plan.migrations is None or rollout.kind is not Kind.PROMOTION or effect.workload.name != plan.new.name:
            return
        there = self.database(plan.migrations.database.url).rows
        if missing := [one.title for one in plan.migrations.apply if one.version not in there]:
            raise Broken(f"{intent.key} starts {effect.workload.version} without {missing}")

    def _keep(self, there: FakeDatabase, kept: "tuple[Migration, ...] | list[Migration]", effect: RunMigration) -> None:  # type: ignore[override]
        super()._keep(there, kept, effect)
        if twice := [version for version, times in there.applied.items() if times > 1]:
            raise Broken(f"version {twice[0]} was applied twice")
        for one in kept:
            kind = next(each.kind for each in effect.shipping.apply if each.version == one.version)
            if kind is Effect.CONTRACT:
                self._nobody_needs(one, effect)

    def _nobody_needs(self, one: Migration, effect: RunMigration) -> None:
        for place, site in self.platform.sites.items():
            if f"env:{place.environment}" != effect.shipping.database.url:
                continue
            for name, group in site.groups.items():
                commit = self.commits.get(name, "")
                if group.started and one.version not in {each.version for each in self._files(commit)}:
                    raise Broken(f"{one.title} takes something away while {name} runs")

    @property
    def commits(self) -> dict[str, str]:
        """The commit behind each workload."""
        plans = [row.rollout.plan for row in self.watch.tables().rows.values() if row.rollout.plan is not None]
        return {side.name: side.commit for plan in plans for side in (plan.new, plan.old) if side is not None}
