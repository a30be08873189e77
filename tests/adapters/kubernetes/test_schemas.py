"""Field names and types, as Kubernetes itself has them."""

from typing import Any

import pytest
from kube_things import DEPLOYMENT, SERVICE, changed

from headway.adapters.kubernetes.schemas import findings

CONTAINER = ("spec", "template", "spec", "containers")
ONE: dict[str, Any] = {"name": "web", "image": "web"}


def told(thing: dict[str, Any]) -> list[str]:
    return [one.text for one in findings([thing])]


@pytest.mark.parametrize(
    "thing",
    [
        pytest.param(DEPLOYMENT, id="a Deployment"),
        pytest.param(SERVICE, id="a Service"),
        pytest.param(changed(SERVICE, "spec", "ports", to=[{"port": 80, "targetPort": "http"}]), id="a number or a name"),
        pytest.param(changed(DEPLOYMENT, *CONTAINER, to=[{**ONE, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]), id="quantities"),
        pytest.param(changed(DEPLOYMENT, "metadata", "creationTimestamp", to=None), id="null, as kubectl writes it"),
        pytest.param(changed(DEPLOYMENT, "metadata", "creationTimestamp", to="2026-01-01T00:00:00Z"), id="a moment"),
        pytest.param({"apiVersion": "example.org/v1", "kind": "Deployment", "specs": 1}, id="somebody else's kind"),
        pytest.param({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "specs": 1}, id="a kind of an extension"),
    ],
)
def test_what_the_api_server_knows_is_met_with_silence(thing: dict[str, Any]) -> None:
    assert told(thing) == []


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        pytest.param(changed(DEPLOYMENT, "spec", "replica", to=2), 'spec has no field "replica"; did you mean "replicas"?', id="slip"),
        pytest.param(changed(SERVICE, "spec", "xyz", to=2), 'spec has no field "xyz"; it may have allocateLoad', id="nothing near"),
        pytest.param(changed(DEPLOYMENT, "spec", "replicas", to="2"), 'spec.replicas is "2", expected a whole number', id="a text"),
        pytest.param(
            changed(DEPLOYMENT, "metadata", "labels", to={"version": 1}), "metadata.labels.version is 1, expected a text", id="label"
        ),
        pytest.param(changed(SERVICE, "spec", "ports", to={"port": 80}), 'spec.ports is {"port": 80}, expected a list', id="no list"),
        pytest.param(
            changed(SERVICE, "spec", "ports", to=[{"name": "http"}]), 'spec.ports[0] has no "port", which it must have', id="lacks"
        ),
        pytest.param(
            changed(DEPLOYMENT, *CONTAINER, to=[{**ONE, "env": [{"name": "A", "value": True}]}]), "value is true, expected", id="env"
        ),
        pytest.param(changed(DEPLOYMENT, *CONTAINER, to=[{**ONE, "lifecycle": 1}]), "lifecycle is 1, expected a mapping", id="no mapping"),
    ],
)
def test_what_it_does_not_know_is_told(thing: dict[str, Any], says: str) -> None:
    (found,) = told(thing)
    assert found.startswith(says) or says in found
