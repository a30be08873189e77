"""Writes a version into the files that carry it, and changes nothing else in them.

In a file of a known form every place that could be the one is tried, and the form's own parser says which is: after the change the
document must be the same but for the version. So comments, order, quotes and line ends stay as they are, and no parser's own way of
writing gets a say.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headway.adapters.folders import disk
from headway.errors import InvalidSpec
from headway.releases.stamping import ALL, KNOWN, Stamp, written

_MOST_TRIED = 200
_QUOTED = r"""["']?{key}["']?\s*{sign}\s*(?P<q>["'])(?P<v>[^"'\n]*)(?P=q)"""
_BARE = r"""^["']?{key}["']?\s*:[ \t]+(?P<q>["']?)(?P<v>[^"'\s#]+)(?P=q)[ \t]*(?:#.*)?\r?$"""


def stamp(tree: Path, stamps: Sequence[Stamp], version: str) -> Mapping[str, str]:
    """Write it into each of these files; what was written, by file. InvalidSpec tells every fault at once, and then nothing was written."""
    texts: dict[str, str] = {}
    said: dict[str, str] = {}
    faults: list[str] = []
    for one in stamps:
        try:
            text = texts[one.file] if one.file in texts else _read(tree, one.file)
            said[one.file] = written(version, one.file)
            texts[one.file] = _replaced(text, one, said[one.file])
        except ValueError as error:
            faults.append(f"build.stamp: {one.file} {error}")
    if faults:
        raise InvalidSpec(*faults)
    for file, text in texts.items():
        with disk(f"stamp {file}"):
            (tree / file).write_bytes(text.encode())
    return said


def _read(tree: Path, file: str) -> str:
    path = tree / file
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(tree.resolve()):
        raise ValueError("is no file of this commit")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None


def _replaced(text: str, one: Stamp, version: str) -> str:
    if one.find is not None:
        return _found(text, one.find, version)
    if not KNOWN[one.name]:
        return _whole(text, version)
    parse, places = _FORMS[one.name.rpartition(".")[2]]
    try:
        before = parse(text)
    except Exception as error:  # each parser has its own; the text is at fault
        raise ValueError(f"cannot be read: {str(error).partition(chr(10))[0]}") from None
    there = [path for path in KNOWN[one.name] if _at(before, path) is not None]
    if not there:
        names = " or ".join(".".join(path) for path in KNOWN[one.name])
        hint = "; its version is dynamic: stamp the file that it is read from, with find" if _dynamic(before) else ""
        raise ValueError(f"has no {names}{hint}")
    for path in there if one.name in ALL else there[:1]:
        text = _placed(text, path, version, parse, places)
    return text


def _found(text: str, find: str, version: str) -> str:
    hits = list(re.finditer(find, text, re.MULTILINE))
    if len(hits) != 1:
        raise ValueError(f"has {len(hits) or 'nothing'} that {find!r} finds, expected exactly one place")
    begin, end = hits[0].span(1)
    if begin < 0:
        raise ValueError(f"has a place that {find!r} finds, but without its group")
    return text[:begin] + version + text[end:]


def _whole(text: str, version: str) -> str:
    old = text.strip()
    if len(old.split()) != 1:
        raise ValueError(f"is no version alone: it has {len(old.split())} words")
    return text.replace(old, version)


def _placed(
    text: str, path: Sequence[str], version: str, parse: Callable[[str], Any], places: Callable[[str, str], Iterator[tuple[int, int]]]
) -> str:
    """The text with that one value changed, as the parser sees it."""
    before = parse(text)
    if _at(before, path) == version:
        return text
    wanted = _with(before, path, version)
    for number, (begin, end) in enumerate(places(text, path[-1])):
        if number >= _MOST_TRIED:
            break
        tried = text[:begin] + version + text[end:]
        try:
            if parse(tried) == wanted:
                return tried
        except Exception:  # noqa: S112 - then this is not the place
            continue
    raise ValueError(f"has its {'.'.join(path)} in a form that cannot be changed in place; use find")


def _quoted(sign: str) -> Callable[[str, str], Iterator[tuple[int, int]]]:
    def places(text: str, key: str) -> Iterator[tuple[int, int]]:
        return (hit.span("v") for hit in re.finditer(_QUOTED.format(key=re.escape(key), sign=sign), text))

    return places


def _bare(text: str, key: str) -> Iterator[tuple[int, int]]:
    return (hit.span("v") for hit in re.finditer(_BARE.format(key=re.escape(key)), text, re.MULTILINE))


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _at(document: Any, path: Sequence[str]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _with(document: Any, path: Sequence[str], value: str) -> Any:
    head, *rest = path
    return {**document, head: _with(document[head], rest, value) if rest else value}


def _dynamic(document: Any) -> bool:
    return "version" in (_at(document, ("project", "dynamic")) or ())


_FORMS: Mapping[str, tuple[Callable[[str], Any], Callable[[str, str], Iterator[tuple[int, int]]]]] = {
    "toml": (tomllib.loads, _quoted("=")),
    "json": (json.loads, _quoted(":")),
    "yaml": (_yaml, _bare),
}
