"""A word that comes while the last look is taken is heard: what it is about has not ended yet."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.environments.model import Place
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Sight
from headway.testing import FakePlatform, FakeWorld, sample_release, sample_stage

HERE = Place("tally", "production")


@dataclass
class LongLook(FakePlatform):
    """Takes its time to look, and in that time things happen."""

    meanwhile: Callable[[], None] = lambda: None

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        seen = super().look(place, lately=lately)
        self.meanwhile()
        return seen


def ends(spoken_at: int | None) -> tuple[Phase, int]:
    """How a release ends whose abort is said during the look of that number, and how many looks it took."""
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("production", strategy="rolling", soak=5.0, keep_warm=60.0)]
    platform = LongLook(**vars(fake.platform))
    world, commands = replace(fake.world, platform=platform), Commands(fake.world)

    def promote(version: str) -> Phase:
        fake.release(sample_release(version, at=fake.clock.now()))
        commands.promote(version, "production", "ada")
        for _ in range(400):
            now = fake.clock.now()
            for held in world.rollouts.claim(now, now + LEASE, "t", 10):
                turn(held, now - timedelta(hours=1), world)
                fake.ledger.tables.rows[held.rollout.id].lease_until = now
            newest = fake.world.records.standings(place=HERE)[0].rollout
            if newest.release.endswith(version) and newest.phase in ENDED:
                return newest.phase
            fake.clock.pass_time(0.5)
        raise AssertionError("it never ended")

    looks = 0

    def count() -> None:
        nonlocal looks
        looks += 1
        if looks == spoken_at:
            commands.tell("abort", "production", "dana", "wrong day")

    assert promote("1.0.0") is Phase.COMPLETED
    platform.meanwhile = count
    return promote("1.1.0"), looks


def test_an_abort_during_the_look_after_which_it_would_have_completed_takes_it_back() -> None:
    completed, last = ends(None)
    assert completed is Phase.COMPLETED
    assert ends(last)[0] is Phase.ROLLED_BACK
