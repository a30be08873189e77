"""What is the digest of a tree of files?

The digest is `sha256:` and the hex SHA-256 of the tree's manifest. The manifest is UTF-8 text: the line `["headway-tree",1]`, then one
line per entry, sorted by path as Unicode code points, each a JSON array without blanks, everything outside ASCII escaped:

    ["file","app/main.py","<sha256 of the content, hex>"]
    ["exec","bin/run","<sha256 of the content, hex>"]
    ["link","current","app/main.py"]

Every line ends with a newline. `exec` is a file that its owner may execute. Nothing else counts: no times, no owners, no other
permission, and no empty folder (git has none either; a service that needs one makes it when it starts).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

_HEADER: Final = '["headway-tree",1]'
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class EntryKind(Enum):
    """What stands at a path."""

    FILE = "file"
    EXEC = "exec"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree. `content` is the SHA-256 of a file's bytes in hex, or the text of a symbolic link."""

    path: str
    kind: EntryKind
    content: str

    def __post_init__(self) -> None:
        if (fault := path_fault(self.path)) is not None:
            raise ValueError(f"{self.path!r} {fault}")
        if self.kind is EntryKind.LINK:
            if not self.content or "\0" in self.content:
                raise ValueError(f"{self.path!r} is a link to nowhere")
        elif not _SHA256.fullmatch(self.content):
            raise ValueError(f"the content of {self.path!r} is named by 64 hex digits, not by {self.content!r}")


def path_fault(path: str) -> str | None:
    """What keeps this from being a path inside a tree; None if nothing does."""
    if not path:
        return "is no path"
    if path.startswith("/"):
        return "is an absolute path"
    if "\0" in path:
        return "contains a NUL"
    parts = path.split("/")
    if ".." in parts:
        return "leaves the tree by `..`"
    if "" in parts or "." in parts:
        return "has an empty part or a `.` in it"
    return None


def link_fault(entry: Entry) -> str | None:
    """Why this link may lead out of its tree; None if it cannot.

    `..` is allowed only in front, where the folders above the link are real ones. Further on, a `..` after another link means
    something else than it seems to, and a chain of links that each look harmless could climb out.
    """
    if entry.kind is not EntryKind.LINK:
        return None
    if entry.content.startswith("/"):
        return f"{entry.path} links to the absolute path {entry.content}"
    parts = [part for part in entry.content.split("/") if part not in ("", ".")]
    ups = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    if ups > entry.path.count("/"):
        return f"{entry.path} links out of the tree, to {entry.content}"
    if ".." in parts[ups:]:
        return f"{entry.path} links to {entry.content}, which has a `..` after a name; write it without"
    return None


def manifest(entries: Iterable[Entry]) -> str:
    """The canonical text of a tree; ValueError if two entries cannot stand side by side."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    paths = {entry.path for entry in ordered}
    if len(paths) < len(ordered):
        twice = next(one.path for one, other in pairwise(ordered) if one.path == other.path)
        raise ValueError(f"{twice!r} is there twice")
    for path in paths:
        for folder in _folders(path):
            if folder in paths:
                raise ValueError(f"{folder!r} is a folder of {path!r} and something else as well")
    return "\n".join((_HEADER, *(_line(entry) for entry in ordered), ""))


def parse(text: str) -> tuple[Entry, ...]:
    """The entries of a manifest; ValueError if it is not one."""
    header, *lines = text.split("\n")
    if header != _HEADER or not lines or lines.pop() != "":
        raise ValueError("not a manifest of format 1")
    return tuple(_entry(line) for line in lines)


def digest(entries: Iterable[Entry]) -> str:
    """The digest of a tree."""
    return digest_of_manifest(manifest(entries))


def digest_of_manifest(text: str) -> str:
    """The digest of the tree that this manifest describes."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether this is written like a digest."""
    return _DIGEST.fullmatch(text) is not None


def first_difference(expected: Sequence[Entry], found: Sequence[Entry]) -> str | None:
    """The first path at which two trees differ, and how; None if they do not."""
    wanted: Mapping[str, Entry] = {entry.path: entry for entry in expected}
    there: Mapping[str, Entry] = {entry.path: entry for entry in found}
    for path in sorted(wanted.keys() | there.keys()):
        if path not in there:
            return f"{path} is missing"
        if path not in wanted:
            return f"{path} was added"
        if wanted[path].kind is not there[path].kind:
            return f"{path} was {_NOUNS[wanted[path].kind]} and is {_NOUNS[there[path].kind]}"
        if wanted[path].content != there[path].content:
            return f"{path} was changed"
    return None


_NOUNS: Mapping[EntryKind, str] = {
    EntryKind.FILE: "a file that is not executable",
    EntryKind.EXEC: "an executable file",
    EntryKind.LINK: "a symbolic link",
}


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _line(entry: Entry) -> str:
    return json.dumps([entry.kind.value, entry.path, entry.content], separators=(",", ":"))


def _entry(line: str) -> Entry:
    found: object = json.loads(line)
    match found:
        case [str(kind), str(path), str(content)]:
            return Entry(path, EntryKind(kind), content)
        case _:
            raise ValueError(f"not a line of a manifest: {line}")
