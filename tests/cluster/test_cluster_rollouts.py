"""Whole rollouts on a real cluster: the same file, the same strategies, the same words as on this machine."""

from collections.abc import Callable, Iterator

import pytest
from cluster_scene import ClusterScene
from stand import Load, Namespace, until

Image = Callable[..., str]


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, gateway, stats, host, little("1.0.0"))
        made.start()
        with Load(gateway, host, rate=60):  # the first release needs users to be judged by
            made.end_of(made.promote("1.0.0", little("1.0.0")), "completed")
        yield made
    finally:
        made.end()


def test_a_good_canary_takes_over_a_bad_one_goes_back_and_nobody_loses_a_request_to_us(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    with Load(gateway, host, rate=60) as load:
        good = scene.end_of(scene.promote("1.1.0", little("1.1.0")), "completed")
        assert load.failures == []
        assert load.answers["1.1.0"] > 0
        bad = scene.end_of(scene.promote("1.2.0", little("1.2.0-fails", FAIL=50)), "rolled back")
        lost = list(load.failures)
        until("some more traffic", lambda: load.answers.total() > 200)
    assert "errors" in "; ".join(bad["reasons"])
    assert load.failures == lost, "after the way back nobody meets the bad release any more"
    assert all("500" in failure for failure in lost), lost
    assert len(lost) < 40, "it was found out early"
    assert {event["what"] for event in good["events"]} >= {"started", "good at 20 %", "completed"}
    until("only the good one has pods", lambda: _running(scene) == {good["workload"]})
    for rollout, told in ((good, {"Started", "Routed", "GoodVerdict", "Completed"}), (bad, {"Routed", "FailedVerdict", "RolledBack"})):
        until(f"kubectl describe tells {told}", lambda rollout=rollout, told=told: told <= _told_of(scene, rollout["workload"]))
    assert "20 % to" in scene.namespace.kubectl("describe", "httproute", "shop")


def test_a_missing_image_is_refused_and_where_no_registry_is_asked_goes_back_before_it_gets_any_traffic(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    image = little("1.0.0").partition("@")[0] + "@sha256:" + "0" * 64
    scene.cut("1.3.0", image)
    no = scene.headway("promote", "shop@1.3.0", "--to", "production", code=12)
    assert "in its registry, so no node could pull it" in no.text
    text = (scene.repo.folder / "headway.yaml").read_text()
    (scene.repo.folder / "headway.yaml").write_text(text.replace("namespace:", "registry: skip\n      namespace:"))
    scene.repo.commit("feat: nobody asks the registry")
    with Load(gateway, host, rate=30) as load:
        gone = scene.end_of(scene.promote("1.3.1", image), "rolled back")
    assert "cannot be pulled" in "; ".join(gone["reasons"])
    assert load.failures == []
    assert set(load.answers) == {"1.0.0"}


def test_a_completed_release_goes_back_on_a_persons_word(scene: ClusterScene, little: Image, gateway: str, host: str) -> None:
    with Load(gateway, host, rate=60) as load:
        scene.end_of(scene.promote("1.1.0", little("1.1.0")), "completed")
        answer = scene.headway("rollback", "production", "--why", "wrong colour", "--json").json
        scene.end_of(scene.ask("rollout", target=answer["rollout"]), "completed")
        before = load.answers.copy()
        until("some more traffic", lambda: load.answers.total() > before.total() + 60)
        assert set(load.answers - before) == {"1.0.0"}
    assert load.failures == []


def test_an_aborted_canary_gives_all_its_traffic_back(scene: ClusterScene, little: Image, gateway: str, host: str) -> None:
    with Load(gateway, host, rate=60) as load:
        rollout = scene.promote("1.1.0", little("1.1.0"))
        scene.when(rollout, lambda view: view["weight"] > 0, "some traffic on the new release")
        scene.headway("abort", "production", "--why", "wrong day")
        scene.end_of(rollout, "rolled back")
        before = load.answers.copy()
        until("some more traffic", lambda: load.answers.total() > before.total() + 60)
        assert set(load.answers - before) == {"1.0.0"}
    assert load.failures == []


def test_the_other_strategies_lose_nobody_either(scene: ClusterScene, little: Image, gateway: str, host: str) -> None:
    with Load(gateway, host, rate=60) as load:
        for version, strategy in (("1.1.0", "rolling"), ("1.2.0", "blue-green")):
            scene.switch(strategy)
            scene.end_of(scene.promote(version, little(version)), "completed")
            before = load.answers.copy()
            until("some more traffic", lambda before=before: load.answers.total() > before.total() + 60)
            assert set(load.answers - before) == {version}
    assert load.failures == []


def _told_of(scene: ClusterScene, workload: str) -> set[str]:
    """The reasons of the Events on a release's Deployment, as whoever describes it sees them."""
    said = scene.namespace.kubectl("describe", "deployment", f"--selector=headway/workload={workload}")
    return {words[1] for line in said.partition("Events:")[2].splitlines() if len(words := line.split()) > 2 and "headway" in words}


def _running(scene: ClusterScene) -> set[str]:
    return {pod["metadata"]["labels"]["headway/workload"] for pod in scene.namespace.all("pods", "headway/service=shop")}
