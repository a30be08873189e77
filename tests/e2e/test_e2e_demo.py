"""The story that a newcomer is told first."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

TOLD = {"completed", "rolled_back", "requests", "failed_by_bad_release", "failed_by_headway", "seconds"}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A temporary folder for the demo alone; a short path, as people have."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder:
        yield Path(folder)


def test_the_demo_happens_as_told_and_leaves_nothing_behind(scratch: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "headway", "demo", "--no-input", "--json"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=170,
        check=False,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    story = json.loads(done.stdout)
    assert set(story) == TOLD
    assert story["completed"] == ["tally@1.0.0", "tally@1.1.0", "tally@1.2.1"]
    assert story["rolled_back"] == ["tally@1.2.0"]
    assert story["failed_by_headway"] == 0
    assert 0 < story["failed_by_bad_release"] < story["requests"] / 10
    assert list(scratch.iterdir()) == []
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(scratch) in " ".join(one.info["cmdline"] or ())]
