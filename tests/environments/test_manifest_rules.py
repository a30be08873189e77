"""What manifests lack is told before anything is sent: one good and one bad row for each rule."""

import copy
from typing import Any

import pytest

from headway.environments.manifests.model import Grade
from headway.environments.manifests.rules import findings

POD: dict[str, Any] = {
    "containers": [
        {
            "name": "shop",
            "image": "registry.example/shop",
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "env": [{"name": "PORT", "value": "8080"}],
        }
    ]
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {"metadata": {"labels": {"app": "shop"}}, "spec": POD}},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "shop"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}],
    },
}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "shop"},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
}
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "shop"},
    "spec": {"rules": [{"backendRefs": [{"name": "shop", "port": 80}]}]},
}
ALL: tuple[dict[str, Any], ...] = (DEPLOYMENT, SERVICE, AUTOSCALER, BUDGET, ROUTE)
CONTAINER = "spec.template.spec.containers.0"
GONE = object()


def changed(number: int, path: str, to: object) -> tuple[dict[str, Any], ...]:
    """All of them, one with another value at a path."""
    things = copy.deepcopy(ALL)
    *keys, last = path.split(".")
    inner: Any = things[number]
    for key in keys:
        inner = inner[int(key)] if key.isdigit() else inner.setdefault(key, {})
    if to is GONE:
        del inner[last]
    else:
        inner[last] = to
    return things


def with_sidecar(image: str, **more: object) -> tuple[dict[str, Any], ...]:
    sidecar = {"name": "proxy", "image": image, "resources": POD["containers"][0]["resources"], **more}
    return changed(0, "spec.template.spec.containers", copy.deepcopy([*POD["containers"], sidecar]))


def own_by_image() -> tuple[dict[str, Any], ...]:
    things = with_sidecar("proxy:2")
    things[0]["spec"]["template"]["spec"]["containers"][0]["name"] = "web"
    return things


def two_strangers() -> tuple[dict[str, Any], ...]:
    """No name tells which of the containers is the release's own."""
    things = with_sidecar("proxy")
    things[0]["spec"]["template"]["spec"]["containers"][0] |= {"name": "web", "image": "registry.example/monolith:7"}
    return things


def told(manifests: tuple[dict[str, Any], ...]) -> list[tuple[str, str]]:
    return [(one.grade.value, one.text) for one in findings(manifests, "shop", "shop-production")]


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop"}}


@pytest.mark.parametrize(
    "manifests",
    [
        pytest.param(ALL, id="everything is there"),
        pytest.param(changed(0, f"{CONTAINER}.readinessProbe", GONE)[:1], id="nobody asks a pod without a Service when it is ready"),
        pytest.param(with_sidecar("registry.example/proxy:2.1"), id="a sidecar with a tag, which nobody sends requests to"),
        pytest.param(with_sidecar("registry.example:5000/proxy@sha256:" + "ab" * 32), id="a sidecar by its digest"),
        pytest.param(changed(0, f"{CONTAINER}.image", "registry.example:5000/shop"), id="the release's own image needs no tag"),
        pytest.param(changed(0, f"{CONTAINER}.resources", {"limits": {"cpu": 1, "memory": "1Gi"}}), id="a limit is a request as well"),
        pytest.param(changed(1, "spec.ports", [{"port": 8080}])[:2], id="the Service's port is the container's"),
        pytest.param(changed(1, "spec.ports", [{"port": 80, "targetPort": 8080}]), id="the Service leads there by number"),
        pytest.param(changed(1, "metadata.namespace", "shop-production"), id="the environment's own namespace, written down"),
        pytest.param((*ALL, SECRET), id="a Secret that is filled elsewhere"),
        pytest.param((*ALL, {**SECRET, "stringData": {"key": "ENC[AES256_GCM,data:abc]"}}), id="a Secret that is encrypted"),
        pytest.param(
            changed(0, f"{CONTAINER}.env", [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {}}}]), id="a secret by reference"
        ),
        pytest.param(changed(0, f"{CONTAINER}.env", [{"name": "TOKEN_LIFETIME", "value": "5m"}]), id="about tokens, and none itself"),
        pytest.param(changed(0, "spec.replicas", 3)[:2], id="replicas that nobody else sets"),
        pytest.param((DEPLOYMENT, {**SERVICE, "spec": {"type": "ExternalName", "externalName": "db.example"}}), id="a Service to outside"),
        pytest.param(own_by_image(), id="the release's own container, known by its image"),
        pytest.param((), id="nothing"),
    ],
)
def test_good_manifests_are_met_with_silence(manifests: tuple[dict[str, Any], ...]) -> None:
    assert told(manifests) == []


@pytest.mark.parametrize(
    ("manifests", "grade", "says"),
    [
        pytest.param(changed(0, f"{CONTAINER}.readinessProbe", GONE), "error", "container shop has no readinessProbe", id="no probe"),
        pytest.param(changed(0, f"{CONTAINER}.livenessProbe", GONE), "warning", "container shop has no livenessProbe", id="no liveness"),
        pytest.param(changed(0, f"{CONTAINER}.lifecycle", GONE), "warning", "write lifecycle: {preStop: {sleep:", id="no preStop"),
        pytest.param(
            changed(0, f"{CONTAINER}.lifecycle.preStop.sleep.seconds", 30), "error", "killed after 30 s", id="sleeps until it is killed"
        ),
        pytest.param(
            changed(0, f"{CONTAINER}.resources", {"limits": {"cpu": 1}, "requests": {"memory": "1Mi"}}),
            "warning",
            "limit of memory",
            id="limit",
        ),
        pytest.param(changed(0, f"{CONTAINER}.resources", {})[:2], "warning", "requests no cpu and no memory", id="no requests"),
        pytest.param(
            changed(0, f"{CONTAINER}.resources.requests", {"memory": "1Mi"}),
            "error",
            "by the share of cpu",
            id="nothing to have a share of",
        ),
        pytest.param(with_sidecar("registry.example:5000/proxy"), "error", "is another image tomorrow", id="a sidecar without a tag"),
        pytest.param(with_sidecar("proxy:latest"), "error", "is another image tomorrow", id="a sidecar with the tag latest"),
        pytest.param(two_strangers(), "warning", "proxy is another image", id="whose is it"),
        pytest.param(changed(0, f"{CONTAINER}.image", "shop:latest"), "warning", "write the repository alone", id="latest, of ours"),
        pytest.param(changed(0, f"{CONTAINER}.image", GONE), "error", "container shop has no image", id="no image"),
        pytest.param(
            changed(0, f"{CONTAINER}.env", [{"name": "DB_PASSWORD", "value": "fake"}]),
            "warning",
            "DB_PASSWORD has its value",
            id="variable",
        ),
        pytest.param((*ALL, {**SECRET, "data": {"key": "ZmFrZQ=="}}), "error", "Secret shop has key in plain sight", id="a Secret's value"),
        pytest.param(changed(0, "spec.selector.matchLabels", {"app": "x"}), "error", "selector wants app=x", id="its own pods"),
        pytest.param(
            changed(1, "spec.selector", {"app": "x"}),
            "error",
            "wants pods with app=x, and none are here: shop's have app=shop",
            id="Service",
        ),
        pytest.param(
            changed(1, "spec.ports", [{"port": 80, "targetPort": "web"}]), "error", "port web, which no container of shop", id="named port"
        ),
        pytest.param(changed(1, "spec.ports", [{"port": 90}]), "warning", "leads to port 90, which no container", id="numbered port"),
        pytest.param(changed(0, "spec.replicas", 3), "error", "leave replicas out", id="replicas beside an autoscaler"),
        pytest.param(changed(2, "spec.scaleTargetRef.name", "x"), "error", "Deployment x, which is not here", id="scales nothing"),
        pytest.param(changed(3, "spec.selector.matchLabels", {"app": "x"}), "error", "it protects nobody", id="protects nobody"),
        pytest.param(changed(3, "spec", {"maxUnavailable": 0}), "warning", "no node can be emptied", id="protects too well"),
        pytest.param(
            changed(4, "spec.rules", [{"backendRefs": [{"name": "x", "port": 80}]}]), "warning", "Service x, which is not here", id="route"
        ),
        pytest.param(
            changed(4, "spec.rules", [{"backendRefs": [{"name": "shop", "port": 8080}]}]), "error", "has 80", id="a route to no port"
        ),
        pytest.param((*ALL, SERVICE), "error", "Service shop is there more than once", id="duplicates"),
        pytest.param(
            changed(1, "metadata.namespace", "default"), "error", "namespace default, expected shop-production", id="another namespace"
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_write_instead(manifests: tuple[dict[str, Any], ...], grade: str, says: str) -> None:
    found = told(manifests)
    assert [one for one in found if says in one[1]] == [(grade, text) for _, text in found if says in text]
    assert sum(says in text for _, text in found) == 1, found


def test_errors_come_first() -> None:
    bad = changed(0, "spec.template.spec.containers", [{"name": "shop"}])
    grades = [one.grade for one in findings(bad, "shop", "shop-production")]
    assert grades == sorted(grades, key=[Grade.ERROR, Grade.WARNING].index)
    assert set(grades) == {Grade.ERROR, Grade.WARNING}


@pytest.mark.parametrize(
    "junk", [{}, {"kind": "Deployment"}, {"kind": "Service", "spec": []}, {"kind": "Deployment", "spec": {"template": 1}}]
)
def test_what_has_another_form_than_expected_breaks_no_rule(junk: dict[str, Any]) -> None:
    findings((junk, *ALL), "shop", "shop-production")
