"""JSON schemas of OpenAPI documents, compared.

What a request may say can be widened, what a response says can be narrowed, never the reverse.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from headway.errors import Unavailable
from headway.releases.levels import Level

Told = tuple[Level, str]
_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LONGEST_CHAIN = 50


class Schemas:
    """The schemas of two documents."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self.old = old
        self.new = new

    def request(self, was: Any, now: Any, what: str) -> Iterator[Told]:
        """What clients send."""
        yield from _Pair(self, request=True).compare(was, now, what)

    def response(self, was: Any, now: Any, what: str) -> Iterator[Told]:
        """What clients get."""
        yield from _Pair(self, request=False).compare(was, now, what)

    @staticmethod
    def resolved(one: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """What stands behind references."""
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(one, dict):
                return {} if one is not False else {"not": {}}
            reference = one.get("$ref")
            if reference is None:
                return one
            if not str(reference).startswith("#/"):
                raise Unavailable(f"{reference} lies outside of the document, so the two cannot be compared; bundle it into one file")
            one = _found(str(reference), document)
        raise Unavailable("a reference leads to itself")


def _found(reference: str, document: Any) -> Any:
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
        if not isinstance(document, dict) or name not in document:
            raise Unavailable(f"{reference} leads nowhere")
        document = document[name]
    return document


class _Pair:
    """One comparison, in one direction."""

    def __init__(self, schemas: Schemas, *, request: bool) -> None:
        self._schemas = schemas
        self._request = request
        self._seen: set[tuple[int, int]] = set()
        # Flattened schemas are kept, so that an id seen stays that of one object.
        self._kept: list[Mapping[str, Any]] = []

    def compare(self, was: Any, now: Any, what: str) -> Iterator[Told]:
        before, after = self._schemas.resolved(was, self._schemas.old), self._schemas.resolved(now, self._schemas.new)
        if (id(before), id(after)) in self._seen:
            return
        self._seen.add((id(before), id(after)))
        before, after = self._flat(before, self._schemas.old), self._flat(after, self._schemas.new)
        self._kept += (before, after)
        if before == after and "$ref" not in str(before):
            return
        yield from self._types(before, after, what)
        yield from self._values(before, after, what)
        yield from self._bounds(before, after, what)
        yield from self._properties(before, after, what)
        yield from self._variants(before, after, what)
        if "items" in before and "items" in after:
            yield from self.compare(before["items"], after["items"], f"{what}[]")

    def _flat(self, schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
        """With everything that `allOf` adds."""
        if "allOf" not in schema:
            return schema
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            one = self._flat(self._schemas.resolved(part, document), document)
            properties = {**one.get("properties", {}), **whole.get("properties", {})}
            required = [*one.get("required", []), *whole.get("required", [])]
            whole = {**one, **whole} | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})
        return whole

    def _told(self, what: str, *, wider: bool) -> Told:
        """Wider is good for what is sent, narrower for what is got."""
        return (Level.MINOR if wider is self._request else Level.MAJOR), what

    def _types(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Iterator[Told]:
        before, after = _types(was), _types(now)
        if before != after:
            said = f"{what} is {_listed(after)}, not {_listed(before)}"
            if before <= after or after <= before:
                yield self._told(said, wider=before <= after)
            else:
                yield Level.MAJOR, said
        if was.get("format") != now.get("format"):
            if was.get("format") and now.get("format"):
                yield Level.MAJOR, f"{what} has the format {now['format']}, not {was['format']}"
            else:
                yield self._told(f"{what} has {'no format' if was.get('format') else 'a format'} now", wider="format" in was)

    def _values(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Iterator[Told]:
        before, after = _enum(was), _enum(now)
        if before is None and after is not None:
            yield self._told(f"{what} takes only certain values now", wider=False)
        elif before is not None and after is None:
            yield self._told(f"{what} takes any value now", wider=True)
        elif before is not None and after is not None:
            # A value that was documented and is gone is a removal in both directions; a new one is an addition.
            yield from ((Level.MAJOR, f"{what}: the value {value!r} was removed") for value in before if value not in after)
            yield from ((Level.MINOR, f"{what}: the value {value!r} was added") for value in after if value not in before)

    def _bounds(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Iterator[Told]:
        tables: tuple[tuple[Sequence[str], Callable[[Any, Any], bool]], ...] = ((_MOST, _above), (_LEAST, _below))
        for names, wider in tables:
            for name in names:
                before, after = was.get(name), now.get(name)
                if before != after:
                    yield self._told(
                        f"{what}: {name} is {after}, not {before}", wider=after is None or (before is not None and wider(after, before))
                    )
        if was.get("pattern") != now.get("pattern"):
            if was.get("pattern") is not None and now.get("pattern") is not None:
                yield Level.MAJOR, f"{what}: the pattern is {now['pattern']}, not {was['pattern']}"
            else:
                yield self._told(f"{what}: the pattern is {now.get('pattern')}, not {was.get('pattern')}", wider="pattern" in was)

    def _properties(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Iterator[Told]:
        before, after = was.get("properties") or {}, now.get("properties") or {}
        needed, needs = set(was.get("required") or ()), set(now.get("required") or ())
        for name, one in before.items():
            if name not in after:
                yield Level.MAJOR, f"{what}: the field {name} was removed"
                continue
            if (name in needed) != (name in needs):
                yield self._told(f"{what}: the field {name} is {'now' if name in needs else 'no longer'} required", wider=name in needed)
            yield from self.compare(one, after[name], f"{what}.{name}")
        for name in after:
            if name not in before:
                demanded = self._request and name in needs
                yield (
                    (Level.MAJOR if demanded else Level.MINOR),
                    f"{what}: the field {name} was added{' and is required' if demanded else ''}",
                )
        open_before, open_after = was.get("additionalProperties", True), now.get("additionalProperties", True)
        if (open_before is False) != (open_after is False):
            yield self._told(f"{what} takes {'no' if open_after is False else 'any'} further fields", wider=open_before is False)
        elif isinstance(open_before, dict) and isinstance(open_after, dict):
            yield from self.compare(open_before, open_after, f"{what}.*")

    def _variants(self, was: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Iterator[Told]:
        for key in ("oneOf", "anyOf"):
            before, after = list(was.get(key) or ()), list(now.get(key) or ())
            if bool(before) != bool(after):
                yield self._told(f"{what}: {key} was {'removed' if before else 'added'}", wider=bool(before))
                continue
            gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
            same = [one for one in before if one in after]
            for one in same:
                yield from self.compare(one, after[after.index(one)], f"{what} ({key})")
            if len(gone) == len(come):
                for one, other in zip(gone, come, strict=True):
                    yield from self.compare(one, other, f"{what} ({key})")
            elif gone and come:
                yield Level.MAJOR, f"{what}: the alternatives of {key} changed"
            else:
                yield self._told(f"{what}: an alternative of {key} was {'removed' if gone else 'added'}", wider=bool(come))


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    said = schema.get("type")
    types = frozenset(said) if isinstance(said, list) else frozenset({said}) if said else _TYPES
    # Every integer is a number.
    return types | ({"null"} if schema.get("nullable") else frozenset()) | ({"integer"} if "number" in types else frozenset())


def _listed(types: frozenset[str]) -> str:
    return "anything" if types == _TYPES else " or ".join(sorted(types - ({"integer"} if "number" in types else frozenset())))


def _enum(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return list(found) if found is not None else None


def _above(after: Any, before: Any) -> bool:
    return bool(after > before)


def _below(after: Any, before: Any) -> bool:
    return bool(after < before)
