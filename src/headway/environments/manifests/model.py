"""The nouns of looking at manifests: what was found, how grave it is, and the parts of objects that rules ask for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Manifest = Mapping[str, Any]
"""One object as it would be sent."""

Step = str | int
"""A key, or a place in a list."""


class Grade(Enum):
    """How grave a finding is. An error keeps a release out; a warning is told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an object: where in it, and what to write instead."""

    grade: Grade
    kind: str
    name: str
    path: tuple[Step, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One finding, as a person reads it: file and line first where they are known."""

    grade: Grade
    text: str


def error(thing: Manifest, path: Sequence[Step], text: str) -> Finding:
    """What keeps a release out."""
    return Finding(Grade.ERROR, kind_of(thing), name_of(thing), tuple(path), text)


def warning(thing: Manifest, path: Sequence[Step], text: str) -> Finding:
    """What a person should know."""
    return Finding(Grade.WARNING, kind_of(thing), name_of(thing), tuple(path), text)


def kind_of(thing: Manifest) -> str:
    return str(thing.get("kind") or "")


def name_of(thing: Manifest) -> str:
    return str(inside(thing, "metadata").get("name") or "")


def inside(thing: object, *keys: str) -> Mapping[str, Any]:
    """The mapping at these keys; an empty one where there is none, since what has the wrong form is told by the schema's rule."""
    for key in keys:
        thing = thing.get(key) if isinstance(thing, Mapping) else None
    return thing if isinstance(thing, Mapping) else {}


def several(thing: object, *keys: str) -> tuple[Mapping[str, Any], ...]:
    """The mappings of the list at these keys."""
    found = inside(thing, *keys[:-1]).get(keys[-1])
    return tuple(one for one in found if isinstance(one, Mapping)) if isinstance(found, list | tuple) else ()


POD = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where in a kind its pods are described."""

SERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds whose pods answer somebody for as long as they live."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container, and where in which object it stands."""

    owner: Manifest
    path: tuple[Step, ...]
    spec: Mapping[str, Any]
    first: bool
    """Runs before the others, and ends."""

    @property
    def name(self) -> str:
        return str(self.spec.get("name") or self.path[-1])


def containers(thing: Manifest) -> Iterator[Container]:
    """Every container of the object's pods."""
    if kind_of(thing) not in POD:
        return
    where = (*POD[kind_of(thing)], "spec")
    for key in ("containers", "initContainers"):
        for number, one in enumerate(several(thing, *where, key)):
            # A first container that is always restarted is a sidecar: it lives as long as the others.
            yield Container(thing, (*where, key, number), one, key == "initContainers" and one.get("restartPolicy") != "Always")
