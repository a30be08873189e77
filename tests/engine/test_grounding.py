"""A server in a cluster has no machine: what is on one is another server's."""

from dataclasses import replace

import pytest

from headway.engine.commands import Commands
from headway.environments.model import Cluster
from headway.errors import Refused
from headway.testing import FakeWorld, sample_release, sample_stage


def world_of(fake: FakeWorld, **more: object) -> Commands:
    return Commands(replace(fake.world, **more))  # type: ignore[arg-type]


@pytest.fixture
def fake() -> FakeWorld:
    made = FakeWorld()
    made.pipelines.declared = [sample_stage("staging")]
    made.release(sample_release("1.0.0"))
    return made


def test_without_a_machine_nothing_is_taken_to_an_environment_that_is_on_one(fake: FakeWorld) -> None:
    with pytest.raises(Refused, match=r"(?s)staging is on a machine \(platform: local\), and this Headway runs in a cluster"):
        world_of(fake, machine=False, host="pod").promote("1.0.0", "staging", "alice")


def test_what_another_servers_machine_has_may_be_asked_of_any_server(fake: FakeWorld) -> None:
    world_of(fake, host="laptop").promote("1.0.0", "staging", "alice")
    fake.release(sample_release("1.1.0"))
    assert world_of(fake, machine=False, host="pod").promote("1.1.0", "staging", "alice")["new"]


def test_what_is_in_a_cluster_needs_no_machine(fake: FakeWorld) -> None:
    stage = sample_stage("staging")
    fake.pipelines.declared = [replace(stage, environment=replace(stage.environment, cluster=Cluster("k8s", "shop")))]
    plan = world_of(fake, machine=False, host="pod").plan("1.0.0", "staging", "alice")
    assert not [one for one in plan["objections"] if "platform: local" in str(one)]  # type: ignore[attr-defined]
