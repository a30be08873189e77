"""What a cluster would have that it has not, or has otherwise: shown as `kubectl diff` shows it, and of secrets only their keys."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Literal

from headway.environments.manifests.model import Manifest, inside, kind_of
from headway.environments.manifests.pods import TELLING

MASK, BEFORE, AFTER = "***", "*** (before)", "*** (after)"
"""In place of a secret's value: whether it changes is seen, what it is never."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object, and what a release would make of it; the lines are those of a diff, none where nothing changes."""

    kind: str
    name: str
    word: Literal["new", "changed", "same"]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cluster said when it was asked to take a release without doing it."""

    changes: tuple[Change, ...] = ()
    refusals: tuple[str, ...] = ()
    """What it would never take: the release itself is at fault."""
    waits: tuple[str, ...] = ()
    """What it does not take now: rights, quotas, admission, somebody else's hand on a field."""
    notes: tuple[str, ...] = ()
    """What a person should know."""
    architectures: tuple[str, ...] = ()
    """Of the nodes that its pods may come to, as far as that is known."""


def change(name: str, before: Manifest | None, after: Manifest) -> Change:
    """Compare an object with what would become of it. Both come without what differs anyway: names of releases, a cluster's own marks."""
    kind = kind_of(after)
    if kind == "Secret":
        before, after = masked(before, after)
    was, now = list(_lines(_discreet(before or {}))), list(_lines(_discreet(after)))
    if was == now:
        return Change(kind, name, "same")
    found = tuple(unified_diff(was, now, n=2, lineterm=""))[2:]  # without the two lines that name files
    return Change(kind, name, "new" if before is None else "changed", found)


def masked(before: Manifest | None, after: Manifest) -> tuple[Manifest | None, Manifest]:
    """Two states of a Secret with marks for values, which still tell whether they are the same."""
    was, now = _told(before or {}), _told(after)
    there = {key: MASK if was.get(key) == now.get(key) else BEFORE for key in was}
    then = {key: MASK if was.get(key) == now.get(key) else AFTER if key in was else MASK for key in now}
    return None if before is None else _with(before, there), _with(after, then)


def _told(secret: Manifest) -> dict[str, Any]:
    return {**inside(secret, "data"), **inside(secret, "stringData")}


def _with(secret: Manifest, data: Mapping[str, str]) -> Manifest:
    rest = {key: value for key, value in secret.items() if key not in {"data", "stringData"}}
    return {**rest, "data": dict(data)}


def _discreet(value: Any) -> Any:
    """The same without the values of variables that are called like a secret: the rules warn of them, and nobody prints them."""
    if isinstance(value, list | tuple):
        return [_discreet(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    hidden = {"value": MASK} if value.get("value") and TELLING.search(str(value.get("name", "")).upper()) else {}
    return {key: _discreet(inner) for key, inner in value.items()} | hidden


def _lines(value: object, indent: str = "") -> Iterator[str]:
    """As YAML, which is how people know their manifests; keys in order, so that only what differs differs."""
    match value:
        case Mapping():
            for key in sorted(value, key=str):
                yield from _under(f"{indent}{key}:", value[key], f"{indent}  ")
        case list() | tuple():
            for one in value:
                lines = list(_lines(one, f"{indent}  "))
                # The first line of what is in a list stands behind its dash.
                yield f"{indent}- {lines[0].removeprefix(indent + '  ')}" if lines else f"{indent}- {_scalar(one)}"
                yield from lines[1:]
        case _:
            yield f"{indent}{_scalar(value)}"


def _under(head: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        yield from _lines(value, indent)
    elif isinstance(value, str) and "\n" in value:
        yield f"{head} |"
        yield from (f"{indent}{line}" for line in value.splitlines())
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: object) -> str:
    if isinstance(value, str) and value and value[0].isalnum() and not any(mark in value for mark in ": #\n\"'"):
        return value if not value.replace(".", "").isdigit() else json.dumps(value)
    return value if isinstance(value, str) and value.startswith(MASK) else json.dumps(value, ensure_ascii=False, default=str)
