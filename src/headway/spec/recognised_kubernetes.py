"""Manifests that a repository has already: overlays, plain YAML, what Helm rendered. They are taken as they are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from headway.spec.recognised import ASIDE, Files

KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
MANIFESTS = frozenset({".yaml", ".yml"})
USUAL = {
    "dev": "dev",
    "develop": "dev",
    "development": "dev",
    "stage": "staging",
    "stg": "staging",
    "prod": "production",
    "prd": "production",
}
ORDER = {"dev": 0, "staging": 2, "production": 3}
"""How far each usual environment is on the way; others come between dev and staging."""

DEPLOYMENT = re.compile(r"""^kind:\s*["']?Deployment\b""", re.MULTILINE)
ROUTE = re.compile(r"""^kind:\s*["']?HTTPRoute\b""", re.MULTILINE)
NAMESPACE = re.compile(r"""^(?:  )?namespace:\s*["']?([a-z0-9][a-z0-9-]{0,62})["']?\s*(?:#.*)?$""", re.MULTILINE)
RENDERED = re.compile(r"^# Source: \S+/templates/", re.MULTILINE)
COMPONENT = re.compile(r"^kind:\s*Component\b", re.MULTILINE)
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Overlay:
    """The manifests of one environment."""

    environment: str
    path: str
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was found, in the order of the way to production."""

    overlays: tuple[Overlay, ...]
    because: tuple[str, ...]
    guesses: tuple[str, ...]
    routed: bool
    """Whether an HTTPRoute is among them, by which weights act."""


def chart(files: Files) -> str | None:
    """The folder of a Helm chart, if there is one."""
    return next((str(PurePosixPath(path).parent) for path in sorted(files) if PurePosixPath(path).name == "Chart.yaml"), None)


def taken(files: Files) -> Taken | None:
    """The manifests that are there; None if there are none with a Deployment."""
    texts = {path: text for path, text in files.items() if PurePosixPath(path).suffix in MANIFESTS and not _aside(path, files)}
    if not any(DEPLOYMENT.search(text) for text in texts.values()):
        return None
    found = _kustomized(files) or _plain(texts)
    if not found:
        return None
    overlays = {one.environment: one for one in reversed(found)}
    ordered = sorted(overlays.values(), key=lambda one: (ORDER.get(one.environment, 1), one.environment))
    unused = [one.path for one in found if overlays[one.environment] is not one]
    rendered = any(RENDERED.search(text) for text in texts.values())
    because = tuple(f"{one.path}, for {one.environment}{': rendered by Helm' if rendered else ''}" for one in ordered)
    guesses = tuple(f"{path} is there as well and is not used: a service has one place in each environment" for path in unused)
    return Taken(tuple(ordered), because, guesses, any(ROUTE.search(text) for text in texts.values()))


def _aside(path: str, files: Files) -> bool:
    parents = PurePosixPath(path).parents
    templates = any(one.name == "templates" and f"{one.parent}/Chart.yaml".removeprefix("./") in files for one in parents)
    return templates or bool(ASIDE.intersection(PurePosixPath(path).parts[:-1]))


def _kustomized(files: Files) -> list[Overlay]:
    """Kustomizations that are an environment's; the only one, if none is called like one."""
    folders = {
        str(PurePosixPath(path).parent): text
        for path, text in sorted(files.items())
        if PurePosixPath(path).name in KUSTOMIZATIONS
        and not COMPONENT.search(text)
        and not ASIDE.intersection(PurePosixPath(path).parts[:-1])
    }
    named = [Overlay(name, folder, _namespace([text])) for folder, text in folders.items() if (name := _environment(folder))]
    if named or len(folders) != 1:
        return named
    ((folder, text),) = folders.items()
    return [Overlay("production", folder, _namespace([text]))]


def _plain(texts: Files) -> list[Overlay]:
    """Folders, or files, with a Deployment in them."""
    deployments = [path for path, text in sorted(texts.items()) if DEPLOYMENT.search(text)]
    by_file = [Overlay(name, path, _namespace([texts[path]])) for path in deployments if (name := _usual(PurePosixPath(path).stem))]
    if by_file:
        return by_file
    folders = dict.fromkeys(str(PurePosixPath(path).parent) for path in deployments)
    inside = {folder: [text for path, text in texts.items() if str(PurePosixPath(path).parent) == folder] for folder in folders}
    named = [Overlay(name, folder, _namespace(inside[folder])) for folder in folders if (name := _environment(folder))]
    if named:
        return named
    path = deployments[0] if next(iter(folders)) == "." else next(iter(folders))  # at the top there are other things than manifests
    return [Overlay("production", path, _namespace([texts[path]] if path in texts else inside[path]))]


def _environment(folder: str) -> str | None:
    """The environment that a folder is named after."""
    whole = PurePosixPath(folder)
    listed = whole.parent.name in {"overlays", "environments", "envs", "env"} and NAME.fullmatch(whole.name)
    return _usual(whole.name) or (whole.name if listed else None)


def _usual(name: str) -> str | None:
    short = USUAL.get(name.lower(), name.lower())
    return short if short in ORDER or short in {"test", "qa", "uat"} else None


def _namespace(texts: Iterable[str]) -> str | None:
    return next((found[1] for text in texts if (found := NAMESPACE.search(text))), None)
