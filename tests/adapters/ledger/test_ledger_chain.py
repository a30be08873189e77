"""The events cannot be edited, removed or reordered without verify() saying which."""

import pytest
from sqlalchemy import text

from headway.adapters.ledger import Ledger, chain, open_ledger
from headway.ports import Event
from headway.rollout.seen import Signal, Word
from support.records import MINUTE, NOON, event, pending, release


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """A ledger with five events of one rollout and one of a release."""
    ledger.rollouts.add(pending("r1"), [event(f"event {number}", NOON + number * MINUTE) for number in range(1, 6)])
    ledger.releases.add(release(), (event("cut"),))
    return ledger


def tamper(ledger: Ledger, *statements: str) -> None:
    with ledger.database.writing() as on:
        for statement in statements:
            on.execute(text(statement))


def test_events_come_back_as_they_were_said_oldest_first(told: Ledger) -> None:
    found = told.records.events("r1")
    assert [each.number for each in found] == [1, 2, 3, 4, 5]
    assert found[0].event == Event(NOON + MINUTE, "ada", "event 1", ("because",), {"n": 1})
    assert found[0].event.at.utcoffset().total_seconds() == 0


def test_a_rollout_and_a_release_have_streams_of_their_own(told: Ledger) -> None:
    assert [(each.stream, each.number) for each in told.records.events()][-2:] == [("r1", 5), ("release:tally@1.0.0", 1)]
    assert [each.event.what for each in told.records.events("release:tally@1.0.0")] == ["cut"]


def test_of_many_events_the_latest_are_shown(told: Ledger) -> None:
    assert [each.number for each in told.records.events("r1", most=2)] == [4, 5]


def test_what_nobody_touched_verifies(told: Ledger) -> None:
    told.rollouts.signal("r1", Signal(Word.WAKE, "bob", NOON), (event("woken"),))
    assert told.records.verify() == ()


@pytest.mark.parametrize(
    ("deeds", "found"),
    [
        pytest.param(
            ["update events set body = replace(body, 'because', 'whatever') where stream = 'r1' and number = 3"],
            ["r1: event 3 was edited, or the one before it was: its hash does not follow"],
            id="edited",
        ),
        pytest.param(
            ["update events set body = replace(body, 'because', 'whatever') where stream = 'r1' and number = 5"],
            ["r1: event 5 was edited, or the one before it was: its hash does not follow"],
            id="edited at the end",
        ),
        pytest.param(
            ["update events set body = '{' where stream = 'r1' and number = 2"], ["r1: event 2 was edited: it cannot be read"], id="torn"
        ),
        pytest.param(["delete from events where stream = 'r1' and number = 3"], ["r1: event 3 is missing"], id="removed"),
        pytest.param(
            ["delete from events where stream = 'r1' and number < 3"], ["r1: event 1 is missing", "r1: event 2 is missing"], id="beheaded"
        ),
        pytest.param(
            ["delete from events where stream = 'r1' and number > 3"], ["r1: it ends at event 3, but 5 were written"], id="its tail cut off"
        ),
        pytest.param(["delete from events where stream = 'r1'"], ["r1: all of its 5 events are missing"], id="all removed"),
        pytest.param(
            [
                "update events set number = 99 where stream = 'r1' and number = 2",
                "update events set number = 2 where stream = 'r1' and number = 3",
                "update events set number = 3 where stream = 'r1' and number = 99",
            ],
            [
                "r1: event 2 holds what was written as event 3 of r1",
                "r1: event 3 holds what was written as event 2 of r1",
                "r1: event 3 was moved before event 2",
                "r1: event 4 was edited, or the one before it was: its hash does not follow",
            ],
            id="reordered",
        ),
        pytest.param(
            ["update events set stream = 'r7' where stream = 'r1'"],
            [f"r7: event {n} holds what was written as event {n} of r1" for n in range(1, 6)]
            + [
                "r7: its head is missing, so nobody can tell how many events it had; 5 are there",
                "r1: all of its 5 events are missing",
            ],
            id="given to another",
        ),
        pytest.param(
            ["update heads set length = 4 where stream = 'r1'"],
            ["r1: event 5 is not the one that was written last"],
            id="with one slipped in",
        ),
    ],
)
def test_tampering_is_found_and_named(told: Ledger, deeds: list[str], found: list[str]) -> None:
    tamper(told, *deeds)
    assert list(told.records.verify()) == found


def test_an_edit_whose_own_hash_was_mended_shows_in_the_next_event(told: Ledger) -> None:
    from headway.adapters.ledger.chain import link

    with told.database.writing() as on:
        rows = on.execute(text("select number, body, hash from events where stream = 'r1' order by number")).all()
        body = rows[2].body.replace("because", "whatever")
        on.execute(
            text("update events set body = :body, hash = :hash where stream = 'r1' and number = 3"),
            {"body": body, "hash": link(rows[1].hash, body)},
        )
    assert list(told.records.verify()) == ["r1: event 4 was edited, or the one before it was: its hash does not follow"]


def test_the_last_event_with_a_mended_hash_shows_at_the_head(told: Ledger) -> None:
    from headway.adapters.ledger.chain import link

    with told.database.writing() as on:
        rows = on.execute(text("select number, body, hash from events where stream = 'r1' order by number")).all()
        body = rows[4].body.replace("because", "whatever")
        on.execute(
            text("update events set body = :body, hash = :hash where stream = 'r1' and number = 5"),
            {"body": body, "hash": link(rows[3].hash, body)},
        )
    assert list(told.records.verify()) == ["r1: event 5 is not the one that was written last"]


def test_who_wrote_meanwhile_and_what_was_not_kept_leave_the_chain_whole(url: str) -> None:
    one, other = open_ledger(url), open_ledger(url)
    one.rollouts.add(pending("r1"), (event("asked"),))
    other.rollouts.signal("r1", Signal(Word.WAKE, "bob", NOON), (event("said"),))
    one.rollouts.signal("r1", Signal(Word.WAKE, "ada", NOON), (event("said again"), event("and again")))
    with pytest.raises(RuntimeError), one.database.writing() as on:
        chain.append(on, "r1", (event("never kept"),))
        raise RuntimeError
    one.rollouts.signal("r1", Signal(Word.WAKE, "ada", NOON), (event("kept"),))
    other.rollouts.signal("r1", Signal(Word.WAKE, "bob", NOON), (event("last"),))
    assert [each.event.what for each in one.records.events("r1")] == ["asked", "said", "said again", "and again", "kept", "last"]
    assert one.records.verify() == ()
    one.close()
    other.close()
