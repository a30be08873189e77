"""The version is written into the files that carry it, and not a byte else changes."""

from pathlib import Path

import pytest

from headway.adapters.stamping import stamp
from headway.errors import InvalidSpec
from headway.releases.stamping import Stamp

PYPROJECT = """\
# version = "9.9.9" in a comment is nobody's
[tool.other]
version = "0.0.1"   # not this one

[project]
name = 'tally'
version   =  '0.0.0'  # kept
dependencies = ["a>=1"]
"""
PACKAGE = '{\r\n\t"name": "tally", "engines": {"version": "7"},\r\n\t"version" : "0.0.0",\r\n\t"x": [1]}\r\n'
LOCK = '{"name": "t", "version": "0.0.0", "packages": {"": {"version": "0.0.0"}, "node_modules/a": {"version": "0.0.0"}}}'
CHART = """\
# the chart
dependencies:
  - {name: db, version: 1.0.0}
  - name: cache
    version: 0.1.0
version: 0.1.0  # of the chart
appVersion: "0.1.0"
"""


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        pytest.param("pyproject.toml", PYPROJECT, PYPROJECT.replace("'0.0.0'", "'1.4.0'"), id="comments, blanks and quotes stay"),
        pytest.param(
            "py/pyproject.toml",
            '[tool.poetry]\nname = "t"\nversion = "0"\n',
            '[tool.poetry]\nname = "t"\nversion = "1.4.0"\n',
            id="poetry's own table",
        ),
        pytest.param("Cargo.toml", '[package]\nversion = "0.1.0"\n', '[package]\nversion = "1.4.0"\n', id="a crate"),
        pytest.param("package.json", PACKAGE, PACKAGE.replace('"0.0.0"', '"1.4.0"'), id="tabs and CRLF stay"),
        pytest.param("package-lock.json", LOCK, LOCK.replace("0.0.0", "1.4.0", 2), id="a lock says it twice, and of nobody else"),
        pytest.param(
            "chart/Chart.yaml",
            CHART,
            CHART.replace("\nversion: 0.1.0", "\nversion: 1.4.0").replace('"0.1.0"', '"1.4.0"'),
            id="a chart, and what it installs",
        ),
        pytest.param("VERSION", "0.0.0\n", "1.4.0\n", id="a file that is nothing else"),
    ],
)
def test_a_known_form(tmp_path: Path, name: str, before: str, after: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(before.encode())
    assert stamp(tmp_path, (Stamp(name),), "1.4.0") == {name: "1.4.0"}
    assert path.read_bytes() == after.encode()
    stamp(tmp_path, (Stamp(name),), "1.4.0")
    assert path.read_bytes() == after.encode(), "done again it changes nothing"


def test_an_expression_finds_it_in_any_file(tmp_path: Path) -> None:
    (tmp_path / "about.py").write_text('NAME = "tally"\n__version__ = "0"  # ours\n')
    stamp(tmp_path, (Stamp("about.py", '^__version__ = "(.*)"'),), "2.0.0-feature-x.1")
    assert (tmp_path / "about.py").read_text() == 'NAME = "tally"\n__version__ = "2.0.0.dev1+feature.x"  # ours\n'


@pytest.mark.parametrize(
    ("text", "one", "why"),
    [
        pytest.param(None, Stamp("package.json"), "package.json is no file of this commit", id="no such file"),
        pytest.param('{"name": "t"}', Stamp("package.json"), "package.json has no version", id="no such key"),
        pytest.param("{", Stamp("package.json"), "package.json cannot be read: ", id="no JSON"),
        pytest.param(
            '[project]\ndynamic = ["version"]\n', Stamp("pyproject.toml"), "its version is dynamic: stamp the file that it", id="dynamic"
        ),
        pytest.param('[project]\nversion = """\n1"""\n', Stamp("pyproject.toml"), "cannot be changed in place", id="a form nobody uses"),
        pytest.param("a 1\na 2\n", Stamp("notes", "a ([0-9])"), "has 2 that 'a ([0-9])' finds, expected exactly one", id="two places"),
        pytest.param("b\n", Stamp("notes", "a ([0-9])"), "has nothing that", id="no place"),
        pytest.param("v 1 2", Stamp("VERSION"), "is no version alone: it has 3 words", id="more than a version"),
        pytest.param("\udcff", Stamp("VERSION"), "is not text in UTF-8", id="no text"),
        pytest.param("1", Stamp("../VERSION"), "is no file of this commit", id="outside of the commit"),
    ],
)
def test_what_cannot_be_stamped_is_told_and_nothing_is_written(tmp_path: Path, text: str | None, one: Stamp, why: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "VERSION").write_text("0\n")
    if text is not None:
        (tree / one.file).write_bytes(text.encode(errors="surrogateescape"))
    before = {path: path.read_bytes() for path in tree.iterdir()}
    with pytest.raises(InvalidSpec) as told:
        stamp(tree, (Stamp("VERSION"), one) if one.name != "VERSION" else (one,), "1.4.0")
    assert why in str(told.value)
    assert {path: path.read_bytes() for path in tree.iterdir()} == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("0\n")
    (tmp_path / "VERSION").symlink_to("elsewhere")
    with pytest.raises(InvalidSpec, match="VERSION is no file of this commit"):
        stamp(tmp_path, (Stamp("VERSION"),), "1.4.0")
    assert (tmp_path / "elsewhere").read_text() == "0\n"
