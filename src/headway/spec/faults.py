"""What is wrong with a file: every fault at once, each with its place and a way out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice

from headway.errors import InvalidSpec
from headway.spec.nodes import Node

MOST = 100
"""So many faults are told; a file with more is not the file somebody meant."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where. Lines and columns count from 1."""

    line: int
    column: int
    text: str
    source: str = ""
    """The other file that it stands in, if it was inherited."""


@dataclass(slots=True)
class Faults:
    """The faults of one file, collected while it is read."""

    path: str
    found: list[Fault] = field(default_factory=list)
    more: int = 0

    def add(self, at: Node, text: str) -> None:
        """Tell a fault; telling the same twice is telling it once (an alias may be read in several places)."""
        fault = Fault(at.line, at.column, text, at.source)
        if fault in self.found:
            return
        if len(self.found) >= MOST:
            self.more += 1
        else:
            self.found.append(fault)

    def unknown(self, at: Node, says: str, word: str, known: Collection[str], what: str) -> None:
        """Tell that a name is unknown, with the name that was probably meant."""
        if len(self.found) >= MOST:
            self.more += 1  # finding a suggestion is the one costly thing here, and this one would not be told
            return
        self.add(at, f"{says}; {instead(word, known, what)}")

    def check(self) -> None:
        """Raise all of them, in the order of the file, if there are any."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: (fault.source, fault.line, fault.column))
        lines = [f"{fault.source or self.path}:{fault.line}:{fault.column}: {fault.text}" for fault in ordered]
        if self.more:
            lines.append(f"{self.path}: and {self.more} more; mend these first")
        raise InvalidSpec(*lines)


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant."""
    # Long words and long lists make difflib slow, and nobody misspells those.
    if len(word) > 80:
        return None
    close = get_close_matches(word, list(islice(known, 300)), n=1)
    return close[0] if close else None


def instead(word: str, known: Collection[str], what: str) -> str:
    """The end of a sentence about an unknown name: what was probably meant, or what there is."""
    if meant := nearest(word, known):
        return f'did you mean "{meant}"?'
    if not known:
        return f"there are no {what}"
    listed = ", ".join(islice(known, 12))
    return f"the {what} are {listed}" + (", ..." if len(known) > 12 else "")
