"""The documentation is true where a machine can tell: it is current, its links lead somewhere, its examples load."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import click
import pytest
from documents import ROOT, Block, blocks, pages, text

from headway.cli.exits import EXIT_CODES, MEANINGS
from headway.cli.main import cli
from headway.rollout.phases import MOVES, Phase
from headway.spec.read import read

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLES = [block for page in pages() for block in blocks(page) if block.language == "yaml"]


def load(name: str) -> ModuleType:
    """A script of ours as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITER = load("write_reference")


# -- what is made from the code


@pytest.mark.parametrize("path", WRITER.pages())
def test_a_made_page_is_current(path: str) -> None:
    assert text(path) == WRITER.pages()[path], "do: python scripts/write_reference.py"


def every_command(command: click.Command = cli, name: str = "headway") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for inner, below in WRITER.members(command):
            yield from every_command(below, f"{name} {inner}")


def test_the_manual_is_held_against_all_commands() -> None:
    assert {"headway serve", "headway release cut", "headway rollback"} <= {name for name, _ in every_command()}


@pytest.mark.parametrize(("name", "command"), [pytest.param(*one, id=one[0]) for one in every_command()])
def test_every_command_says_what_it_does_and_is_in_the_manual(name: str, command: click.Command) -> None:
    section = text("docs/reference/cli.md").partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    assert command.help
    assert command.help.splitlines()[0] in section
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in section


def test_every_error_and_exit_code_is_in_the_manual() -> None:
    for kind in {*EXIT_CODES, *WRITER.kinds()}:
        assert f"| `{kind.__name__}` |" in text("docs/reference/errors.md")
    for code, meaning in MEANINGS.items():
        assert f"| {code} | {meaning} |" in text("docs/reference/exit-codes.md")


def test_the_diagram_has_every_phase_and_every_move() -> None:
    page = text("docs/explanation/rollout.md")
    drawn = {tuple(one.replace("_", " ") for one in pair) for pair in re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE)}
    assert drawn == {(phase.value, to.value) for phase, onward in MOVES.items() for to in onward}
    for phase in Phase:
        assert f"| {phase.value} |" in page


def test_every_variable_that_headway_reads_or_sets_is_in_the_manual() -> None:
    page = text("docs/reference/environment-variables.md")
    used = {name for file in (ROOT / "src").rglob("*.py") for name in re.findall(r"\bHEADWAY_[A-Z]+\b", file.read_text(encoding="utf-8"))}
    assert "HEADWAY_HOME" in used
    assert sorted(name for name in used if f"`{name}`" not in page) == []


# -- what people wrote


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    outside = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        links = [unquote(link).partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
        todo += [(page.parent / link).resolve() for link in links if link.endswith(".md") and not re.match(r"[a-z]+:", link)]
    assert sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md") if page not in reached) == []


@pytest.mark.parametrize("block", [pytest.param(block, id=block.where) for block in EXAMPLES])
def test_every_example_of_a_file_loads(block: Block) -> None:
    assert block.text.startswith("headway: 1\n"), "an example is a whole file, so that it can be tried"
    read(block.text)


def test_the_file_in_the_readme_is_as_short_as_it_claims() -> None:
    file = next(block for block in blocks(ROOT / "README.md") if block.language == "yaml")
    assert len(file.text.splitlines()) <= 45


def test_the_file_of_the_tutorial_loads() -> None:
    read(text("docs/tutorial.md").partition("cat > headway.yaml <<'END'\n")[2].partition("END\n")[0])


@pytest.mark.parametrize("block", [pytest.param(b, id=b.where) for page in pages() for b in blocks(page) if b.language == "console"])
def test_every_command_line_shown_is_one_that_exists(block: Block) -> None:
    known = {name for name, _ in every_command()}
    for line in re.findall(r"^\$ headway (.*)$", block.text, re.MULTILINE):
        words = re.sub(r"^(--as \S+|--home \S+) ", "", line).split()
        assert f"headway {words[0]}" in known, line
        if f"headway {words[0]}" in {"headway release", "headway repo", "headway audit"}:
            assert f"headway {words[0]} {words[1]}" in known, line


def test_the_scripts_for_the_documentation_start() -> None:
    subprocess.run((sys.executable, str(ROOT / "scripts/write_reference.py"), "--check"), check=True, timeout=60)
    load("demo_picture")
