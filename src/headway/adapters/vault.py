"""Secrets that HashiCorp Vault, or OpenBao, keeps in a key/value engine: asked by its HTTP API, with a token from where its tools have it.

A path is the API's own, so that it says which version of the engine is meant: `secret/data/shop` in version 2, `secret/shop` in version 1.
No text of an answer comes into an error, for it could hold a value.
"""

import json
import os
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from headway.errors import InvalidSpec, Unavailable

SCHEME = "vault"
PATIENCE = 10.0
FOR_NOW = 10.0
"""Seconds for which an answer is remembered: one question may concern many keys of a path."""
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""By which a pod says who it is."""
TOKEN_FILE = "~/.vault-token"  # noqa: S105 - where `vault login` leaves it
_LARGEST = 1024 * 1024

_known: dict[tuple[str, str, str], tuple[float, Mapping[str, Any]]] = {}
_let_in: dict[tuple[str, str, str, str], tuple[float, str]] = {}
_lock = threading.Lock()


def value(reference: str, account: Path = ACCOUNT) -> str:
    """The value behind `vault:PATH#KEY`."""
    path, _, key = reference.removeprefix(f"{SCHEME}:").partition("#")
    if not key or not path.strip("/") or any(step in {"", ".", ".."} for step in path.split("/")):
        # What was found is not shown: somebody may have put the value itself there.
        raise InvalidSpec(
            "a secret in Vault is named as vault:PATH#KEY, such as vault:secret/data/shop#db_password; what stands there is not"
        )
    found = _at(reference, path, account)
    if key not in found:
        raise Unavailable(f"the secret {reference} cannot be had: {path} has no key {key}; {_hint(path)}")
    kept = found[key]
    if isinstance(kept, Mapping | list) or kept is None:
        raise Unavailable(f"the secret {reference} cannot be had: {path} has more than one value, or none, under the key {key}")
    return json.dumps(kept) if isinstance(kept, bool | int | float) else str(kept)


def _at(reference: str, path: str, account: Path) -> Mapping[str, Any]:
    """What is kept under the path, by key."""
    address, namespace = _address(reference), os.environ.get("VAULT_NAMESPACE", "")
    known, now = (address, namespace, path), time.monotonic()
    with _lock:
        for old in [one for one, (until, _) in _known.items() if until < now]:
            del _known[old]
        if known in _known:
            return _known[known][1]
    with httpx2.Client(base_url=address, timeout=PATIENCE, verify=_trusted(reference), follow_redirects=False) as client:
        if namespace:
            client.headers["X-Vault-Namespace"] = namespace
        answer = _asked(reference, client, path, _token(reference, client, account))
        if answer.status_code == 403 and _forget(address, namespace):
            # What a pod was given may have been revoked since; what somebody wrote down is theirs to mend.
            answer = _asked(reference, client, path, _token(reference, client, account))
    found = _told(reference, path, answer)
    with _lock:
        _known[known] = (now + FOR_NOW, found)
    return found


def _asked(reference: str, client: httpx2.Client, path: str, token: str) -> httpx2.Response:
    try:
        return client.get(f"/v1/{path}", headers={"X-Vault-Token": token})
    except httpx2.HTTPError as error:
        raise Unavailable(
            f"the secret {reference} cannot be had: Vault at {client.base_url} did not answer: {type(error).__name__}"
        ) from None


def _told(reference: str, path: str, answer: httpx2.Response) -> Mapping[str, Any]:
    if answer.status_code == 404:
        raise Unavailable(f"the secret {reference} cannot be had: Vault has nothing at {path}, or it was deleted; {_hint(path)}")
    if answer.status_code in {401, 403}:
        may = f'its policy needs path "{path}" {{ capabilities = ["read"] }}'
        raise Unavailable(f"the secret {reference} cannot be had: Vault does not let Headway read {path}; {may}, or its token has ended")
    if answer.status_code == 503:
        raise Unavailable(f"the secret {reference} cannot be had: Vault is sealed, or is in maintenance")
    if answer.status_code != 200 or len(answer.content) > _LARGEST:
        raise Unavailable(f"the secret {reference} cannot be had: Vault answered {answer.status_code}, and nothing that could be it")
    try:
        found = answer.json()["data"]
        inner = found.get("data") if isinstance(found.get("metadata"), Mapping) else found
        if not isinstance(inner, Mapping):
            raise TypeError
        return dict(inner)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not `from error`: it could carry the text.
        raise Unavailable(f"the secret {reference} cannot be had: Vault answered in no way that a key/value engine does") from None


def _hint(path: str) -> str:
    mount, _, rest = path.partition("/")
    if rest.startswith("data/"):
        return f"`vault kv get -mount={mount} {rest.removeprefix('data/')}` shows what there is"
    return f"of a key/value engine of version 2 the path has `data` in it: vault:{mount}/data/{rest}#KEY"


def _address(reference: str) -> str:
    address = os.environ.get("VAULT_ADDR", "").rstrip("/")
    if not address:
        raise Unavailable(f"the secret {reference} cannot be had: VAULT_ADDR says in no environment of Headway's where Vault is")
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        url = httpx2.URL()
    if url.scheme == "https" or (url.scheme == "http" and url.host in {"localhost", "127.0.0.1", "::1"}):
        return address
    raise Unavailable(f"the secret {reference} is not asked for: VAULT_ADDR is no https://…, and on the way anybody could read it")


def _trusted(reference: str) -> ssl.SSLContext | bool:
    file = os.environ.get("VAULT_CACERT")
    if not file:
        return True
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise Unavailable(f"the secret {reference} cannot be had: VAULT_CACERT={file} cannot be read as certificates: {error}") from error


def _token(reference: str, client: httpx2.Client, account: Path) -> str:
    """Given, or left by `vault login` or an agent; else asked for as the pod that we are."""
    if token := os.environ.get("VAULT_TOKEN", "").strip():
        return token
    role = os.environ.get("VAULT_ROLE", "")
    file = os.environ.get("VAULT_TOKEN_FILE") or ("" if role else TOKEN_FILE)
    if file:
        try:
            if token := Path(file).expanduser().read_text().strip():
                return token
        except (OSError, UnicodeDecodeError):
            pass
        given = "VAULT_TOKEN, a file that VAULT_TOKEN_FILE names, or, in a pod, VAULT_ROLE for its service account"
        raise Unavailable(f"the secret {reference} cannot be had: there is no token for Vault in {file}; give Headway {given}")
    return _as_a_pod(reference, client, role, account)


def _as_a_pod(reference: str, client: httpx2.Client, role: str, account: Path) -> str:
    """Vault's Kubernetes login, remembered for most of the time that it is good for."""
    mount = os.environ.get("VAULT_AUTH_PATH", "kubernetes").strip("/")
    key, now = (str(client.base_url).rstrip("/"), os.environ.get("VAULT_NAMESPACE", ""), mount, role), time.monotonic()
    with _lock:
        until, token = _let_in.get(key, (0.0, ""))
    if now < until:
        return token
    try:
        answer = client.post(f"/v1/auth/{mount}/login", json={"role": role, "jwt": account.read_text().strip()})
        told = answer.json()["auth"] if answer.status_code == 200 else None
        token, lasts = (str(told["client_token"]), float(told["lease_duration"])) if told else ("", 0.0)
    except OSError as error:
        raise Unavailable(f"the secret {reference} cannot be had: VAULT_ROLE is set, and there is no {account}: {error.strerror}") from None
    except httpx2.HTTPError as error:
        raise Unavailable(
            f"the secret {reference} cannot be had: Vault at {client.base_url} did not answer: {type(error).__name__}"
        ) from None
    except (ValueError, KeyError, TypeError):
        token, lasts = "", 0.0
    if not token:
        what = f"Vault answered {answer.status_code} to the login of this pod at auth/{mount} as the role {role}"
        raise Unavailable(f"the secret {reference} cannot be had: {what}; does the role name its service account and namespace?")
    with _lock:
        _let_in[key] = (now + lasts * 0.8, token)
    return token


def _forget(address: str, namespace: str) -> bool:
    """Let go of what a pod was given; whether there was any."""
    with _lock:
        mine = [one for one in _let_in if one[:2] == (address, namespace)]
        for one in mine:
            del _let_in[one]
    return bool(mine)
