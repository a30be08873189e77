"""Which tags are versions of this service, and which of them is the last release of a line?"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headway.releases.history import Tag
from headway.releases.version import Version, version

_LINE = re.compile(r"v?(0|[1-9][0-9]{0,8})(?:\.(0|[1-9][0-9]{0,8}))?\.[xX]")
_PLACE = "{version}"


@dataclass(frozen=True, slots=True)
class Line:
    """A maintenance line: `1.x` takes what starts with 1, `1.0.x` what starts with 1.0."""

    major: int
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.major}.x" if self.minor is None else f"{self.major}.{self.minor}.x"

    def fits(self, of: Version) -> bool:
        """Whether this line may take that version."""
        return of.major == self.major and self.minor in (None, of.minor)


def line(text: str) -> Line | None:
    """The line of that name; None if it names none."""
    found = _LINE.fullmatch(text)
    return Line(int(found[1]), int(found[2]) if found[2] else None) if found else None


def line_of_branch(branch: str) -> Line | None:
    """The line that a branch is for: `1.0.x`, `release/1.x`, `v2.x`; None for every other name."""
    return line(branch.rsplit("/", 1)[-1])


@dataclass(frozen=True, slots=True)
class Naming:
    """How the tags of one service look; the first form is the one that new tags get."""

    forms: tuple[tuple[str, str], ...] = (("v", ""), ("", ""))
    """What stands before and after the version."""
    below: Version | None = None
    """Only versions below this one count: the past as it was before that version."""

    def version(self, name: str) -> Version | None:
        """The version that this tag names; None for a floating tag (`v1`), one that is invalid (`v01.9.9`), or another service's."""
        for before, after in self.forms:
            if name.startswith(before) and name.endswith(after) and (found := version(name[len(before) : len(name) - len(after)])):
                return found if self.below is None or found < self.below else None
        return None

    def tag(self, of: Version) -> str:
        """The tag for a new version."""
        before, after = self.forms[0]
        return f"{before}{of}{after}"


def naming(path: str = "", template: str | None = None) -> Naming:
    """The names of tags for the whole repository or, with its own tags, for one folder of it.

    Of a folder `services/api` these all count, because different tools write them: `services/api/v1.2.3`, `api/v1.2.3`, `api@1.2.3`,
    `api-v1.2.3`.
    """
    if template is not None:
        before, _, after = template.partition(_PLACE)
        return Naming(((before, after),))
    if not path:
        return Naming()
    name = path.rsplit("/", 1)[-1]
    starts = (f"{path}/v", f"{path}/", f"{name}/v", f"{name}/", f"{name}@v", f"{name}@", f"{name}-v")
    return Naming(tuple((start, "") for start in dict.fromkeys(starts)))


def versions(refs: Mapping[str, str], named: Naming) -> tuple[Tag, ...]:
    """The tags that are versions, greatest first."""
    found = (Tag(name, commit, of) for name, commit in refs.items() if (of := named.version(name)) is not None)
    return ranked(found)


def ranked(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Greatest first; between equal ones the name decides."""
    return tuple(sorted(sorted(tags, key=lambda tag: tag.name), key=lambda tag: tag.version.precedence, reverse=True))


def releases(tags: Iterable[Tag], of: Line | None) -> Sequence[Tag]:
    """What may be the last release of this line, greatest first: stable versions, those of the line before those below it."""
    stable = [tag for tag in tags if tag.version.stable]
    if of is None:
        return stable
    # A new line starts from the release that it was branched from, which is below it.
    first = Version(of.major, of.minor or 0, 0)
    return [tag for tag in stable if of.fits(tag.version)] + [tag for tag in stable if tag.version < first]
