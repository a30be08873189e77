"""Whose hand is on what Headway wrote, by what the cluster notes of its managers: never silently, and never a false alarm."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from kube_things import changed, live

from headway.adapters.kubernetes import hands
from headway.adapters.kubernetes.kinds import FRONT, LEAST, ROUTES, SIZE, WRITTEN

SPEC: dict[str, Any] = {
    "template": {
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": "registry.example/shop@sha256:ab",
                    "env": [{"name": "COLOUR", "value": "red"}],
                    "readinessProbe": {"httpGet": {"path": "/ready"}},
                    "volumeMounts": [],
                }
            ]
        }
    }
}
WEB = 'k:{"name":"web"}'


def by(manager: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Update", "time": "2030-01-01T10:03:00Z", "fieldsV1": {"f:spec": fields}}
    return {**entry, **more}


def there(spec: dict[str, Any], *managers: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """A release's Deployment as the cluster shows it, with what it fills in by itself."""
    filled = json.loads(json.dumps(spec))
    filled |= {"replicas": 4, "progressDeadlineSeconds": 600}
    filled["template"]["spec"]["restartPolicy"] = "Always"
    thing = live("shop-1", "v1", 4)
    noted = {WRITTEN: json.dumps(SPEC), SIZE: "4", **annotations}
    metadata = {
        **thing["metadata"],
        "annotations": noted,
        "managedFields": [by("headway", {"f:template": {}}, time="2030-01-01T09:00:00Z"), *managers],
    }
    return {"metadata": metadata, "spec": filled}


def test_what_was_there_when_we_wrote_and_was_left_alone_is_nobodys_edit() -> None:
    before = by("kubectl", {"f:minReadySeconds": {}}, time="2030-01-01T08:00:00Z")
    assert hands.of("Deployment", there({**SPEC, "minReadySeconds": 3}, before)) == ()
    (edit,) = hands.of("Deployment", there({**SPEC, "minReadySeconds": 3}, by("kubectl", {"f:minReadySeconds": {}})))
    assert (edit.field, edit.was, edit.found) == ("spec.minReadySeconds", "not there", "3")


def container(**fields: Any) -> dict[str, Any]:
    return {"f:template": {"f:spec": {"f:containers": {WEB: fields}}}}


IMAGE = changed(SPEC, "template", "spec", "containers", to=[{**SPEC["template"]["spec"]["containers"][0], "image": "shop:mine"}])


def test_an_edit_is_told_with_who_which_field_and_what_it_was() -> None:
    (edit,) = hands.of("Deployment", there(IMAGE, by("kubectl-edit", container(**{"f:image": {}}))))
    assert (edit.by, edit.at, edit.workload, edit.size) == ("kubectl-edit", datetime(2030, 1, 1, 10, 3, tzinfo=UTC), "v1", False)
    assert str(edit) == (
        "Deployment shop-1: spec.template.spec.containers[web].image was registry.example/shop@sha256:ab, is shop:mine, "
        "by kubectl-edit at 10:03:00"
    )


@pytest.mark.parametrize(
    "managers",
    [
        pytest.param((), id="what the cluster fills in by itself"),
        pytest.param((by("kubectl", container(**{"f:image": {}})),), id="who has a field with us, and the same in it"),
        pytest.param((by("kube-controller-manager", container(**{"f:image": {}}), subresource="status"),), id="status"),
        pytest.param(
            (by("kubectl-rollout", {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}),),
            id="pods that were started anew",
        ),
    ],
)
def test_what_is_nobodys_edit_is_no_news(managers: tuple[dict[str, Any], ...]) -> None:
    assert hands.of("Deployment", there(SPEC, *managers)) == ()


def test_what_was_added_is_an_edit_too_and_its_value_may_be_anybodys_secret() -> None:
    web = SPEC["template"]["spec"]["containers"][0]
    more = [*web["env"], {"name": "TOKEN", "value": "a value for this test"}]
    spec = changed(SPEC, "template", "spec", "containers", to=[{**web, "env": more}])
    added = container(**{"f:env": {'k:{"name":"TOKEN"}': {".": {}, "f:name": {}, "f:value": {}}}})
    (edit,) = hands.of("Deployment", there(spec, by("kubectl-edit", added)))
    assert (edit.field, edit.was) == ("spec.template.spec.containers[web].env[TOKEN]", "not there")
    assert "a value for this test" not in str(edit)


def test_what_was_changed_in_the_environment_is_told_without_its_value() -> None:
    web = SPEC["template"]["spec"]["containers"][0]
    spec = changed(SPEC, "template", "spec", "containers", to=[{**web, "env": [{"name": "COLOUR", "value": "a value for this test"}]}])
    edited = container(**{"f:env": {'k:{"name":"COLOUR"}': {"f:value": {}}}})
    (edit,) = hands.of("Deployment", there(spec, by("kubectl-edit", edited)))
    assert edit.field.endswith("env[COLOUR].value")
    assert "a value for this test" not in str(edit)
    assert "red" not in str(edit)


def test_what_was_taken_out_is_told_though_nobody_has_it_now() -> None:
    web = {key: value for key, value in SPEC["template"]["spec"]["containers"][0].items() if key not in {"readinessProbe", "volumeMounts"}}
    (edit,) = hands.of("Deployment", there(changed(SPEC, "template", "spec", "containers", to=[web])))
    assert (edit.field, edit.found, edit.by) == ("spec.template.spec.containers[web].readinessProbe", "gone", "")
    assert str(edit).endswith("nobody knows by whom")


def test_another_size_is_told_unless_an_autoscaler_has_it() -> None:
    scaled = by("kubectl", {"f:replicas": {}}, subresource="scale")
    (edit,) = hands.of("Deployment", there(SPEC, scaled, **{SIZE: "2"}))
    assert (edit.field, edit.was, edit.found, edit.by, edit.size) == ("spec.replicas", "2", "4", "kubectl", True)
    assert hands.of("Deployment", there(SPEC, scaled, **{SIZE: "2", LEAST: "1"})) == ()


def test_rules_of_a_route_are_compared_as_they_were_written() -> None:
    rules = [{"backendRefs": [{"name": "shop-1", "port": 80, "weight": 90}, {"name": "shop-2", "port": 80, "weight": 10}]}]
    now = [{"backendRefs": [{"name": "shop-1", "kind": "Service", "weight": 50}, {"name": "shop-2", "weight": 50}], "matches": [{}]}]
    metadata = {"name": "shop", "annotations": {WRITTEN: json.dumps({"rules": rules})}}
    route = {"metadata": metadata | {"managedFields": [by("kubectl-edit", {"f:rules": {}})]}, "spec": {"rules": now}}
    found = {edit.field: (edit.was, edit.found) for edit in hands.of("HTTPRoute", route)}
    assert found["spec.rules[0].backendRefs[0].weight"] == ("90", "50")
    assert found["spec.rules[0].backendRefs[1].weight"] == ("10", "50")


def test_what_nobody_noted_cannot_be_told() -> None:
    assert hands.of("Service", {"metadata": {"name": "shop"}, "spec": {}}) == ()


def test_what_is_gone_is_missed() -> None:
    noted = changed(live("shop-1", "v1", 2), "metadata", "annotations", to={FRONT: "shop"})
    front = {"metadata": {"name": "shop", "annotations": {ROUTES: "shop,inside"}}}
    own = {"metadata": {"name": "shop-1"}}
    route = {"metadata": {"name": "shop"}}
    assert [one.thing for one in hands.gone([noted], [own, front], [route])] == ["HTTPRoute inside"]
    assert [one.thing for one in hands.gone([noted], [front], [route, {"metadata": {"name": "inside"}}])] == ["Service shop-1"]
    assert [one.thing for one in hands.gone([noted], [own], [])] == ["Service shop"]
    assert list(hands.gone([live("shop-0", "v0", 0)], [], [])) == [], "what is not wanted needs nothing"
