"""An image from one registry to another, by its digest: an index stays whole, what is there is not sent again, nothing is held in memory.

The manifest is put last, so that whoever finds it finds all of it; a copy that was killed is simply begun again.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from headway.adapters.registry import KINDS, Named, Registries, login, parse, private
from headway.errors import HeadwayError, Refused, Unavailable

PATIENCE = httpx2.Timeout(10.0, read=60.0, write=60.0)
"""A registry may take a while to put a big blob where it keeps them."""
CHUNK = 1 << 20
AGAIN = 5.0
"""Seconds before a copy that came to nothing is tried again."""
DEPTH = 3
"""Of indexes within indexes; nobody has more, and a registry that says so is not to be followed for ever."""
MANIFEST_MOST = 4 << 20
"""Bytes of a manifest, which registries themselves limit."""


@dataclass
class _Copy:
    """One that is under way, or came to nothing."""

    blobs: int = 0
    there: int = 0
    trouble: HeadwayError | None = None
    ended: float | None = None


class Copying(Registries):
    """The Images port, with copies: each is made by a thread of its own, and whoever asks hears how far it is."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        super().__init__(elapsed)
        self._copies: dict[tuple[str, str], _Copy] = {}
        self._under_way = threading.Lock()

    def copied(self, image: str, to: str) -> str:
        """Have it there; empty once it is, else how far it is. Unavailable, or Refused, with why it came to nothing the last time."""
        key, target = (image, to), f"{to}@{image.rpartition('@')[2]}"
        with self._under_way:
            running = self._copies.get(key)
            if running is not None and running.ended is None:
                return f"its image is on its way to {to}: {running.there} of {running.blobs or 'so many'} parts are there"
            if running is not None and running.trouble is not None and self._elapsed() < (running.ended or 0.0) + AGAIN:
                raise type(running.trouble)(str(running.trouble))
        with _Registry(parse(f"{to}:any"), push=True) as there:
            if there.has_manifest(target.rpartition("@")[2]):
                with self._under_way:
                    self._copies.pop(key, None)
                return ""
        with self._under_way:
            running = self._copies.get(key)
            if running is None or running.ended is not None:
                self._copies[key] = made = _Copy()
                threading.Thread(target=self._run, args=(image, to, made), name="image copy", daemon=True).start()
        return f"its image is on its way to {to}"

    def _run(self, image: str, to: str, made: _Copy) -> None:
        try:
            copy(image, to, made)
        except HeadwayError as trouble:
            made.trouble = trouble
        except Exception as error:  # a thread that dies would leave a copy that seems to go on for ever
            made.trouble = Unavailable(f"{image} could not be copied to {to}: Headway stumbled over itself: {error!r}")
        made.ended = self._elapsed()


def copy(image: str, to: str, progress: _Copy | None = None) -> None:
    """Have `image`, by its digest, in the repository `to`."""
    name, _, digest = image.partition("@")
    here, there = (parse(one if ":" in one.rpartition("/")[2] else f"{one}:any") for one in (name, to))
    with _Registry(here) as source, _Registry(there, push=True, beside=here) as target:
        _manifest(source, target, digest, progress or _Copy(), DEPTH)
        if not target.has_manifest(digest):
            raise Unavailable(f"{there.host} took {image} and has no {to}@{digest}; ask it again")


def _manifest(source: "_Registry", target: "_Registry", digest: str, progress: _Copy, depth: int) -> None:
    if target.has_manifest(digest):
        return
    kind, body = source.manifest(digest)
    try:
        told = json.loads(body)
        children = [str(one["digest"]) for one in told.get("manifests") or ()]
        parts = [told["config"], *(told.get("layers") or ())] if not children and "config" in told else []
        blobs = {str(one["digest"]): int(one["size"]) for one in parts if not _elsewhere(one)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"{source.named.host} describes {digest} of {source.named.written} in a way that nobody can read") from error
    if children and not depth:
        raise Refused(f"{source.named.written}@{digest} is an index of indexes of indexes, which nobody builds")
    progress.blobs += len(blobs)
    for child in children:
        _manifest(source, target, child, progress, depth - 1)
    for blob, size in blobs.items():
        target.take_blob(source, blob, size)
        progress.there += 1
    target.put_manifest(digest, kind, body)


def _elsewhere(part: Mapping[str, Any]) -> bool:
    """Layers that nobody may hand on: nodes fetch them from where their makers keep them."""
    return bool(part.get("urls")) and ("foreign" in part["mediaType"] or "nondistributable" in part["mediaType"])


@dataclass
class _Registry:
    """One repository of a registry, with what it let us in by."""

    named: Named
    push: bool = False
    beside: Named | None = None
    """Another repository, which blobs may be taken over from if it is of the same registry."""
    _given: str = ""
    _client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=PATIENCE))

    def __enter__(self) -> "_Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def has_manifest(self, digest: str) -> bool:
        return self._asked("HEAD", f"/manifests/{digest}", {200, 404}, headers={"Accept": ", ".join(KINDS)}).status_code == 200

    def manifest(self, digest: str) -> tuple[str, bytes]:
        """Its media type and its bytes, which are what the digest says."""
        answer = self._asked("GET", f"/manifests/{digest}", {200, 404}, headers={"Accept": ", ".join(KINDS)})
        if answer.status_code == 404:
            raise Refused(f"there is no {self.named.written}@{digest} in its registry, so it cannot be copied; push exactly that")
        if len(answer.content) > MANIFEST_MOST or f"sha256:{hashlib.sha256(answer.content).hexdigest()}" != digest:
            raise Unavailable(f"what the registry {self.named.host} has under {digest} is not that; ask it again, or push it anew")
        return answer.headers.get("Content-Type", KINDS[0]), answer.content

    def put_manifest(self, digest: str, kind: str, body: bytes) -> None:
        self._asked("PUT", f"/manifests/{digest}", {201, 202}, content=body, headers={"Content-Type": kind})

    def take_blob(self, source: "_Registry", digest: str, size: int) -> None:
        """Have this blob: it is there, or is taken over within the registry, or is sent, piece by piece."""
        if self._asked("HEAD", f"/blobs/{digest}", {200, 404}).status_code == 200:
            return
        same = source.named.host == self.named.host
        asked = {"mount": digest, "from": source.named.repository} if same else {}
        answer = self._asked("POST", "/blobs/uploads/", {201, 202}, params=asked)
        if answer.status_code == 201:
            return
        where = answer.headers.get("Location", "")
        if not where:
            raise Unavailable(f"the registry {self.named.host} says not where a part of {self.named.written} is to be sent")
        url = httpx2.URL(self.named.api).join(where).copy_merge_params({"digest": digest})
        with source.blob(digest) as pieces:
            self._asked("PUT", str(url), {201, 204}, content=pieces, headers={"Content-Length": str(size)}, once=True)

    @contextmanager
    def blob(self, digest: str) -> Iterator[Iterator[bytes]]:
        """Its bytes as they come in; by the last of them it is known whether they are what the digest says."""
        self._asked("HEAD", f"/blobs/{digest}", {200}, follow_redirects=True)  # whoever is to let us in does it before anything is sent
        url = f"{self.named.api}/blobs/{digest}"
        with self._client.stream("GET", url, headers=self._pass(url), follow_redirects=True) as answer:
            yield self._pieces(self._good(answer, {200}), digest)

    def _pieces(self, answer: httpx2.Response, digest: str) -> Iterator[bytes]:
        seen = hashlib.sha256()
        try:
            for piece in answer.iter_raw(CHUNK):
                seen.update(piece)
                yield piece
        except httpx2.HTTPError as error:
            raise self._silent(error) from error
        if f"sha256:{seen.hexdigest()}" != digest:
            raise Unavailable(f"what the registry {self.named.host} has under {digest} is not that; push it anew")

    def _silent(self, error: httpx2.HTTPError) -> Unavailable:
        return Unavailable(f"the registry {self.named.host} did not answer about {self.named.written}: {type(error).__name__}")

    def _asked(
        self,
        method: str,
        path: str,
        good: set[int],
        *,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        **more: Any,
    ) -> httpx2.Response:
        """The answer, if it is one of these; `once`: what is sent cannot be sent a second time."""
        url = path if "://" in path else f"{self.named.api}{path}"
        try:
            answer = self._client.request(method, url, headers={**(headers or {}), **self._pass(url)}, **more)
            if answer.status_code == 401 and not once and self._let_in(answer):
                answer = self._client.request(method, url, headers={**(headers or {}), **self._pass(url)}, **more)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"the registry {self.named.host} did not answer about {self.named.written}: {type(error).__name__}"
            ) from error
        return self._good(answer, good)

    def _good(self, answer: httpx2.Response, good: set[int]) -> httpx2.Response:
        if answer.status_code in good:
            return answer
        what = f"the registry {self.named.host} answered {answer.status_code} about {self.named.written}"
        if answer.status_code in {401, 403}:
            may = "write to" if self.push else "see"
            how = f"run `docker login {self.named.host}` as the user that Headway runs as, with a login that may"
            raise Unavailable(f"{self.named.host} does not let Headway {may} {self.named.written}; {how}")
        raise Unavailable(what)

    def _pass(self, url: str) -> dict[str, str]:
        """What was said to the registry is said to nobody whom it sends us on to."""
        own = httpx2.URL(self.named.api)
        asked = httpx2.URL(url)
        same = (asked.scheme, asked.host, asked.port) == (own.scheme, own.host, own.port)
        return {"Authorization": self._given} if self._given and same else {}

    def _let_in(self, answer: httpx2.Response) -> bool:
        """Get what it asks for; whether that was to be had."""
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        known = login(self.named.host)
        if kind.lower() == "basic" and known is not None:
            built = httpx2.BasicAuth(*known)
            self._given = next(built.auth_flow(httpx2.Request("GET", self.named.api))).headers["Authorization"]
            return True
        asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if kind.lower() != "bearer" or not private(asked.get("realm", "")):
            return False
        scopes = [f"repository:{self.named.repository}:{'pull,push' if self.push else 'pull'}"]
        if self.beside is not None and self.beside.host == self.named.host:
            scopes.append(f"repository:{self.beside.repository}:pull")
        wanted: dict[str, Any] = {"service": asked.get("service", ""), "scope": scopes}
        told = self._client.get(asked["realm"], params=wanted, auth=known) if known else self._client.get(asked["realm"], params=wanted)
        if told.status_code != 200:
            return False
        try:
            self._given = f"Bearer {told.json().get('token') or told.json()['access_token']}"
        except (ValueError, KeyError, AttributeError) as error:
            raise Unavailable(f"{asked['realm']} gave no usable token for {self.named.host}") from error
        return True
