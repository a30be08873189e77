"""What a team ran before Headway came: it becomes the release that is replaced, its pods untouched, and nobody loses a request."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from cluster_scene import ClusterScene
from kube_stand import PLACE, Stand, manifests, release, standing
from scene import View
from stand import Load, Namespace, Object, deployment, route, service, until

from headway.adapters.kubernetes.kinds import hash_of
from headway.environments.model import Configuration
from headway.releases.model import RunSpec
from headway.rollout.adoption import Foundling
from headway.rollout.model import Fence, SetReplicas, SetWeights, Workload

Image = Callable[..., str]


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


def team(image: str, host: str = "", replicas: int = 2) -> list[Object]:
    """What the team applied long ago, with a label that says its version."""
    one = deployment("shop", image, replicas)
    one["spec"]["template"]["metadata"]["labels"] |= {"app.kubernetes.io/version": "0.9.0"}
    return [one, service("shop"), *([route("shop", host, {"shop": 1})] if host else [])]


def applied(namespace: Namespace, things: list[Object]) -> None:
    """As people do it: client-side, which leaves its name on every field, and what was applied in an annotation."""
    namespace.kubectl("apply", "--filename=-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
    until("the team's pods are ready", lambda: namespace.get("deployment", "shop")["status"].get("readyReplicas") == _size(things))


def _size(things: list[Object]) -> int:
    return int(things[0]["spec"]["replicas"])


def served(namespace: Namespace) -> dict[str, str]:
    """The pods of the team's own Deployment, and how often they were restarted."""
    pods = [pod for pod in namespace.all("pods", "app=shop") if "headway/workload" not in pod["metadata"]["labels"]]
    return {pod["metadata"]["uid"]: str(pod["status"]["containerStatuses"][0]["restartCount"]) for pod in pods}


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        applied(namespace, team(little("0.9.0"), host))
        made.found(namespace, gateway, stats, host, little("0.9.0"))
        made.repo.git("tag", "v0.9.0")
        made.start()
        yield made
    finally:
        made.end()


@pytest.mark.timeout(300)
def test_what_serves_is_adopted_with_the_first_promotion_and_takes_back_what_a_bad_one_loses(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    there = scene.namespace
    before, inside = served(there), there.get("service", "shop")["spec"]["clusterIP"]
    with Load(gateway, host, rate=50) as load, Load(inside, "shop", rate=25) as neighbours:
        until("some traffic", lambda: load.answers.total() > 50)
        assert load.failures == []
        bad = scene.end_of(scene.promote("1.0.0", little("1.0.0-fails", FAIL=50)), "rolled back")
        assert "errors" in "; ".join(bad["reasons"])
        assert bad["from"] == "0.9.0"
        lost = list(load.failures)
        assert all("500" in one for one in lost), lost
        assert set(load.answers) == {"0.9.0", "1.0.0-fails"} | ({"1.0.0"} & set(load.answers))
        assert served(there) == before, "nothing was restarted, and nothing was added"
        assert scene.place(service="shop")["live"]["version"] == "0.9.0"
        assert _written(scene, "adoption asked for")["why"][1].startswith("spec.replicas of Deployment shop was written by kubectl")

        scene.headway("release", "clear", "shop@1.0.0", "--why", "mended")
        good = scene.promote("1.1.0", little("1.1.0"))
        good = scene.end_of(good, "completed")
        assert load.failures == lost
        assert load.first["1.1.0"] >= _at(good, "route 80 %"), "nobody meets it before it has weight"
        assert neighbours.failures == []
        assert neighbours.first["1.1.0"] >= _at(good, "route 80 %")
        until("what was adopted is stopped like any old release", lambda: not served(there))
        assert there.get("deployment", "shop")["spec"]["replicas"] == 0

        back = scene.headway("rollback", "production", "--why", "wrong colour", "--json").json
        scene.end_of(scene.ask("rollout", target=back["rollout"]), "completed")
        count = load.answers.copy()
        until("some more traffic", lambda: load.answers.total() > count.total() + 50)
        assert set(load.answers - count) == {"0.9.0"}

        scene.headway("release", "clear", "shop@1.1.0", "--why", "the colour is right now")
        scene.switch("blue-green")
        last = scene.end_of(scene.promote("1.2.0", little("1.2.0")), "completed")
        until("it is stopped again", lambda: not served(there))
        for command in scene.ask("rollout", target=last["rollout"])["by_hand"][:-1]:
            there.shell(command)
        until("by kubectl alone it has its users again", lambda: _only(load, "0.9.0"))
        assert load.failures == lost
        assert neighbours.failures == []


def test_the_plan_tells_what_it_would_adopt_and_touches_nothing(scene: ClusterScene, little: Image) -> None:
    there = scene.namespace
    versions = [there.get(kind, "shop")["metadata"]["resourceVersion"] for kind in ("service", "httproute")]
    scene.headway("release", "cut", "HEAD", "--version", "1.0.0", "--image", little("1.1.0"))
    plan = scene.ask("plan", release="shop@1.0.0", environment="production", by="alice")
    assert plan["objections"] == []
    assert plan["from"] == "0.9.0"
    assert f"Deployment shop serves there already ({little('0.9.0')}, 2 of 2 replicas ready)" in plan["adopts"][0]
    assert any("kubectl" in one and "spec.selector of Service shop" in one for one in plan["adopts"])
    assert [command.split()[3:5] for command in plan["by_hand"][:2]] == [["patch", "service"], ["patch", "httproute"]]
    assert [there.get(kind, "shop")["metadata"]["resourceVersion"] for kind in ("service", "httproute")] == versions
    told = scene.headway("adopt", "production", "--version", "0.8.0", "--commit", "main").text
    assert "adopting shop@0.8.0" in told
    scene.until(lambda: scene.place(service="shop"), lambda view: view["live"] and view["live"]["version"] == "0.8.0", "the adoption")
    assert "already, as 0.8.0" in scene.headway("adopt", "production", code=12).text


def test_without_a_gateway_its_pods_and_no_others_have_the_traffic_until_another_has_weight(namespace: Namespace, little: Image) -> None:
    applied(namespace, team(little("0.9.0")))
    with standing(namespace, manifests(little("1.0.0"))) as stand:
        before = served(namespace)
        old, new = _adopted(stand), release("1.0.0", little("1.0.0"))
        with Load(namespace.get("service", "shop")["spec"]["clusterIP"], "shop") as load:
            stand.act(SetReplicas(old, 2), Fence(1, 1))
            assert stand.weights() == {old.name: 100}
            assert stand.group(old.name).ready == 2
            stand.act(SetReplicas(new, 1), Fence(2, 1))
            until("the new one is ready", lambda: stand.group(new.name).ready == 1)
            assert stand.weights() == {old.name: 100}
            namespace.kubectl("set", "image", "deployment/shop", f"little={little('6.6.6')}")
            until("some traffic", lambda: load.answers.total() > 100)
            assert set(load.answers) == {"0.9.0"}
            assert served(namespace) == before, "it is held: whoever gives it another template in between does no harm"
            stand.act(SetWeights({old.name: 67, new.name: 33}), Fence(2, 2))
            until("both answer", lambda: load.answers["1.0.0"] > 10)
            stand.act(SetWeights({new.name: 100}), Fence(2, 3))
            until("only the new one", lambda: _only(load, "1.0.0"))
            (front, *rest) = stand.platform.by_hand(PLACE, new.name, old.name)
            assert rest == []
            namespace.shell(front)
            until("back by hand", lambda: _only(load, "0.9.0"))
            assert stand.weights() == {old.name: 100}
            *_, again = stand.platform.by_hand(PLACE, old.name, new.name)
            namespace.shell(again)
            until("and forward by hand", lambda: _only(load, "1.0.0"))
            stand.act(SetReplicas(old, 0), Fence(2, 4))
            until("it is gone", lambda: not served(namespace))
            stand.act(SetReplicas(release("1.1.0", little("1.1.0")), 1), Fence(9, 1))
        assert load.failures == []
        assert namespace.get("deployment", "shop")["spec"]["replicas"] == 0, "its team made it, its team may take it away"


def test_what_cannot_be_told_apart_is_not_adopted_and_why_is_said(namespace: Namespace, little: Image) -> None:
    with standing(namespace, manifests(little("1.0.0"))) as stand:
        assert stand.platform.find(PLACE, "c1") is None, "nothing is there"
        applied(namespace, team(little("0.9.0"), replicas=1))
        found = stand.platform.find(PLACE, "c1")
        assert found is not None
        assert (found.what, found.image, found.says, found.unfit) == ("Deployment shop", little("0.9.0"), "0.9.0", "")
        other = deployment("shop", little("0.9.0"), half="other") | {"metadata": {"name": "shop-too"}}
        namespace.apply(other)
        _unfit(stand, "scale the others to 0")
        namespace.kubectl("delete", "deployment", "shop-too")
        namespace.kubectl("set", "env", "deployment/shop", "WHAT=changes")
        _unfit(stand, "in the middle of a rollout")
        namespace.kubectl("rollout", "status", "deployment/shop")
        until("it settled", lambda: (again := stand.platform.find(PLACE, "c1")) and not again.unfit and again.workload != found.workload)
        namespace.kubectl("scale", "deployment/shop", "--replicas=0")
        until("nothing serves", lambda: stand.platform.find(PLACE, "c1") is None)


def _unfit(stand: Stand, why: str) -> None:
    until(why, lambda: (found := stand.platform.find(PLACE, "c1")) and why in found.unfit, within=20)


def _adopted(stand: Stand) -> Workload:
    found = stand.platform.find(PLACE, "c1")
    assert isinstance(found, Foundling)
    assert not found.unfit
    assert hash_of(found.workload)
    return Workload(found.workload, "0.9.0", "c0", found.digest, RunSpec(()), Configuration(), image=found.image, adopted=found.where)


def _only(load: Load, version: str) -> bool:
    before = load.answers.copy()
    until("some more traffic", lambda: load.answers.total() > before.total() + 25)
    return set(load.answers - before) == {version}


def _written(scene: ClusterScene, what: str) -> View:
    found: View = next(one for one in scene.ask("log", most=1000)["events"] if one["what"] == what)
    return found


def _at(rollout: View, what: str) -> float:
    return datetime.fromisoformat(next(one["at"] for one in rollout["events"] if one["what"].startswith(what))).timestamp()
