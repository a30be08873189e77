"""A team's manifests and what a cluster says of them, small."""

import copy
from typing import Any

from headway.adapters.kubernetes.kinds import labels
from headway.environments.model import Configuration, Place
from headway.releases.model import RunSpec
from headway.rollout.model import Workload

PLACE = Place("shop", "production")
IMAGE = "registry.example/shop@sha256:" + "ab" * 32
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "labels": {"team": "sales"}},
    "spec": {
        "replicas": 7,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "registry.example/shop:latest",
                        "envFrom": [{"configMapRef": {"name": "settings-abcdefgh12"}}],
                    },
                    {"name": "proxy", "image": "registry.example/proxy:2"},
                ],
                "volumes": [
                    {"name": "key", "secret": {"secretName": "key"}},
                    {"name": "all", "projected": {"sources": [{"secret": {"name": "key"}}, {"configMap": {"name": "elsewhere"}}]}},
                ],
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop-web"},
    "spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "selector": {"app": "shop"}, "ports": [{"port": 80, "nodePort": 30080}]},
}
ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "shop"},
    "spec": {
        "parentRefs": [{"name": "edge"}],
        "rules": [
            {"matches": [{"path": {"value": "/static"}}], "backendRefs": [{"name": "files", "port": 80}]},
            {"matches": [{"path": {"value": "/"}}], "backendRefs": [{"name": "shop-web", "port": 80, "filters": []}]},
        ],
    },
}
SETTINGS: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings-abcdefgh12"}, "data": {"SIZE": "small"}}
KEY: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"key": "aGVsbG8="}}
BUDGET: dict[str, Any] = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "shop"},
    "spec": {"minAvailable": 1},
}
ALL = (DEPLOYMENT, SERVICE, ROUTE, SETTINGS, KEY, BUDGET)


def workload(version: str = "1.4.0", **config: str) -> Workload:
    slug = version.replace(".", "-")
    return Workload(f"v{slug}-7f3a91c2", version, "c0ffee", "sha256:ab", RunSpec(("x",)), Configuration(config), image=IMAGE)


def changed(thing: dict[str, Any], *path: str, to: object) -> dict[str, Any]:
    """A copy with one value changed."""
    copied = copy.deepcopy(thing)
    inner = copied
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = to
    return copied


def live(name: str, workload_name: str, replicas: int = 1) -> dict[str, Any]:
    """A release's Deployment as the cluster shows it."""
    return {"metadata": {"name": name, "labels": labels(PLACE, workload_name)}, "spec": {"replicas": replicas}, "status": {}}
