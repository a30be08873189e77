"""From text to nodes: well-formed YAML within bounds, or faults."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from headway.spec.faults import Faults
from headway.spec.nodes import MOST_BYTES, MOST_DEPTH, MOST_NODES, Kind, Node, plain_kind, shortened

TOP = Node(1, 1, Kind.NOTHING)
UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class _Stop(Exception):  # noqa: N818 - not an error: the fault is told, and reading on would only confuse
    """Nothing after this can be read sensibly."""


def compose(text: str | bytes, faults: Faults) -> Node | None:
    """The root of the only document, or None when a fault makes reading on senseless."""
    try:
        return _document(_Events(_readable(text, faults), faults), faults)
    except _Stop:
        return None


def _readable(text: str | bytes, faults: Faults) -> str:
    """The text within its size, as UTF-8, without control characters."""
    if len(text) > MOST_BYTES:
        _stop(
            faults,
            TOP,
            f"the file has {len(text):,} {'bytes' if isinstance(text, bytes) else 'characters'}, at most {MOST_BYTES:,} are read",
        )
    if isinstance(text, bytes):
        try:
            text = str(text, "utf-8")
        except UnicodeDecodeError as error:
            before = str(error.object[: error.start], "utf-8")
            _stop(faults, _place(before), f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8")
    text = text.removeprefix("\ufeff")
    if bad := UNREADABLE.search(text):
        _stop(faults, _place(text[: bad.start()]), f"U+{ord(bad[0]):04X} is a control character, expected readable text")
    return text


def _place(before: str) -> Node:
    """Where the text after this one starts."""
    return Node(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1, Kind.NOTHING)


class _Events:
    """ruamel's events one by one, its complaints turned into faults."""

    def __init__(self, text: str, faults: Faults) -> None:
        self.faults = faults
        self._lines = text
        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def next(self) -> Any:
        try:
            return next(self._events)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = Node(mark.line + 1, mark.column + 1, Kind.NOTHING) if mark else TOP
            _stop(self.faults, at, _syntax(error))
        except (YAMLError, ValueError, OverflowError, AttributeError, TypeError, IndexError, AssertionError, NotImplementedError) as error:
            # ruamel lets such errors of its own out on some garbage (escapes beyond Unicode, odd directives): the text is at fault.
            _stop(self.faults, TOP, f"this is not YAML: {shortened(str(error))}")


def _syntax(error: MarkedYAMLError) -> str:
    said = str(error.problem or error.context or "not YAML")
    problem = shortened(re.sub(r"\('(<[a-z ]+>)',\)", r"\1", said))
    if "'\\t'" in problem or "tab character" in problem:
        return "a tab, expected spaces: YAML is indented with spaces only"
    if "mapping values are not allowed" in problem:
        return 'a second ": " in one line or wrong indentation, expected one key a line; put text with ": " in quotes'
    if "while" in problem or not error.context:
        return f"this is not YAML: {problem}"
    return f"this is not YAML: {shortened(str(error.context))}, {problem}"


def _stop(faults: Faults, at: Node, text: str) -> NoReturn:
    faults.add(at, text)
    raise _Stop


def _document(events: _Events, faults: Faults) -> Node:
    event = events.next()
    while isinstance(event, StreamStartEvent | DocumentStartEvent):
        event = events.next()
    if isinstance(event, StreamEndEvent):
        _stop(faults, TOP, "the file is empty, expected a mapping with services: and environments:")
    root = _Composer(events, faults).node(event, 0)
    while not isinstance(event := events.next(), StreamEndEvent):
        if not isinstance(event, DocumentEndEvent):
            _stop(faults, _at(event, Kind.NOTHING), "a second document starts here, expected one")
    return root


def _at(event: Any, kind: Kind, text: str = "", **rest: Any) -> Node:
    return Node(event.start_mark.line + 1, event.start_mark.column + 1, kind, text, **rest)


class _Composer:
    """Puts events together; aliases are the same node again, never a copy."""

    def __init__(self, events: _Events, faults: Faults) -> None:
        self._events = events
        self._faults = faults
        self._anchors: dict[str, Node] = {}
        self._open: set[str] = set()
        self._count = 0

    def node(self, event: Any, depth: int) -> Node:
        here = _at(event, Kind.NOTHING)
        if depth > MOST_DEPTH:
            _stop(self._faults, here, f"nested more than {MOST_DEPTH} deep")
        if isinstance(event, AliasEvent):
            node = self._alias(event, here)
            self._counted(node.weight, here)
            return node
        if event.tag:
            self._faults.add(here, f"the tag {shortened(str(event.tag))}, expected none: a value is read as what its key needs")
        if event.anchor:
            self._open.add(event.anchor)
        before = self._count
        self._counted(1, here)
        node = self._value(event, depth, before)
        if event.anchor:
            self._anchors[event.anchor] = node
            self._open.discard(event.anchor)
        return node

    def _counted(self, weight: int, at: Node) -> None:
        self._count += weight
        if self._count > MOST_NODES:
            _stop(self._faults, at, f"from here on there are more than {MOST_NODES:,} values (aliases count for all they stand for)")

    def _alias(self, event: Any, here: Node) -> Node:
        name = event.anchor
        if name in self._open:
            _stop(self._faults, here, f"*{shortened(name)} stands inside of what it stands for")
        if name not in self._anchors:
            _stop(self._faults, here, f"*{shortened(name)} stands for nothing: there is no &{shortened(name)} before it")
        return self._anchors[name]

    def _value(self, event: Any, depth: int, before: int) -> Node:
        if isinstance(event, ScalarEvent):
            kind = plain_kind(event.value) if event.style is None else Kind.TEXT
            return _at(event, kind, event.value)
        if isinstance(event, SequenceStartEvent):
            items = []
            while not isinstance(item := self._events.next(), SequenceEndEvent):
                items.append(self.node(item, depth + 1))
            return _at(event, Kind.LIST, items=tuple(items), weight=self._count - before)
        assert isinstance(event, MappingStartEvent)
        pairs = self._pairs(depth)
        return _at(event, Kind.MAPPING, pairs=pairs, weight=self._count - before)

    def _pairs(self, depth: int) -> tuple[tuple[Node, Node], ...]:
        own: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        while not isinstance(event := self._events.next(), MappingEndEvent):
            key = self.node(event, depth + 1)
            value = self.node(self._events.next(), depth + 1)
            if key.kind in {Kind.MAPPING, Kind.LIST}:
                self._faults.add(key, f"{key.shown} as a key, expected a name")
            elif key.text == "<<":
                self._merge(key, value, merged)
            elif key.text in own:
                first = own[key.text][0].line
                self._faults.add(key, f'the key "{shortened(key.text)}" is there twice, expected once; the first is on line {first}')
            else:
                own[key.text] = (key, value)
        return tuple((merged | own).values()) if merged else tuple(own.values())

    def _merge(self, key: Node, value: Node, merged: dict[str, tuple[Node, Node]]) -> None:
        """Take in what `<<` names; the first mapping to name a key wins, and keys written out win over all."""
        sources = value.items if value.kind is Kind.LIST else (value,)
        for source in sources:
            if source.kind is not Kind.MAPPING:
                self._faults.add(key, f"<< is {source.shown}, expected a mapping or an alias of one")
                continue
            for pair in source.pairs:
                merged.setdefault(pair[0].text, pair)
