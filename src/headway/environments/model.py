"""The nouns of where: a place is one service in one environment, with a configuration and a number of replicas."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One service in one environment: what a rollout takes over, and what has a generation."""

    service: str
    environment: str

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a release is told in one environment.

    `values` are plain environment variables; `secrets` maps a variable to a reference such as `env:DB_PASSWORD` or
    `file:/run/secrets/db`, never to a value. `digest` covers both, secrets by keyed fingerprint.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """A place where releases run, as the protected branch's file declares it."""

    name: str
    replicas: int = 1
    configuration: Configuration = Configuration()
    platform: str = "local"
    port: int | None = None
    """Where users reach the service on the local platform; drawn free and then kept when None."""
