"""The nouns of shipping: an artifact is known by its digest, a release by its service and version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from headway.releases.stamping import Stamp


@dataclass(frozen=True, slots=True)
class Limits:
    """What one replica may use. None leaves it to the machine."""

    memory_mb: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """How to run one replica of a release; read from the release's own commit.

    `argv` is started in the artifact's folder with `$PORT` set (and expanded where `$PORT` stands in argv). Times in seconds.
    """

    argv: tuple[str, ...]
    health: str = "/health"
    ready: str = "/health"
    ready_within: float = 30.0
    grace: float = 10.0
    request_timeout: float = 15.0
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A test that runs against a release: a command, or a sentence for a person when `manual`.

    The command's code comes from the release's own commit. `timeout` in seconds; `retries` only when the file declares them;
    `settings` names the configuration keys (secrets included) that the command may see.
    """

    name: str
    argv: tuple[str, ...] = ()
    manual: str | None = None
    timeout: float = 120.0
    retries: int = 0
    settings: tuple[str, ...] = ()
    inside: Literal["headway", "cluster"] = "headway"
    """Where the command runs: beside Headway, or, where the environment is on Kubernetes, as a Job beside the release."""
    image: str = ""
    """What such a Job runs in; empty: the release's own image."""


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """How an artifact comes from a clean export of a commit: checks first, then the command, then `output` is stored."""

    argv: tuple[str, ...] = ()
    output: str = "."
    checks: tuple[str, ...] = ()
    timeout: float = 600.0
    stamps: tuple[Stamp, ...] = ()
    """The files into which the version is written before anything runs."""


@dataclass(frozen=True, slots=True)
class MigrationSpec:
    """Where a release has its migrations, relative to the repository, and which tool runs them."""

    folder: str
    tool: str = "headway"
    command: tuple[str, ...] = ()
    """How the tool is run in that folder; empty: as usual."""
    url_in: str = "DATABASE_URL"
    """The variable in which the tool gets the database's URL."""
    in_image: tuple[str, ...] = ()
    """How the tool is run in the release's image; empty: as `command` says."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a release's own commit says of one service: how to build it, run it, check it, and what settings it needs."""

    run: RunSpec
    build: BuildSpec
    checks: Mapping[str, CheckSpec] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    migrations: MigrationSpec | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something built once. `digest` is `sha256:` and 64 hex digits over the canonical tree; `size` in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Release:
    """An artifact and its run instructions under one version; immutable but for `withdrawn`."""

    service: str
    version: str
    commit: str
    ref: str
    digest: str
    run: RunSpec
    author: str
    cut_by: str
    cut_at: datetime
    checks: Mapping[str, CheckSpec] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    """Configuration keys without which this release will not run."""
    withdrawn: str | None = None
    migrations: MigrationSpec | None = None
    """Where the commit has the changes to stored data that ship with it."""
    image: str = ""
    """The container image, by digest, for environments on Kubernetes: `registry.example/tally@sha256:…`."""
    tag: str = ""
    """By which the image was named when the release was cut: `registry.example/tally:1.4.0`; empty: by its digest."""

    @property
    def name(self) -> str:
        """How people call it: `tally@1.4.0`."""
        return f"{self.service}@{self.version}"
