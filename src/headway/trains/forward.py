"""Does a line have a fix, though it does not contain its commits?

A fix goes forward by a merge, or is picked: then the line has commits of its own that make the same change (by git's patch id, which looks
at nothing but the change) or say what they were picked from (`git cherry-pick -x`, which also tells of one that had to be adapted). One
commit may make the changes of all. What was taken back since is not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit as another line may tell it again: its change by patch id (empty: it has none), what it was picked from, what it reverts."""

    id: str
    patch: str = ""
    picked: tuple[str, ...] = ()
    reverts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """Which commit of the line carries which of the fix, and those of the fix that none carries."""

    carriers: Mapping[str, str]
    lacks: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the line has all of the fix."""
        return bool(self.carriers) and not self.lacks


def forward(fix: Sequence[Landed], altogether: str, line: Sequence[Landed]) -> Forward:
    """What of the fix is on the line. Both oldest first; `altogether` is the patch id of all of the fix as one change."""
    wanted = [one for one in fix if one.patch]
    carriers: dict[str, str] = {}
    taken_back: dict[str, dict[str, str]] = {}
    for commit in line:
        if reverted := _reverted(commit, line):
            back = {one: carrier for one, carrier in carriers.items() if carrier in reverted}
            taken_back[commit.id] = back
            for one in back:
                del carriers[one]
            for again in reverted & taken_back.keys():  # a revert that was reverted brings it back
                carriers |= taken_back[again]
            continue
        whole = altogether != "" and commit.patch == altogether
        carriers |= {one.id: commit.id for one in wanted if whole or _same(one, commit)}
    return Forward(carriers, tuple(one.id for one in wanted if one.id not in carriers))


def _same(one: Landed, commit: Landed) -> bool:
    return commit.patch == one.patch or any(len(name) >= 7 and one.id.startswith(name) for name in commit.picked)


def _reverted(commit: Landed, line: Sequence[Landed]) -> set[str]:
    return {one.id for one in line for name in commit.reverts if len(name) >= 7 and one.id.startswith(name)}
