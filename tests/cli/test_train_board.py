"""Boarding a train is asked for with a kind, and agreed to without; the status shows whose word counts."""

from io import StringIO

import pytest
from rich.console import Console

from headway.cli.render import trains
from headway.cli.trains import train


@pytest.mark.parametrize(
    ("words", "kind"),
    [pytest.param(["HEAD"], None, id="a yes"), pytest.param(["HEAD", "--kind", "fix"], "fix", id="a wish")],
)
def test_a_yes_to_a_late_change_names_no_kind(words: list[str], kind: str | None) -> None:
    command = train.get_command(None, "board")  # type: ignore[arg-type]
    assert command is not None
    assert command.make_context("board", words).params["kind"] == kind


def test_the_status_says_who_went_for_what_and_whose_word_counts_no_more() -> None:
    ago = {"why": "", "rides": "sha256:1", "release": "tally@1.4.0"}
    late = {"commit": "b" * 40, "kind": "fix", "by": "alice", "why": "totals", "approved": [], "boarded": None, "ejected": None}
    one = {
        **{"train": "tally/weekly", "state": "ongoing", "phase": None, "release": "tally@1.4.1", "cuts": "", "departs": ""},
        **{"objections": [], "reasons": [], "late": [{**late, "unsaid": ["bob"]}]},
        "calls": [
            {**ago, "by": "dana", "go": True, "void": "dana's go was for tally@1.4.0, before bbbbbbbbbb boarded"},
            {**ago, "by": "frank", "go": False, "why": "the queue is full", "void": None},
            {**ago, "by": "erin", "go": True, "release": "tally@1.4.1", "void": None},
        ],
    }
    on_time = {"rate": None, "on_time": 0, "late": 0, "missed": 0, "carried": 0}
    screen = Console(width=160, file=StringIO())
    screen.print(trains({"trains": [one], "timetables": [], "on_time": on_time}))
    assert [line.strip() for line in screen.file.getvalue().splitlines()[1:]] == [  # type: ignore[attr-defined]
        "+ bbbbbbbbbb asks to board, yes from nobody (bob said yes to other words): totals",
        "void: dana's go was for tally@1.4.0, before bbbbbbbbbb boarded",
        "no-go: frank (the queue is full)",
        "go: erin, for tally@1.4.1",
    ]
