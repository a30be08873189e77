"""What a registry knows of an image, asked by the OCI distribution API with the credentials that `docker login` left."""

import base64
import binascii
import hashlib
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2

from headway.adapters import asking
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.releases.images import Found

PATIENCE = 10.0
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""An index first: what runs on several architectures stays whole."""
NAMED = re.compile(r"(?P<name>[a-z0-9][a-zA-Z0-9._:/-]*?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?")
YES, NO = 60.0, 15.0
"""For so many seconds an answer is believed: a good one, and one that somebody may just be mending."""
KEPT = 512
HUB, HUB_API, HUB_LOGIN = "docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Named:
    """An image by its tag, as docker and Kubernetes read such names."""

    host: str
    repository: str
    tag: str
    written: str
    """The name without its tag, as it was given."""

    @property
    def url(self) -> str:
        return f"{self.api}/manifests/{self.tag}"

    @property
    def api(self) -> str:
        # Only this machine itself is spoken to without TLS, as docker does it.
        scheme = "http" if self.host.partition(":")[0] in {"localhost", "127.0.0.1"} else "https"
        return f"{scheme}://{HUB_API if self.host == HUB else self.host}/v2/{self.repository}"


class Registries:
    """The Images port on whatever registries the names say, but for copies: registrycopy.py."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        """`elapsed` are seconds since whenever."""
        self._elapsed = elapsed
        self._kept: dict[tuple[str, str], tuple[float, Found | Refused | Unavailable]] = {}
        self._architectures: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def look(self, image: str, tag: str = "", *, anew: bool = False) -> Found:
        """What the registry has under a digest, and what the tag means now; answers are kept for a moment."""
        with self._lock:
            self._kept = {one: kept for one, kept in self._kept.items() if kept[0] > self._elapsed()}
            answer = None if anew or (image, tag) not in self._kept else self._kept[image, tag][1]
        if answer is None:
            try:
                answer = self._look(image, tag)
            except (Refused, Unavailable) as trouble:
                answer = trouble
            with self._lock:
                if len(self._kept) < KEPT:
                    self._kept[image, tag] = (self._elapsed() + (YES if isinstance(answer, Found) and answer.there else NO), answer)
        if isinstance(answer, Refused | Unavailable):
            raise type(answer)(str(answer))
        return answer

    def _look(self, image: str, tag: str) -> Found:
        name, _, digest = image.partition("@")
        named = replace(parse(name if ":" in name.rpartition("/")[2] else f"{name}:any"), tag=digest, written=image)
        client = asking.client(PATIENCE)
        there = _answer(client, named, "HEAD")
        if there.status_code == 404:
            return Found(there=False)
        means = _means(client, parse(tag)) if tag else None
        if digest not in self._architectures:
            self._architectures[digest] = _architectures(client, named, digest)
        return Found(True, self._architectures[digest], means)

    def by_digest(self, image: str) -> str:
        """The same image, named for good: `REPOSITORY@sha256:…` for `REPOSITORY:TAG`."""
        named = parse(image)
        try:
            answer = _ask(asking.client(PATIENCE), named)
        except httpx2.HTTPError as error:
            raise Unavailable(f"the registry {named.host} did not answer about {image}: {type(error).__name__}") from error
        if answer.status_code == 404:
            raise Refused(f"there is no {image}: {named.host} has no tag {named.tag} of {named.repository}")
        if answer.status_code in {401, 403}:
            raise Unavailable(
                f"{named.host} does not let Headway see {image}; run `docker login {named.host}` as the user that Headway runs as"
            )
        if answer.status_code != 200:
            raise Unavailable(f"the registry {named.host} answered {answer.status_code} about {image}")
        # Of its own word and its own bytes the bytes count.
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if answer.headers.get("Docker-Content-Digest", digest) != digest and DIGEST.fullmatch(answer.headers["Docker-Content-Digest"]):
            raise Unavailable(f"the registry {named.host} calls {image} otherwise than by its digest {digest}; ask it again")
        return f"{named.written}@{digest}"


def _answer(client: httpx2.Client, named: Named, method: str = "GET", path: str = "") -> httpx2.Response:
    """200 or 404; anything else in words."""
    try:
        answer = _ask(client, named, method, path)
    except httpx2.HTTPError as error:
        raise Unavailable(f"the registry {named.host} did not answer about {named.written}: {type(error).__name__}") from error
    if answer.status_code in {401, 403}:
        how = f"run `docker login {named.host}` as the user that Headway runs as, or say registry: skip in its environment"
        raise Refused(f"{named.host} does not let Headway see {named.written}, so nobody knows whether it is there; {how}")
    if answer.status_code not in {200, 404}:
        raise Unavailable(f"the registry {named.host} answered {answer.status_code} about {named.written}")
    return answer


def _means(client: httpx2.Client, tag: Named) -> str | None:
    answer = _answer(client, tag, "HEAD")
    if answer.status_code == 404:
        return None
    told: str = answer.headers.get("Docker-Content-Digest", "")
    return told if DIGEST.fullmatch(told) else f"sha256:{hashlib.sha256(_answer(client, tag).content).hexdigest()}"


def _architectures(client: httpx2.Client, named: Named, digest: str) -> frozenset[str]:
    """What an index names; of a single image what its configuration says."""
    whole = _answer(client, named)
    if f"sha256:{hashlib.sha256(whole.content).hexdigest()}" != digest:
        raise Unavailable(f"what the registry {named.host} has under {digest} is not that; ask it again, or push it anew")
    try:
        manifest = whole.json()
        if "manifests" in manifest:
            platforms = [one.get("platform") or {} for one in manifest["manifests"]]
            return frozenset(one["architecture"] for one in platforms if one.get("architecture") not in {None, "unknown"})
        blob = (manifest.get("config") or {}).get("digest")
        told = _answer(client, named, path=f"/blobs/{blob}").json().get("architecture") if blob else None
        return frozenset({told}) if told else frozenset()
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise Unavailable(f"the registry {named.host} describes {named.written} in a way that nobody can read") from error


def parse(image: str) -> Named:
    """A name and its tag; `latest` is no tag that anybody means."""
    found = NAMED.fullmatch(image)
    if found is None or "//" in image:
        raise InvalidSpec(f"{image!r} names no image, expected REPOSITORY:TAG or REPOSITORY@sha256:…")
    name, tag = found["name"], found["tag"]
    if tag is None:
        raise InvalidSpec(f"{image} has no tag, expected REPOSITORY:TAG or REPOSITORY@sha256:…")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return Named(first, rest, tag, name)
    return Named(HUB, name if slash else f"library/{name}", tag, name)


def _ask(client: httpx2.Client, named: Named, method: str = "GET", path: str = "") -> httpx2.Response:
    headers, url = {"Accept": ", ".join(KINDS)}, f"{named.api}{path}" if path else named.url
    # A blob may lie elsewhere; what was said to the registry is not said there.
    answer = client.request(method, url, headers=headers, follow_redirects=bool(path))
    if answer.status_code != 401:
        return answer
    kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
    known = login(named.host)
    if kind.lower() == "basic" and known is not None:
        return client.request(method, url, headers=headers, auth=known, follow_redirects=bool(path))
    asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if kind.lower() != "bearer" or not private(asked.get("realm", "")):
        return answer
    wanted = {"service": asked.get("service", ""), "scope": asked.get("scope", f"repository:{named.repository}:pull")}
    told = client.get(asked["realm"], params=wanted, auth=known) if known else client.get(asked["realm"], params=wanted)
    if told.status_code != 200:
        return told
    try:
        token = told.json().get("token") or told.json()["access_token"]
    except (ValueError, KeyError, AttributeError) as error:
        raise Unavailable(f"{asked['realm']} gave no usable token for {named.host}") from error
    return client.request(method, url, headers={**headers, "Authorization": f"Bearer {token}"}, follow_redirects=bool(path))


def private(realm: str) -> bool:
    """Nobody between us and there may read a password."""
    url = httpx2.URL(realm) if realm else None
    return url is not None and (url.scheme == "https" or (url.scheme == "http" and url.host in {"localhost", "127.0.0.1"}))


# -- what `docker login` left


def login(host: str) -> tuple[str, str] | None:
    """Name and password for a registry; None if nobody logged in there."""
    path = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read as docker wrote it") from error
    key = HUB_LOGIN if host == HUB else host
    if helper := (config.get("credHelpers") or {}).get(key):
        return _helped(helper, key)
    for name in (key, f"https://{key}", f"http://{key}"):
        if written := ((config.get("auths") or {}).get(name) or {}).get("auth"):
            try:
                user, _, password = base64.b64decode(written, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                # Not `from error`: it carries what was written.
                raise Unavailable(f"{path} has a login for {host} that nobody can read; log in again") from None
            return user, password
    return _helped(config["credsStore"], key) if config.get("credsStore") else None


def _helped(helper: str, key: str) -> tuple[str, str] | None:
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run((program, "get"), input=key, capture_output=True, text=True, timeout=PATIENCE, check=False)
        told = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        raise Unavailable(f"{program}, which docker's config.json names for {key}, gave no usable answer") from None
    return (told["Username"], told["Secret"]) if isinstance(told, dict) and {"Username", "Secret"} <= told.keys() else None
