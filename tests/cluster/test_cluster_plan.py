"""What a release would change on a cluster is asked of that cluster, and nothing of it stays."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kube_stand import PLACE, Stand, manifests, release, standing
from stand import Namespace, Object, as_the_account

from headway.adapters.kubernetes.previewing import Previews
from headway.environments.manifests.changes import Change, Preview
from headway.rollout.model import Workload

Image = Callable[..., str]


@pytest.fixture
def stand(namespace: Namespace, little: Image, gateway: str, stats: str) -> Iterator[Stand]:
    with standing(namespace, [*manifests(little("1.0.0"), f"{namespace.name}.test"), BUDGET], stats) as made:
        yield made


BUDGET: Object = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "shop"},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
}


def test_the_plan_is_what_the_cluster_would_make_of_it_and_what_is_applied_is_what_was_shown(stand: Stand, little: Image) -> None:
    told = {"TOLD_COLOUR": "red", "TOLD_SIZE": "small"}
    old = release("1.0.0", little("1.0.0"), told, {"TOLD_KEY": "env:KEY", "TOLD_OTHER": "env:OTHER"})
    first = preview(stand, old)
    assert {one.word for one in first.changes} == {"new"}
    assert _everything(stand.namespace) == [], "a dry run leaves nothing"
    assert first.architectures in {("amd64",), ("arm64",)}
    stand.scale(old, 1)
    stand.weigh({old.name: 100})

    new = release("1.1.0", little("1.1.0"), {**told, "TOLD_COLOUR": "blue"}, {"TOLD_KEY": "env:NEW", "TOLD_OTHER": "env:OTHER"})
    stand.manifests[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 20
    before = _everything(stand.namespace)
    shown = preview(stand, new, old)
    assert _everything(stand.namespace) == before
    found = {one.kind: one for one in shown.changes if not (one.kind == "Service" and one.name == "shop")}
    assert {kind: one.word for kind, one in found.items()} == {
        "PodDisruptionBudget": "same",
        "ConfigMap": "changed",
        "Secret": "changed",
        "Service": "same",
        "Deployment": "changed",
        "HTTPRoute": "same",
    }
    assert _moved(found["ConfigMap"]) == ["-  TOLD_COLOUR: red", "+  TOLD_COLOUR: blue"]
    assert _moved(found["Secret"]) == ["-  TOLD_KEY: *** (before)", "+  TOLD_KEY: *** (after)"]
    images = [f'{sign}          image: "{one.image}"' for sign, one in (("-", old), ("+", new))]
    assert [line.replace(" ", "") for line in _moved(found["Deployment"])] == [
        *(line.replace(" ", "") for line in images),
        "-terminationGracePeriodSeconds:10",
        "+terminationGracePeriodSeconds:20",
    ]
    assert "the value of" not in repr(shown)

    stand.scale(new, 1)
    there = stand.namespace.get("deployment", found["Deployment"].name)["spec"]["template"]["spec"]
    assert (there["containers"][0]["image"], there["terminationGracePeriodSeconds"]) == (new.image, 20)
    assert stand.namespace.get("configmap", found["ConfigMap"].name)["data"]["TOLD_COLOUR"] == "blue"
    again = preview(stand, new, old)
    assert "1.1.0 is there already" in again.notes[0]
    assert {(one.kind, one.word) for one in again.changes} == {("HTTPRoute", "same"), ("Service", "same")}


def test_what_the_cluster_would_not_take_is_known_before_anything_is_sent(
    stand: Stand, little: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = release("1.0.0", little("1.0.0"), {"TOLD_COLOUR": "red"})
    stand.namespace.kubectl("create", "quota", "few", "--hard=count/deployments.apps=0,pods=0")
    full = preview(stand, one)
    assert full.refusals == ()
    assert "exceeded quota: few, requested: count/deployments.apps=1" in "; ".join(full.waits)
    assert "no pod of it could be made" in "; ".join(full.waits)
    stand.namespace.kubectl("delete", "quota", "few")
    stand.namespace.kubectl("label", "namespace", stand.namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    assert "violates PodSecurity" in "; ".join(preview(stand, one).waits)
    stand.namespace.kubectl("label", "namespace", stand.namespace.name, "pod-security.kubernetes.io/enforce-")

    container = stand.manifests[0]["spec"]["template"]["spec"]["containers"][0]
    container["imagePullPolicy"] = "Sometimes"
    assert 'Unsupported value: "Sometimes"' in "; ".join(preview(stand, one).refusals)
    del container["imagePullPolicy"]
    gone = replace(stand.cluster, namespace="nowhere-at-all")
    assert 'namespaces "nowhere-at-all" not found' in "; ".join(preview(stand, replace(one, cluster=gone)).waits)
    assert preview(stand, one).waits == ()

    # With a right for everything but one kind of the manifests.
    stand.namespace.kubectl("create", "serviceaccount", "headway")
    kinds = "deployments.apps,services,configmaps,secrets,httproutes.gateway.networking.k8s.io"
    stand.namespace.kubectl("create", "role", "most", "--verb=get,list,create,patch", f"--resource={kinds}")
    stand.namespace.kubectl("create", "role", "looks", "--verb=get", "--resource=poddisruptionbudgets.policy")
    for role in ("most", "looks"):
        stand.namespace.kubectl("create", "rolebinding", role, f"--role={role}", f"--serviceaccount={stand.namespace.name}:headway")
    monkeypatch.setenv("KUBECONFIG", str(as_the_account(stand.namespace, tmp_path)))
    (missing,) = preview(stand, one).waits
    assert "does not allow Headway to apply PodDisruptionBudget shop" in missing
    assert "the right to patch poddisruptionbudgets.policy is missing; give it: kubectl --namespace" in missing


def preview(stand: Stand, new: Workload, live: Workload | None = None) -> Preview:
    asked = Previews(
        manifests=lambda *_: tuple(json.loads(json.dumps(stand.manifests))),
        secrets=lambda reference: f"{stand.secret} {reference}",
        keyed=lambda text: f"{hash(text) & 0xFFFFFFFFFF:010x}",
    )
    return asked.preview(PLACE, new if new.cluster else replace(new, cluster=stand.cluster), live)


def _moved(change: Change) -> list[str]:
    return [line for line in change.lines if line[0] in "+-"]


def _everything(namespace: Namespace) -> list[tuple[str, str, str]]:
    """What of Headway's is there, and in which version."""
    kinds = ("deployments", "services", "configmaps", "secrets", "httproutes", "poddisruptionbudgets")
    found = [(kind, one["metadata"]) for kind in kinds for one in namespace.all(kind)]
    mine = [(kind, one) for kind, one in found if one["name"] != "kube-root-ca.crt"]
    return sorted((kind, one["name"], str(one.get("generation", one["resourceVersion"]))) for kind, one in mine)
