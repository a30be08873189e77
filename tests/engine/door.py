"""One release at the door of production: what the tests of gates, schedules and checklists stand on."""

from dataclasses import replace
from datetime import timedelta

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.engine.gating import Gating
from headway.environments.model import Place
from headway.rollout.phases import Phase
from headway.testing import FakeWorld, sample_release, sample_stage

RELEASE = "tally@1.0.0"


class Scene:
    """One release at the door of production."""

    def __init__(self, **rules: object) -> None:
        self.fake = FakeWorld()
        self.fake.pipelines.declared = [sample_stage("production", **rules)]
        self.fake.release(sample_release())
        self.commands = Commands(self.fake.world)
        self.gating = Gating(self.fake.world, self.commands)

    def rules(self, **rules: object) -> None:
        (stage,) = self.fake.pipelines.declared
        self.fake.pipelines.declared = [replace(stage, **rules)]  # type: ignore[arg-type]

    def objections(self) -> list[str]:
        found = self.commands.plan(RELEASE, "production", "erin")["objections"]
        assert isinstance(found, list)
        return found

    def turn(self) -> None:
        """One turn of everything that is due."""
        now = self.fake.clock.now()
        for held in self.fake.world.rollouts.claim(now, now + timedelta(seconds=15), "me", 10):
            turned = turn(held, now - timedelta(hours=1), self.fake.world)  # saved long ago: what it finds is kept
            if turned.held is not None:  # as a worker that stops: the lease ends
                self.fake.ledger.tables.rows[held.rollout.id].lease_until = now

    def look(self) -> tuple[Phase, str]:
        """How the rollout stands after one turn."""
        self.turn()
        (standing,) = [one for one in self.fake.world.records.standings() if one.rollout.phase is not Phase.CANCELLED]
        return standing.rollout.phase, standing.why

    def rules_of(self, environment: str, **rules: object) -> None:
        declared = self.fake.pipelines.declared
        self.fake.pipelines.declared = [
            replace(one, **rules) if one.environment.name == environment else one  # type: ignore[arg-type]
            for one in declared
        ]

    def complete(self, place: Place) -> None:
        """Turn until the place has no active rollout and nothing waits."""
        for _ in range(500):
            self.turn()
            standing = self.fake.world.records.standings(place=place, ended=False)
            if all(one.rollout.phase is Phase.COMPLETED for one in standing):
                return
            self.fake.clock.pass_time(10)
        raise AssertionError("it does not complete")
