"""One replica: a process, the port it was given, and how far it has come."""

import http.client
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from headway.adapters.local import files, listening, processes
from headway.adapters.local.envoy_config import LOOPBACK
from headway.environments.model import Place
from headway.rollout.model import Workload

INHERITED = ("PATH", "HOME", "LANG")


class Stage(Enum):
    """How far a replica has come."""

    STARTING = "starting"
    """It runs; it does not listen on its port or is not ready yet."""
    JOINING = "joining"
    """It is ready, Envoy knows it and checks it."""
    SERVING = "serving"
    """Envoy found it healthy: it gets traffic when weighted."""
    DRAINING = "draining"
    """It gets nothing new, and finishes what it has."""
    STOPPING = "stopping"
    """It was asked to end."""


STAYING = frozenset({Stage.STARTING, Stage.JOINING, Stage.SERVING})
IN_ENVOY = frozenset({Stage.JOINING, Stage.SERVING, Stage.DRAINING})


@dataclass
class Replica:
    """The supervisor's memory of one replica; what must survive is in its folder."""

    number: int
    folder: Path
    port: int
    stage: Stage
    since: float
    identity: processes.Identity | None = None
    healthy: bool = False
    sick_since: float | None = None
    idle: int = 0
    killed: bool = False
    owned_at: float = 0.0
    probe: "Future[str] | None" = None
    answer: str = "it was not asked yet"

    def enter(self, stage: Stage, now: float) -> None:
        """Move on."""
        self.stage, self.since, self.idle = stage, now, 0

    @property
    def ready(self) -> bool:
        """Whether it gets traffic when weighted."""
        return self.stage is Stage.SERVING and self.healthy


def environment(workload: Workload, place: Place, port: int, state: Path, secrets: Callable[[str], str]) -> Mapping[str, str]:
    """All the variables of a replica; nothing else of ours is inherited."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **workload.configuration.values,
        **{name: secrets(reference) for name, reference in workload.configuration.secrets.items()},
        "PORT": str(port),
        "HEADWAY_VERSION": workload.version,
        "HEADWAY_SERVICE": place.service,
        "HEADWAY_ENVIRONMENT": place.environment,
        "HEADWAY_RELEASE": workload.name,
        "HEADWAY_STATE": str(state),
    }


def command(workload: Workload, port: int) -> tuple[str, ...]:
    """The release's command with its port."""
    return tuple(part.replace("${PORT}", str(port)).replace("$PORT", str(port)) for part in workload.run.argv)


def note_port(folder: Path, port: int) -> None:
    """Written before the process is started: whoever finds it later knows where it listens."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(folder / "replica.json", json.dumps({"port": port}).encode())


def noted_port(folder: Path) -> int | None:
    """The port that was noted."""
    text = files.read(folder / "replica.json")
    return None if text is None else int(json.loads(text)["port"])


def note_leaving(folder: Path) -> None:
    """From now on its end is what we asked for, not a crash."""
    (folder / "leaving").touch(mode=0o600)


def is_leaving(folder: Path) -> bool:
    return (folder / "leaving").exists()


def ask(identity: processes.Identity, port: int, path: str) -> str:
    """Why it is not ready; empty when it is. Answering is not enough: the port must be its own."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"GET {path} on port {port}: {error or type(error).__name__}"
    finally:
        connection.close()
    if not 200 <= reply.status < 400:
        return f"GET {path} on port {port} answered {reply.status}"
    return stranger(identity, port)


def stranger(identity: processes.Identity, port: int) -> str:
    """Who else has its port; empty when it is its own."""
    if listening.owns(identity, port):
        return ""
    return f"port {port} belongs to {listening.owner(port)}, not to it (process {identity.pid})"
