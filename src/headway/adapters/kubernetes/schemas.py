"""Field names and types of Kubernetes' own kinds, as the client's generated models have them. An unknown field is not sent in silence."""

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from headway.environments.manifests.model import Finding, Manifest, Step, error, kind_of

TOLD = {str: "a text", int: "a whole number", bool: "true or false", float: "a number", dict: "a mapping", list: "a list"}


def findings(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Fields that the API server does not know, lacks, or cannot read. Kinds that are not Kubernetes' own are left to the cluster."""
    for thing in manifests:
        if (model := _model(str(thing.get("apiVersion") or ""), kind_of(thing))) is not None:
            # What SOPS wrote of itself is gone before anything is sent.
            for path, says in _object({key: value for key, value in thing.items() if key != "sops"}, model, ()):
                yield error(thing, path, says)


def _model(api: str, kind: str) -> type[Struct] | None:
    group, _, version = api.rpartition("/")
    try:
        module = importlib.import_module(f"lightkube.models.{group.partition('.')[0] or 'core'}_{version}")
    except ModuleNotFoundError as missing:
        if missing.name in {"lightkube", "lightkube.models"}:
            raise
        return None
    own = not group or "." not in group or group.endswith(".k8s.io")
    found = getattr(module, kind, None)
    return found if own and isinstance(found, type) and issubclass(found, Struct) else None


def _object(value: Mapping[str, Any], model: type[Struct], path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str]]:
    known = _known(model)
    for key, inner in value.items():
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            instead = f'did you mean "{near[0]}"?' if near else f"it may have {', '.join(sorted(known))}"
            yield (*path, str(key)), f'{_told(path)} has no field "{key}"; {instead}'
        elif inner is not None:  # nothing is what kubectl sends for it, too
            yield from _value(inner, known[key].type, (*path, str(key)))
    for key, field in known.items():
        if field.required and value.get(key) is None:
            yield path, f'{_told(path)} has no "{key}", which it must have'


@cache
def _known(model: type[Struct]) -> Mapping[str, FieldInfo]:
    """What it may have; working that out takes longer than all that is done with it."""
    return {field.encode_name: field for field in fields(model)}


def _value(value: object, expected: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str]]:
    kinds = [one for one in get_args(expected) if one is not type(None)] if get_origin(expected) in {Union, UnionType} else [expected]
    if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], Struct):
        if not isinstance(value, Mapping):
            yield path, _wrong(path, "a mapping", value)
        elif _known(kinds[0]):  # one without fields holds anything
            yield from _object(value, kinds[0], path)
    elif len(kinds) == 1 and get_origin(kinds[0]) is list:
        if not isinstance(value, list):
            yield path, _wrong(path, "a list", value)
            return
        for number, one in enumerate(value):
            yield from _value(one, get_args(kinds[0])[0], (*path, number))
    elif not any(_is(value, kind) for kind in kinds):
        yield path, _wrong(path, " or ".join(TOLD.get(get_origin(kind) or kind, "something else") for kind in kinds), value)
    elif kinds == [dict] and path[-1] in {"labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData"}:
        for key, inner in value.items() if isinstance(value, Mapping) else ():
            if not isinstance(inner, str):
                yield (*path, str(key)), _wrong((*path, str(key)), "a text (in quotes)", inner)


def _is(value: object, kind: Any) -> bool:
    whole = get_origin(kind) or kind
    if whole is str and isinstance(value, int | float) and not isinstance(value, bool):
        return False
    if whole is dict:
        return isinstance(value, Mapping)
    if whole in {int, float}:
        return isinstance(value, (int, float) if whole is float else int) and not isinstance(value, bool)
    return isinstance(value, whole) if whole in TOLD else True  # moments and the like come as text


def _wrong(path: tuple[Step, ...], expected: str, value: object) -> str:
    shown = json.dumps(value, default=str)
    return f"{_told(path)} is {shown if len(shown) < 40 else shown[:37] + '…'}, expected {expected}"


def _told(path: tuple[Step, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".") or "it"
