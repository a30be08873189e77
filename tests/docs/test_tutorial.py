"""The tutorial, done: every command of it, in one shell, with a real server, in a scratch folder."""

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
from documents import ROOT, blocks, text

SAYS = """
the file reads: headway.yaml is good
the first release goes to staging: tally@1.0.0 in staging: completed
the plan names the missing yes: 1.0.0 needs 1 more approval from bob or carol
a promotion without a yes waits: exit code 11
the author cannot approve: exit code 12
the first release goes live: tally@1.0.0 in production: completed
the canary starts small: tally@1.1.0 in production: running at 10 %
the canary goes live: tally@1.1.0 in production: completed
the bad release is good in staging: tally@1.2.0 in staging: completed
the bad release comes back: tally@1.2.0 in production: rolled back
and says so in its exit code: exit code 3
it is in quarantine: tally@1.2.0 is in quarantine
the way back by hand: going back to 1.0.0
the record is whole: every event is as it was written
"""


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hw-"))  # short: a socket's path has a hundred characters
    yield folder
    for process in _ours(folder):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def told(scratch: Path) -> str:
    """What the terminal shows when somebody does the tutorial."""
    done = [block.text for block in blocks(ROOT / "docs/tutorial.md") if block.language == "sh"]
    # Just before the end, a look at what there is: the page about files is held against it.
    done.insert(-1, f'ls -A "$HEADWAY_HOME" > "{scratch}/home"\n')
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "GIT_"))}
    ran = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", "\n".join(done)),
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
        timeout=170,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.mark.parametrize("line", [pytest.param(line, id=line.partition(":")[0]) for line in SAYS.strip().splitlines()])
def test_the_tutorial_shows_what_it_says(told: str, line: str) -> None:
    assert line.partition(": ")[2] in told, told


def test_only_the_bad_release_cost_requests(told: str) -> None:
    shares = re.findall(r"^(\S+): (\d+) good, (\d+) failed$", told, re.MULTILINE)
    failed = {name: int(count) for name, _, count in shares}
    bad = [name for name in failed if name.startswith("v1-2-0-")]
    assert len(bad) == 1, told
    assert 0 < failed.pop(bad[0]) < 60
    assert len(failed) == 2
    assert set(failed.values()) == {0}, told


def test_the_tutorial_leaves_nothing_behind(told: str, scratch: Path) -> None:
    assert _ours(scratch) == []
    assert [path.name for path in scratch.iterdir()] == ["home"]


def test_the_page_about_files_knows_everything_in_the_home(told: str, scratch: Path) -> None:
    found = (scratch / "home").read_text().split()
    assert "ledger.db" in found
    documented = text("docs/reference/files.md")
    assert [name for name in found if f"`{name}`" not in documented and f"`{name}/`" not in documented] == []


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
