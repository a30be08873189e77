"""`headway validate` reads the manifests that headway.yaml names, too."""

from pathlib import Path

import pytest

from headway.cli.main import main

FILE = """\
headway: 1
services:
  shop: {run: ./run}
environments:
  staging:
    platform: kubernetes
    kubernetes: {manifests: k8s.yaml, namespace: shop-staging}
"""
GOOD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: registry.example/shop
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /health, port: http}}
          livenessProbe: {httpGet: {path: /health, port: http}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          resources: {requests: {cpu: 1, memory: 1Mi}, limits: {memory: 1Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
"""


class Shop:
    """A folder with a headway.yaml and manifests, and what a person types."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys
        (folder / "headway.yaml").write_text(FILE)

    def validate(self, manifests: str, *options: str) -> tuple[int, str]:
        (self._folder / "k8s.yaml").write_text(manifests)
        with pytest.raises(SystemExit) as end:
            main(["validate", str(self._folder / "headway.yaml"), *options])
        said = self._capsys.readouterr()
        return int(end.value.code or 0), " ".join((said.out + said.err).split())


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.delenv("HEADWAY_POLICIES", raising=False)
    return Shop(tmp_path, capsys)


def test_good_manifests_are_good(shop: Shop) -> None:
    code, said = shop.validate(GOOD)
    assert (code, "warning" in said) == (0, False), said


def test_a_warning_is_told_and_refuses_nothing(shop: Shop) -> None:
    code, said = shop.validate(GOOD.replace("lifecycle: {preStop: {sleep: {seconds: 5}}}", "stdin: false"))
    assert code == 0, said
    assert "no preStop" in said


def test_an_error_is_a_fault_as_those_of_the_file_are(shop: Shop) -> None:
    bad = GOOD.replace("targetPort: http", "targetPort: web")
    code, said = shop.validate(bad)
    assert code == 2, said
    assert "k8s.yaml:21: Service shop leads to port web" in said
    assert shop.validate(bad, "--no-manifests")[0] == 0
