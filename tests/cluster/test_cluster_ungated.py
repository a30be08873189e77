"""Without a gateway: what new and what kept connections meet on the Service's own address, and what the plan said of it."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from cluster_scene import ClusterScene
from scene import View
from stand import Load, Namespace, until

Image = Callable[..., str]

FILE = """\
headway: 1
services:
  shop:
    run: little
    ready_within: 40s
environments:
  production:
    platform: kubernetes
    replicas: 2
    kubernetes: {{manifests: k8s/base, namespace: {namespace}}}
    strategy: {strategy}
    analysis: health
    soak: 1s
    keep_warm: 8s
"""


class Ungated(ClusterScene):
    """The shop with nothing but a Service in front."""

    def goes_about(self, strategy: str) -> None:
        """Production goes about it in this way from now on."""
        (self.repo.folder / "headway.yaml").write_text(FILE.format(strategy=strategy, namespace=self.namespace.name))
        self.repo.commit(f"feat: {strategy}")

    def passed(self, rollout: View, weight: int) -> None:
        """Once it has this weight."""
        self.when(rollout, lambda view: view["weight"] >= weight, f"{weight} %")


@dataclass
class Kept:
    """A client that keeps its connection for as long as the other side does, and asks again and again."""

    address: str
    answers: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __enter__(self) -> "Kept":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        while not self._stop.wait(0.05):
            try:
                connection.request("GET", "/")
                self.answers.append(connection.getresponse().read().decode().strip())
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection.close()


@pytest.fixture
def scene(namespace: Namespace, little: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ungated]:
    made = Ungated(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, "", "", "", little("1.0.0"))
        made.goes_about("{canary: [20, 50, 100]}")
        made.start()
        made.end_of(made.promote("1.0.0", little("1.0.0")), "completed")
        yield made
    finally:
        made.end()


def test_new_connections_follow_the_pods_and_kept_ones_stay_until_the_old_release_stops(scene: Ungated, little: Image) -> None:
    address = scene.namespace.get("service", "shop")["spec"]["clusterIP"]
    scene.headway("release", "cut", "HEAD", "--version", "1.0.1", "--image", little("1.1.0"))
    plan = scene.ask("plan", release="shop@1.0.1", environment="production", by="alice")
    assert "about 33 % of new connections, by 1 pods beside 2 of 1.0.0" in " ".join(plan["steps"])
    assert "by connections, not by requests" in plan["traffic"][0]
    assert "stopped 8 s after completion" in plan["traffic"][1]
    assert "health" in plan["traffic"][2]
    with Kept(address) as kept, Load(address, "shop", rate=60) as fresh:
        until("the kept connection to work", lambda: len(kept.answers) > 5)
        rollout = scene.promote("1.1.0", little("1.1.0"))
        scene.passed(rollout, 20)
        until("the first of the new one", lambda: fresh.answers["1.1.0"])
        before = fresh.answers.copy()
        until("some more connections", lambda: fresh.answers.total() > before.total() + 250)
        had = (fresh.answers - before)["1.1.0"] / (fresh.answers - before).total()
        assert 0.22 < had < 0.45, "a third of the pods, a third of the new connections"
        for weight in (50, 100):
            scene.headway("advance", "production")
            scene.passed(rollout, weight)
        scene.end_of(rollout, "completed")
        assert _only(fresh, "1.1.0")
        assert set(kept.answers) == {"1.0.0"}, "who keeps a connection is on the old release until it stops"
        until("it to come anew", lambda: kept.answers[-1] == "1.1.0", within=40)
        until("the old pods to be gone", lambda: _pods(scene) == Counter({"v1-1-0": 2}))
        scene.goes_about("blue-green")
        flipped = scene.end_of(scene.promote("1.2.0", little("1.2.0")), "completed")
        assert _only(fresh, "1.2.0")
        assert kept.answers[-1] == "1.1.0"
        assert "new connections; those that are open stay with 1.1.0 until it stops" in " ".join(flipped["steps"])
        until("it to come anew", lambda: kept.answers[-1] == "1.2.0", within=40)
    assert fresh.failures == []
    assert len(kept.lost) <= 2, "of a kept connection a server's end may cost the request that is on its way, once a stop"
    print(f"kept: {len(kept.answers)} answers, {len(kept.lost)} lost; new: {fresh.answers.total()} answers, none lost; {had:.0%} at 20 %")
    scene.goes_about("{canary: {weights: [50, 100], route: {header: {name: x-release, value: new}}}}")
    scene.headway("release", "cut", "HEAD", "--version", "1.3.0", "--image", little("1.1.0"))
    said = scene.headway("promote", "shop@1.3.0", "--to", "production", code=12).text
    assert "no HTTPRoute of its manifests leads to its Service: nobody would send testers to it" in " ".join(said.split())


def _only(load: Load, version: str) -> bool:
    before = load.answers.copy()
    until("some more traffic", lambda: load.answers.total() > before.total() + 50)
    return set(load.answers - before) == {version}


def _pods(scene: ClusterScene) -> Counter[str]:
    found = (pod["metadata"]["labels"]["headway/workload"] for pod in scene.namespace.all("pods", "headway/service=shop"))
    return Counter(name.rpartition("-")[0] for name in found)
