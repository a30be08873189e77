"""The example for Kubernetes is one that can be tried: its manifests are good, its service answers and ends well."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from headway.adapters.kubernetes.inspecting import inspect
from headway.adapters.kubernetes.manifests import read as manifests
from headway.spec.read import read
from headway.spec.views import stages

EXAMPLE = Path(__file__).parents[2] / "examples" / "kubernetes"
STAGES = {stage.environment.name: stage for stage in stages(read((EXAMPLE / "headway.yaml").read_text()), "greet")}


@pytest.mark.parametrize("environment", STAGES)
def test_every_environment_is_good_and_is_where_the_file_says(environment: str) -> None:
    cluster = STAGES[environment].environment.cluster
    assert cluster is not None
    assert inspect(EXAMPLE, "greet", cluster) == ()
    objects = manifests(EXAMPLE, cluster.manifests)
    assert {one["metadata"]["namespace"] for one in objects} == {cluster.namespace}
    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    assert "replicas" not in deployment["spec"]
    (scaler,) = [one for one in objects if one["kind"] == "HorizontalPodAutoscaler"]
    bounds = {"dev": (1, 2), "staging": (2, 3), "production": (5, 10)}
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == bounds[environment]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", (EXAMPLE / "Dockerfile").read_text(), re.MULTILINE)
    assert container["ports"] == [{"name": "http", "containerPort": int(exposed)}]


def test_the_routes_are_good_too_where_there_is_a_gateway(tmp_path: Path) -> None:
    for file in (EXAMPLE / "kubernetes").rglob("*.yaml"):
        copy = tmp_path / file.relative_to(EXAMPLE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text().replace("# - httproute.yaml", "- httproute.yaml"))
    cluster = STAGES["production"].environment.cluster
    assert cluster is not None
    assert inspect(tmp_path, "greet", cluster) == ()
    assert "HTTPRoute" in {one["kind"] for one in manifests(tmp_path, cluster.manifests)}


def test_the_service_answers_and_ends_when_it_is_told_to() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "GREETING": "moin", "ENVIRONMENT": "dev"}
    with subprocess.Popen((sys.executable, str(EXAMPLE / "greet.py")), env=env) as service:
        try:
            until = time.monotonic() + 20
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                        assert answer.status == 200
                    break
                except OSError:
                    assert time.monotonic() < until, "it does not answer"
                    time.sleep(0.05)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                assert json.load(answer) == {"greeting": "moin", "version": "unreleased", "environment": "dev"}
            service.send_signal(signal.SIGTERM)
            assert service.wait(10) == 0
        finally:
            service.kill()
