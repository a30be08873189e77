"""`headway release cut`, killed with SIGKILL right after a step, and given again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headway.cli.main import main
from support.histories import Told

FILE = """\
headway: 1
services:
  tally:
    run: [python3, -m, http.server, $PORT]
    build:
      run: [sh, -c, "mkdir out && cp word out/"]
      output: out
environments:
  staging:
    trigger: {merge: main}
"""

KILLED = """\
import importlib, os, signal, sys

module, owner, name, *arguments = sys.argv[1:]
place = importlib.import_module(module)
place = getattr(place, owner) if owner else place
real = getattr(place, name)


def then(*args, **named):
    real(*args, **named)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(place, name, then)
from headway.cli.main import main

main(arguments)
"""


@pytest.fixture
def told(tmp_path: Path) -> Told:
    told = Told(tmp_path / "r")
    for name, text in (("headway.yaml", FILE), ("word", "hello\n")):
        blob = told.git("hash-object", "-w", "--stdin", input=text)
        told.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    told.commit("feat: count")
    return told


def here(*arguments: str) -> int | str | None:
    """The command line, in this process; its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


@pytest.mark.parametrize(
    ("where", "known"),
    [
        pytest.param(("headway.adapters.build", "", "_output"), False, id="build"),
        pytest.param(("headway.adapters.store", "FileStore", "put"), False, id="store"),
        pytest.param(("headway.adapters.ledger.releases", "LedgerReleases", "add"), True, id="record"),
        pytest.param(("headway.adapters.gitwrite", "GitTags", "make"), True, id="tag"),
        pytest.param(("headway.cli.papers", "", "written"), True, id="changelog"),
    ],
)
def test_the_same_command_ends_it(
    told: Told,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[str, str, str],
    known: bool,
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    home = ("--home", str(tmp_path / "home"), "--as", "ada")
    changelog = tmp_path / "CHANGELOG.md"
    cut = (*home, "release", "cut", "main", "--tag", "--changelog", str(changelog), "--json")
    assert here(*home, "repo", "add", str(told.path)) == 0
    killed = subprocess.run([sys.executable, "-c", KILLED, *where, *cut], capture_output=True, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL

    capsys.readouterr()
    assert here(*cut) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["release"], made["tag"], made["new"]) == ("tally@0.1.0", "v0.1.0", not known)
    assert told.git("rev-parse", "v0.1.0^{commit}") == told.head()
    assert made["digest"] in told.git("cat-file", "-p", "v0.1.0")
    assert changelog.read_text().count("## [0.1.0]") == 1
    assert changelog.read_text().count("- Count") == 1
    assert here(*home, "audit", "verify") == 0
