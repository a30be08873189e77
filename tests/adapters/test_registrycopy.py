"""An image is copied by its digest: whole, piece by piece, once, and by nobody who may not."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from headway.adapters.registrycopy import Copying, copy
from headway.errors import Refused, Unavailable

IMAGE_KIND = "application/vnd.oci.image.manifest.v1+json"
INDEX_KIND = "application/vnd.oci.image.index.v1+json"
LOGIN = base64.b64encode(b"somebody:not-a-password").decode()


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


class Registry(ThreadingHTTPServer):
    """A registry as the OCI distribution specification has it, as far as copies need it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.asked: list[str] = []
        self.scopes: list[list[str]] = []
        self.guarded = False
        self.mounts = True
        self.silent_about = ""
        """Paths that it has a trouble of its own with."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def push(self, repository: str, *layers: bytes, index: bool = False) -> str:
        """An image of these layers, or an index of one for each."""
        if index:
            children = [self.push(repository, layer) for layer in layers]
            named = [
                {"mediaType": IMAGE_KIND, "digest": one, "size": 1, "platform": {"architecture": f"a{n}"}} for n, one in enumerate(children)
            ]
            return self._keep(repository, INDEX_KIND, {"schemaVersion": 2, "mediaType": INDEX_KIND, "manifests": named})
        parts = [{"mediaType": "application/x", "digest": digest_of(one), "size": len(one)} for one in (b"{}", *layers)]
        self.blobs |= {(repository, digest_of(one)): one for one in (b"{}", *layers)}
        return self._keep(repository, IMAGE_KIND, {"schemaVersion": 2, "mediaType": IMAGE_KIND, "config": parts[0], "layers": parts[1:]})

    def _keep(self, repository: str, kind: str, told: dict[str, Any]) -> str:
        body = json.dumps(told).encode()
        self.manifests[repository, digest_of(body)] = (kind, body)
        return digest_of(body)

    def sent(self, method: str) -> list[str]:
        return [one for one in self.asked if one.startswith(method)]


class Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            scopes = parse_qs(urlsplit(self.path).query)["scope"]
            self.server.scopes.append(scopes)
            good = self.headers.get("Authorization") == f"Basic {LOGIN}"
            self._answer(200 if good else 401, json.dumps({"token": "+".join(scopes)}).encode())
        elif (found := self._found()) is not None:
            repository, kind, digest = found
            kept = self.server.manifests.get((repository, digest)) if kind == "manifests" else None
            body = kept[1] if kept else self.server.blobs.get((repository, digest)) if kind == "blobs" else None
            self._answer(404 if body is None else 200, body or b"", ("Content-Type", kept[0] if kept else "application/octet-stream"))

    def do_POST(self) -> None:
        if (found := self._found()) is None:
            return
        asked = {name: value for name, (value,) in parse_qs(urlsplit(self.path).query).items()}
        blob = self.server.blobs.get((asked.get("from", ""), asked.get("mount", "")))
        if blob is not None and self.server.mounts:
            self.server.blobs[found[0], asked["mount"]] = blob
            self._answer(201, b"")
        else:
            self._answer(202, b"", ("Location", f"/v2/{found[0]}/blobs/uploads/here?state=1"))

    def do_PUT(self) -> None:
        left, body = int(self.headers["Content-Length"]), b""
        while left:
            piece = self.rfile.read1(min(left, 1 << 16))
            if not piece:
                return  # whoever sent it is gone
            left, body = left - len(piece), body + piece
        if (found := self._found()) is None:
            return
        repository, kind, digest = found
        if kind == "manifests":
            named = json.loads(body)
            parts = [one["digest"] for one in (named.get("config"), *named.get("layers", ())) if one and not one.get("urls")]
            missing = [one for one in parts if (repository, one) not in self.server.blobs]
            missing += [one["digest"] for one in named.get("manifests", ()) if (repository, one["digest"]) not in self.server.manifests]
            if not missing and digest == digest_of(body):
                self.server.manifests[repository, digest] = (self.headers["Content-Type"], body)
            self._answer(400 if missing else 201, b"")
        else:
            digest = parse_qs(urlsplit(self.path).query)["digest"][0]
            if digest == digest_of(body):
                self.server.blobs[repository, digest] = body
            self._answer(201 if digest == digest_of(body) else 400, b"")

    def _found(self) -> tuple[str, str, str] | None:
        """Repository, what of it, and which; None: it was answered."""
        self.server.asked.append(f"{self.command} {self.path}")
        found = re.fullmatch(r"/v2/(.+?)/(manifests|blobs)/([^?]+?)(?:\?.*)?", self.path)
        assert found, self.path
        repository = found[1]
        wanted = f"repository:{repository}:{'pull' if self.command in {'GET', 'HEAD'} else 'pull,push'}"
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").split("+")
        if self.server.silent_about and self.server.silent_about in self.path:
            self._answer(500, b"")
        elif self.server.guarded and not any(one.startswith(wanted) for one in given):
            realm = f'Bearer realm="http://{self.server.host}/token",service="here",scope="{wanted}"'
            self._answer(401, b"", ("WWW-Authenticate", realm))
        else:
            return repository, found[2], found[3]
        return None

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
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Registry, Registry]]:
    """Where CI pushes, and production's own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    made = (Registry(), Registry())
    for one in made:
        threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
    logins = {one.host: {"auth": LOGIN} for one in made}
    (tmp_path / "config.json").write_text(json.dumps({"auths": logins}))
    yield made
    for one in made:
        one.shutdown()
        one.server_close()


def test_an_index_is_copied_whole_and_what_is_there_is_not_sent_again(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    layers = (b"amd" * 900_000, b"arm" * 900_000)
    digest = ci.push("team/shop", *layers, index=True)
    copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert {(kind, body) for kind, body in prod.manifests.values()} == {(kind, body) for kind, body in ci.manifests.values()}
    assert {body for (_, body) in prod.blobs.items()} == {b"{}", *layers}
    assert len([one for one in prod.sent("PUT") if "/blobs/" in one]) == 3, "what both images have is sent once"
    sent = len(prod.sent("PUT"))
    copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert len(prod.sent("PUT")) == sent


def test_a_copy_that_ended_half_way_goes_on_from_there(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    digest = ci.push("team/shop", b"one", b"two")
    prod.silent_about = f"/manifests/{digest}"
    with pytest.raises(Unavailable, match=f"the registry {prod.host} answered 500 about {prod.host}/shop"):
        copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    prod.silent_about = ""
    prod.blobs["shop", digest_of(b"one")] = b"one"  # as far as it came
    copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert ("shop", digest) in prod.manifests
    assert sorted(body for body in prod.blobs.values()) == [b"one", b"two", b"{}"]


@pytest.mark.parametrize("mounts", [pytest.param(True, id="taken over"), pytest.param(False, id="sent, where it takes nothing over")])
def test_within_a_registry_nothing_need_be_sent(registries: tuple[Registry, Registry], mounts: bool) -> None:
    ci, _ = registries
    ci.mounts = mounts
    ci.guarded = True
    digest = ci.push("team/shop", b"one", b"two")
    copy(f"{ci.host}/team/shop@{digest}", f"{ci.host}/prod/shop")
    assert ("prod/shop", digest) in ci.manifests
    assert bool([one for one in ci.sent("PUT") if "/blobs/" in one]) is not mounts
    assert ["repository:prod/shop:pull,push", "repository:team/shop:pull"] in ci.scopes


def test_logins_are_used_on_both_sides_and_a_missing_one_is_told(registries: tuple[Registry, Registry], tmp_path: Path) -> None:
    ci, prod = registries
    ci.guarded = prod.guarded = True
    digest = ci.push("team/shop", b"one")
    copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert ("shop", digest) in prod.manifests
    (tmp_path / "config.json").write_text(json.dumps({"auths": {ci.host: {"auth": LOGIN}}}))
    with pytest.raises(Unavailable, match=rf"{prod.host} does not let Headway write to {prod.host}/other; run `docker login {prod.host}`"):
        copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/other")


def test_what_is_not_what_its_digest_says_is_not_handed_on(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    digest = ci.push("team/shop", b"one")
    ci.blobs["team/shop", digest_of(b"one")] = b"two"
    with pytest.raises(Unavailable, match=f"what the registry {ci.host} has under {digest_of(b'one')} is not that; push it anew"):
        copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert ("shop", digest_of(b"one")) not in prod.blobs
    assert ("shop", digest) not in prod.manifests


def test_what_is_not_there_is_refused(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    with pytest.raises(Refused, match="in its registry, so it cannot be copied; push exactly that"):
        copy(f"{ci.host}/team/shop@sha256:{'0' * 64}", f"{prod.host}/shop")


def test_layers_that_nobody_may_hand_on_stay_where_their_makers_keep_them(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    foreign = {"mediaType": kind, "digest": digest_of(b"x"), "size": 1, "urls": ["https://elsewhere.example/x"]}
    config = {"mediaType": "application/x", "digest": digest_of(b"{}"), "size": 2}
    ci.blobs["team/shop", digest_of(b"{}")] = b"{}"
    digest = ci._keep("team/shop", IMAGE_KIND, {"config": config, "layers": [foreign]})
    copy(f"{ci.host}/team/shop@{digest}", f"{prod.host}/shop")
    assert list(prod.blobs.values()) == [b"{}"]


def test_whoever_asks_hears_how_far_it_is_and_what_it_came_to(registries: tuple[Registry, Registry]) -> None:
    ci, prod = registries
    image, now = f"{ci.host}/team/shop@{ci.push('team/shop', b'one')}", [0.0]
    copies = Copying(lambda: now[0])
    prod.silent_about = "/blobs/"
    assert "is on its way to" in copies.copied(image, f"{prod.host}/shop")
    with pytest.raises(Unavailable, match="answered 500"):
        _ended(copies, image, f"{prod.host}/shop")
    prod.silent_about = ""
    with pytest.raises(Unavailable, match="answered 500"):
        copies.copied(image, f"{prod.host}/shop")
    now[0] += 6
    _ended(copies, image, f"{prod.host}/shop")
    assert copies.copied(image, f"{prod.host}/shop") == ""


def _ended(copies: Copying, image: str, to: str) -> None:
    end = time.monotonic() + 20
    while copies.copied(image, to):
        assert time.monotonic() < end
        time.sleep(0.02)
