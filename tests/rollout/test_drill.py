"""The way back is tried while nothing is wrong, by the same moves, and its time goes on the record."""

from datetime import timedelta

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.environments.model import Place
from headway.rollout.model import SetWeights
from headway.testing import FakeWorld, sample_release, sample_stage

STAGING = Place("tally", "staging")


def rolled_out(fake: FakeWorld, version: str) -> None:
    fake.release(sample_release(version))
    Commands(fake.world).promote(version, "staging", "alice")
    end = fake.clock.now() + timedelta(seconds=60)
    while fake.clock.now() < end:
        now = fake.clock.now()
        for held in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10):
            turned = turn(held, now, fake.world)
            while turned.held is not None:
                fake.clock.pass_time(max(0.01, (turned.again - fake.clock.now()).total_seconds()))
                turned = turn(turned.held, turned.saved, fake.world)
        fake.clock.pass_time(0.5)


def shifts(fake: FakeWorld) -> list[dict[str, int]]:
    """Where all the traffic went, effect by effect, by version."""
    effects = [done.intent.effect for done in fake.platform.done]
    return [{name.split("-")[0]: share for name, share in effect.weights.items()} for effect in effects if isinstance(effect, SetWeights)]


def test_everything_goes_back_once_and_forward_again() -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging", strategy="blue-green", soak=1.0, drill=True)]
    rolled_out(fake, "1.0.0")
    rolled_out(fake, "2.0.0")
    assert shifts(fake) == [{"v1": 100}, {"v2": 100}, {"v1": 100}, {"v2": 100}]
    live = fake.world.records.place(STAGING).live
    assert live is not None
    assert live.version == "2.0.0"
    (newest, *_) = fake.world.records.standings(place=STAGING)
    assert newest.rollout.drilled is not None
    said = [recorded.event.what for recorded in fake.world.records.events(newest.rollout.id)]
    assert any(what.startswith("drilled: the way back to 1.0.0 took") for what in said)


def test_the_first_release_has_nothing_to_drill() -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging", strategy="blue-green", soak=1.0, drill=True)]
    rolled_out(fake, "1.0.0")
    (only,) = fake.world.records.standings(place=STAGING)
    assert (only.rollout.phase.value, only.rollout.drilled) == ("completed", None)
