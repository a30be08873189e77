from dataclasses import replace

import pytest
from sqlalchemy import event as listening

from headway.adapters.ledger import Ledger
from headway.errors import Contradiction, Fenced, Refused, Unheard
from headway.ports import Notice
from headway.promotion.model import Quarantine
from headway.rollout.phases import ACTIVE, Phase
from headway.rollout.seen import Signal, Word
from support.records import MINUTE, NOON, PRODUCTION, STAGING, begin, end, event, pending, plan, started, step, take

PAUSE = Signal(Word.PAUSE, "bob", NOON + MINUTE, "lunch")
RESUME = Signal(Word.RESUME, "bob", NOON + 2 * MINUTE)
ABORT = Signal(Word.ABORT, "bob", NOON + MINUTE, "wrong day")
WAKE = Signal(Word.WAKE, "headway", NOON + MINUTE)


def test_a_queued_rollout_is_due_at_once_and_comes_back_as_it_was(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), (event(),))
    held = take(ledger, "r1")
    assert held.rollout == pending("r1")
    assert (held.lease, held.until, held.signals) == ("me", NOON + MINUTE, ())


def test_queueing_the_same_rollout_twice_is_queueing_it_once(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), (event(),))
    ledger.rollouts.add(pending("r1"), (event(),))
    assert len(ledger.records.standings()) == 1
    assert len(ledger.records.events("r1")) == 1


def test_another_rollout_under_the_same_id_is_a_contradiction(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    with pytest.raises(Contradiction, match="another rollout r1 already: tally@1"):
        ledger.rollouts.add(pending("r1", "2.0.0"), ())


def test_a_rollout_is_queued_pending_or_not_at_all(ledger: Ledger) -> None:
    with pytest.raises(Contradiction, match="r1 is running"):
        ledger.rollouts.add(started(pending("r1"), 1), ())


@pytest.mark.parametrize(
    ("after", "due", "found"),
    [
        pytest.param(0, NOON, True, id="due now"),
        pytest.param(0, NOON + MINUTE, False, id="due later"),
        pytest.param(1, NOON + MINUTE, True, id="due later, and later it is"),
        pytest.param(9999, None, False, id="only a signal wakes it"),
    ],
)
def test_only_what_is_due_is_claimed(ledger: Ledger, after: int, due, found: bool) -> None:
    ledger.rollouts.add(pending("r1"), ())
    held = take(ledger, "r1")
    ledger.rollouts.save(held, held.rollout, why="waits", due=due, until=None, now=NOON)
    now = NOON + after * MINUTE
    assert bool(ledger.rollouts.claim(now, now + MINUTE, "me", 10)) is found


def test_what_somebody_holds_is_free_again_only_when_the_lease_ran_out(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    take(ledger, "r1")
    assert ledger.rollouts.claim(NOON, NOON + MINUTE, "other", 10) == ()
    assert take(ledger, "r1", NOON + MINUTE, "other").lease == "other"


def test_a_completed_rollout_that_is_due_is_claimed_to_be_tidied(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    done = replace(held.rollout, phase=Phase.COMPLETED)
    ledger.rollouts.save(held, done, why="tidying", due=NOON + MINUTE, until=None, now=NOON)
    assert take(ledger, "r1", NOON + MINUTE).rollout.phase is Phase.COMPLETED


def test_a_rollout_that_is_always_due_never_starves_the_rest(ledger: Ledger) -> None:
    for name in ("failing", "r2", "r3"):
        ledger.rollouts.add(pending(name), ())
    turned = []
    for tick in range(6):
        now = NOON + tick * MINUTE
        (held,) = ledger.rollouts.claim(now, now + MINUTE, "me", 1)
        ledger.rollouts.save(held, held.rollout, why="failing", due=NOON, until=None, now=now)
        turned.append(held.rollout.id)
    assert turned == ["failing", "r2", "r3", "failing", "r2", "r3"]


def test_looking_for_work_where_there_is_none_writes_nothing(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("later", created=NOON + MINUTE), ())
    said: list[str] = []
    listening.listen(ledger.database.engine, "before_cursor_execute", lambda *call: said.append(call[2].lower()))
    assert ledger.rollouts.claim(NOON, NOON + MINUTE, "me", 10) == ()
    assert ledger.outbox.due(NOON, 10) == ()
    assert [each for each in said if not each.startswith(("select", "begin"))] == []
    assert "begin immediate" not in said
    assert any(each.startswith("select") for each in said)


def test_a_save_keeps_the_record_and_says_why_it_waits(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    after = replace(held.rollout, turn=7, trouble="no answer", trouble_tries=2)
    ledger.rollouts.save(held, after, why="waits for proof", due=NOON + MINUTE, until=None, now=NOON + MINUTE)
    found = ledger.records.standing("r1")
    assert found is not None
    assert (found.rollout, found.why, found.due, found.updated) == (after, "waits for proof", NOON + MINUTE, NOON + MINUTE)


def test_a_holder_saves_again_and_again_on_one_lease(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    for turn in (1, 2, 3):
        held = step(ledger, held, lambda it, turn=turn: replace(it, turn=turn))
    assert ledger.records.standing("r1").rollout.turn == 3


def test_a_holder_whose_lease_was_taken_over_is_fenced(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    old = take(ledger, "r1", token="old")
    new = take(ledger, "r1", NOON + MINUTE, "new")
    with pytest.raises(Fenced, match="held by new now, no longer by old"):
        step(ledger, old, lambda it: replace(it, turn=99))
    with pytest.raises(Fenced):
        ledger.rollouts.refresh(old)
    step(ledger, new, lambda it: replace(it, turn=1))
    assert ledger.records.standing("r1").rollout.turn == 1


def test_a_late_holder_is_fenced_even_if_its_own_process_took_over(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    late = take(ledger, "r1")
    take(ledger, "r1", NOON + MINUTE)
    with pytest.raises(Fenced, match="moved on"):
        step(ledger, late, lambda it: replace(it, turn=99))


def test_the_same_revision_is_saved_only_once(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    step(ledger, held, lambda it: replace(it, turn=1))
    with pytest.raises(Fenced, match="moved on"):
        step(ledger, held, lambda it: replace(it, turn=2))


def test_a_lease_that_was_given_back_is_gone(ledger: Ledger) -> None:
    held = step(ledger, begin(ledger, pending("r1")), lambda it: it, last=True)
    with pytest.raises(Fenced, match="held by nobody now"):
        step(ledger, held, lambda it: it)


def test_a_fenced_save_leaves_nothing_behind(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    old = take(ledger, "r1", token="old")
    take(ledger, "r1", NOON + MINUTE, "new")
    bad = Quarantine("tally", "tally@1.0.0", "c", None, NOON, ("bad",), "production")
    with pytest.raises(Fenced):
        ledger.rollouts.save(
            old, old.rollout, why="", due=None, until=None, events=(event(),), notices=(Notice("t", "t", "t"),), quarantine=bad, now=NOON
        )
    assert (ledger.records.events("r1"), ledger.outbox.due(NOON, 9), ledger.words.quarantines("tally")) == ((), (), ())


def test_two_active_rollouts_at_one_place_are_refused(ledger: Ledger) -> None:
    begin(ledger, pending("r1"))
    ledger.rollouts.add(pending("r2", "1.1.0"), ())
    held = take(ledger, "r2")
    with pytest.raises(Contradiction, match="tally in production has another active rollout"):
        step(ledger, held, lambda it: started(it, 2))
    assert ledger.records.standing("r2").rollout.phase is Phase.PENDING
    assert ledger.records.place(PRODUCTION).generation == 1


@pytest.mark.parametrize("phase", sorted(ACTIVE, key=lambda phase: phase.value), ids=lambda phase: phase.value)
def test_every_active_phase_keeps_others_out(ledger: Ledger, phase: Phase) -> None:
    step(ledger, begin(ledger, pending("r1")), lambda it: replace(it, phase=phase), last=True)
    assert ledger.records.place(PRODUCTION).active == "r1"
    ledger.rollouts.add(pending("r2", "1.1.0"), ())
    with pytest.raises(Contradiction, match="another active rollout"):
        step(ledger, take(ledger, "r2"), lambda it: started(it, 2))


def test_other_places_are_free(ledger: Ledger) -> None:
    begin(ledger, pending("r1"))
    begin(ledger, pending("r2", place=STAGING))
    assert (ledger.records.place(PRODUCTION).active, ledger.records.place(STAGING).active) == ("r1", "r2")


@pytest.mark.parametrize("generation", [0, 1, 3], ids=["none", "one that was", "one too far"])
def test_a_rollout_starts_with_the_next_generation_only(ledger: Ledger, generation: int) -> None:
    end(ledger, begin(ledger, pending("r1")))
    ledger.rollouts.add(pending("r2", "1.1.0"), ())
    with pytest.raises(Contradiction, match="which is at 1; expected 2"):
        step(ledger, take(ledger, "r2"), lambda it: started(it, generation))


def test_a_superseded_rollout_is_cancelled_and_its_holder_fenced(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), (event(),))
    held = take(ledger, "r1")
    ledger.rollouts.add(pending("r2", "1.1.0"), (event(),), cancel=("r1",))
    found = ledger.records.standing("r1")
    assert (found.rollout.phase, found.why, found.due) == (Phase.CANCELLED, "superseded by tally@1.1.0", None)
    assert [each.event.what for each in ledger.records.events("r1")] == ["queued", "cancelled"]
    with pytest.raises(Fenced):
        step(ledger, held, lambda it: started(it, 1))


def test_a_rollout_that_has_started_is_not_cancelled_by_a_newer_one(ledger: Ledger) -> None:
    begin(ledger, pending("r1"))
    ledger.rollouts.add(pending("r2", "1.1.0"), (), cancel=("r1", "nobody"))
    assert ledger.records.standing("r1").rollout.phase is Phase.RUNNING


def test_a_signal_wakes_what_sleeps(ledger: Ledger) -> None:
    step(ledger, begin(ledger, pending("r1")), lambda it: it, last=True)
    ledger.rollouts.signal("r1", PAUSE, (event("pause"),))
    held = take(ledger, "r1", NOON + MINUTE)
    assert held.signals == (PAUSE,)
    assert ledger.records.events("r1")[-1].event.what == "pause"


def test_a_signal_is_consumed_by_the_save_that_carried_it(ledger: Ledger) -> None:
    step(ledger, begin(ledger, pending("r1")), lambda it: it, last=True)
    ledger.rollouts.signal("r1", PAUSE)
    held = step(ledger, take(ledger, "r1", NOON + MINUTE), lambda it: it)
    assert ledger.rollouts.refresh(held).signals == ()
    step(ledger, held, lambda it: it, last=True)
    assert ledger.rollouts.claim(NOON + 5 * MINUTE, NOON + 6 * MINUTE, "me", 10) == ()


def test_a_signal_that_comes_in_between_is_not_lost(ledger: Ledger) -> None:
    ledger.rollouts.add(pending("r1"), ())
    ledger.rollouts.signal("r1", PAUSE)
    held = take(ledger, "r1", NOON + MINUTE)
    ledger.rollouts.signal("r1", RESUME)
    step(ledger, held, lambda it: it, last=True, now=NOON + 3 * MINUTE)
    assert take(ledger, "r1", NOON + 3 * MINUTE).signals == (RESUME,)


def test_a_holder_sees_what_came_since_when_it_refreshes(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    ledger.rollouts.signal("r1", PAUSE)
    ledger.rollouts.signal("r1", RESUME)
    fresh = ledger.rollouts.refresh(held)
    assert (fresh.signals, fresh.rollout, fresh.revision) == ((PAUSE, RESUME), held.rollout, held.revision)
    step(ledger, fresh, lambda it: it, last=True)
    assert ledger.rollouts.claim(NOON + 9 * MINUTE, NOON + 10 * MINUTE, "me", 10) == ()


def test_nothing_ends_over_a_word_that_came_in_between(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    ledger.rollouts.signal("r1", ABORT)
    with pytest.raises(Unheard, match="somebody spoke to r1 before it could be completed"):
        end(ledger, held)
    assert (ledger.records.standing("r1").rollout.phase, ledger.records.place(PRODUCTION).live) == (Phase.RUNNING, None)
    heard = ledger.rollouts.refresh(held)
    assert heard.signals == (ABORT,)
    end(ledger, heard)
    assert ledger.records.standing("r1").rollout.phase is Phase.COMPLETED
    assert ledger.records.verify() == ()


def test_who_speaks_to_what_has_ended_is_told_so_and_the_record_does_not_say_that_it_was_heard(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1")))
    said = len(ledger.records.events("r1"))
    with pytest.raises(Refused, match="r1 is completed; there is nothing left to abort"):
        ledger.rollouts.signal("r1", ABORT, (event("said abort"),))
    assert len(ledger.records.events("r1")) == said
    ledger.rollouts.signal("r1", WAKE)
    assert take(ledger, "r1", NOON + MINUTE).signals == (WAKE,), "that it is to be tidied is no word about its course"


def test_a_signal_to_nobody_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="no rollout r9"):
        ledger.rollouts.signal("r9", PAUSE)


def test_notices_and_quarantine_are_kept_with_the_save_that_decided_them(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    bad = Quarantine("tally", "tally@1.0.0", "c1", "c0", NOON, ("9 of 10 failed",), "production")
    notice = Notice("ops", "rolled back", "tally@1.0.0 was bad", {"failed": 9})
    ledger.rollouts.save(held, held.rollout, why="", due=None, until=None, notices=(notice,), quarantine=bad, now=NOON)
    assert ledger.words.quarantines("tally") == (bad,)
    assert [each[1:] for each in ledger.outbox.due(NOON, 9)] == [(notice, 0)]


def test_words_that_databases_dislike_are_kept_all_the_same(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    odd = "bad \0 byte, half \udc80 letter, Grüße 🚆"
    after = replace(held.rollout, trouble=odd, plan=plan("1.0.0"))
    ledger.rollouts.save(held, after, why=odd, due=None, until=None, events=(event(odd),), notices=(Notice("t", odd, odd),), now=NOON)
    found = ledger.records.standing("r1")
    assert "Grüße 🚆" in found.why
    assert found.rollout.trouble == odd.replace("\udc80", "?")
    assert ledger.records.verify() == ()
