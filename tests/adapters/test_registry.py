"""A tag is asked for once, and from then on the image has its digest for a name."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headway.adapters.registry import Registries, parse
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.releases.images import Found

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
LOGIN = base64.b64encode(b"somebody:not-a-password").decode()


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


class Registry(ThreadingHTTPServer):
    """A small registry that speaks HTTP: tags of one repository, behind no login, a password, or a token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.login = ""
        self.kept: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.digest = DIGEST
        self.status = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
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
        elif (body := self.server.kept.get(path.removeprefix("/v2/team/shop/"))) is not None:
            self._answer(200, body, ("Docker-Content-Digest", digest_of(body)))
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
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


def push(registry: Registry, content: dict[str, object], *tags: str) -> str:
    """Keep a manifest, under its digest and these tags; the image's name by its digest."""
    body = json.dumps(content).encode()
    for name in (digest_of(body), *tags):
        registry.kept[f"manifests/{name}"] = body
    return f"{registry.host}/team/shop@{digest_of(body)}"


def for_machines(*architectures: str) -> dict[str, object]:
    return {"schemaVersion": 2, "manifests": [{"platform": {"os": "linux", "architecture": one}} for one in architectures]}


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


def test_an_index_says_what_it_is_for_and_is_asked_that_once(registry: Registry) -> None:
    registries, image = Registries(), push(registry, for_machines("amd64", "arm64", "unknown"), "1.4")
    digest = image.rpartition("@")[2]
    for _ in range(3):
        assert registries.look(image, f"{registry.host}/team/shop:1.4") == Found(True, frozenset({"amd64", "arm64"}), digest)
    assert len(registry.asked) == 3, "is it there, what does the tag mean, what is it for"
    registries.look(image, f"{registry.host}/team/shop:1.4", anew=True)
    assert [one.partition(" ")[0] for one in registry.asked[3:]] == ["HEAD", "HEAD"], "what it is for can never change"


def test_of_a_single_image_its_configuration_says_it(registry: Registry) -> None:
    registry.kept["blobs/sha256:c"] = b'{"architecture": "arm64", "os": "linux"}'
    image = push(registry, {"schemaVersion": 2, "config": {"digest": "sha256:c"}})
    assert Registries().look(image).architectures == {"arm64"}


def test_what_is_gone_and_what_a_tag_means_now(registry: Registry) -> None:
    now = [0.0]
    registries, tag = Registries(lambda: now[0]), f"{registry.host}/team/shop:1.4"
    image = push(registry, for_machines("amd64"), "1.4")
    push(registry, for_machines("arm64"), "1.4")
    assert registries.look(image, tag).means not in {None, image.rpartition("@")[2]}
    del registry.kept["manifests/1.4"]
    now[0] += 61
    assert registries.look(image, tag).means is None
    del registry.kept[f"manifests/{image.rpartition('@')[2]}"]
    assert registries.look(image, tag).there, "an answer is believed for a minute"
    now[0] += 61
    assert not registries.look(image, tag).there


def test_who_may_not_look_is_told_so_and_who_is_not_answered_too(registry: Registry) -> None:
    image = push(registry, for_machines("amd64"))
    registry.login = "token"
    with pytest.raises(Refused, match="nobody knows whether it is there; run `docker login"):
        Registries().look(image)
    registry.login, registry.status = "", 503
    with pytest.raises(Unavailable, match="answered 503"):
        Registries().look(image)
    with pytest.raises(Unavailable, match="did not answer about 127"):
        Registries().look(f"127.0.0.1:1/team/shop@{DIGEST}")
