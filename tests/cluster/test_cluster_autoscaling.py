"""Releases whose size an autoscaler has: what serves never shrinks under a rollout, and what comes is big enough before it has users."""

import json
import threading
from collections.abc import Callable, Iterator

import pytest
from cluster_scene import ClusterScene
from kube_stand import Stand, manifests, release, standing
from stand import Load, Namespace, Object, scaler, until

from headway.rollout.model import Fence, SetReplicas

Image = Callable[..., str]


def budget() -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "shop"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
    }


@pytest.fixture
def stand(namespace: Namespace, little: Image) -> Iterator[Stand]:
    things = manifests(little("1.0.0"))
    things[0]["spec"].pop("replicas")
    with standing(namespace, [*things, scaler(2)]) as made:
        yield made


def least(namespace: Namespace) -> dict[str, int]:
    """The minimum of each release's autoscaler."""
    found = namespace.all("horizontalpodautoscalers")
    return {one["metadata"]["labels"]["headway/workload"]: one["spec"]["minReplicas"] for one in found}


def test_each_release_has_its_own_and_what_serves_stays_as_big_until_it_goes(stand: Stand, little: Image) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    stand.scale(old, 2)
    assert least(stand.namespace) == {old.name: 2}
    # As an autoscaler does when users come, by the same subresource.
    stand.namespace.kubectl("scale", f"deployment/{stand.namespace.all('deployments')[0]['metadata']['name']}", "--replicas=4")
    until("four of them", lambda: stand.group(old.name).ready == 4)
    stand.weigh({old.name: 100})
    stand.act(SetReplicas(new, 4))
    assert least(stand.namespace) == {old.name: 4, new.name: 4}, "no autoscaler takes away what may have to carry everything again"
    until("as many of the new one", lambda: stand.group(new.name).ready == 4)
    stand.weigh({old.name: 50, new.name: 50})
    stand.act(SetReplicas(new, 5))
    assert stand.group(new.name).wanted == 5, "what its autoscaler was told counts at once"
    until("its autoscaler has made the fifth", lambda: stand.group(new.name).ready == 5)
    sizes = [one["spec"]["replicas"] for one in stand.namespace.all("deployments", f"headway/workload={new.name}")]
    assert sizes == [5]
    stand.weigh({new.name: 100})
    stand.scale(old, 0)
    assert least(stand.namespace) == {new.name: 2}, "alone it is as the team wrote it"
    stand.scale(old, 4)
    assert least(stand.namespace) == {new.name: 5, old.name: 4}
    # A minimum that a person set is that person's.
    stand.namespace.kubectl("patch", "hpa", _named(stand, new.name), '--patch={"spec":{"minReplicas":6}}')
    stand.weigh({old.name: 100})
    stand.act(SetReplicas(new, 0))
    assert least(stand.namespace) == {old.name: 2}
    next_one = release("1.2.0", little("1.1.0"), {"N": "1"})
    stand.act(SetReplicas(next_one, 1), Fence(2, 1))
    stand.act(SetReplicas(next_one, 0), Fence(2, 2))


def _named(stand: Stand, workload: str) -> str:
    name: str = stand.namespace.all("deployments", f"headway/workload={workload}")[0]["metadata"]["name"]
    return name


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, gateway, stats, host, little("1.0.0"))
        _with_autoscaler(made)
        made.start()
        with Load(gateway, host, rate=60):
            made.end_of(made.promote("1.0.0", little("1.0.0")), "completed")
        yield made
    finally:
        made.end()


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


def _with_autoscaler(scene: ClusterScene) -> None:
    base = scene.repo.folder / "k8s" / "base"
    deployment = json.loads((base / "deployment.json").read_text())
    deployment["spec"].pop("replicas")
    (base / "deployment.json").write_text(json.dumps(deployment))
    (base / "hpa.json").write_text(json.dumps(scaler(2)))
    (base / "pdb.json").write_text(json.dumps(budget()))
    (base / "kustomization.yaml").write_text(json.dumps({"resources": ["deployment.json", "service.json", "hpa.json", "pdb.json"]}))
    scene.repo.commit("feat: as many as are needed")


class Watch:
    """Looks again and again how many pods of a release are ready, and remembers the fewest."""

    def __init__(self, namespace: Namespace, workload: str) -> None:
        self.namespace, self.workload, self.fewest = namespace, workload, 99

    def __enter__(self) -> "Watch":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            found = self.namespace.all("deployments", f"headway/workload={self.workload}")
            self.fewest = min(self.fewest, *(one["status"].get("readyReplicas", 0) for one in found), 99)


def test_users_come_in_mid_canary_and_a_node_is_emptied_and_nobody_loses_a_request(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    namespace = scene.namespace
    (old,) = least(namespace)
    with Load(gateway, host, rate=60) as load:
        rollout = scene.promote("1.1.0", little("1.1.0"))
        with Watch(namespace, old) as watch:
            view = scene.when(rollout, lambda view: view["weight"] >= 20, "some traffic on the new release")
            assert view["workload"] in least(namespace)
            scene.headway("pause", "production", "--why", "users come")
            # More users than before: whoever has the autoscaler of what serves wants more of it.
            (name,) = (one["metadata"]["name"] for one in namespace.all("hpa", f"headway/workload={old}"))
            namespace.kubectl("patch", "hpa", name, '--patch={"spec":{"minReplicas":4}}')
            until("four of the old one", lambda: _ready(namespace, old) == 4)
            # A node is emptied: the team's disruption budget speaks for the pods of both releases.
            pod = namespace.all("pods", f"headway/workload={view['workload']}")[0]["metadata"]["name"]
            namespace.evict(pod)
            scene.headway("resume", "production")
            scene.when(rollout, lambda view: view["weight"] == 100, "all the traffic on the new release")
            assert _ready(namespace, view["workload"]) >= 4, "as big as what served, before it had it all"
        done = scene.end_of(rollout, "completed")
        assert watch.fewest >= 2, "the old release kept what it had"
        assert "the old release grew" in {event["what"] for event in done["events"]}
        until("the old one is gone, and with it its autoscaler", lambda: set(least(namespace)) == {done["workload"]})
        until("the team's minimum again", lambda: least(namespace) == {done["workload"]: 2})
        answer = scene.headway("rollback", "production", "--why", "wrong colour", "--json").json
        back = scene.end_of(scene.ask("rollout", target=answer["rollout"]), "completed")
        assert _ready(namespace, back["workload"]) >= 2
    assert load.failures == []


def _ready(namespace: Namespace, workload: str) -> int:
    (found,) = namespace.all("deployments", f"headway/workload={workload}")
    ready: int = found["status"].get("readyReplicas", 0)
    return ready
