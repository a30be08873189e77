"""headway.yaml as the product's nouns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headway.environments.configuration import Layer
from headway.environments.local import Local
from headway.environments.model import Database
from headway.promotion.model import Stage
from headway.releases.model import BuildSpec, CheckSpec, MigrationSpec, RunSpec
from headway.releases.policy import Policy
from headway.trains.model import Timetable


@dataclass(frozen=True, slots=True)
class ReleasePart:
    """What a release's own commit says of it: how it is built, run and checked, and what it needs to be told."""

    run: RunSpec
    build: BuildSpec = BuildSpec()
    checks: Mapping[str, CheckSpec] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    local: Local = Local()
    """What `headway dev` does with the working tree; no release has it."""
    migrations: MigrationSpec | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """What differs for one service in one environment."""

    settings: Layer
    replicas: int | None = None
    port: int | None = None
    database: Database | None = None
    manifests: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """An environment as it is written, before a service is put into it: the stage that services share, and what they do not."""

    stage: Stage
    """Of no service, with an empty configuration, all checks in `checks`."""
    settings: Layer
    services: Mapping[str, Override]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Gets the message as JSON. `url` may be a reference (`env:`, `file:`), because such URLs often hold a secret."""

    url: str


@dataclass(frozen=True, slots=True)
class Command:
    """Gets the message as JSON on its standard input."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """The whole file. Whose commit it came from decides which part of it counts: see `release_part` and `stages`."""

    path: str
    services: Mapping[str, ReleasePart]
    settings: Layer
    environments: Mapping[str, Declared]
    """In pipeline order: nothing comes before what it comes after."""
    notify: Mapping[str, Webhook | Command]
    versions: Policy = Policy()
    """How versions are numbered."""
    trains: tuple[Timetable, ...] = ()
    differs: tuple[str, ...] = ()
    """The variables that are meant to differ between environments."""
