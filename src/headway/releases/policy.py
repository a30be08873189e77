"""What a team decided about its version numbers. Everything has a default that needs no file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from headway.releases.levels import Level
from headway.releases.version import Version

CONVENTION: Mapping[str, Level] = {"feat": Level.MINOR, "fix": Level.PATCH}
"""The two types to which Conventional Commits gives a level; any other has none unless the file says so."""
CALENDARS = ("YYYY.MM.MICRO", "YY.MM.MICRO", "YYYY.MINOR.MICRO", "YY.MINOR.MICRO")


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a finding shall not count, and until when."""

    reason: str
    until: date
    """The last day on which it holds."""


@dataclass(frozen=True, slots=True)
class Api:
    """What of the repository is an interface: Python packages by their folders, OpenAPI documents by their files."""

    python: tuple[str, ...] = ()
    openapi: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How the level of changes becomes a number."""

    breaking: Level = Level.MINOR
    """What a breaking change is while the version is 0.x."""
    first: Version = Version(0, 1, 0)
    """The first version of all."""
    types: Mapping[str, Level] = field(default_factory=dict)
    """Levels for further types of commits, in small letters."""
    calendar: str | None = None
    """One of CALENDARS: the date decides, and the level only whether there is anything to release."""
    tag: str | None = None
    """How tags are named, with `{version}` in it; None takes the usual names."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Services that have versions of their own, with the folder that counts."""
    api: Api = Api()
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    """By what the finding names."""
    migrations: str | None = None
    """The folder of the migrations; None: they do not count."""
    contract: Level = Level.MAJOR
    """What a migration that takes something away means to users."""

    def level(self, type_: str) -> Level:
        """What a commit of this type asks for when it breaks nothing."""
        return self.types.get(type_, CONVENTION.get(type_, Level.NONE))

    def weighs(self, level: Level, last: Version | None) -> Level:
        """The level as it counts after this release: in 0.x anything may change, and the policy says how that is numbered."""
        return self.breaking if level is Level.MAJOR and last is not None and last.major == 0 else level
