"""Which of the unreleased commits count, and what does each ask for?

Left out: a commit and its revert (both never reach a user), `fixup!` and `squash!`, and merges that only repeat the title of what they
merge. A revert of something that users already have is a repair; a revert of such a revert brings its feature back.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from headway.releases.conventional import (
    HEADER,
    breaking,
    footers,
    is_draft,
    is_revert,
    parse,
    returning_title,
    reverted_title,
    reverts,
    title,
)
from headway.releases.history import Change
from headway.releases.levels import Level
from headway.releases.policy import Policy

_REQUEST = re.compile(r" \(#[0-9]+\)$")
NOTHING: Mapping[str, str] = {}
_NEARLY = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)


class Counted(NamedTuple):
    """A commit that asks for a new version."""

    id: str
    level: Level
    what: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a person wrote into a commit: `Release-As: 2.0.0`."""

    said: str
    commit: str


@dataclass(frozen=True, slots=True)
class Unreleased:
    """What the unreleased commits amount to."""

    counted: tuple[Counted, ...]
    """Newest first."""
    left_out: Mapping[str, str]
    """Commits that do not count although they say something, and why."""
    word: Word | None
    """The newest word of a person."""
    notes: tuple[str, ...]
    """What looks like a slip of the pen."""


def unreleased(
    changes: Sequence[Change], policy: Policy, inside: Mapping[str, str] = NOTHING, absent: frozenset[str] = frozenset()
) -> Unreleased:
    """Weigh every commit once.

    `inside` are the parents of commits that do not count, where only a folder does; `absent` is what reverts name by a name of before.
    """
    left_out, repairs = _left_out(changes, inside, absent)
    counted: list[Counted] = []
    notes: list[str] = []
    word: Word | None = None
    for change in changes:
        commit, _, message = change
        if commit in left_out:
            continue
        if word is None and ("elease-" in message or "ELEASE-" in message):
            word = _word(change)
        level, what = repairs[commit] if commit in repairs else _weight(message, policy)
        if level is not Level.NONE:
            counted.append(Counted(commit, level, what))
        if "BREAKING" in message and level is not Level.MAJOR and _NEARLY.search(message):
            notes.append(
                f"{commit[:10]} has a line `BREAKING CHANGE:` that is no footer, for no blank line stands before it: it does not count"
            )
    return Unreleased(tuple(counted), left_out, word, tuple(notes))


def _weight(message: str, policy: Policy) -> tuple[Level, str]:
    """The level that a commit's own words ask for, with the words."""
    found = HEADER.match(message)
    if found is not None and found[3]:
        return Level.MAJOR, title(message)
    if "BREAKING" in message and (broken := breaking(footers(message))):
        # Even without a type: whoever writes this footer means it.
        return Level.MAJOR, f"{title(message)} (BREAKING CHANGE: {title(broken[0])})"
    if found is None:
        return Level.NONE, ""
    level = policy.level(found[1].lower())
    return (level, title(message)) if level is not Level.NONE else (level, "")


def _word(change: Change) -> Word | None:
    said = [footer.value for footer in footers(change.message) if footer.token.lower() == "release-as"]
    return Word(said[-1].split("\n", 1)[0].strip(), change.id) if said else None


def _left_out(
    changes: Sequence[Change], inside: Mapping[str, str], absent: frozenset[str]
) -> tuple[dict[str, str], dict[str, tuple[Level, str]]]:
    """Commits that do not count, each with the reason; and reverts of what is released already, with what they ask for."""
    gone: dict[str, str] = {}
    repairs: dict[str, tuple[Level, str]] = {}
    merges: list[Change] = []
    finder = _Finder(changes, inside)
    # Newest first, so that a revert that was itself reverted has no say in what it took back.
    for place, change in enumerate(changes):
        commit, parents, message = change
        if "! " in message and is_draft(message):
            gone[commit] = "it is meant to disappear into another commit"
        elif commit not in gone and "evert" in message.lower():
            _take_back(change, place, finder, gone, repairs, absent)
        if " " in parents and HEADER.match(message):
            merges.append(change)
    if merges:
        _repeated(merges, changes, gone)
    return gone, repairs


def _take_back(
    change: Change,
    place: int,
    finder: "_Finder",
    gone: dict[str, str],
    repairs: dict[str, tuple[Level, str]],
    absent: frozenset[str],
) -> None:
    pure = is_revert(change.message)
    named = reverts(change.message)
    if not named and not pure:
        return
    by_title = not named or (len(named) == 1 and named[0][0] in absent)
    targets = [finder.by_title(reverted_title(change.message), place)] if by_title else [finder.by_id(commit) for commit, _ in named]
    here = [target for target in targets if target is not None and target.id not in gone and target.id != change.id]
    for target in here:
        for taken in finder.brought(target):
            gone.setdefault(taken, f"{change.id[:10]} reverts it")
    if not pure:
        return
    if here and len(here) == len(targets):
        gone[change.id] = f"it reverts {', '.join(target.id[:10] for target in here)}, which no release has"
    else:
        repairs[change.id] = _repair(change.message)


def _repair(message: str) -> tuple[Level, str]:
    """A revert of what users have: a repair, or the return of what a revert had taken from them."""
    back = returning_title(message)
    level, _ = _weight(back, Policy()) if back else (Level.NONE, "")
    return max(level, Level.PATCH), title(message)


def _repeated(merges: Sequence[Change], changes: Sequence[Change], gone: dict[str, str]) -> None:
    """Merges whose title one of the commits has already said."""
    said = {key: change for change in changes if " " not in change.parents and (key := _key(change.message))}
    for merge in merges:
        twin = said.get(_key(merge.message) or ("", "", ""))
        if twin is not None and _weight(merge.message, Policy())[0] <= _weight(twin.message, Policy())[0]:
            gone[merge.id] = f"it repeats the title of {twin.id[:10]}"


def _key(message: str) -> tuple[str, str, str] | None:
    said = parse(message)
    return (said.type, (said.scope or "").lower(), _REQUEST.sub("", said.description).lower()) if said is not None else None


class _Finder:
    """Finds unreleased commits by what a message says of them. Built only when a message does."""

    def __init__(self, changes: Sequence[Change], inside: Mapping[str, str]) -> None:
        self._changes = changes
        self._inside = inside
        self._places: dict[str, int] = {}
        self._sorted: list[str] = []

    def by_id(self, id: str) -> Change | None:
        """By the whole id or its beginning."""
        self._index()
        if id in self._places:
            return self._changes[self._places[id]]
        at = bisect_left(self._sorted, id)
        near = self._sorted[at : at + 2]
        fits = [one for one in near if one.startswith(id)]
        return self._changes[self._places[fits[0]]] if len(fits) == 1 else None

    def by_title(self, words: str | None, before: int) -> Change | None:
        """The newest commit of that title that is older than this place."""
        if words is None:
            return None
        return next((one for one in self._changes[before + 1 :] if title(one.message) == words), None)

    def brought(self, change: Change) -> Iterator[str]:
        """The commit itself and, of a merge, everything that came with it and not by its first parent."""
        yield change.id
        parents = change.parents.split()
        if len(parents) < 2:
            return
        self._index()
        kept = set(self._walk(parents[:1]))
        yield from (one for one in self._walk(parents[1:]) if one not in kept and one in self._places)

    def _walk(self, ids: Sequence[str]) -> Iterator[str]:
        seen: set[str] = set()
        ahead = list(ids)
        while ahead:
            commit = ahead.pop()
            parents = self._changes[self._places[commit]].parents if commit in self._places else self._inside.get(commit)
            if commit in seen or parents is None:
                continue
            seen.add(commit)
            yield commit
            ahead.extend(parents.split())

    def _index(self) -> None:
        if not self._places:
            self._places = {change.id: place for place, change in enumerate(self._changes)}
            self._sorted = sorted(self._places)
