"""What the decision looks at: the commits that no release of the line has yet, and the tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from headway.releases.version import Version


class Change(NamedTuple):
    """One commit. A tuple, because a decision may look at fifty thousand of them."""

    id: str
    parents: str
    """Their ids, with blanks between."""
    message: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that is a version, and the commit that it leads to."""

    name: str
    commit: str
    version: Version


@dataclass(frozen=True, slots=True)
class History:
    """One commit's past, as far as it matters for the next version."""

    head: str
    changes: tuple[Change, ...]
    """Reachable from head and from no `last`; newest first, children before parents."""
    tags: tuple[Tag, ...]
    """Every version of this service that exists as a tag, on whatever branch."""
    last: Tag | None
    """The greatest stable version of the line that head contains."""
    reachable: tuple[Tag, ...]
    """Of the tags above `last`, pre-releases mostly, those that head contains."""
    inside: Mapping[str, str] = field(default_factory=dict)
    """Where only a folder counts: commits that do not touch it, and their parents, so that ancestry stays known."""
    absent: frozenset[str] = frozenset()
    """What reverts among the changes name, but head does not contain: commits as they were called before a rebase or a pick."""
    carried: tuple[Tag, ...] = ()
    """Hotfixes that head does not contain, but whose change it has by commits of its own: each at the commit that brought it."""
