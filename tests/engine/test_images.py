"""Releases that are images, and environments that are somewhere else than the release that runs there."""

from dataclasses import replace

import pytest
from test_commands import run

from headway.engine.commands import Commands
from headway.environments.manifests.changes import Change, Preview
from headway.environments.manifests.model import Grade, Told
from headway.environments.model import Cluster, Place
from headway.errors import InvalidSpec, Refused
from headway.promotion.model import Stage
from headway.rollout.phases import Phase
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


def test_where_the_nodes_have_a_registry_of_their_own_the_image_is_there_before_anything_starts(
    fake: FakeWorld, commands: Commands
) -> None:
    fake.pipelines.declared = [on(replace(HERE, copy_to="registry.prod.example/tally"))]
    cut(commands, "1.1.0")
    assert commands.plan("1.1.0", "production", "ada")["warnings"] == [
        "its image is copied to registry.prod.example/tally before it starts"
    ]
    assert fake.images.copies == set(), "a plan touches nothing"
    fake.images.copying = "2 of 7 parts are there"
    asked = commands.promote("1.1.0", "production", "ada")
    run(fake, 5)
    shown = commands.rollout(str(asked["rollout"]))
    assert (shown["phase"], shown["why"]) == ("pending", "2 of 7 parts are there")
    assert fake.world.records.place(PRODUCTION).live is None
    fake.images.copying = ""
    run(fake)
    live = fake.world.records.place(PRODUCTION).live
    assert live is not None
    assert {live.image} == fake.images.copies == {"registry.prod.example/tally@sha256:" + "ab" * 32}


def test_what_was_copied_need_not_be_where_it_was_pushed_any_more(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(replace(HERE, copy_to="registry.prod.example/tally"))]
    cut(commands, "1.1.0")
    fake.images.gone = {IMAGE}
    assert commands.plan("1.1.0", "production", "ada")["objections"] == []
    fake.images.gone = {IMAGE, IMAGE.replace("registry.example", "registry.prod.example")}
    (objection,) = commands.plan("1.1.0", "production", "ada")["objections"]
    assert f"there is no {IMAGE} in its registry" in objection


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


def test_the_plan_shows_what_the_cluster_itself_says_would_change(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.previews.says["production"] = Preview((Change("ConfigMap", "settings-1", "changed", ("-  SIZE: small", "+  SIZE: big")),))
    plan = commands.plan("1.1.0", "production", "ada")
    shown = [{"kind": "ConfigMap", "name": "settings-1", "what": "changed", "diff": ["-  SIZE: small", "+  SIZE: big"]}]
    assert plan["cluster"] == {"context": "", "namespace": "tally", "objects": shown}
    assert plan["objections"] == []


def test_what_the_cluster_would_never_take_is_refused_and_what_it_does_not_take_now_is_waited_for(
    fake: FakeWorld, commands: Commands
) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.previews.says["production"] = Preview(refusals=("the cluster refuses it: no such field",))
    with pytest.raises(Refused, match="no such field"):
        commands.promote("1.1.0", "production", "ada")
    fake.previews.says["production"] = Preview(waits=("exceeded quota",))
    rollout = str(commands.promote("1.1.0", "production", "ada")["rollout"])
    run(fake)
    standing = fake.world.records.standing(rollout)
    assert standing is not None
    assert "exceeded quota" in standing.why
    fake.previews.says.clear()
    run(fake)
    standing = fake.world.records.standing(rollout)
    assert standing is not None
    assert standing.rollout.phase is Phase.COMPLETED


def test_a_cluster_that_does_not_answer_fails_no_plan(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.previews.unavailable = True
    plan = commands.plan("1.1.0", "production", "ada")
    assert plan["cluster"] is None
    assert not plan["refused"]
    assert "what would change cannot be told: the cluster of production does not answer" in str(plan["objections"])


def test_who_asks_is_answered_as_of_now_and_who_waits_by_what_was_said_a_moment_ago(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    commands.plan("1.1.0", "production", "ada")
    assert fake.previews.asked == [("1.1.0", True)]
    commands.promote("1.1.0", "production", "ada")
    run(fake)
    assert fake.previews.asked[1] == ("1.1.0", True)
    assert {anew for _, anew in fake.previews.asked[2:]} == {False}


def test_an_image_that_no_node_could_pull_or_run_is_refused(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(replace(HERE, architecture=("amd64", "arm64")))]
    cut(commands, "1.1.0")
    fake.images.gone.add(IMAGE)
    assert "there is no registry.example/tally@sha256:abab" in str(commands.plan("1.1.0", "production", "ada")["objections"])
    fake.images.gone.clear()
    fake.images.architectures[IMAGE] = frozenset({"amd64"})
    with pytest.raises(Refused, match="is for amd64, and its nodes are arm64"):
        commands.promote("1.1.0", "production", "ada")


def test_what_the_clusters_nodes_are_counts_where_the_file_does_not_say(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.images.architectures[IMAGE] = frozenset({"amd64"})
    fake.previews.says["production"] = Preview(architectures=("arm64",))
    assert "its nodes are arm64" in str(commands.plan("1.1.0", "production", "ada")["objections"])
    fake.previews.says["production"] = Preview(architectures=("amd64", "arm64"))
    plan = commands.plan("1.1.0", "production", "ada")
    assert plan["objections"] == []
    assert "some nodes are arm64" in str(plan["warnings"])


def test_a_registry_that_does_not_answer_is_waited_for_and_one_that_is_not_to_be_asked_is_not(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    cut(commands, "1.1.0")
    fake.images.unavailable = True
    plan = commands.plan("1.1.0", "production", "ada")
    assert not plan["refused"]
    assert "whether its image is there cannot be told" in str(plan["objections"])
    fake.pipelines.declared = [on(replace(HERE, registry="skip"))]
    assert commands.plan("1.1.0", "production", "ada")["objections"] == []


def test_a_tag_that_moved_since_is_told_and_the_release_stays_what_it_is(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    tag, other = "registry.example/tally:1.1.0", "sha256:" + "cd" * 32
    fake.images.tags[tag] = "sha256:" + "ab" * 32
    cut(commands, "1.1.0", tag)
    assert commands.plan("1.1.0", "production", "ada")["warnings"] == []
    fake.images.tags[tag] = other
    plan = commands.plan("1.1.0", "production", "ada")
    assert plan["objections"] == []
    assert "the tag registry.example/tally:1.1.0, by which it was cut, means sha256:cdcdcdcd" in str(plan["warnings"])
    del fake.images.tags[tag]
    assert "is gone" in str(commands.plan("1.1.0", "production", "ada")["warnings"])


def test_a_way_back_asks_neither_the_registry_nor_what_would_change(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared = [on(HERE)]
    for version in ("1.1.0", "1.2.0"):
        cut(commands, version)
        commands.promote(version, "production", "ada")
        run(fake)
    fake.images.unavailable = fake.previews.unavailable = True
    commands.rollback("production", "ada")
    run(fake)
    live = fake.world.records.place(PRODUCTION).live
    assert live is not None
    assert live.version == "1.1.0"
