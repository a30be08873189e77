"""Records and schemas of a newer Headway: left alone, and said aloud."""

import pytest
from sqlalchemy import text

from headway.adapters.ledger import Ledger, open_ledger, rollouts
from headway.adapters.ledger.codec import FORMAT
from headway.adapters.ledger.schema import VERSION
from headway.errors import Contradiction
from headway.rollout.phases import Phase
from headway.rollout.seen import Signal, Word
from support.records import MINUTE, NOON, PRODUCTION, begin, end, event, pending, started, step, take

TOMORROW = "update rollouts set phase = 'dreaming', record = replace(record, 'running', 'dreaming') where id = 'r1'"
NEWER_FORMAT = f"update rollouts set format = {FORMAT + 1} where id = 'r1'"


def change(ledger: Ledger, statement: str) -> None:
    with ledger.database.writing() as on:
        on.execute(text(statement))


@pytest.fixture(params=[TOMORROW, NEWER_FORMAT], ids=["a phase of tomorrow", "a newer format"])
def newer(ledger: Ledger, request: pytest.FixtureRequest) -> Ledger:
    """A ledger with a due rollout r1 that only a newer Headway understands."""
    held = begin(ledger, pending("r1"))
    ledger.rollouts.save(held, held.rollout, why="turning", due=NOON, until=None, now=NOON)
    change(ledger, request.param)
    return ledger


def test_a_record_we_cannot_read_does_not_keep_the_others_from_their_turn(newer: Ledger) -> None:
    newer.rollouts.add(pending("r2"), ())
    assert [held.rollout.id for held in newer.rollouts.claim(NOON, NOON + MINUTE, "me", 10)] == ["r2"]


def test_it_is_shown_as_parked_with_the_reason_and_recorded_once(newer: Ledger) -> None:
    for minute in range(3):
        assert newer.rollouts.claim(NOON + minute * MINUTE, NOON + (minute + 1) * MINUTE, "me", 10) == ()
    found = newer.records.standing("r1")
    assert (found.why, found.due, found.rollout.phase) == ("needs a newer Headway", None, Phase.PARKED)
    assert (found.rollout.release, found.rollout.place) == ("tally@1.0.0", PRODUCTION)
    assert newer.records.standings() == (found,)
    assert sum(each.event.what == "needs a newer Headway" for each in newer.records.events("r1")) == 1


def test_its_record_is_never_touched(newer: Ledger) -> None:
    query = text("select record, phase, format, revision from rollouts where id = 'r1'")
    with newer.database.reading() as on:
        before = on.execute(query).one()
    newer.rollouts.claim(NOON, NOON + MINUTE, "me", 10)
    with newer.database.reading() as on:
        assert on.execute(query).one() == before


def test_its_place_stays_taken(newer: Ledger) -> None:
    newer.rollouts.claim(NOON, NOON + MINUTE, "me", 10)
    newer.rollouts.add(pending("r2"), ())
    assert newer.records.place(PRODUCTION).active == "r1"
    with pytest.raises(Contradiction, match="another active rollout"):
        step(newer, take(newer, "r2"), lambda it: started(it, 2))


def test_a_newer_headway_takes_it_up_by_itself(newer: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    newer.rollouts.claim(NOON, NOON + MINUTE, "me", 10)
    change(newer, f"update rollouts set phase = 'running', record = replace(record, 'dreaming', 'running'), format = {FORMAT}")
    assert newer.rollouts.claim(NOON, NOON + MINUTE, "old", 10) == ()
    monkeypatch.setattr(rollouts, "FORMAT", FORMAT + 1)
    assert take(newer, "r1", token="new").rollout.phase is Phase.RUNNING


def test_a_person_may_ask_to_try_again(newer: Ledger) -> None:
    newer.rollouts.claim(NOON, NOON + MINUTE, "me", 10)
    change(newer, f"update rollouts set phase = 'running', record = replace(record, 'dreaming', 'running'), format = {FORMAT}")
    newer.rollouts.signal("r1", Signal(Word.RETRY, "bob", NOON), (event("retry"),))
    assert take(newer, "r1").signals[0].word is Word.RETRY


def test_a_schema_of_tomorrow_is_left_alone(ledger: Ledger, url: str) -> None:
    end(ledger, begin(ledger, pending("r1")))
    change(ledger, f"update meta set value = '{VERSION + 1}' where key = 'schema'")
    with pytest.raises(Contradiction, match=f"needs a newer Headway: its schema has version {VERSION + 1}, this Headway knows {VERSION}"):
        open_ledger(url)


def test_a_schema_without_a_version_is_not_guessed_at(ledger: Ledger, url: str) -> None:
    change(ledger, "delete from meta")
    with pytest.raises(Contradiction, match="names no schema version"):
        open_ledger(url)


def test_opening_again_keeps_everything(ledger: Ledger, url: str) -> None:
    end(ledger, begin(ledger, pending("r1")))
    again = open_ledger(url)
    assert again.records.standing("r1") == ledger.records.standing("r1")
    again.close()
