"""The commands about what goes with a release, in a home of their own, on a real repository, with a real build."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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


class Terminal:
    """The command line, in this process."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._home = home
        self._capsys = capsys
        self.code: int | str | None = 0

    def __call__(self, *arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(self._home), "--as", "ada", *arguments])
        self.code = ended.value.code
        return self._capsys.readouterr().out


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    told = Told(tmp_path / "r")
    for name, text in (("headway.yaml", FILE), ("word", "hello\n")):
        blob = told.git("hash-object", "-w", "--stdin", input=text)
        told.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    told.commit("feat: count")
    return told


@pytest.fixture
def headway(tmp_path: Path, capsys: pytest.CaptureFixture[str], told: Told) -> Terminal:
    terminal = Terminal(tmp_path / "home", capsys)
    terminal("repo", "add", str(told.path))
    assert terminal.code == 0
    return terminal


def test_a_release_with_all_its_papers(headway: Terminal, told: Told, tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    cut = ("release", "cut", "main", "--tag", "--changelog", str(changelog), "--json")
    made = json.loads(headway(*cut))
    assert (made["release"], made["tag"], made["new"]) == ("tally@0.1.0", "v0.1.0", True)
    assert told.git("rev-parse", "v0.1.0^{commit}") == told.head()
    assert "## [0.1.0]" in changelog.read_text()
    first = changelog.read_text()

    again = json.loads(headway(*cut))
    assert (again["new"], again["tag"], changelog.read_text()) == (False, "v0.1.0", first)

    assert headway("release", "notes", "0.1.0") == "### Added\n\n- Count\n"
    assert json.loads(headway("release", "notes", "0.1.0", "--audience", "operators", "--json"))["text"] == "Nothing to act on.\n"
    assert "- Count" in headway("release", "changelog")

    statement = json.loads(headway("release", "provenance", "0.1.0"))
    assert statement["subject"][0]["digest"]["sha256"] == made["digest"].removeprefix("sha256:")
    key = tmp_path / "key"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert json.loads(headway("release", "provenance", "0.1.0", "--key", str(key)))["payloadType"] == "application/vnd.in-toto+json"


def test_a_candidate_becomes_stable(headway: Terminal, told: Told) -> None:
    headway("release", "cut", "main", "--pre", "rc", "--tag")
    made = json.loads(headway("release", "stable", "0.1.0-rc.1", "--tag", "--json"))
    assert (made["release"], made["candidate"], made["tag"]) == ("tally@0.1.0", "tally@0.1.0-rc.1", "v0.1.0")
    assert told.git("tag").split() == ["v0.1.0", "v0.1.0-rc.1"]
    headway("release", "stable", "0.1.0")
    assert headway.code == 12


def test_a_changelog_keeps_its_people_its_line_ends_and_its_mode(headway: Terminal, told: Told) -> None:
    headway("release", "cut", "main")
    path = told.path / "CHANGELOG.md"
    path.write_bytes(b"# Ours\r\n\r\n## [Unreleased]\r\n\r\nA word.\r\n")
    path.chmod(0o640)
    index = (told.path / ".git/index").read_bytes()
    headway("release", "changelog", "--write", str(path))
    now = path.read_bytes()
    assert b"A word.\r\n" in now
    assert b"- Count" in now
    assert now.count(b"\n") == now.count(b"\r\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert (told.path / ".git/index").read_bytes() == index
    assert sorted(one.name for one in told.path.iterdir()) == [".git", "CHANGELOG.md"]
    headway("release", "changelog", "--write", str(path))
    assert path.read_bytes() == now


def test_a_changelog_that_is_no_text_stays_as_it_is(headway: Terminal, tmp_path: Path) -> None:
    headway("release", "cut", "main")
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    headway("release", "changelog", "--write", str(tmp_path / "file"))
    assert (headway.code, (tmp_path / "file").read_bytes()) == (2, b"\xff\xfe")
