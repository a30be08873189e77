"""What SOPS encrypted, opened by the `sops` program with the keys of the user that Headway runs as.

The program knows age, PGP and the key services of clouds; what it opens is in memory only, for the moment. No text of it, nor any of
the program's own words, which could hold some, comes into an error.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headway.errors import InvalidSpec, Unavailable

SCHEME = "sops"
PATIENCE = 30.0
"""Seconds: the key may have to be asked of a cloud."""
FOR_NOW = 10.0
"""Seconds for which an opened file is remembered: one question may concern many of its keys."""
KEYLESS = 128
"""What the program ends with where it has no key that fits."""

_known: dict[tuple[str, int, int, int], tuple[float, Any]] = {}
_lock = threading.Lock()


def value(reference: str) -> str:
    """The value behind `sops:PATH#KEY`; a KEY within others is written database.url, one of a list by its number."""
    path, _, key = reference.removeprefix(f"{SCHEME}:").partition("#")
    if not Path(path).is_absolute() or not key:
        raise InvalidSpec(f"the secret {reference} is no sops:/PATH/FILE#KEY, with the whole path of a file where Headway runs")
    found = _opened(reference, Path(path))
    walked = found.get(key) if isinstance(found, Mapping) else None
    if walked is None:
        walked = found
        for step in key.split("."):
            walked = _step(walked, step)
    if walked is None or isinstance(walked, Mapping | list):
        what = "no key" if walked is None else "more than one value under the key"
        raise Unavailable(f"the secret {reference} cannot be had: {path} has {what} {key}")
    return json.dumps(walked) if isinstance(walked, bool | int | float) else str(walked)


def manifest(secret: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret as SOPS encrypted it among manifests, opened."""
    name = (secret.get("metadata") or {}).get("name")
    # What kustomize does to a manifest (a namespace, a label) spoils the mark over the whole of it; each value has a mark of its own.
    argv = ("decrypt", "--ignore-mac", "--input-type", "json", "--output-type", "json", "/dev/stdin")
    told: dict[str, Any] = json.loads(_run(argv, f"the Secret {name}", json.dumps(secret)))
    return told


def encrypted(thing: Mapping[str, Any]) -> bool:
    """Did SOPS write this?"""
    return isinstance(thing.get("sops"), Mapping)


def _opened(reference: str, path: Path) -> Any:
    try:
        state = path.stat()
    except OSError as error:
        raise Unavailable(f"the secret {reference} cannot be read: {error.strerror}") from error
    key, now = (str(path), state.st_ino, state.st_mtime_ns, state.st_size), time.monotonic()
    with _lock:
        for old in [one for one, (until, _) in _known.items() if until < now]:
            del _known[old]
        if key in _known:
            return _known[key][1]
    text = _run(("decrypt", "--output-type", "json", str(path)), f"the secret {reference}")
    try:
        found = json.loads(text)
    except ValueError:
        # Not `from error`: it carries the text.
        raise Unavailable(f"the secret {reference}: sops made no JSON of {path}; it has to be YAML, JSON or dotenv by its ending") from None
    with _lock:
        _known[key] = (now + FOR_NOW, found)
    return found


def _run(argv: Sequence[str], what: str, text: str | None = None) -> str:
    how = f"`sops {' '.join(argv[:1])}` as the user that Headway runs as tells more"
    try:
        done = subprocess.run(("sops", *argv), input=text, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise Unavailable(f"{what} is encrypted by SOPS and there is no `sops` on PATH to open it; install it where Headway runs") from None
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        raise Unavailable(f"{what} cannot be opened: sops did not end as it should within {PATIENCE:g} s; {how}") from None
    if done.returncode == KEYLESS:
        named = os.environ.get("SOPS_AGE_KEY_FILE")
        where = f"SOPS_AGE_KEY_FILE={named} has none" if named else "name one in SOPS_AGE_KEY_FILE, in the environment of `headway serve`"
        raise Unavailable(f"{what} is encrypted, and no key that Headway's user has opens it; {where}")
    if done.returncode:
        raise Unavailable(f"{what} cannot be opened: sops ended with {done.returncode}, so it is not encrypted, or spoiled; {how}")
    return done.stdout


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[int(step)] if isinstance(value, list) and step.isdigit() and int(step) < len(value) else None
