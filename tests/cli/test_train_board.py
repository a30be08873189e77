"""Boarding a train is asked for with a kind, and agreed to without."""

import pytest

from headway.cli.trains import train


@pytest.mark.parametrize(
    ("words", "kind"),
    [pytest.param(["HEAD"], None, id="a yes"), pytest.param(["HEAD", "--kind", "fix"], "fix", id="a wish")],
)
def test_a_yes_to_a_late_change_names_no_kind(words: list[str], kind: str | None) -> None:
    command = train.get_command(None, "board")  # type: ignore[arg-type]
    assert command is not None
    assert command.make_context("board", words).params["kind"] == kind
