"""OpenAPI documents (3.0 and 3.1), compared from the side of a client that was written against the old one."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headway.adapters.apidiff.schemas import Schemas
from headway.errors import Unavailable
from headway.releases.api import Finding
from headway.releases.levels import Level

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_NAMED = re.compile(r"\{[^}]*\}")
_NOTHING: Mapping[str, Any] = {}


def compare(old: Path, new: Path, file: str) -> tuple[Finding, ...]:
    """What changed in the document between two trees of files. Unavailable: it cannot be told."""
    before, after = old / file, new / file
    if not before.is_file() and not after.is_file():
        raise Unavailable(f"there is no {file}, neither in the last release nor now (versions.api.openapi)")
    if not before.is_file():
        return (Finding(Level.MINOR, file, "the document is new", file),)
    if not after.is_file():
        return (Finding(Level.MAJOR, file, "the document is gone", file),)
    try:
        return tuple(dict.fromkeys(differences(_read(before, file), _read(after, file), file)))
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise Unavailable(f"{file} is no OpenAPI document that can be compared: {type(error).__name__}: {error}") from error


def differences(old: Mapping[str, Any], new: Mapping[str, Any], file: str) -> Iterator[Finding]:
    """Every change between two documents that somebody could notice."""
    before, after = _operations(old), _operations(new)
    for key, (name, was, shared) in before.items():
        if key not in after:
            yield Finding(Level.MAJOR, name, "was removed", file)
            continue
        _, now, now_shared = after[key]
        compared = _Operation(old, new, name, file)
        yield from compared.differences({**was, "parameters": _both(shared, was)}, {**now, "parameters": _both(now_shared, now)})
    for key, (name, _, _) in after.items():
        if key not in before:
            yield Finding(Level.MINOR, name, "was added", file)


def _read(path: Path, file: str) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json":
            found = json.loads(text)
        else:
            from ruamel.yaml import YAML

            found = YAML(typ="safe", pure=True).load(text)
    except Exception as error:  # the parsers raise many kinds; each means that there is nothing to compare
        raise Unavailable(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise Unavailable(f"{file} is no OpenAPI 3 document")
    return found


def _operations(document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, Mapping[str, Any], list[Any]]]:
    """By path and method; what a path calls its parameters does not matter to anybody."""
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any], list[Any]]] = {}
    for path, item in (document.get("paths") or {}).items():
        for method in _METHODS:
            if method in item:
                operation = dict(item[method])
                operation.setdefault("security", document.get("security", []))
                found[_NAMED.sub("{}", path), method] = (f"{method.upper()} {path}", operation, list(item.get("parameters", [])))
    return found


def _both(shared: list[Any], operation: Mapping[str, Any]) -> list[Any]:
    return [*shared, *operation.get("parameters", [])]


class _Operation:
    """One operation in both documents."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any], name: str, file: str) -> None:
        self._schemas = Schemas(old, new)
        self._name = name
        self._file = file

    def differences(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Finding]:
        told = (*self._parameters(was, now), *self._body(was, now), *self._responses(was, now), *self._rest(was, now))
        yield from (Finding(level, self._name, what, self._file) for level, what in told)

    def _parameters(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
        before = self._named(was["parameters"], self._schemas.old)
        after = self._named(now["parameters"], self._schemas.new)
        for key, one in before.items():
            what = f"{one['in']} parameter {one['name']}"
            if key not in after:
                yield Level.MAJOR, f"{what} was removed"
                continue
            other = after[key]
            if bool(one.get("required")) != bool(other.get("required")):
                yield (Level.MAJOR, f"{what} is now required") if other.get("required") else (Level.MINOR, f"{what} may be left out")
            yield from self._schemas.request(_schema(one), _schema(other), what)
        for key, other in after.items():
            if key not in before:
                level = Level.MAJOR if other.get("required") else Level.MINOR
                yield level, f"{other['in']} parameter {other['name']} was added{' and is required' if level is Level.MAJOR else ''}"

    def _named(self, parameters: list[Any], document: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
        found = {}
        places = 0
        for parameter in parameters:
            one = self._schemas.resolved(parameter, document)
            # Those in the path have places; their names are the document's own affair.
            key = ("path", str(places)) if one["in"] == "path" else (one["in"], one["name"])
            places += one["in"] == "path"
            found[key] = one
        return found

    def _body(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
        before = self._schemas.resolved(was.get("requestBody") or _NOTHING, self._schemas.old)
        after = self._schemas.resolved(now.get("requestBody") or _NOTHING, self._schemas.new)
        if before and not after:
            yield Level.MAJOR, "the request body was removed"
            return
        if after.get("required") and not before.get("required"):
            yield Level.MAJOR, "the request body is now required"
        elif after and not before:
            yield Level.MINOR, "a request body was added"
        elif before.get("required") and not after.get("required"):
            yield Level.MINOR, "the request body may be left out"
        if before:
            yield from self._content(before, after, "request body", request=True)

    def _responses(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
        before = {str(code): one for code, one in (was.get("responses") or {}).items()}
        after = {str(code): one for code, one in (now.get("responses") or {}).items()}
        for code, one in before.items():
            if code not in after:
                yield (Level.MAJOR if code.startswith("2") else Level.MINOR), f"response {code} was removed"
                continue
            answers = self._schemas.resolved(one, self._schemas.old), self._schemas.resolved(after[code], self._schemas.new)
            yield from self._content(*answers, f"response {code}", request=False)
        for code in after:
            if code not in before:
                yield Level.MINOR, f"response {code} was added"

    def _content(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str, *, request: bool) -> Iterator[tuple[Level, str]]:
        before, after = was.get("content") or {}, now.get("content") or {}
        for kind, one in before.items():
            if kind not in after:
                yield Level.MAJOR, f"{what}: {kind} was removed"
            else:
                compare_ = self._schemas.request if request else self._schemas.response
                yield from compare_(_schema(one), _schema(after[kind]), what)
        for kind in after:
            if kind not in before:
                yield Level.MINOR, f"{what}: {kind} was added"

    def _rest(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
        if now.get("deprecated") and not was.get("deprecated"):
            yield Level.MINOR, "is deprecated"
        # Nothing at all, or an empty alternative, lets everybody in.
        before, after = ([sorted(one.items()) for one in operation["security"] or [{}]] for operation in (was, now))
        if any(one not in after for one in before) and [] not in after:
            yield Level.MAJOR, "asks for other credentials"
        elif any(one not in before for one in after):
            yield Level.MINOR, "takes other credentials too"


def _schema(holder: Mapping[str, Any]) -> Any:
    if "schema" in holder:
        return holder["schema"]
    return next((one.get("schema", {}) for one in (holder.get("content") or {}).values()), {})
