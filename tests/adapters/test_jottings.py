"""What one process leaves for another is whole, or not there."""

from pathlib import Path

import pytest

from headway.adapters.jottings import leave, left
from headway.errors import Unavailable


def test_what_was_left_last_is_found_and_nothing_else_lies_about(tmp_path: Path) -> None:
    leave(tmp_path / "about.json", {"what": "once"})
    leave(tmp_path / "about.json", {"what": "twice"})
    assert left(tmp_path / "about.json") == {"what": "twice"}
    assert [path.name for path in tmp_path.iterdir()] == ["about.json"]


def test_nothing_left_is_nothing(tmp_path: Path) -> None:
    assert left(tmp_path / "about.json") is None


def test_what_cannot_be_read_is_trouble_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("half of i")
    with pytest.raises(Unavailable, match=r"about\.json cannot be read"):
        left(tmp_path / "about.json")
