"""Where no gateway leads, the plan counts the pods that are there, and refuses what only a gateway could do."""

from dataclasses import replace

import pytest
from test_commands import run
from test_images import HERE, IMAGE, on

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.environments.model import Place
from headway.rollout.model import Scale
from headway.rollout.routing import Mark, Routing
from headway.testing import FakeWorld, sample_release

PRODUCTION = Place("tally", "production")


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    stage = replace(on(HERE), strategy="canary", weights=(10, 50), thresholds=Thresholds(mode="health", min_time=1.0))
    fake.pipelines.declared = [replace(stage, environment=replace(stage.environment, replicas=4))]
    fake.manifests.ungated = {HERE.namespace}
    for version in ("1.0.0", "1.1.0"):
        fake.release(replace(sample_release(version), image=IMAGE))
    commands = Commands(fake.world)
    commands.promote("1.0.0", "production", "ada")
    run(fake, 10)
    return fake


@pytest.fixture
def commands(fake: FakeWorld) -> Commands:
    return Commands(fake.world)


def test_it_counts_the_pods_that_are_there(fake: FakeWorld, commands: Commands) -> None:
    assert "about 20 % of new connections, by 1 pods beside 4 of 1.0.0" in str(commands.plan("1.1.0", "production", "ada")["steps"])
    asked = commands.promote("1.1.0", "production", "ada")
    run(fake, 20)
    assert commands.rollout(str(asked["rollout"]))["phase"] == "completed"
    plan = fake.world.records.standings(place=PRODUCTION)[0].rollout.plan
    assert plan is not None
    assert [step.replicas for step in plan.steps if isinstance(step, Scale)] == [1, 4]
    assert fake.platform.unanswered(PRODUCTION) == 0


def test_the_first_release_shares_with_nobody(fake: FakeWorld) -> None:
    first = fake.world.records.standings(place=PRODUCTION)[0].rollout.plan
    assert first is not None
    assert first.beside == 0


def test_what_only_a_gateway_could_do_keeps_a_release_out(fake: FakeWorld, commands: Commands) -> None:
    (stage,) = fake.pipelines.declared
    fake.pipelines.declared = [replace(stage, thresholds=Thresholds(), routing=Routing((Mark("header", "x-release", "new"),)))]
    plan = commands.plan("1.1.0", "production", "ada")
    assert plan["refused"]
    assert "nobody would send testers to it" in str(plan["objections"])
    assert "count by its own pods" in str(plan["objections"])


def test_what_cannot_be_asked_is_waited_for(fake: FakeWorld, commands: Commands) -> None:
    fake.platform.down_until = fake.clock.now().replace(hour=23)
    assert "how its traffic is divided could not be asked" in str(commands.plan("1.1.0", "production", "ada")["objections"])
