"""A tag asked of the registry that others run, which the cluster's stand installs."""

import hashlib
import json
import socket
import subprocess
import time
from pathlib import Path

import httpx2
import pytest

from headway.adapters.registry import Registries
from headway.errors import Refused

INDEX = "application/vnd.oci.image.index.v1+json"


def test_the_registry_that_others_run_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(tmp_path / "images")}}, "http": {"addr": host}}
    (tmp_path / "registry.yml").write_text(json.dumps(config))
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    with subprocess.Popen(("docker-registry", "serve", str(tmp_path / "registry.yml")), stderr=subprocess.DEVNULL) as running:
        try:
            until = time.monotonic() + 30
            while True:
                try:
                    url = f"http://{host}/v2/team/shop/manifests/1.2"
                    httpx2.put(url, content=body, headers={"Content-Type": INDEX}).raise_for_status()
                    break
                except httpx2.ConnectError:
                    assert time.monotonic() < until, "it does not answer"
                    time.sleep(0.05)
            assert Registries().by_digest(f"{host}/team/shop:1.2") == f"{host}/team/shop@sha256:{hashlib.sha256(body).hexdigest()}"
            with pytest.raises(Refused, match="has no tag gone"):
                Registries().by_digest(f"{host}/team/shop:gone")
        finally:
            running.kill()
