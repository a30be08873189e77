"""Whole rollouts where the manifests have an autoscaler: nobody's size is written down but what the cluster says."""

from dataclasses import replace

import pytest
from test_commands import run

from headway.engine.commands import Commands
from headway.environments.model import Cluster, Place, Scaling
from headway.rollout.model import SetReplicas
from headway.testing import FakeWorld, sample_release, sample_stage

HERE = Place("tally", "production")
IMAGE = "registry.example/tally@sha256:" + "ab" * 32


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    stage = sample_stage(replicas=8, soak=1.0, keep_warm=0.0)
    fake.pipelines.declared = [
        replace(stage, environment=replace(stage.environment, platform="kubernetes", cluster=Cluster("k8s", "tally")))
    ]
    fake.manifests.scales["tally"] = Scaling(2, 6)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        fake.release(replace(sample_release(version), image=IMAGE))
    return fake


@pytest.fixture
def commands(fake: FakeWorld) -> Commands:
    return Commands(fake.world)


def sizes(fake: FakeWorld, version: str) -> list[int]:
    effects = [done.intent.effect for done in fake.platform.done]
    return [one.replicas for one in effects if isinstance(one, SetReplicas) and one.workload.version == version and one.replicas]


def grow(fake: FakeWorld, version: str, to: int) -> None:
    """What the autoscaler does while nobody asks."""
    name = next(name for name in fake.platform.sites[HERE].groups if name.startswith(f"v{version.replace('.', '-')}"))
    fake.platform.sites[HERE].groups[name].scale(to, fake.clock.now())


def test_each_release_starts_at_the_size_that_the_one_before_has_come_to(fake: FakeWorld, commands: Commands) -> None:
    commands.promote("1.0.0", "production", "ada")
    run(fake)
    assert sizes(fake, "1.0.0") == [2]
    grow(fake, "1.0.0", 5)
    told = commands.plan("1.1.0", "production", "ada")
    assert "1.1.0 starts with 5, as many as 1.0.0 has now" in str(told["warnings"])
    assert "have 5 of 5 replicas of 1.1.0, ready" in list(told["steps"])  # type: ignore[call-overload]
    commands.promote("1.1.0", "production", "ada")
    run(fake)
    assert sizes(fake, "1.1.0") == [5]
    assert sizes(fake, "1.0.0") == [2]


def test_who_goes_back_brings_back_as_many_as_are_needed_now(fake: FakeWorld, commands: Commands) -> None:
    for version in ("1.0.0", "1.1.0"):
        commands.promote(version, "production", "ada")
        run(fake)
    grow(fake, "1.1.0", 6)
    commands.rollback("production", "bob", "wrong colour")
    run(fake)
    assert sizes(fake, "1.0.0") == [2, 6]
    assert fake.platform.unanswered(HERE) == 0


def test_a_size_that_cannot_be_asked_keeps_a_release_waiting_and_says_so(fake: FakeWorld, commands: Commands) -> None:
    fake.manifests.unavailable = True
    assert "the present size could not be asked" in " ".join(commands.plan("1.0.0", "production", "ada")["objections"])  # type: ignore[arg-type]
