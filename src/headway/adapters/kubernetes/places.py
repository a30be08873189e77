"""Where in the team's own files a part of a rendered object was written: people mend files, not what kustomize makes of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from headway.adapters.kubernetes.manifests import ENDINGS, KUSTOMIZATIONS
from headway.environments.manifests.model import Manifest, Step, kind_of, name_of

REFERRING = frozenset({"resources", "bases", "components", "patches", "patchesStrategicMerge", "crds"})
GENERATORS = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
ELSEWHERE = re.compile(r"[a-z+]+://|git@|github\.com/|git::")
"""How what kustomize fetches begins."""
PINNED = re.compile(r"[?&](ref|version)=[0-9a-f]{40}\b")
MOST_FILES = 200


class Places:
    """The files that manifests at a path are made from, with where each object stands."""

    def __init__(self, source: Path, path: str) -> None:
        """`path` is below `source`; nothing outside of that is read."""
        self._source = source.resolve()
        self._objects: list[tuple[str, str, str, MappingNode]] = []
        self.loose: list[tuple[str, int, str]] = []
        """What is read from elsewhere without being pinned to a commit: file, line, and what stands there."""
        for file in _files(self._source / path, self._source):
            self._note(file)

    def of(self, thing: Manifest, path: Sequence[Step]) -> tuple[str, int] | None:
        """File and line of what is at this path, or of the nearest thing around it. None: nobody wrote that object here."""
        best: tuple[tuple[int, int], str, int] | None = None
        for file, node in self._written(thing):
            depth, found = _walk(node, thing, path)
            # Of several files that have it, the one that says most: what is missing belongs there, not into a patch of two lines.
            says = (depth, len(found.value) if isinstance(found, MappingNode) else 0)
            if best is None or says > best[0]:
                best = (says, file, found.start_mark.line + 1)
        return best[1:] if best else None

    def _written(self, thing: Manifest) -> Iterator[tuple[str, MappingNode]]:
        kind, name = kind_of(thing), name_of(thing)
        same = [(file, node) for file, its, called, node in self._objects if (its, called) == (kind, name)]
        # kustomize may have put something before the name, and a hash behind it
        yield from same or ((file, node) for file, its, called, node in self._objects if its == kind and called and called in name)

    def _note(self, file: Path) -> None:
        label = file.relative_to(self._source).as_posix()
        try:
            nodes = list(YAML().compose_all(file.read_text()))
        except (OSError, UnicodeDecodeError, YAMLError):
            return  # kubectl says what is wrong with it, in its own words
        for node in nodes:
            if not isinstance(node, MappingNode):
                continue
            keys = _keys(node)
            if "kind" in keys and isinstance(metadata := keys.get("metadata"), MappingNode):
                self._objects.append((label, _text(keys["kind"]), _text(_keys(metadata).get("name")), node))
            if file.name in KUSTOMIZATIONS:
                elsewhere = [one for key in sorted(REFERRING) for one in _listed(keys.get(key)) if ELSEWHERE.match(_text(one))]
                self.loose += [(label, one.start_mark.line + 1, _text(one)) for one in elsewhere if not PINNED.search(_text(one))]
            for key, kind in GENERATORS.items():
                for one in _listed(keys.get(key)):
                    if isinstance(one, MappingNode):
                        self._objects.append((label, kind, _text(_keys(one).get("name")), one))


def _walk(node: Node, thing: object, path: Sequence[Step]) -> tuple[int, Node]:
    """How far this file goes along the path, and the node there. In lists, who has the same name is meant: patches name but a few."""
    for depth, step in enumerate(path):
        inner: Node | None = None
        if isinstance(step, int):
            thing = thing[step] if isinstance(thing, list | tuple) and step < len(thing) else None
            listed = _listed(node)
            name = thing.get("name") if isinstance(thing, Mapping) else None
            named = [one for one in listed if name and isinstance(one, MappingNode) and _text(_keys(one).get("name")) == name]
            inner = named[0] if named else listed[step] if not name and step < len(listed) else None
        else:
            thing = thing.get(step) if isinstance(thing, Mapping) else None
            inner = _keys(node).get(step) if isinstance(node, MappingNode) else None
        if inner is None:
            return depth, node
        node = inner
    return len(path), node


def _files(whole: Path, source: Path) -> tuple[Path, ...]:
    """The file, or the files of the folder, with those that its kustomization refers to; what overlays say comes before what bases do."""
    found: dict[Path, None] = {}
    waiting = [whole.resolve()]
    while waiting and len(found) < MOST_FILES:
        one = waiting.pop(0)
        if not one.is_relative_to(source) or one in found:
            continue
        if one.is_dir():
            kustomization = next((one / name for name in KUSTOMIZATIONS if (one / name).exists()), None)
            if kustomization is not None:
                waiting.append(kustomization.resolve())
            elif one == whole.resolve():
                waiting.extend(sorted(file.resolve() for file in one.iterdir() if file.suffix in ENDINGS))
        elif one.is_file():
            found[one] = None
            if one.name in KUSTOMIZATIONS:
                waiting.extend((one.parent / name).resolve() for name in _referred(one))
    return tuple(found)


def _referred(kustomization: Path) -> Iterator[str]:
    try:
        node = YAML().compose(kustomization.read_text())
    except (OSError, UnicodeDecodeError, YAMLError):
        return
    for key, value in _keys(node).items() if isinstance(node, MappingNode) else ():
        if key in REFERRING:
            for one in _listed(value):
                path = _text(_keys(one).get("path")) if isinstance(one, MappingNode) else _text(one)
                if path and "\n" not in path and "://" not in path:
                    yield path


def _keys(node: MappingNode) -> dict[str, Node]:
    return {_text(key): value for key, value in node.value}


def _listed(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""
