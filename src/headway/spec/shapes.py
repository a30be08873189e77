"""The shapes that values of the file take. Each can read a node, describe itself as JSON Schema, and say in words what it expects.

One table of keys (`keys.py`) made of these drives validation, the schema for editors and the reference, so that they cannot drift.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headway.spec.faults import Faults
from headway.spec.nodes import Kind, Node, shortened

NOWHERE = Node(1, 1, Kind.NOTHING)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was read at one place. `value` is None where nothing was, or where a fault was told."""

    value: Any = None
    node: Node = NOWHERE
    key: Node = NOWHERE
    """The key that it stands behind."""
    given: bool = False
    """Written in the file, however wrongly; not a default."""

    def __getitem__(self, name: str) -> "Found":
        """The part of that name; nothing if there is none."""
        part = self.value.get(name, NOTHING) if isinstance(self.value, dict) else NOTHING
        assert isinstance(part, Found)
        return part

    def parts(self) -> Iterator[tuple[str, "Found"]]:
        """Of a mapping, its names and parts."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def items(self) -> tuple["Found", ...]:
        """Of a list, those that could be read."""
        return tuple(item for item in self.value if item.value is not None) if isinstance(self.value, tuple) else ()

    def values(self) -> tuple[Any, ...]:
        """Of a list, the bare values."""
        return tuple(item.value for item in self.items())


NOTHING = Found()


class Shape(Protocol):
    """What a value looks like."""

    @property
    def words(self) -> str:
        """What is expected, to follow `expected`."""
        ...

    def read(self, node: Node, key: Node, where: str, faults: Faults) -> Found: ...

    def schema(self) -> dict[str, Any]: ...


def wrong(faults: Faults, node: Node, key: Node, where: str, shape: Shape, hint: str = "", shown: str | None = None) -> Found:
    """Tell what was found at `where` and what was expected."""
    # An empty value stands nowhere in particular; its key does.
    at = key if node.kind is Kind.NOTHING and key is not NOWHERE else node
    faults.add(at, f"{where or 'the file'} is {shown or node.shown}, expected {shape.words}" + (f"; {hint}" if hint else ""))
    return Found(None, node, key, given=True)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value: `convert` makes it from a node or raises ValueError with a hint. A quiet one is never quoted: it may be a secret."""

    words: str
    convert: Callable[[Node], Any]
    json: Mapping[str, Any]
    quiet: bool = False

    def read(self, node: Node, key: Node, where: str, faults: Faults) -> Found:
        try:
            return Found(self.convert(node), node, key, given=True)
        except ValueError as error:
            # Numbers and empty values can be told from text; what a quiet value says cannot be shown at all.
            shown = "written out" if self.quiet and not node.items and not node.pairs and node.kind is not Kind.NOTHING else None
            return wrong(faults, node, key, where, self, "" if self.quiet else str(error), shown)

    def schema(self) -> dict[str, Any]:
        return dict(self.json)


@dataclass(frozen=True, slots=True, eq=False)
class ListOf:
    """Several of one shape, each once; a single one may stand for a list of it."""

    item: Shape
    words: str
    least: int = 0

    def read(self, node: Node, key: Node, where: str, faults: Faults) -> Found:
        if node.kind in {Kind.MAPPING, Kind.NOTHING} or (node.kind is Kind.LIST and len(node.items) < self.least):
            return wrong(faults, node, key, where, self, shown="an empty list" if node.kind is Kind.LIST else None)
        nodes = node.items if node.kind is Kind.LIST else (node,)
        found = tuple(self.item.read(one, key, where if node.kind is not Kind.LIST else f"an item of {where}", faults) for one in nodes)
        self._twice(found, where, faults)
        return Found(found, node, key, given=True)

    def _twice(self, found: tuple[Found, ...], where: str, faults: Faults) -> None:
        seen: set[Any] = set()
        for one in found:
            if isinstance(one.value, dict):  # a record; two may well differ in one key only
                continue
            if one.value is not None and one.value in seen:
                faults.add(one.node, f"{where} has {one.node.shown} twice, expected each once")
            seen.add(one.value)

    def schema(self) -> dict[str, Any]:
        item = self.item.schema()
        items = {"type": "array", "items": item, "uniqueItems": True} | ({"minItems": self.least} if self.least else {})
        return {"anyOf": [item, items]}


@dataclass(frozen=True, slots=True, eq=False)
class MapOf:
    """Names that the author chooses, each with a value of one shape."""

    name: Value
    item: Shape
    words: str
    placeholder: str
    """How the reference calls a name: `SERVICE`."""
    least: int = 0

    def read(self, node: Node, key: Node, where: str, faults: Faults) -> Found:
        if node.kind is not Kind.MAPPING or len(node.pairs) < self.least:
            hint = "write {} for none" if node.kind is Kind.NOTHING and not self.least else ""
            quiet = isinstance(self.item, Value) and self.item.quiet and node.kind not in {Kind.NOTHING, Kind.LIST, Kind.MAPPING}
            shown = "an empty mapping" if node.kind is Kind.MAPPING else "written out" if quiet else None
            return wrong(faults, node, key, where, self, hint, shown)
        parts: dict[str, Found] = {}
        for name, value in node.pairs:
            inside = f"{where}.{shortened(name.text)}"
            try:
                # A name is what is written, whatever YAML would make of it: `on`, `1`.
                self.name.convert(Node(name.line, name.column, Kind.TEXT, name.text))
            except ValueError as error:
                faults.add(name, f"{inside} is not a name for this, expected {self.name.words}" + (f"; {error}" if str(error) else ""))
            parts[name.text] = self.item.read(value, name, inside, faults)
        return Found(parts, node, key, given=True)

    def schema(self) -> dict[str, Any]:
        names = {key: value for key, value in self.name.schema().items() if key != "type"}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.item.schema(),
        } | ({"minProperties": self.least} if self.least else {})
