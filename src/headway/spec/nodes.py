"""A YAML text as nodes that know their line and column, composed so that no text can hurt us.

Every scalar stays text: YAML 1.2's few plain types are read from it later, where a type is expected, so that `no` and `on` stay the
words they are. Size, depth and the number of nodes (aliases count for all that they stand for) are bounded while reading, before
anything is expanded.
"""

import re
from dataclasses import dataclass
from enum import Enum

MOST_BYTES = 1_000_000
MOST_NODES = 20_000
MOST_DEPTH = 32


class Kind(Enum):
    """What a node is, in words for a person; the plain scalars as YAML 1.2's core schema reads them."""

    MAPPING = "a mapping"
    LIST = "a list"
    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NOTHING = "empty"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the file and where it stands; line and column count from 1."""

    line: int
    column: int
    kind: Kind
    text: str = ""
    items: tuple["Node", ...] = ()
    pairs: tuple[tuple["Node", "Node"], ...] = ()
    """Keys are scalars, each there once, merge keys already resolved."""
    weight: int = 1
    """How many nodes this one stands for, aliases counted in full."""
    source: str = ""
    """The file that it was inherited from; empty: it stands in the file that is read."""

    @property
    def shown(self) -> str:
        """The node as a fault quotes it."""
        if self.kind in {Kind.MAPPING, Kind.LIST, Kind.NOTHING}:
            return str(self.kind.value)
        if self.kind is not Kind.TEXT:
            return shortened(self.text)
        return f'"{shortened(self.text)}"'


PLAIN = (
    (Kind.NOTHING, re.compile(r"|~|null|Null|NULL")),
    (Kind.BOOLEAN, re.compile(r"true|True|TRUE|false|False|FALSE")),
    (Kind.NUMBER, re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    (Kind.NUMBER, re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
    (Kind.NUMBER, re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")),
)


def plain_kind(text: str) -> Kind:
    """What an unquoted scalar is."""
    return next((kind for kind, pattern in PLAIN if pattern.fullmatch(text)), Kind.TEXT)


def shortened(text: str) -> str:
    """Text fit for one line of a message."""
    one_line = text.encode("unicode_escape", "replace").decode("ascii") if not text.isprintable() else text
    return one_line if len(one_line) <= 60 else one_line[:57] + "..."
