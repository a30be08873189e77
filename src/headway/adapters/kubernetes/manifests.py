"""The team's manifests, as they read them themselves: rendered by `kubectl kustomize`, or plain YAML."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from headway.adapters.kubernetes.kinds import Object
from headway.errors import InvalidSpec, Unavailable

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
ENDINGS = frozenset({".yaml", ".yml", ".json"})
PATIENCE = 30.0


def read(source: Path, path: str) -> tuple[Object, ...]:
    """Every object of a folder or a file, in an export of the release's commit."""
    whole = (source / path).resolve()
    if not whole.is_relative_to(source.resolve()):
        raise InvalidSpec(f"manifests: {path} leads out of the repository")
    if whole.is_dir() and any((whole / name).exists() for name in KUSTOMIZATIONS):
        return tuple(_objects(_kustomized(whole, path), path))
    if whole.is_dir():
        files = sorted(file for file in whole.iterdir() if file.suffix in ENDINGS)
        found = tuple(thing for file in files for thing in _objects(file.read_text(), f"{path}/{file.name}"))
    elif whole.is_file():
        found = tuple(_objects(whole.read_text(), path))
    else:
        raise InvalidSpec(f"manifests: there is no {path} in this commit; expected a folder with a kustomization or YAML, or a YAML file")
    if not found:
        raise InvalidSpec(f"manifests: {path} holds no object")
    return found


def kubectl() -> str | None:
    """The one on PATH, else the one of the extra `kubectl`, which lies beside our own interpreter."""
    return shutil.which("kubectl") or shutil.which("kubectl", path=sysconfig.get_path("scripts"))


def _kustomized(folder: Path, path: str) -> str:
    program = kubectl()
    if program is None:
        why = f"{path} is a kustomization and there is no `kubectl` on PATH to render it"
        raise Unavailable(f"{why}; install it where Headway runs, or pip install 'headway[kubectl]'")
    argv = (program, "kustomize", str(folder))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"`kubectl kustomize {path}` did not end within {PATIENCE:g} s") from error
    if done.returncode:
        raise InvalidSpec(f"`kubectl kustomize {path}` failed: {done.stderr.strip().replace(str(folder), path)}")
    return done.stdout


def _objects(text: str, path: str) -> Iterator[Object]:
    try:
        documents = list(YAML(typ="safe", pure=True).load_all(text))
    except YAMLError as error:
        raise InvalidSpec(f"{path} is not YAML: {error}") from error
    for document in documents:
        yield from _flat(document, path)


def _flat(document: Any, path: str) -> Iterator[Object]:
    if document is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise InvalidSpec(f"{path} holds something that is no Kubernetes object: it has no kind")
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _flat(item, path)
    elif not isinstance(document.get("metadata"), dict) or not document["metadata"].get("name"):
        raise InvalidSpec(f"{path} holds a {document['kind']} without metadata.name")
    else:
        yield document
