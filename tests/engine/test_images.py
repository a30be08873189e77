"""Releases that are images, and environments that are somewhere else than the release that runs there."""

from dataclasses import replace

import pytest
from test_commands import run

from headway.engine.commands import Commands
from headway.environments.manifests.model import Grade, Told
from headway.environments.model import Cluster, Place
from headway.errors import InvalidSpec, Refused
from headway.promotion.model import Stage
from headway.testing import FakeWorld, sample_release, sample_stage

IMAGE = "registry.example/tally@sha256:" + "ab" * 32
HERE, THERE = Cluster("k8s", "tally"), Cluster("k8s", "tally", "elsewhere")
PRODUCTION = Place("tally", "production")


def on(cluster: Cluster | None, name: str = "production") -> Stage:
    stage = sample_stage(name, soak=0.0, keep_warm=0.0)
    platform = "kubernetes" if cluster else "local"
    return replace(stage, environment=replace(stage.environment, platform=platform, cluster=cluster))


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    fake.release(sample_release("1.0.0"))
    return fake


@pytest.fixture
def commands(fake: FakeWorld) -> Commands:
    return Commands(fake.world)


def way_back(commands: Commands) -> str:
    return str(commands.plan("1.2.0", "production", "ada")["way_back"][0])


def cut(commands: Commands, version: str, image: str = IMAGE) -> str:
    return str(commands.cut("main", "ada", "tally", version=version, image=image)["digest"])


def test_where_everything_is_on_kubernetes_the_image_is_the_release_and_nothing_is_built(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    assert cut(commands, "1.1.0") == "sha256:" + "ab" * 32
    assert fake.builder.built == []
    found = fake.world.releases.get("tally@1.1.0")
    assert found is not None
    assert found.image == IMAGE
    assert commands.plan("1.1.0", "production", "ada")["objections"] == []


def test_where_something_runs_on_this_machine_too_the_commit_is_built_beside_it(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(None, "dev"), on(HERE)]
    assert cut(commands, "1.1.0") != "sha256:" + "ab" * 32
    assert len(fake.builder.built) == 1


@pytest.mark.parametrize("image", ["tally", "registry.example:5000/tally", "registry.example/tally@sha256:short", "@sha256:" + "ab" * 32])
def test_what_can_mean_another_image_tomorrow_is_no_name_for_one(fake: FakeWorld, commands: Commands, image: str) -> None:
    fake.pipelines.declared = [on(HERE)]
    with pytest.raises(InvalidSpec, match="by its digest"):
        cut(commands, "1.1.0", image)


def test_a_tag_is_asked_for_once_and_may_move_then(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    fake.images.tags["registry.example/tally:main"] = "sha256:" + "ab" * 32
    assert cut(commands, "1.1.0", "registry.example/tally:main") == "sha256:" + "ab" * 32
    fake.images.tags["registry.example/tally:main"] = "sha256:" + "cd" * 32
    found = fake.world.releases.get("tally@1.1.0")
    assert found is not None
    assert found.image == IMAGE
    with pytest.raises(Refused, match="immutable"):
        cut(commands, "1.1.0", "registry.example/tally:main")
    with pytest.raises(Refused, match=r"there is no registry\.example/tally:gone"):
        cut(commands, "1.2.0", "registry.example/tally:gone")


def test_a_version_keeps_its_image(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    assert commands.cut("main", "ada", "tally", version="1.1.0", image=IMAGE)["new"] is False
    with pytest.raises(Refused, match="immutable"):
        cut(commands, "1.1.0", IMAGE.replace("ab", "cd"))


def test_a_release_goes_only_where_there_is_something_of_it_to_run(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    (objection,) = commands.plan("1.0.0", "production", "ada")["objections"]
    assert "1.0.0 has no image, and production is on Kubernetes" in objection
    cut(commands, "1.1.0")
    fake.pipelines.declared = [on(None)]
    (objection,) = commands.plan("1.1.0", "production", "ada")["objections"]
    assert "1.1.0 is an image and nothing else" in objection


def test_what_is_wrong_with_the_manifests_is_told_by_the_plan_and_keeps_the_release_out(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.manifests.told["tally"] = [Told(Grade.WARNING, "no preStop")]
    view = commands.plan("1.1.0", "production", "ada")
    assert (view["objections"], view["warnings"]) == ([], ["no preStop"])
    fake.manifests.told["tally"].append(Told(Grade.ERROR, "k8s/shop.yaml:6: no readinessProbe"))
    view = commands.plan("1.1.0", "production", "ada")
    assert (view["objections"], view["refused"]) == (["k8s/shop.yaml:6: no readinessProbe"], True)
    with pytest.raises(Refused, match="no readinessProbe"):
        commands.promote("1.1.0", "production", "ada")


def test_manifests_that_cannot_be_looked_at_now_keep_a_release_waiting(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.manifests.unavailable = True
    assert "could not be looked at" in commands.promote("1.1.0", "production", "ada")["waits"][0]
    run(fake)
    assert fake.world.records.place(PRODUCTION).live is None
    fake.manifests.unavailable = False
    run(fake)
    assert fake.world.records.place(PRODUCTION).live is not None


def test_a_way_back_is_not_kept_out_by_a_rule_that_came_later(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    for version in ("1.1.0", "1.2.0"):
        cut(commands, version, IMAGE.replace("abab", version.replace(".", "").ljust(4, "0")))
        commands.promote(version, "production", "ada")
        run(fake)
    fake.manifests.told["tally"] = [Told(Grade.ERROR, "k8s/shop.yaml:6: no readinessProbe")]
    commands.rollback("production", "ada", "worse")
    run(fake)
    live = fake.world.records.place(PRODUCTION).live
    assert live is not None
    assert live.version == "1.1.0"


def test_an_approval_is_bound_to_the_cluster(fake: FakeWorld, commands: Commands) -> None:
    bound = []
    for cluster in (HERE, THERE):
        fake.pipelines.declared = [on(cluster)]
        bound.append(commands.plan("1.0.0", "production", "ada")["binding"]["target"])
    assert bound[0] != bound[1]


def test_an_environment_that_moved_starts_anew_and_the_way_back_does_not_lead_to_where_it_was(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    for version in ("1.1.0", "1.2.0"):
        cut(commands, version, IMAGE.replace("abab", version.replace(".", "").ljust(4, "0")))
    commands.promote("1.1.0", "production", "ada")
    run(fake)
    assert "1.1.0" in way_back(commands)
    fake.pipelines.declared = [on(THERE)]
    assert way_back(commands).startswith("nothing ran here before")
    commands.promote("1.2.0", "production", "ada")
    run(fake)
    back = commands.rollback("production", "ada", "better there")
    run(fake)
    view = commands.rollout(str(back["rollout"]))
    assert view["phase"] == "cancelled"
    assert "ran in another place" in view["why"]
