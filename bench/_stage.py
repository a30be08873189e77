"""What the measurements of the real platform stand on: the scene of the end-to-end tests, with its real server, Envoy and service."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

import scene  # type: ignore[import-not-found]  # noqa: E402
from scene import File, Scene, lost_by_headway, quick, straight_to_production  # type: ignore[import-not-found]  # noqa: E402

from headway.adapters.traffic import Counts  # noqa: E402

__all__ = [
    "Counts",
    "File",
    "Scene",
    "light",
    "load",
    "lost_by_headway",
    "machine",
    "postgres",
    "quick",
    "say",
    "stage",
    "straight_to_production",
]

scene.PATIENCE = 120.0  # a measurement of a busy machine is slow, not wrong


LENIENT = {"error_rate": "50%", "needs": 1, "min_time": "1s", "max_wait": "10m", "hold_for": "10m"}
"""Not the judge is measured there, and no accident on a busy machine may turn a rollout back."""


@contextmanager
def stage(edit: object = straight_to_production, database: str | None = None, **environment: str) -> Iterator[Scene]:
    """A scene whose server runs, and an end that leaves nothing behind."""
    # Whoever ends a measurement early ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in ("HEADWAY_HOME", "HEADWAY_USER", "HEADWAY_DATABASE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as folder:
        made = Scene(Path(folder) / "scene", database=database, environment=environment)
        made.folder.mkdir()
        shutil.copytree(Path(__file__).parent / "light", made.repo.folder / "light")
        made.repo.found(edit)
        made.start()
        try:
            yield made
        finally:
            made.end()


def light(file: File) -> None:
    """The sample's way to production with a service that costs next to nothing, straight to production, unchecked."""
    straight_to_production(file)
    file["services"]["tally"] |= {"build": {"run": "python3 light/build.py", "output": "dist"}, "run": "python3 light.py"}
    file["environments"]["production"] |= {"checks": [], "analysis": LENIENT, "soak": "0s", "keep_warm": "0s"}


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
