"""Records: mappings whose keys we choose, from a table that also says what each key means."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from headway.spec.compose import compose
from headway.spec.faults import Faults, nearest
from headway.spec.nodes import Kind, Node, shortened
from headway.spec.shapes import NOTHING, NOWHERE, Found, Shape, wrong


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key of a record: what stands behind it, what is taken when it is not there, and what it means."""

    name: str
    shape: Shape
    meaning: str
    default: str | None = None
    """As it would be written in the file; None: nothing is taken."""
    otherwise: str = ""
    """What happens without it, in words, where that is more than a value."""
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Keys that we choose. `short`: a bare value stands for this key alone. `one_of`: exactly one of these; `some_of`: at least one."""

    words: str
    keys: tuple[Key, ...]
    short: str | None = None
    one_of: tuple[str, ...] = ()
    some_of: tuple[str, ...] = ()
    bare: bool = False
    """A bare name of one of the keys stands for that key with its default."""
    later: tuple[str, ...] = ()
    """Keys that are known, but not in this version."""
    own: str = ""
    """Keys that start like this are the author's, and mean nothing to us."""

    def read(self, node: Node, key: Node, where: str, faults: Faults) -> Found:
        if node.kind is not Kind.MAPPING:
            return self._read_bare(node, key, where, faults)
        pairs = {name.text: (name, value) for name, value in node.pairs if not (self.own and name.text.startswith(self.own))}
        pairs = self._recognised(pairs, where, faults)
        self._missing(pairs, node, key, where, faults)
        parts: dict[str, Found] = {}
        for each in self.keys:
            if each.name in pairs:
                name, value = pairs[each.name]
                parts[each.name] = each.shape.read(value, name, f"{where}.{each.name}" if where else each.name, faults)
            elif each.default is not None and each.name not in self.one_of:  # the others of a choice were not chosen
                parts[each.name] = default(each)
        return Found(parts, node, key, given=True)

    def _read_bare(self, node: Node, key: Node, where: str, faults: Faults) -> Found:
        if self.bare and node.kind is Kind.TEXT:
            if node.text in self.later:
                return wrong(faults, node, key, where, self, f"{node.text} is not in this version")
            if named := next((each for each in self.keys if each.name == node.text), None):
                return Found({named.name: default(named)}, node, key, given=True)
            meant = nearest(node.text, [each.name for each in self.keys])
            return wrong(faults, node, key, where, self, f'did you mean "{meant}"?' if meant else "")
        if self.short and node.kind is not Kind.NOTHING:
            one = next(each for each in self.keys if each.name == self.short)
            found = one.shape.read(node, key, where, faults)
            rest = {each.name: default(each) for each in self.keys if each.default is not None}
            return Found(rest | {one.name: found}, node, key, given=True)
        return wrong(
            faults, node, key, where, self, "write {} to take every default" if node.kind is Kind.NOTHING and self._may_be_empty() else ""
        )

    def _may_be_empty(self) -> bool:
        return not (self.one_of or self.some_of or any(each.required for each in self.keys))

    def _recognised(self, pairs: dict[str, tuple[Node, Node]], where: str, faults: Faults) -> dict[str, tuple[Node, Node]]:
        """The pairs under the names we know. A misspelt key is read as the one that was meant, so that one slip is one fault."""
        known = [each.name for each in self.keys]
        result = {name: pair for name, pair in pairs.items() if name in known}
        free = [name for name in known if name not in result]
        for name, (at, value) in pairs.items():
            if name in result:
                continue
            if name in self.later:
                faults.add(at, f"{where + '.' if where else ''}{name} is not in this version")
                continue
            faults.unknown(at, f'{where or "the file"} has no key "{shortened(name)}"', name, free or known, "keys")
            if (meant := nearest(name, free)) and meant not in result:
                result[meant] = (at, value)
        return result

    def _missing(self, pairs: Mapping[str, Any], node: Node, key: Node, where: str, faults: Faults) -> None:
        at = key if key is not NOWHERE else node
        for each in self.keys:
            if each.required and each.name not in pairs:
                faults.add(at, f"{where or 'the file'} has no {each.name}, expected {each.shape.words}")
        there = [name for name in self.one_of if name in pairs]
        if self.one_of and len(there) != 1:
            says = f"both {' and '.join(there)}" if there else f"neither {' nor '.join(self.one_of)}"
            faults.add(at, f"{where} has {says}, expected one of them")
        if self.some_of and not any(name in pairs for name in self.some_of):
            faults.add(at, f"{where} has neither {' nor '.join(self.some_of)}, expected at least one of them")

    def schema(self) -> dict[str, Any]:
        required = [each.name for each in self.keys if each.required]
        whole: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: _described(each) for each in self.keys},
            "additionalProperties": False,
        }
        whole |= {"required": required} if required else {}
        whole |= {"patternProperties": {f"^{self.own}": {}}} if self.own else {}
        if self.one_of:
            whole["oneOf"] = [{"required": [name]} for name in self.one_of]
        if self.some_of:
            whole["anyOf"] = [{"required": [name]} for name in self.some_of]
        if self.bare:
            return {"anyOf": [{"enum": [each.name for each in self.keys]}, whole]}
        if self.short:
            return {"anyOf": [next(each.shape.schema() for each in self.keys if each.name == self.short), whole]}
        return whole


@cache
def default(key: Key) -> Found:
    """What a key that is not in the file means; read from the table as it would be read from the file."""
    faults = Faults("the table of keys")
    node = compose(key.default or "", faults)
    found = key.shape.read(node, NOWHERE, key.name, faults) if node else NOTHING
    faults.check()
    return Found(found.value, found.node, found.key)


def _described(key: Key) -> dict[str, Any]:
    described = key.shape.schema() | {"description": key.meaning}
    if key.default is None or not (node := compose(key.default, Faults("the table of keys"))):
        return described
    return described | {"default": _json(node)}


def _json(node: Node) -> Any:
    if node.kind is Kind.LIST:
        return [_json(item) for item in node.items]
    if node.kind is Kind.BOOLEAN:
        return node.text == "true"
    return float(node.text) if node.kind is Kind.NUMBER and "." in node.text else int(node.text) if node.kind is Kind.NUMBER else node.text
