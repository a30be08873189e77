"""The environments of branches, in both databases and in memory alike."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headway.adapters.ledger import Ledger, open_ledger
from headway.environments.branches import BranchEnvironment, State
from headway.environments.model import Place
from headway.errors import Contradiction
from headway.ports import PlaceRecord
from headway.rollout.phases import Phase
from headway.testing import FakeClock
from headway.testing.ledger import MemoryLedger
from support.records import MINUTE, NOON, begin, end, event, pending

X = Place("tally", "dev.feature-x")
MINE = BranchEnvironment(X, "feature/x", State.OPEN, NOON, NOON, "c1", host="here")
OTHERS = BranchEnvironment(Place("shop", "dev.feature-x"), "feature/x", State.STOPPED, NOON + MINUTE, NOON + MINUTE, "c2", "idle")


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def any_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger | MemoryLedger]:
    if request.param == "memory":
        yield MemoryLedger(FakeClock())
        return
    sqlite = f"sqlite:///{tmp_path / 'ledger.db'}"
    opened = open_ledger(sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgres_url")))
    yield opened
    opened.close()


def test_what_was_saved_last_is_what_there_is_and_each_save_is_on_record(any_ledger: Ledger | MemoryLedger) -> None:
    branched = any_ledger.branched
    assert (branched.get(X), branched.all()) == (None, ())
    branched.save(MINE, event("made"))
    branched.save(OTHERS, event("stopped"))
    moved = replace(MINE, commit="c3", pushed=NOON + MINUTE)
    branched.save(moved, event("moved"))
    assert branched.get(X) == moved
    assert branched.all() == (moved, OTHERS)
    assert branched.all("shop") == (OTHERS,)
    said = any_ledger.records.events("environment:tally/dev.feature-x")
    assert [one.event.what for one in said] == ["made", "moved"]


def test_one_that_ended_is_kept_and_listed_no_more(any_ledger: Ledger | MemoryLedger) -> None:
    ended = replace(MINE, state=State.ENDED, why="feature/x is gone")
    any_ledger.branched.save(ended, event("ended"))
    assert any_ledger.branched.all() == ()
    assert any_ledger.branched.get(X) == ended


def test_where_one_leaves_nothing_is_live_and_who_acted_there_before_is_too_late(any_ledger: Ledger | MemoryLedger) -> None:
    end(any_ledger, begin(any_ledger, pending("r1", "1.0.0", X)))  # type: ignore[arg-type]
    end(any_ledger, begin(any_ledger, pending("r2", "1.1.0", X)))  # type: ignore[arg-type]
    any_ledger.branched.save(replace(MINE, state=State.LEAVING), event("leaving"))
    assert any_ledger.records.place(X) == PlaceRecord(X, generation=3)
    end(any_ledger, begin(any_ledger, pending("r3", "1.2.0", X)))  # type: ignore[arg-type]
    place = any_ledger.records.place(X)
    assert (place.generation, place.live_release, place.before_release) == (4, "tally@1.2.0", None)
    assert [one.rollout.phase for one in any_ledger.records.standings(place=X)] == [Phase.COMPLETED] * 3


def test_nothing_leaves_under_a_rollout(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.branched.save(MINE, event("made"))
    begin(any_ledger, pending("r1", "1.0.0", X))  # type: ignore[arg-type]
    with pytest.raises(Contradiction, match="r1 is active there"):
        any_ledger.branched.save(replace(MINE, state=State.LEAVING), event("leaving"))
    assert any_ledger.branched.get(X) == MINE
    assert [one.event.what for one in any_ledger.records.events("environment:tally/dev.feature-x")] == ["made"]
