"""The page about services that nobody here wrote, done: every command of it, with the package from its index."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from documents import ROOT, blocks

from support.index import reachable

pytestmark = pytest.mark.timeout(300)  # two builds from an index, three rollouts

SAYS = """
the first release goes to staging: packages@2.3.2 in staging: completed
a promotion without a yes waits: exit code 11
the first release goes live: packages@2.3.2 in production: completed
the upgrade is tried in dev: packages@2.4.2 in dev: completed
and in staging: packages@2.4.2 in staging: completed
the canary starts small: packages@2.4.2 in production: running at 10 %
the upgrade goes live: packages@2.4.2 in production: completed
the way back by hand: going back to 2.3.2
"""


@pytest.fixture(scope="module")
def told() -> Iterator[str]:
    """What the terminal shows when somebody does what the page says."""
    reachable()
    scratch = Path(tempfile.mkdtemp(prefix="hw-"))  # short: a socket's path has a hundred characters
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "GIT_"))}
    script = "\n".join(block.text for block in blocks(ROOT / "docs/how-to/third-party-service.md") if block.language == "sh")
    try:
        ran = subprocess.run(
            ("bash", "-euo", "pipefail", "-c", script),
            cwd=ROOT,
            env={
                **variables,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}",
                "TMPDIR": str(scratch),
                "HOME": str(scratch),
                "COLUMNS": "1000",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        assert _ours(scratch) == [], ran.stdout
        yield ran.stdout
    finally:
        for process in _ours(scratch):
            process.kill()
        shutil.rmtree(scratch, ignore_errors=True)


@pytest.mark.parametrize("line", [pytest.param(line, id=line.partition(":")[0]) for line in SAYS.strip().splitlines()])
def test_the_page_shows_what_it_says(told: str, line: str) -> None:
    assert line.partition(": ")[2] in told, told


def test_no_request_was_lost_on_the_way_there_nor_back(told: str) -> None:
    shares = {name: (int(good), int(failed)) for name, good, failed in re.findall(r"^(\S+): (\d+) good, (\d+) failed$", told, re.M)}
    assert len(shares) == 2, told
    assert all(good > 0 and failed == 0 for good, failed in shares.values()), told


def _ours(folder: Path) -> list[psutil.Process]:
    """Processes that were started with this folder in their words, or in it."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found
