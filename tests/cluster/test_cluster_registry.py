"""The registry that others run, which the cluster's stand installs: asked for a tag, and copied to."""

import hashlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from cluster_scene import ClusterScene
from stand import Namespace

from headway.adapters.registry import Registries
from headway.adapters.registrycopy import copy
from headway.errors import Refused

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Image = Callable[..., str]


@pytest.fixture
def host() -> str:
    """Where one may listen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def running(host: str, folder: Path) -> Iterator[None]:
    config = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(folder / "images")}}, "http": {"addr": host}}
    (folder / "registry.yml").write_text(json.dumps(config))
    with subprocess.Popen(("docker-registry", "serve", str(folder / "registry.yml")), stderr=subprocess.DEVNULL) as registry:
        try:
            until = time.monotonic() + 30
            while not _answers(host):
                assert time.monotonic() < until, "it does not answer"
                time.sleep(0.05)
            yield
        finally:
            registry.kill()


def _answers(host: str) -> bool:
    try:
        return httpx2.get(f"http://{host}/v2/").status_code == 200
    except httpx2.ConnectError:
        return False


def test_the_registry_that_others_run_says_the_same(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    with running(host, tmp_path):
        httpx2.put(f"http://{host}/v2/team/shop/manifests/1.2", content=body, headers={"Content-Type": INDEX}).raise_for_status()
        assert Registries().by_digest(f"{host}/team/shop:1.2") == f"{host}/team/shop@sha256:{hashlib.sha256(body).hexdigest()}"
        with pytest.raises(Refused, match="has no tag gone"):
            Registries().by_digest(f"{host}/team/shop:gone")


def test_it_takes_an_index_from_another_and_hands_it_on_to_a_repository_of_its_own(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, little: Image
) -> None:
    image = little("1.0.0")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    theirs, _, child = image.partition("@")
    length = httpx2.head(f"http://{theirs.replace('/', '/v2/', 1)}/manifests/{child}", headers={"Accept": MANIFEST}).headers[
        "Content-Length"
    ]
    one = {"mediaType": MANIFEST, "digest": child, "size": int(length), "platform": {"architecture": "amd64", "os": "linux"}}
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]}).encode()
    whole = f"sha256:{hashlib.sha256(body).hexdigest()}"
    put = httpx2.put(f"http://{theirs.replace('/', '/v2/', 1)}/manifests/{whole}", content=body, headers={"Content-Type": INDEX})
    put.raise_for_status()
    with running(host, tmp_path):
        copy(f"{theirs}@{whole}", f"{host}/prod/shop")
        copy(f"{host}/prod/shop@{whole}", f"{host}/elsewhere/shop")
        for repository in ("prod/shop", "elsewhere/shop"):
            assert Registries().look(f"{host}/{repository}@{whole}").architectures == {"amd64"}
            assert Registries().look(f"{host}/{repository}@{child}").there


def test_an_environment_with_a_registry_of_its_own_gets_the_image_there_before_it_starts(
    host: str, namespace: Namespace, little: Image, gateway: str, stats: str, tmp_path: Path
) -> None:
    scene, image = ClusterScene(tmp_path / "scene"), little("1.0.0")
    try:
        scene.found(namespace, gateway, stats, f"shop.{namespace.name}.test", image)
        scene.switch("rolling")
        file = scene.repo.folder / "headway.yaml"
        file.write_text(file.read_text().replace("namespace:", f"copy_to: {host}/prod/shop\n      namespace:"))
        scene.repo.commit("feat: production has a registry of its own")
        scene.start()
        rollout = scene.promote("1.0.0", image)
        said = f"its image is not in {host}/prod/shop yet: the registry {host} did not answer"
        scene.when(rollout, lambda one: said in one["why"], "that it waits for the registry")
        assert namespace.all("deployments") == []
        scene.kill()
        scene.start()
        with running(host, tmp_path):
            scene.end_of(rollout, "completed")
            (pod,) = {one["spec"]["containers"][0]["image"] for one in namespace.all("pods")}
            assert pod == f"{host}/prod/shop@{image.rpartition('@')[2]}"
    finally:
        scene.end()
