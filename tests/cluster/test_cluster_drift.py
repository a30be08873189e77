"""Somebody else's hands on a real cluster: told with a name and a way out, set right on a word, and nobody loses a request by ours."""

import json
from collections.abc import Callable, Iterator

import pytest
from cluster_scene import ClusterScene
from kube_stand import PLACE, Stand, manifests, release, standing
from scene import View
from stand import Load, Namespace, Object, until

from headway.rollout.model import SetReplicas

Image = Callable[..., str]


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


@pytest.fixture
def gated(namespace: Namespace, little: Image, host: str, gateway: str, stats: str) -> Iterator[Stand]:
    with standing(namespace, manifests(little("1.0.0"), host), stats) as made:
        yield made


def told(stand: Stand) -> list[str]:
    return [str(one) for one in stand.platform.look(PLACE).edits]


def test_every_hand_is_told_by_its_name_and_a_release_becomes_what_it_was_made_as(gated: Stand, little: Image) -> None:
    one, kubectl = release("1.0.0", little("1.0.0"), {"TOLD_COLOUR": "red"}), gated.namespace.kubectl
    gated.scale(one, 2)
    gated.weigh({one.name: 100})
    assert told(gated) == [], "what the cluster, its controllers and its gateway write is nobody's edit"
    name = gated.namespace.all("deployments")[0]["metadata"]["name"]
    kubectl("set", "env", f"deployment/{name}", "MINE=a value for this test")
    kubectl("patch", "deployment", name, "--type=json", '--patch=[{"op":"remove","path":"/spec/template/spec/containers/0/lifecycle"}]')
    kubectl("scale", f"deployment/{name}", "--replicas=3")
    kubectl("patch", "httproute", "shop", '--patch={"spec":{"hostnames":["elsewhere.test"]}}', "--type=merge")
    kubectl("patch", "service", "shop", '--patch={"spec":{"selector":{"headway/workload":"nobody"}}}')
    kubectl("delete", "service", name)
    found = "\n".join(told(gated))
    assert f"Deployment {name}: spec.template.spec.containers[little].env was not there" in found
    assert "a value for this test" not in found
    assert (
        f"Deployment {name}: spec.template.spec.containers[little].lifecycle was something that is not shown, is gone, by kubectl" in found
    )
    assert f"Deployment {name}: spec.replicas was 2, is 3, by kubectl" in found
    assert "HTTPRoute shop: spec.hostnames[0] was shop." in found
    assert "is elsewhere.test, by kubectl-patch" in found
    assert f"Service shop: spec.selector.headway/workload was {one.name}, is nobody, by kubectl-patch" in found
    assert f"Service {name} was there, is gone, nobody knows by whom" in found
    kubectl("delete", "httproute", "shop")
    assert "HTTPRoute shop was there, is gone, nobody knows by whom" in told(gated)
    gated.act(SetReplicas(one, 2, mend=True))
    gated.weigh({one.name: 100})
    assert told(gated) == []
    until("two of what it was made as", lambda: gated.group(one.name).ready == 2 and gated.group(one.name).running == 2)
    (container,) = gated.namespace.get("deployment", name)["spec"]["template"]["spec"]["containers"]
    assert "env" not in container
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 3}}}
    kubectl("rollout", "restart", f"deployment/{name}")
    assert told(gated) == [], "pods that were started anew are what they were"


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, gateway, stats, host, little("1.0.0"))
        made.start()
        with Load(gateway, host, rate=60):
            made.end_of(made.promote("1.0.0", little("1.0.0")), "completed")
        yield made
    finally:
        made.end()


def test_hands_in_mid_canary_and_at_rest_are_told_and_each_has_a_way_out(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    namespace = scene.namespace
    with Load(gateway, host, rate=60) as load:
        rollout = scene.promote("1.1.0", little("1.1.0"))
        view = scene.when(rollout, lambda view: view["weight"] == 20, "some traffic on the new release")
        name = _deployment(namespace, view["workload"])["metadata"]["name"]
        namespace.kubectl("set", "env", f"deployment/{name}", "MINE=1")
        why = scene.when(rollout, lambda view: "a person decides: retry" in view["why"], "the hand to be told")["why"]
        assert f"Deployment {name}: spec.template.spec.containers[little].env" in why
        namespace.kubectl("scale", f"deployment/{name}", "--replicas=3")
        scene.headway("retry", "production", "--why", "nobody agreed to that")
        until("it is set right, and its size with it", lambda: _deployment(namespace, view["workload"])["spec"]["replicas"] == 1)
        namespace.kubectl("scale", f"deployment/{name}", "--replicas=3")
        why = scene.when(rollout, lambda view: "headway retry" in view["why"], "the size that stands in the way")["why"]
        assert "somebody else owns fields of it" in why
        assert 'replicas: conflict with "kubectl"' in why
        scene.headway("retry", "production")
        done = scene.end_of(rollout, "completed")
        assert {"somebody else's hand", "set right"} <= {event["what"] for event in done["events"]}
        assert "env" not in _deployment(namespace, done["workload"])["spec"]["template"]["spec"]["containers"][0]
        assert _deployment(namespace, done["workload"])["spec"]["replicas"] == 2
        assert load.failures == [], "neither the hand nor what set it right cost a request"
        # At rest: somebody helps, as they say.
        until("nothing differs", lambda: scene.headway("drift", "production", "--json").json["differences"] == [])
        namespace.kubectl("scale", f"deployment/{name}", "--replicas=4")
        place = until("the status tells it", lambda: _drift(scene))
        assert f"Deployment {name}: spec.replicas was 2, is 4, by kubectl" in place[0]
        scene.headway("drift", "production", "--accept", "--why", "a busy evening")
        assert _drift(scene) == []
        (known,) = scene.headway("drift", "production", "--json").json["differences"]
        assert known["accepted"].endswith(": a busy evening")
    namespace.kubectl("patch", "httproute", "shop", '--patch={"spec":{"hostnames":["elsewhere.test"]}}', "--type=merge")
    namespace.kubectl("delete", "service", name)
    answer = scene.headway("drift", "production", "--json").json
    assert {one["thing"] for one in answer["differences"] if not one["accepted"]} >= {"HTTPRoute shop", f"Service {name}"}
    assert answer["ways_out"][0] == "set it right: headway promote shop@1.1.0 --to production"
    again = scene.headway("promote", "shop@1.1.0", "--to", "production", "--json").json
    with Load(gateway, host, rate=60) as load:
        scene.end_of(scene.ask("rollout", target=again["rollout"]), "completed")
        load.failures.clear()
        load.answers.clear()
        until("users again", lambda: load.answers["1.1.0"] > 60)
    assert load.failures == []
    assert scene.headway("drift", "production", "--json").json["differences"] == []
    assert "spec.replicas" not in json.dumps(scene.ask("status"))
    events: list[View] = scene.ask("log")["events"]
    assert {"drift of shop in production accepted", "shop in production is not as it was written"} <= {event["what"] for event in events}


def _drift(scene: ClusterScene) -> list[str]:
    (place,) = [one for one in scene.ask("status")["places"] if one["environment"] == "production"]
    found: list[str] = place["drift"]
    return found


def _deployment(namespace: Namespace, workload: str) -> Object:
    (found,) = namespace.all("deployments", f"headway/workload={workload}")
    return found
