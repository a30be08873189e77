"""A version by SemVer 2.0.0: how it is read, which of two is greater, what comes after it.

The library `semver` says the same (a property test holds us to it); it is not imported here because its import takes longer than
everything else that `headway version next` does in a small repository.
"""

import re
from dataclasses import dataclass, field, replace
from functools import total_ordering

from headway.releases.levels import Level

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = r"[0-9A-Za-z-]+"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRE}(?:\.{_PRE})*))?(?:\+({_BUILD}(?:\.{_BUILD})*))?",
    re.ASCII,
)
_COUNTED = re.compile(r"(.+?)\.?([1-9][0-9]*|0)", re.ASCII)
_CHANNEL = re.compile(r"[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*(?:\.[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*)*", re.ASCII)
LONGEST = 255


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """MAJOR.MINOR.PATCH, perhaps a pre-release. Build metadata is kept to be shown; it never decides which is greater."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()
    build: str = field(default="")

    @property
    def stable(self) -> bool:
        """Not a pre-release."""
        return not self.pre

    @property
    def core(self) -> "Version":
        """The version that a pre-release leads to."""
        return Version(self.major, self.minor, self.patch)

    @property
    def precedence(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        """SemVer 11: numbers as numbers and below words, words by ASCII, a pre-release below its release."""
        parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part if not part.isdigit() else "") for part in self.pre)
        return self.major, self.minor, self.patch, not self.pre, parts

    def __eq__(self, other: object) -> bool:
        return self.precedence == other.precedence if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.precedence < other.precedence if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.precedence)

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{f'+{self.build}' if self.build else ''}"

    def raised(self, level: Level) -> "Version":
        """The next version of that level; build metadata does not travel."""
        match level:
            case Level.MAJOR:
                return Version(self.major + 1, 0, 0)
            case Level.MINOR:
                return Version(self.major, self.minor + 1, 0)
            case Level.PATCH:
                return Version(self.major, self.minor, self.patch + 1)
            case Level.NONE:
                return replace(self, build="")

    def candidate(self, channel: str, number: int) -> "Version":
        """The pre-release of that number on the way to this version: `1.3.0-rc.2`."""
        return Version(self.major, self.minor, self.patch, (*channel.split("."), str(number)))


def version(text: str) -> Version | None:
    """The version that this text is, to the letter of SemVer 2.0.0; None if it is none (`01.9.9`, `1.2`, `1.2.3.dev1`)."""
    if len(text) > LONGEST or (found := _SEMVER.fullmatch(text)) is None:
        return None
    major, minor, patch, pre, build = found.groups()
    return Version(int(major), int(minor), int(patch), tuple(pre.split(".")) if pre else (), build or "")


def channel(pre: tuple[str, ...]) -> tuple[str, int] | None:
    """The channel and the number of a pre-release: `rc.2` and, as other tools write it, `rc2`; None if it has no number."""
    found = _COUNTED.fullmatch(".".join(pre))
    return (found[1], int(found[2])) if found else None


def is_channel(text: str) -> bool:
    """Whether pre-releases can be counted under this name: `rc`, `beta`, `feature-x`."""
    return _CHANNEL.fullmatch(text) is not None and not text[-1].isdigit()


def step(before: Version, after: Version) -> Level:
    """The level of the step from one version to a greater one."""
    if after <= before:
        return Level.NONE
    if after.major != before.major:
        return Level.MAJOR
    return Level.MINOR if after.minor != before.minor else Level.PATCH
