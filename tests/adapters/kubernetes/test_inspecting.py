"""Findings about manifests name the file and line that a person must mend, through kustomize or not."""

from pathlib import Path

import pytest

from headway.adapters.kubernetes.committed import Committed
from headway.adapters.kubernetes.inspecting import Inspections, inspect
from headway.adapters.kubernetes.places import Places
from headway.environments.manifests.model import Grade
from headway.environments.model import Cluster
from headway.ports import Manifests

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replica: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: proxy
          image: proxy
          resources: {requests: {cpu: 1, memory: 1Mi}, limits: {memory: 1Mi}}
        - name: shop
          image: registry.example/shop
          ports: [{name: http, containerPort: 8080}]
          livenessProbe: {httpGet: {path: /health, port: http}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          resources: {requests: {cpu: 1, memory: 1Mi}, limits: {memory: 1Mi}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports:
    - {port: 80, targetPort: http}
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - name: shop
          env:
            - {name: SIZE, value: small}
            - {name: DB_PASSWORD, value: fake}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "production").mkdir()
    (tmp_path / "base" / "shop.yaml").write_text(f"{DEPLOYMENT}---\n{SERVICE}")
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [shop.yaml]\n")
    (tmp_path / "production" / "env.yaml").write_text(PATCH)
    (tmp_path / "production" / "kustomization.yaml").write_text(
        "namespace: shop\nnamePrefix: eu-\nresources: [../base]\npatches: [{path: env.yaml}]\n"
        "secretGenerator:\n  - name: key\n    literals: [key=fake]\n"
    )
    return tmp_path


def told(repository: Path, manifests: str, namespace: str = "shop") -> list[str]:
    return [one.text for one in inspect(repository, "shop", Cluster(manifests, namespace))]


def test_plain_yaml_is_told_by_file_and_line(repository: Path) -> None:
    found = told(repository, "base/shop.yaml")
    assert any(text.startswith("base/shop.yaml:6: ") and 'no field "replica"; did you mean "replicas"?' in text for text in found)
    assert any(text.startswith("base/shop.yaml:13: ") and "proxy is another image tomorrow" in text for text in found)
    assert any(text.startswith("base/shop.yaml:15: ") and "no readinessProbe" in text for text in found)
    assert len(found) == 3


def test_what_kustomize_made_is_led_back_to_what_people_wrote(repository: Path) -> None:
    found = told(repository, "production")
    assert any(text.startswith("base/shop.yaml:15: Deployment eu-shop: container shop has no readinessProbe") for text in found)
    assert any(text.startswith("production/env.yaml:11: ") and "DB_PASSWORD has its value in plain sight" in text for text in found)
    assert any(text.startswith("production/kustomization.yaml:6: Secret eu-key-") for text in found)


def test_what_no_release_could_be_made_from_is_an_error(repository: Path) -> None:
    (repository / "base" / "shop.yaml").write_text(DEPLOYMENT.replace("replica:", "replicas:"))
    found = inspect(repository, "shop", Cluster("base", "shop"))
    (fault,) = [one.text for one in found if one.grade is Grade.ERROR and "Service" in one.text]
    assert fault == "base: base has none, expected one Service whose selector matches that Deployment's pods, or one that is named shop"


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        pytest.param("nowhere", "", "there is no nowhere in this commit", id="nothing there"),
        pytest.param("base/shop.yaml", "{", "base/shop.yaml is not YAML", id="no YAML"),
        pytest.param("production", "resources: {", "`kubectl kustomize production` failed", id="no kustomization"),
        pytest.param("../elsewhere", "", "leads out of the repository", id="outside"),
    ],
)
def test_what_cannot_be_read_is_told_as_any_other_fault(repository: Path, path: str, text: str, says: str) -> None:
    if text:
        (repository / path / "kustomization.yaml" if path == "production" else repository / path).write_text(text)
    (found,) = told(repository, path)
    assert says in found


def test_a_commit_is_looked_at_once(repository: Path) -> None:
    asked: list[str] = []

    def sources(service: str, commit: str) -> Path:
        asked.append(f"{service} {commit}")
        return repository

    port: Manifests = Inspections(sources, Committed(lambda *_: repository))
    first, again = (port.inspect("shop", "c0ffee", Cluster("base/shop.yaml", "shop")) for _ in range(2))
    assert len(first) == 3
    assert (first, asked) == (again, ["shop c0ffee"])


def test_what_is_fetched_from_elsewhere_is_told_unless_it_is_pinned_to_a_commit(repository: Path) -> None:
    pinned = f"https://git.example/team/base//web?ref={'a' * 40}"
    text = f"resources:\n  - ../base\n  - {pinned}\n  - https://git.example/team/base//web?ref=v1\ncomponents: [github.com/team/part]\n"
    (repository / "production" / "kustomization.yaml").write_text(text)
    assert sorted(Places(repository, "production").loose) == [
        ("production/kustomization.yaml", 4, "https://git.example/team/base//web?ref=v1"),
        ("production/kustomization.yaml", 5, "github.com/team/part"),
    ]
