"""A street of shops on the cluster: an environment for each strategy, a service with users for each story."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scene import Scene
from stand import Object, deployment, route, service

from support.passersby import Passersby
from support.stories import READY_WITHIN, REQUEST_TIMEOUT, RULES, STRATEGIES, Behaviour, Story
from support.street import RATE, Act, Street

Little = Callable[..., str]


class OnTheCluster:
    """A cluster with a gateway."""

    patience = 240.0

    def __init__(self, folder: Path, gateway: str, little: Little) -> None:
        self._folder = folder
        self._gateway = gateway
        self._little = little
        self._pattern = little("1.0.0").partition("@")[0]

    def write(self, service: str, version: str, behaviour: Behaviour) -> Mapping[str, str]:
        self.describe(service, deployment(service, f"{self._pattern}:latest"))
        (self._folder / "versions" / service).write_text(version)
        return {"image": self._little(version, **behaviour)}

    def describe(self, name: str, pods: Object) -> None:
        """The manifests of one service."""
        whole = route(name, f"{name}.test", {name: 1})
        whole["spec"]["rules"][0]["timeouts"] = {"request": REQUEST_TIMEOUT}
        things = {"apiVersion": "v1", "kind": "List", "items": [pods, service(name), whole]}
        (self._folder / "k8s" / f"{name}.json").write_text(json.dumps(things))

    def door(self, act: Act, service: str) -> tuple[str, int, str]:
        host, _, port = self._gateway.partition(":")
        return host, int(port), f"{service}.test"


@contextmanager
def playing(
    table: Sequence[Story],
    folder: Path,
    stage: Callable[[Path], OnTheCluster],
    namespaces: Mapping[str, str],
    stats: str,
    more: Mapping[str, Mapping[str, object]] | None = None,
    rules: Mapping[str, object] = RULES,
) -> Iterator[Street]:
    """The whole street, nothing played yet; `namespaces` by strategy, `more` what else is to say of a service there."""
    scene = Scene(folder)
    for name in ("versions", "k8s"):
        (scene.repo.folder / name).mkdir(parents=True)
    environments = {
        strategy: {
            **rules,
            "platform": "kubernetes",
            "strategy": STRATEGIES[strategy],
            "kubernetes": {"manifests": "k8s", "namespace": namespace, "stats": f"http://{stats}"},
            "services": {one.service: {"manifests": f"k8s/{one.service}.json", **(more or {}).get(one.service, {})} for one in table},
        }
        for strategy, namespace in namespaces.items()
    }
    services = {one.service: {"run": "little", "ready_within": READY_WITHIN} for one in table}
    (scene.repo.folder / "headway.yaml").write_text(json.dumps({"headway": 1, "services": services, "environments": environments}))
    scene.repo.git("init", "--quiet", "--initial-branch=main")
    scene.repo.commit("feat: a street of shops")
    try:
        scene.start()
        with Passersby(RATE) as passersby:
            street = Street(scene, stage(scene.repo.folder), passersby)
            try:
                yield street
            finally:
                street.close()
    finally:
        scene.end()
