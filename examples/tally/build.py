"""Builds tally into dist/: the package and its checks, nothing that differs between two builds of the same commit."""

import hashlib
import json
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
PARTS = ("tally", "checks")


def main() -> None:
    if DIST.exists():
        shutil.rmtree(DIST)
    for part in PARTS:
        shutil.copytree(HERE / part, DIST / part, ignore=shutil.ignore_patterns("__pycache__"))
    # No version and no time in here: the release's version comes as $HEADWAY_VERSION, and the same sources give the same digest.
    (DIST / "manifest.json").write_text(json.dumps(manifest(), indent=1) + "\n")


def manifest() -> dict[str, str]:
    """Every file of the build with its sha256."""
    files = sorted(path for path in DIST.rglob("*") if path.is_file())
    return {path.relative_to(DIST).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    main()
