"""A cluster is asked for whoever waits now and then, for whoever asks at once, and one that is away is no answer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kube_things import ALL, PLACE, changed, workload

from headway.adapters.kubernetes import dryrun
from headway.adapters.kubernetes.previewing import Previews
from headway.environments.manifests.changes import Preview
from headway.environments.model import Cluster
from headway.errors import Unavailable
from headway.ports import Previews as Port

RELEASE = replace(workload(), cluster=Cluster("k8s", "shop"))


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster at an address where nobody listens."""
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(whole))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def asking(now: list[float], told: list[str], manifests: tuple[object, ...] = ALL) -> Port:
    def read(*_: object) -> tuple[object, ...]:
        told.append("read")
        return manifests

    return Previews(manifests=read, secrets=str, keyed=str, elapsed=lambda: now[0])  # type: ignore[arg-type]


@pytest.mark.usefixtures("away")
def test_trouble_is_remembered_for_a_moment_so_that_nobody_waits_for_it_again_and_again() -> None:
    now, told = [0.0], list[str]()
    previews = asking(now, told)
    for _ in range(3):
        with pytest.raises(Unavailable, match="did not answer when asked to read Deployment shop-1-4-0-7f3a91c2"):
            previews.preview(PLACE, RELEASE, None)
    assert len(told) == 1
    now[0] += 16
    with pytest.raises(Unavailable):
        previews.preview(PLACE, RELEASE, None)
    with pytest.raises(Unavailable):
        previews.preview(PLACE, RELEASE, None, anew=True)
    assert len(told) == 3


def test_manifests_that_make_no_release_are_told_by_whoever_looks_at_them() -> None:
    assert asking([0.0], [], (changed(ALL[0], "kind", to="Job"),)).preview(PLACE, RELEASE, None) == Preview()


def test_no_hash_and_no_mark_of_a_release_is_a_difference() -> None:
    one = {
        "kind": "Deployment",
        "metadata": {"name": "shop-1-a", "uid": "u", "labels": {"headway/workload": "v1"}, "annotations": {"headway/version": "1"}},
        "spec": {"replicas": 1, "template": {"spec": {"volumes": [{"configMap": {"name": "settings-0123456789"}}]}}},
    }
    other = json.loads(json.dumps(one).replace("shop-1-a", "shop-2-b").replace("0123456789", "fedcba9876").replace('"v1"', '"v2"'))
    told = [
        dryrun.folded(thing, {("ConfigMap", f"settings-{mark}"): "settings"})
        for thing, mark in ((one, "0123456789"), (other, "fedcba9876"))
    ]
    assert told[0] == told[1]
