"""Fixtures of the local platform's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_stand import PLACE, Stand, nothing_left, platform


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A platform of its own with a port reserved; everything ends with the test."""
    home = tmp_path / "home"
    with nothing_left(home):
        local = platform(home)
        local.reserve(PLACE)
        yield Stand(local)
        local.close(stop=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for platforms of the test's own; everything ends with the test."""
    with nothing_left(tmp_path / "home"):
        yield tmp_path / "home"
