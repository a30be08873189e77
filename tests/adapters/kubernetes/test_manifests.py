"""Manifests as teams keep them: a kustomization, a folder of YAML, one file."""

from pathlib import Path

import pytest

from headway.adapters.kubernetes.manifests import read
from headway.errors import InvalidSpec

THING = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


def names(source: Path, path: str) -> list[str]:
    return [str(thing["metadata"]["name"]) for thing in read(source, path)]


def test_a_file_with_several_and_a_folder_in_order(tmp_path: Path) -> None:
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "b.yaml").write_text(THING % "three")
    (tmp_path / "k8s" / "a.yml").write_text(THING % "one" + "---\n" + THING % "two" + "---\n")
    (tmp_path / "k8s" / "README.md").write_text("not a manifest")
    assert names(tmp_path, "k8s") == ["one", "two", "three"]
    assert names(tmp_path, "k8s/b.yaml") == ["three"]


def test_a_list_is_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text('{"kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]}')
    assert names(tmp_path, "all.json") == ["x"]


def test_a_kustomization_is_rendered_by_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text(
        '#!/bin/sh\nprintf "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: %s}\\n" "$1-$(basename "$2")"\n'
    )
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text("resources: []\n")
    assert names(tmp_path, "overlay") == ["kustomize-overlay"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("nowhere", "there is no nowhere in this commit", id="not there"),
        pytest.param("../outside", "leads out of the repository", id="outside"),
        pytest.param("empty", "holds no object", id="empty"),
        pytest.param("broken.yaml", "is not YAML", id="no YAML"),
        pytest.param("text.yaml", "no Kubernetes object", id="no object"),
        pytest.param("nameless.yaml", "a ConfigMap without metadata.name", id="no name"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, path: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "text.yaml").write_text("just: text\n")
    (tmp_path / "nameless.yaml").write_text("kind: ConfigMap\nmetadata: {}\n")
    with pytest.raises(InvalidSpec, match=says):
        read(tmp_path, path)
