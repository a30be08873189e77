"""What a file inherits from the server's defaults, key by key, before it is read.

A key that the file writes is the file's alone, whatever the defaults say under it, so that nobody must guess how two values mix. Only
where names are the author's (variables, targets, freezes, groups) the two are put together, name by name. What was inherited keeps its
place: a fault in it is told where it was written.
"""

from collections.abc import Iterable
from dataclasses import replace

from headway.spec.nodes import Kind, Node

Pairs = tuple[tuple[Node, Node], ...]

BY_NAME = frozenset({"config", "secrets", "notify", "freezes", "checklists", "gates", "people", "groups"})
"""Mappings of which a file may inherit one name and write another."""
TOGETHER = {"strategy": frozenset({"holdback", "preview", "analysis"}), "trigger": frozenset({"after"}), "after": frozenset({"trigger"})}
"""Who writes the first does not inherit the others: they were chosen to go with another one."""
RIVALS = {"config": "secrets", "secrets": "config"}
"""A variable is one or the other; the file's own word counts."""


def marked(node: Node, source: str) -> Node:
    """The same tree, every node of which says where it is from."""
    return replace(
        node,
        source=source,
        items=tuple(marked(item, source) for item in node.items),
        pairs=tuple((marked(key, source), marked(value, source)) for key, value in node.pairs),
    )


def inherited(own: Node, defaults: Node | None) -> Node:
    """The file with what it does not say taken from the defaults."""
    if defaults is None or own.kind is not Kind.MAPPING:
        return own
    return replace(own, pairs=_merged(own.pairs, defaults.pairs, top=True))


def _merged(own: Pairs, defaults: Pairs, *, top: bool = False) -> Pairs:
    written = {key.text: value for key, value in own}
    given = {key.text: value for key, value in defaults}
    shadowed = {name for key in written for name in TOGETHER.get(key, ())}
    result: list[tuple[Node, Node]] = []
    for key, value in own:
        base = given.get(key.text)
        result.append((key, value if base is None else _one(key.text, value, base, written, top=top)))
    for key, value in defaults:
        if key.text not in written and key.text not in shadowed:
            result.append((key, _without(value, _names(written.get(RIVALS.get(key.text, ""))))))
    return tuple(result)


def _one(name: str, own: Node, base: Node, beside: dict[str, Node], *, top: bool) -> Node:
    """A key that both have."""
    if own.kind is not Kind.MAPPING or base.kind is not Kind.MAPPING:
        return own
    if name == "environments" and top:
        # Who names environments has those and no others; each inherits what is said of its name.
        known = {key.text: value for key, value in base.pairs}
        return replace(own, pairs=tuple((key, _environment(value, known.get(key.text))) for key, value in own.pairs))
    if name not in BY_NAME:
        return own
    rest = _without(base, _names(beside.get(RIVALS.get(name, ""))))
    pairs = _merged(own.pairs, rest.pairs) if name == "people" else _put_together(own.pairs, rest.pairs)
    return replace(own, pairs=pairs)


def _environment(own: Node, base: Node | None) -> Node:
    if base is None or own.kind is not Kind.MAPPING or base.kind is not Kind.MAPPING:
        return own
    return replace(own, pairs=_merged(own.pairs, base.pairs))


def _put_together(own: Pairs, base: Pairs) -> Pairs:
    written = {key.text for key, _ in own}
    return (*own, *((key, value) for key, value in base if key.text not in written))


def _without(node: Node, names: Iterable[str]) -> Node:
    gone = set(names)
    if not gone or node.kind is not Kind.MAPPING:
        return node
    return replace(node, pairs=tuple(pair for pair in node.pairs if pair[0].text not in gone))


def _names(node: Node | None) -> Iterable[str]:
    return (key.text for key, _ in node.pairs) if node is not None else ()
