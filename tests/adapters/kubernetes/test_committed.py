"""What a commit says of its manifests is read once, and nobody who makes a release of it changes it."""

import copy
import json
from pathlib import Path

import pytest
from kube_things import ALL, PLACE, workload

from headway.adapters.kubernetes import traffic
from headway.adapters.kubernetes.committed import Committed
from headway.adapters.kubernetes.pattern import pattern
from headway.adapters.kubernetes.render import autoscaler, opened, render
from headway.errors import InvalidSpec
from headway.rollout.model import SetWeights


def test_a_path_of_a_commit_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = tmp_path / "calls"
    (tmp_path / "kubectl").write_text(
        f'#!/bin/sh\necho once >> {counted}\nprintf "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: x}}\\n"\n'
    )
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text("resources: []\n")
    committed = Committed(lambda service, commit: tmp_path)
    for _ in range(3):
        assert [one["metadata"]["name"] for one in committed("shop", "c0ffee", "overlay")] == ["x"]
    assert counted.read_text().split() == ["once"]
    committed("shop", "beef", "overlay")
    assert counted.read_text().split() == ["once", "once"], "another commit is another matter"


def test_what_could_not_be_read_is_read_again(tmp_path: Path) -> None:
    committed = Committed(lambda service, commit: tmp_path)
    with pytest.raises(InvalidSpec):
        committed("shop", "c0ffee", "k8s.json")
    (tmp_path / "k8s.json").write_text(json.dumps(ALL[0]))
    assert committed("shop", "c0ffee", "k8s.json") == (ALL[0],)


def test_making_a_release_leaves_the_pattern_as_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "k8s.json").write_text(json.dumps({"kind": "List", "items": list(ALL)}))
    committed = Committed(lambda service, commit: tmp_path)
    things = committed("shop", "c0ffee", "k8s.json")
    before = copy.deepcopy(things)
    theirs, one = pattern(things, "shop", "prod", "k8s.json"), workload()
    effect = SetWeights({one.name: 100})
    render(opened(theirs), PLACE, one, {"TOKEN": "told"}, str)
    autoscaler(theirs, PLACE, one)
    traffic.routes(theirs, PLACE, effect, {one.name: "shop-1"})
    traffic.front(theirs, PLACE, effect)
    assert things == before
