"""What is installed is the whole of it: the wheel works with the sources out of sight."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_has_the_commands_and_the_sample(tmp_path: Path) -> None:
    subprocess.run(
        (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)), cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    there = tmp_path / "installed" / "headway"
    assert not [path for path in there.rglob("*") if "__pycache__" in path.parts or path.suffix == ".pyc"]
    sample = there / "examples" / "tally" / "headway.yaml"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    told = subprocess.run(
        (sys.executable, "-c", "from headway.cli.demo.project import sample; print(sample())"),
        env=environment, cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout.strip() == str(sample.parent)
    valid = subprocess.run(
        (sys.executable, "-m", "headway", "validate", str(sample)),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert valid.returncode == 0, valid.stderr
    assert "tally through dev, staging, production" in valid.stderr
