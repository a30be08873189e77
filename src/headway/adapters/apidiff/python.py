"""Python packages, compared by griffe from their sources; nothing is imported, nothing of the repository runs.

griffe finds what was removed and what parameters did. It says nothing of a function that becomes async (or is no longer), of changed types,
of attributes, of what classes promise, of overloads, of what leaves `__all__`, of additions and deprecations: those are found here.
"""

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.adapters.apidiff.annotations import parts, spelt
from headway.errors import Unavailable
from headway.releases.api import Finding
from headway.releases.levels import Level

if TYPE_CHECKING:
    import griffe

_DEPRECATED = re.compile(r"\.\. deprecated::|\bdeprecated\b", re.IGNORECASE)


def compare(old: Path, new: Path, folder: str) -> tuple[Finding, ...]:
    """What changed in the package of that folder between two trees of files. Unavailable: it cannot be told."""
    before, after = old / folder, new / folder
    name = Path(folder).name
    if not before.is_dir() and not after.is_dir():
        raise Unavailable(f"there is no Python package {folder}, neither in the last release nor now (versions.api.python)")
    if not before.is_dir():
        return (Finding(Level.MINOR, name, "the package is new", folder),)
    if not after.is_dir():
        return (Finding(Level.MAJOR, name, "the package is gone", folder),)
    for tree in (before, after):
        _readable(tree)
    griffe = _griffe()
    try:
        loaded = [_load(griffe, tree.parent, name) for tree in (before, after)]
        return tuple(dict.fromkeys(_findings(griffe, loaded[0], loaded[1], folder)))
    except Exception as error:  # griffe walks the whole package: whatever stops it, we do not know the answer
        raise Unavailable(f"griffe could not compare {folder}: {type(error).__name__}: {error}") from error


def _griffe() -> Any:
    try:
        import griffe
    except ImportError as error:
        raise Unavailable("comparing Python packages needs griffe; do: pip install 'headway[api]'") from error
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    return griffe


def _readable(tree: Path) -> None:
    """griffe passes over a file that it cannot parse, and everything in it would count as removed."""
    for file in sorted(tree.rglob("*.py")):
        try:
            ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError) as error:
            raise Unavailable(f"{file.relative_to(tree.parent)} cannot be parsed: {error}") from error


def _load(griffe: Any, tree: Path, name: str) -> Any:
    return griffe.load(
        name, search_paths=[tree], try_relative_path=False, allow_inspection=False, resolve_aliases=True, resolve_external=False
    )


def _findings(griffe: Any, old: Any, new: Any, folder: str) -> Iterator[Finding]:
    for breakage in griffe.find_breaking_changes(old, new):
        path = breakage.obj.path
        if breakage.kind is griffe.BreakageKind.RETURN_CHANGED_TYPE:
            continue  # griffe only sees that an annotation went away, which takes nothing from anybody
        parameter = getattr(breakage.old_value, "name", None) or getattr(breakage.new_value, "name", "")
        of = f" ({parameter})" if breakage.kind.name.startswith("PARAMETER") else ""
        # Another default is another behaviour of a call that still works.
        level = Level.MINOR if breakage.kind is griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT else Level.MAJOR
        yield Finding(level, path, f"{breakage.kind.value.lower()}{of}", folder)
    yield from _members(old, new, folder, set())


def _members(old: Any, new: Any, folder: str, seen: set[str]) -> Iterator[Finding]:
    """What griffe does not look for, member by member."""
    before = {name: member for name, member in old.all_members.items() if member.is_public}
    after = {name: member for name, member in new.all_members.items() if member.is_public}
    for name, member in before.items():
        if name not in after and name in new.all_members:
            yield Finding(Level.MAJOR, member.path, "is no longer public", folder)
    for name, member in after.items():
        if name not in before:
            if new.is_class and "abstractmethod" in member.labels:
                yield Finding(Level.MAJOR, member.path, "must be defined by every subclass", folder)
                continue
            yield Finding(Level.MINOR, member.path, f"{_kind(member)} was added", folder)
            continue
        was, now = _target(before[name]), _target(member)
        if was is None or now is None or was.path in seen or was.kind is not now.kind:
            continue
        seen.add(was.path)
        if _deprecated(now) and not _deprecated(was):
            yield Finding(Level.MINOR, now.path, "is deprecated", folder)
        if now.is_function:
            yield from _function(was, now, folder)
        elif now.is_attribute:
            yield from _attribute(was, now, folder)
        else:
            if now.is_class:
                yield from _class(was, now, folder)
            yield from _members(was, now, folder, seen)


def _kind(member: Any) -> str:
    target = _target(member)
    return str(target.kind.value) if target is not None else "name"


def _target(member: Any) -> Any:
    """What stands behind a name; None for what comes from outside of the package."""
    if not member.is_alias:
        return member
    try:
        return member.final_target
    except Exception:  # an alias that leads out of the package is not its interface
        return None


def _class(was: Any, now: Any, folder: str) -> Iterator[Finding]:
    if _decorated(now, "final") and not _decorated(was, "final"):
        yield Finding(Level.MAJOR, now.path, "may not be subclassed any more", folder)
    if "frozen=True" in _dataclass(now) and "frozen=True" not in _dataclass(was):
        yield Finding(Level.MAJOR, now.path, "is frozen: its fields can be set no longer", folder)


def _dataclass(of: Any) -> str:
    """How a dataclass is declared, without blanks."""
    return "".join(str(one.value).replace(" ", "") for one in of.decorators if "dataclass" in str(one.callable_path))


def _function(was: Any, now: Any, folder: str) -> Iterator[Finding]:
    awaited = ("async" in was.labels, "async" in now.labels)
    if awaited[0] != awaited[1]:
        yield Finding(Level.MAJOR, now.path, "became async" if awaited[1] else "is no longer async", folder)
    if level := _changed(was.returns, now.returns, widening=Level.MAJOR, narrowing=Level.MINOR):
        yield Finding(level, now.path, f"returns {now.returns}, not {was.returns}", folder)
    if "abstractmethod" in now.labels and "abstractmethod" not in was.labels:
        yield Finding(Level.MAJOR, now.path, "must be defined by every subclass", folder)
    kept = {_signature(one) for one in now.overloads or ()}
    for gone in (one for one in was.overloads or () if kept and _signature(one) not in kept):
        yield Finding(Level.MAJOR, now.path, f"is no longer called as {_signature(gone)}", folder)
    before = {parameter.name: parameter for parameter in was.parameters}
    for parameter in now.parameters:
        known = before.get(parameter.name)
        if known is None:
            if not parameter.required:
                yield Finding(Level.MINOR, now.path, f"parameter {parameter.name} was added", folder)
        elif level := _changed(known.annotation, parameter.annotation, widening=Level.MINOR, narrowing=Level.MAJOR):
            yield Finding(level, now.path, f"parameter {parameter.name} takes {parameter.annotation}, not {known.annotation}", folder)


def _signature(of: Any) -> str:
    takes = ", ".join(f"{one.name}: {spelt(str(one.annotation))}" if one.annotation is not None else one.name for one in of.parameters)
    return f"({takes}) -> {spelt(str(of.returns))}" if of.returns is not None else f"({takes})"


def _attribute(was: Any, now: Any, folder: str) -> Iterator[Finding]:
    if "property" in was.labels and "property" in now.labels and "writable" in was.labels and "writable" not in now.labels:
        yield Finding(Level.MAJOR, now.path, "can be read only", folder)
    if was.annotation is not None and now.annotation is not None:
        if parts(str(was.annotation)) != parts(str(now.annotation)):
            yield Finding(Level.MAJOR, now.path, f"is {now.annotation}, not {was.annotation}", folder)
    elif (kinds := (_literal(was.value), _literal(now.value)))[0] != kinds[1] and None not in kinds:
        yield Finding(Level.MAJOR, now.path, f"is {kinds[1]}, not {kinds[0]}", folder)


def _changed(was: Any, now: Any, *, widening: Level, narrowing: Level) -> Level | None:
    """The level of a change between two annotations; where one is missing nothing was promised."""
    if was is None or now is None or str(was) == str(now):
        return None
    before, after = parts(str(was)), parts(str(now))
    if before == after:
        return None
    if before < after:
        return widening
    return narrowing if after < before else Level.MAJOR


def _literal(value: Any) -> str | None:
    try:
        return type(ast.literal_eval(str(value))).__name__ if value is not None else None
    except (ValueError, SyntaxError):
        return None


def _deprecated(member: "griffe.Object") -> bool:
    text = member.docstring.value if member.docstring is not None else ""
    return _decorated(member, "deprecated") or _DEPRECATED.search(text) is not None


def _decorated(member: Any, name: str) -> bool:
    return any(str(decorator.callable_path).rsplit(".", 1)[-1] == name for decorator in getattr(member, "decorators", ()))
