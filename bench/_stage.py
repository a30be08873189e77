"""What the measurements of the real platform stand on: the scene of the end-to-end tests, with its real server, Envoy and service."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

from scene import File, Scene, lost_by_headway, quick, straight_to_production  # type: ignore[import-not-found]  # noqa: E402

from headway.adapters.traffic import Counts  # noqa: E402

__all__ = ["Counts", "File", "Scene", "load", "lost_by_headway", "machine", "postgres", "quick", "say", "stage", "straight_to_production"]


@contextmanager
def stage(edit: object = straight_to_production, database: str | None = None, **environment: str) -> Iterator[Scene]:
    """A scene whose server runs, and an end that leaves nothing behind."""
    for name in ("HEADWAY_HOME", "HEADWAY_USER", "HEADWAY_DATABASE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as folder:
        scene = Scene(Path(folder) / "scene", database=database, environment=environment)
        scene.folder.mkdir()
        scene.repo.found(edit)
        scene.start()
        try:
            yield scene
        finally:
            scene.end()


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh database on a private server, as the tests have it."""
    from support import postgres as private

    private.begin_run()
    with private.shared().database() as url:
        yield url


def load() -> str:
    """How busy the machine is, to be read beside a figure."""
    return f"load {os.getloadavg()[0]:.1f}"


def machine() -> str:
    """What it was measured on."""
    return f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, {load()}"


def say(line: str) -> None:
    """A line of results."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
