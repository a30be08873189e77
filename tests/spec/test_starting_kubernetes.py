"""A first headway.yaml for a cluster: it points to the manifests that are there, and brings some where there are none."""

import pytest

from headway.errors import InvalidSpec
from headway.spec.file import File
from headway.spec.read import read
from headway.spec.starting import Start
from headway.spec.starting_kubernetes import start_on_kubernetes

FLASK = "from flask import Flask\nimport os\nos.environ['DATABASE_URL']\napp = Flask(__name__)\n@app.get('/healthz')\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  image: registry.example/team/shop:1.2\n"
SPACED = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shop\n  namespace: sales\n"
ROUTE = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
OVERLAY = "resources: [../../base]\nnamespace: shop-{}\n"
RENDERED = f"---\n# Source: shop/templates/deployment.yaml\n{DEPLOYMENT}"


def begun(files: dict[str, str]) -> tuple[Start, File]:
    made = start_on_kubernetes(files, "shop", "main")
    return made, read(made.text)


def where(file: File) -> dict[str, tuple[str, str]]:
    clusters = {name: declared.stage.environment.cluster for name, declared in file.environments.items()}
    return {name: (cluster.manifests, cluster.namespace) for name, cluster in clusters.items() if cluster is not None}


def test_without_manifests_a_base_and_overlays_are_made_for_what_was_recognised() -> None:
    made, file = begun({"app.py": FLASK, "Dockerfile": "FROM python\nEXPOSE 9000\n"})
    assert where(file) == {name: (f"kubernetes/overlays/{name}", f"shop-{name}") for name in ("dev", "staging", "production")}
    deployment = made.files["kubernetes/base/deployment.yaml"]
    for told in ("containerPort: 9000", "{path: /healthz, port: http}", "preStop:", "runAsNonRoot: true", "image: registry.example/shop #"):
        assert told in deployment
    assert "secretKeyRef: {name: shop-secrets, key: DATABASE_URL}" in made.files["kubernetes/overlays/staging/deployment.yaml"]
    assert "  - {namespace: gateways, name: shared}" in made.files["kubernetes/overlays/dev/httproute.yaml"]
    production = file.environments["production"].stage
    assert (production.after, production.strategy, production.environment.replicas) == (("staging",), "canary", 1)
    assert any("DATABASE_URL" in guess for guess in made.guessed)
    assert made.next[-1] == "headway release cut HEAD --image registry.example/shop@sha256:..."


def test_even_where_nothing_says_how_the_service_is_run() -> None:
    made, file = begun({})
    assert set(where(file)) == {"dev", "staging", "production"}
    assert any("0.0.0.0:8080" in guess for guess in made.guessed)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {
                "k8s/base/kustomization.yaml": "resources: [shop.yaml]\n",
                "k8s/base/shop.yaml": DEPLOYMENT,
                "k8s/overlays/prod/kustomization.yaml": OVERLAY.format("live"),
                "k8s/overlays/dev/kustomization.yaml": OVERLAY.format("dev"),
                "k8s/overlays/load/kustomization.yml": "resources: [../../base]\n",
            },
            {
                "dev": ("k8s/overlays/dev", "shop-dev"),
                "load": ("k8s/overlays/load", "shop-load"),
                "production": ("k8s/overlays/prod", "shop-live"),
            },
            id="overlays, whatever they call production",
        ),
        pytest.param(
            {"deploy/kustomization.yaml": "resources: [shop.yaml]\nnamespace: sales\n", "deploy/shop.yaml": DEPLOYMENT},
            {"production": ("deploy", "sales")},
            id="one kustomization for all",
        ),
        pytest.param({"k8s/shop.yaml": SPACED, "k8s/web.yaml": ""}, {"production": ("k8s", "sales")}, id="a folder of plain YAML"),
        pytest.param({"k8s.yaml": DEPLOYMENT}, {"production": ("k8s.yaml", "shop")}, id="one file"),
        pytest.param(
            {"k8s/staging/shop.yaml": DEPLOYMENT, "k8s/production/shop.yaml": DEPLOYMENT},
            {"staging": ("k8s/staging", "shop-staging"), "production": ("k8s/production", "shop-production")},
            id="plain YAML in a folder for each environment",
        ),
        pytest.param(
            {"rendered/staging.yaml": RENDERED, "rendered/production.yaml": RENDERED, "chart/Chart.yaml": "name: shop\n"},
            {"staging": ("rendered/staging.yaml", "shop-staging"), "production": ("rendered/production.yaml", "shop-production")},
            id="what Helm rendered",
        ),
    ],
)
def test_manifests_that_are_there_are_taken_as_they_are(files: dict[str, str], expected: dict[str, tuple[str, str]]) -> None:
    made, file = begun(files)
    assert where(file) == expected
    assert made.files == {}
    assert made.environments == tuple(expected)


def test_what_is_taken_is_told_with_the_image_that_it_names() -> None:
    made, _ = begun({"rendered/production.yaml": RENDERED})
    assert "rendered/production.yaml, for production: rendered by Helm" in made.recognised
    assert any("names no namespace" in guess for guess in made.guessed)
    assert made.next[-1] == "headway release cut HEAD --image registry.example/team/shop@sha256:..."


def test_weights_are_for_those_who_have_a_route() -> None:
    plain = begun({"k8s/shop.yaml": DEPLOYMENT})[1]
    routed = begun({"k8s/shop.yaml": DEPLOYMENT, "k8s/route.yaml": ROUTE})[1]
    assert [file.environments["production"].stage.strategy for file in (plain, routed)] == ["rolling", "canary"]


def test_a_chart_that_nobody_rendered_is_told_how_to_be() -> None:
    with pytest.raises(InvalidSpec, match=r"helm template shop chart --namespace shop-production > kubernetes/production\.yaml"):
        begun({"chart/Chart.yaml": "name: shop\n", "chart/templates/deployment.yaml": DEPLOYMENT})


def test_the_same_environment_twice_is_one_and_told() -> None:
    made, file = begun({"a/prod/shop.yaml": DEPLOYMENT, "b/prod/shop.yaml": DEPLOYMENT})
    assert where(file) == {"production": ("a/prod", "shop")}
    assert any(guess.startswith("b/prod is there as well") for guess in made.guessed)
