"""`headway init --kubernetes` writes what `headway validate` and kubectl take without an edit, and replaces nothing."""

from pathlib import Path

import pytest

from headway.adapters.kubernetes.manifests import read as manifests
from headway.cli.main import main


def headway(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEADWAY_POLICIES", raising=False)
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


def test_what_it_writes_is_good_without_an_edit(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headway("init", "--kubernetes", "--gateway", "edge/public", str(shop)) == 0
    said = capsys.readouterr().err
    assert "17 files in kubernetes" in said
    assert headway("validate", str(shop / "headway.yaml")) == 0
    assert "warning" not in capsys.readouterr().err
    objects = {one["kind"]: one for one in manifests(shop, "kubernetes/overlays/production")}
    assert sorted(objects) == ["ConfigMap", "Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]
    assert {one["metadata"]["namespace"] for one in objects.values()} == {"shop-production"}
    assert objects["HTTPRoute"]["spec"]["parentRefs"] == [{"namespace": "edge", "name": "public"}]
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": objects["ConfigMap"]["metadata"]["name"]}}]


def test_the_number_of_replicas_is_left_to_an_autoscaler_with_bounds_for_each_environment(shop: Path) -> None:
    assert headway("init", "--kubernetes", str(shop)) == 0
    assert "replicas:" not in (shop / "headway.yaml").read_text()
    bounds = {}
    for environment in ("dev", "staging", "production"):
        objects = {one["kind"]: one for one in manifests(shop, f"kubernetes/overlays/{environment}")}
        spec = objects["HorizontalPodAutoscaler"]["spec"]
        bounds[environment] = (spec["minReplicas"], spec["maxReplicas"])
        assert "replicas" not in objects["Deployment"]["spec"]
    assert bounds == {"dev": (1, 2), "staging": (2, 3), "production": (5, 10)}


def test_manifests_are_never_replaced(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = shop / "kubernetes" / "base" / "service.yaml"
    there.parent.mkdir(parents=True)
    there.write_text("mine: 1\n")
    assert headway("init", "--kubernetes", "--force", str(shop)) == 12
    assert "kubernetes/base/service.yaml would be written and is there already" in " ".join(capsys.readouterr().err.split())
    assert there.read_text() == "mine: 1\n"
    assert not (shop / "headway.yaml").exists()
