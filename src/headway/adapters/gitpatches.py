"""What commits change, so that the same change is known again on another line."""

import re
from collections.abc import Iterator, Sequence

from headway.adapters.gitcommand import Git
from headway.adapters.messages import reverts
from headway.trains.forward import Landed

_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-f]{7,64})\)\s*$", re.MULTILINE)
_DIFF = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--unified=3", "--diff-algorithm=myers")


def landed(git: Git, old: str, new: str, files: Sequence[str]) -> tuple[Landed, ...]:
    """The commits that new has and old has not, oldest first, merges left out. Their patches are those of these files alone."""
    only = ("--", *(f":(top,literal){file}" for file in files)) if files else ("--",)
    patches = dict(_ids(git, "log", "-p", "--no-merges", "--format=commit %H", *_DIFF, new, f"^{old}", *only)) if files else {}
    told = git.run("log", "-z", "--no-merges", "--reverse", "--topo-order", "--format=%H%n%B", "--encoding=UTF-8", new, f"^{old}", "--")
    records = (record.partition("\n") for record in told.decode(errors="replace").split("\0") if record)
    return tuple(Landed(one, patches.get(one, ""), tuple(_PICKED.findall(text)), reverts(text)) for one, _, text in records)


def altogether(git: Git, old: str, new: str) -> str:
    """The patch id of everything between two commits as one change; empty if there is nothing."""
    return next((patch for _, patch in _ids(git, "diff-tree", "-p", "-r", *_DIFF, old, new)), "")


def _ids(git: Git, *command: str) -> Iterator[tuple[str, str]]:
    """Commit and patch id."""
    told = git.run("patch-id", "--stable", input=git.run(*command)).decode()
    for line in told.splitlines():
        patch, _, commit = line.partition(" ")
        yield commit, patch
