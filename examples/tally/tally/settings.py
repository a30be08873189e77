"""What the environment tells the service."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One replica's settings; the replicas of an environment share `state`."""

    port: int
    state: Path
    greeting: str
    version: str
    environment: str
    debug: bool


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or a ValueError that says which one is wrong."""
    port = environ.get("PORT", "8000")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"PORT must be a number from 1 to 65535, not {port!r}")
    state = environ.get("HEADWAY_STATE")
    return Settings(
        port=int(port),
        state=Path(state) if state else Path(tempfile.mkdtemp(prefix="tally-")),
        greeting=environ.get("GREETING", "hello"),
        version=environ.get("HEADWAY_VERSION", "unreleased"),
        environment=environ.get("HEADWAY_ENVIRONMENT", "none"),
        debug=environ.get("LOG_LEVEL", "info").lower() == "debug",
    )
