"""The usual calls of `headway version next` are answered without the command line's library, and exactly as with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headway.cli.start import understood
from support.histories import Told, tag, tell

AWAY = ("click", "rich_click", "rich", "json", "shutil", "headway.cli.main")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(tmp_path_factory.mktemp("r") / "r", "feat: base", tag("v1.0.0"), "feat: more", "fix: less")


def said(told: Path, module: str, *words: str) -> tuple[int, str, str]:
    code = f"import sys; sys.argv[0] = 'headway'; from {module} import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, "version", "next", *words], cwd=told, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="alone"),
        pytest.param(("--json",), id="as data"),
        pytest.param(("--explain", "--pre=rc"), id="explained, for a candidate"),
        pytest.param(("--path", ".", "--revision", "v1.0.0"), id="of another commit"),
        pytest.param(("--line", "2.x"), id="of a line that is not there"),
        pytest.param(("--revision", "nowhere"), id="of no commit"),
        pytest.param(("--path", "/nonexistent"), id="of no folder"),
        pytest.param(("--pre", "9"), id="a channel that cannot be counted"),
        pytest.param(("--line", "x"), id="no line"),
        pytest.param(("--pre",), id="a value is missing"),
        pytest.param(("--nonsense",), id="no such option"),
        pytest.param(("--help",), id="help"),
    ],
)
def test_both_ways_say_the_same(told: Told, words: tuple[str, ...]) -> None:
    assert said(told.path, "headway.cli.start", *words) == said(told.path, "headway.cli.main", *words)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("words", [(), ("--json",), ("--explain",)], ids=["alone", "as data", "explained"])
def test_a_terminal_that_knows_few_letters_gets_the_answer_too(encoding: str, words: tuple[str, ...], tmp_path: Path) -> None:
    told = tell(tmp_path / "r", "feat: base", tag("v1.0.0"), "feat: \u010daj und \u5bff\u53f8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for module in ("headway.cli.start", "headway.cli.main"):
        code = f"import sys; sys.argv[0] = 'headway'; from {module} import main; main()"
        command = [sys.executable, "-c", code, "version", "next", *words]
        ran = subprocess.run(command, cwd=told.path, env=environment, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
        answer = json.loads(ran.stdout.decode(encoding))["next"] if words == ("--json",) else ran.stdout.decode(encoding)
        assert "1.1.0" in answer


def test_nothing_is_imported_that_the_answer_does_not_need(told: Told) -> None:
    code = (
        "import atexit, sys; sys.argv = ['headway', 'version', 'next']\n"
        f"atexit.register(lambda: print([name for name in {AWAY!r} if name in sys.modules]))\n"
        "from headway.cli.start import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=told.path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["1.1.0", "[]"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param(["--pre", "rc", "--json"], {"--pre": "rc", "--json": ""}, id="values and flags"),
        pytest.param(["--pre=rc"], {"--pre": "rc"}, id="joined"),
        pytest.param(["--pre", "--json"], None, id="a flag is no value"),
        pytest.param(["--json=yes"], None, id="a flag has no value"),
        pytest.param(["HEAD"], None, id="a word alone"),
    ],
)
def test_what_is_understood(words: list[str], found: dict[str, str] | None) -> None:
    assert understood(words) == found
