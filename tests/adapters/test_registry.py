"""A tag is asked for once, and from then on the image has its digest for a name."""

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from headway.adapters.registry import Registries, parse
from headway.errors import InvalidSpec, Refused, Unavailable

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
LOGIN = base64.b64encode(b"somebody:not-a-password").decode()


class Registry(ThreadingHTTPServer):
    """A small registry that speaks HTTP: tags of one repository, behind no login, a password, or a token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.login = ""
        self.digest = DIGEST
        self.status = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        given, path = self.headers.get("Authorization", ""), self.path.partition("?")[0]
        if path == "/token":
            good = given == f"Basic {LOGIN}" and "scope=repository%3Ateam%2Fshop%3Apull" in self.path
            self._answer(200 if good else 401, json.dumps({"token": "a-token"}).encode() if good else b"")
        elif self.server.status:
            self._answer(self.server.status, b"")
        elif self.server.login == "token" and given != "Bearer a-token":
            realm = f'Bearer realm="http://{self.server.host}/token",service="here",scope="repository:team/shop:pull"'
            self._answer(401, b"", ("WWW-Authenticate", realm))
        elif self.server.login == "password" and given != f"Basic {LOGIN}":
            self._answer(401, b"", ("WWW-Authenticate", 'Basic realm="here"'))
        elif path == "/v2/team/shop/manifests/1.2":
            assert "image.index" in self.headers["Accept"]
            self._answer(200, MANIFEST, ("Docker-Content-Digest", self.server.digest))
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()


def log_in(folder: Path, host: str, auth: str = LOGIN) -> None:
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_a_tag_becomes_a_digest(registry: Registry) -> None:
    assert Registries().by_digest(f"{registry.host}/team/shop:1.2") == f"{registry.host}/team/shop@{DIGEST}"


@pytest.mark.parametrize("kind", ["token", "password"])
def test_the_login_that_docker_left_is_used(registry: Registry, tmp_path: Path, kind: str) -> None:
    registry.login = kind
    image = f"{registry.host}/team/shop:1.2"
    with pytest.raises(Unavailable, match="docker login"):
        Registries().by_digest(image)
    log_in(tmp_path, registry.host)
    assert Registries().by_digest(image).endswith(DIGEST)


def test_a_helper_is_asked_for_the_login(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.login = "token"
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\ncat > /dev/null\necho \'{"Username": "somebody", "Secret": "not-a-password"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "test"}}))
    assert Registries().by_digest(f"{registry.host}/team/shop:1.2").endswith(DIGEST)


def test_a_tag_that_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(Refused, match=r"has no tag 1\.3 of team/shop"):
        Registries().by_digest(f"{registry.host}/team/shop:1.3")


def test_trouble_is_no_answer(registry: Registry, tmp_path: Path) -> None:
    image = f"{registry.host}/team/shop:1.2"
    registry.digest = "sha256:" + "0" * 64
    with pytest.raises(Unavailable, match="otherwise than by its digest"):
        Registries().by_digest(image)
    registry.status = 503
    with pytest.raises(Unavailable, match="answered 503"):
        Registries().by_digest(image)
    registry.status, registry.login = 0, "password"
    log_in(tmp_path, registry.host, "%")
    with pytest.raises(Unavailable, match="nobody can read") as trouble:
        Registries().by_digest(image)
    assert trouble.value.__cause__ is None
    with pytest.raises(Unavailable, match="did not answer"):
        Registries().by_digest("127.0.0.1:1/team/shop:1.2")


@pytest.mark.parametrize(
    ("image", "url"),
    [
        pytest.param("nginx:1", "https://registry-1.docker.io/v2/library/nginx/manifests/1", id="of Docker Hub"),
        pytest.param("team/shop:1", "https://registry-1.docker.io/v2/team/shop/manifests/1", id="of a team there"),
        pytest.param("registry.example/a/b/c:v1.2", "https://registry.example/v2/a/b/c/manifests/v1.2", id="elsewhere"),
        pytest.param("localhost:5001/shop:1", "http://localhost:5001/v2/shop/manifests/1", id="of this machine"),
    ],
)
def test_names_are_read_as_docker_reads_them(image: str, url: str) -> None:
    assert parse(image).url == url


NOT_BY_TAG = ["", "shop", "registry.example:5000/shop", "registry.example//shop:1", "shop:", "Shop:1", "shop:1 2", "shop@sha256:short"]


@pytest.mark.parametrize("image", NOT_BY_TAG)
def test_what_names_no_image_by_a_tag_is_said_to(image: str) -> None:
    with pytest.raises(InvalidSpec, match=r"expected REPOSITORY:TAG or REPOSITORY@sha256"):
        parse(image)


INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="the distribution project's registry is not installed")
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
