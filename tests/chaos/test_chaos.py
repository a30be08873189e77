"""Kills at any instant, on both stores, with what must always hold looked at after each. The long storm is `python -m bench chaos`."""

import random  # noqa: TID251 - any instant will do
from pathlib import Path

import pytest

from support.always import Broken
from support.paper import PaperPlatform
from support.storm import Storm

KILLS = 15


@pytest.fixture
def seed() -> int:
    return random.randrange(1_000_000)


def test_a_server_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", seed) as storm:
        for _ in range(KILLS):
            storm.ask()
            storm.kill()
        storm.end()
        assert storm.effects > KILLS, "the storm was to find work under way"


def test_two_servers_on_one_ledger_that_are_killed_and_stopped_take_over_from_each_other(
    tmp_path: Path, postgres_url: str, seed: int
) -> None:
    with Storm(postgres_url, tmp_path / "paper", seed, servers=2) as storm:
        for round_ in range(KILLS):
            storm.ask()
            storm.kill()
            if round_ % 6 == 0:
                storm.stop_and_go()
        storm.end()
        assert storm.effects > KILLS


def test_a_full_disk_stops_every_effect_and_nothing_else(tmp_path: Path, seed: int) -> None:
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", seed) as storm:
        for _ in range(4):
            storm.ask()
            storm.fill_the_disk(0.7)
            storm.kill()
        storm.end()
        assert "disk" in storm.log, "the disk was to be full while something was written"


def test_a_target_without_a_memory_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker can fail: here the effect's trace says that it was done before."""
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", 1) as storm:
        storm.ask()
        while not storm.effects:
            storm.kill()
        assert isinstance(storm.world.platform, PaperPlatform)
        place, journal = next((place, journal) for place, journal in storm.journals().items() if journal)
        with storm.world.platform._open(place) as page:
            last = journal[-1]
            page.journal.append(type(last)(last.key, last.fence, last.what, "a life that never asked", again=True))
        with pytest.raises(Broken, match="done again"):
            storm.always.at_the_end(storm.journals(), {}, ())
