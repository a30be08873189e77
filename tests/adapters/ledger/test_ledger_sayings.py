"""Ticks, advice, overrides, trains and hotfixes, in both databases and in memory alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headway.adapters.ledger import Ledger, open_ledger
from headway.errors import Fenced, Refused
from headway.ports import Event, Notice
from headway.promotion.model import Advice, Override, Statement, Tick
from headway.testing import FakeClock
from headway.testing.ledger import MemoryLedger
from headway.trains.model import Hotfix, LateChange, Line, Train

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RELEASE = "tally@1.0.0"
SAID: tuple[Statement, ...] = (
    Tick(RELEASE, "production", "bob", NOW, "notes", "sha256:a", comment="in the wiki"),
    Advice(RELEASE, "production", "dana", NOW, "sha256:a", "sha256:c", "sha256:t", go=False, comment="too full"),
    Override(RELEASE, "production", "dana", NOW, "cannot pay", ("weekends",), NOW + timedelta(hours=1), "sha256:a", "sha256:c", "sha256:t"),
)
TRAIN = Train("weekly", "tally", NOW + timedelta(days=2), NOW, late=(LateChange("b" * 40, "ada", NOW, "why", "fix", (("bob", NOW),)),))
FIX = Hotfix("1.0.0-1", "tally", "hotfix/1.0.0-1", "a" * 40, RELEASE, "ada", NOW, "broken", lines=(Line("main", conflict=("a.py",)),))


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def any_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger | MemoryLedger]:
    if request.param == "memory":
        yield MemoryLedger(FakeClock())
        return
    sqlite = f"sqlite:///{tmp_path / 'ledger.db'}"
    opened = open_ledger(sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgres_url")))
    yield opened
    opened.close()


def event(what: str = "said") -> Event:
    return Event(NOW, "dana", what, ("because",))


def test_what_was_said_comes_back_in_order_for_its_release_and_stage_alone(any_ledger: Ledger | MemoryLedger) -> None:
    for statement in SAID:
        any_ledger.statements.state(statement, event())
    any_ledger.statements.state(replace(SAID[0], environment="staging"), event())
    assert any_ledger.statements.statements(RELEASE, "production") == SAID
    assert any_ledger.statements.statements("tally@2.0.0", "production") == ()


def test_the_event_and_the_notices_are_written_with_it(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.statements.state(SAID[2], event("broke the glass"), (Notice("oncall", "glass", "cannot pay"),))
    assert [one.event.what for one in any_ledger.records.events(f"release:{RELEASE}")] == ["broke the glass"]
    assert [notice.title for _, notice, _ in any_ledger.outbox.due(NOW, 10)] == ["glass"]
    assert any_ledger.records.verify() == ()


def test_a_train_is_kept_with_its_revision_and_who_read_an_older_one_is_fenced(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.trains.save(TRAIN, None, (event(),))
    (kept,) = any_ledger.trains.trains("tally")
    assert kept.train == TRAIN
    any_ledger.trains.save(replace(TRAIN, state="ongoing"), kept.revision, (event("cut"),))
    with pytest.raises(Fenced, match="has moved on since it was read"):
        any_ledger.trains.save(replace(TRAIN, state="cancelled"), kept.revision, (event("cancelled"),))
    assert [one.event.what for one in any_ledger.records.events(f"train:{TRAIN.id}")] == ["said", "cut"]


def test_a_service_has_one_upcoming_and_one_ongoing_train_at_most(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.trains.save(replace(TRAIN, state="held"), None, (event(),))
    next_one = replace(TRAIN, departs=TRAIN.departs + timedelta(days=7))
    any_ledger.trains.save(next_one, None, (event(),))
    for another in (replace(TRAIN, timetable="other"), replace(TRAIN, timetable="other", state="ongoing"), TRAIN):
        with pytest.raises(Refused, match="has a train there already"):
            any_ledger.trains.save(another, None, (event(),))
    with pytest.raises(Refused, match="has a train there already"):
        any_ledger.trains.save(replace(next_one, state="ongoing"), 1, (event(),))
    any_ledger.trains.save(replace(TRAIN, timetable="other", state="departed"), None, (event(),))
    any_ledger.trains.save(replace(TRAIN, service="mail"), None, (event(),))
    assert next(kept.train.id for kept in any_ledger.trains.trains("tally")) == next_one.id


def test_a_refused_train_leaves_no_event(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.trains.save(TRAIN, None, (event(),))
    with pytest.raises(Refused):
        any_ledger.trains.save(replace(TRAIN, timetable="other"), None, (event(),))
    assert any_ledger.records.events(f"train:{replace(TRAIN, timetable='other').id}") == ()


def test_hotfixes_are_kept_alike(any_ledger: Ledger | MemoryLedger) -> None:
    any_ledger.trains.save(FIX, None, (event(),))
    any_ledger.trains.save(replace(FIX, finished=NOW), 1, (event("finished"),))
    (kept,) = any_ledger.trains.hotfixes("tally")
    assert (kept.train, kept.revision) == (replace(FIX, finished=NOW), 2)
    assert any_ledger.trains.trains("tally") == ()
