"""Has any ref of a repository changed since? Told from the files that git keeps refs in, without asking git.

A server that watches a hundred services asks every second what their branches point at, and a process for each answer would be most of
what it does. Git replaces these files whole, so a changed ref is another inode or another time.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

Signature = tuple[tuple[str, int, int, int], ...]
FILES = ("HEAD", "packed-refs", "reftable/tables.list")
FOLDERS = ("refs/heads", "refs/tags")
MOST = 2_000
"""With more loose refs than that git is the quicker one."""
STILL_WARM = 100_000_000
"""Nanoseconds in which a file could be written again and keep its time: as long as that nothing is believed."""


def signature(folder: Path) -> Signature | None:
    """The state of the files; None where it cannot be told, and git must be asked."""
    root = str(folder)  # in plain words: this is asked a thousand times a second
    try:
        found = (*(_stat(root, name) for name in FILES), *(one for name in FOLDERS for one in _under(root, name)))
    except (OSError, _TooMany):
        return None
    there = tuple(sorted(one for one in found if one is not None))
    newest = max((when for _, when, _, _ in there), default=0)
    if not any(name == "HEAD" for name, *_ in there) or newest > time.time_ns() - STILL_WARM:
        return None
    return there


class _TooMany(Exception):  # noqa: N818 - no error: the question is handed on
    """More loose refs than are worth looking at."""


def _stat(root: str, name: str) -> tuple[str, int, int, int] | None:
    try:
        found = os.stat(f"{root}/{name}")  # noqa: PTH116
    except FileNotFoundError:
        return None
    return (name, found.st_mtime_ns, found.st_ino, found.st_size)


def _under(root: str, folder: str) -> Iterator[tuple[str, int, int, int]]:
    left, count = [folder], 0
    while left:
        here = left.pop()
        try:
            entries = list(os.scandir(f"{root}/{here}"))
        except FileNotFoundError:
            continue
        for entry in entries:
            count += 1
            if count > MOST:
                raise _TooMany
            name = f"{here}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                left.append(name)
            else:
                found = entry.stat()
                yield (name, found.st_mtime_ns, found.st_ino, found.st_size)
