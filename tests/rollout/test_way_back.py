"""The way back: traffic leaves the bad release first, everything else follows."""

from dataclasses import replace

import pytest
from makers import (
    BAD_NEWS,
    NEW,
    NOW,
    OLD,
    after,
    at,
    canary_plan,
    carry_on,
    effect,
    rolling_plan,
    said,
    shifted,
    sight,
    under_way,
)

from headway.rollout.decide import decide
from headway.rollout.effects import landed
from headway.rollout.hear import in_vain
from headway.rollout.model import Rollout, RunCheck, Scale, SetReplicas, SetWeights, Soak, Watch
from headway.rollout.moves import Finish, Said, Wait
from headway.rollout.phases import Phase
from headway.rollout.seen import CheckRun, CheckState, Group, Probe, Seen, Sight, Word

PLAN = canary_plan()
HOME = {OLD.name: 100}
TURNING = (Phase.RUNNING, Phase.PAUSED, Phase.PARKED)


@pytest.mark.parametrize("phase", TURNING, ids=lambda phase: phase.value)
def test_a_failed_verdict_takes_the_traffic_off_in_the_same_decision(phase: Phase) -> None:
    rollout = under_way(PLAN, at(PLAN, Watch), phase=phase, reasons=("because",))
    decision = decide(rollout, Seen(sight=sight(1, weight=25), verdict=BAD_NEWS), after(1))
    assert decision.rollout.phase is Phase.ROLLING_BACK
    assert effect(decision) == SetWeights(HOME)
    assert [line.what for line in decision.said] == ["failed verdict", f"route 100 % to {OLD.name}"]
    assert decision.said[0].why == ("errors: 300 of 600",)


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        (Seen(sight=sight(4, weight=100), check=CheckRun(CheckState.FAILED, "smoke exited with 1")), "failed check"),
        (Seen(sight=sight(4, weight=100), signals=(said(Word.ABORT, why="odd"),)), "aborted"),
        (
            Seen(sight=Sight({NEW.name: Group(4, 1, 0, ("exited at once",)), OLD.name: Group(4, 4, 4)}, {NEW.name: 100})),
            "failed to run",
        ),
    ],
    ids=["a failed check", "a person's abort", "a crash"],
)
def test_these_turn_it_back_too(seen: Seen, what: str) -> None:
    decision = decide(under_way(PLAN, at(PLAN, RunCheck)), seen, NOW)
    assert (decision.said[0].what, effect(decision)) == (what, SetWeights(HOME))


def test_never_ready_turns_it_back_when_the_time_is_over() -> None:
    scaled = under_way(PLAN, 0, unready_since=NOW)
    slow = Seen(sight=sight(0, new_wanted=1))
    assert decide(scaled, slow, after(30)).rollout.phase is Phase.RUNNING
    late = decide(scaled, slow, after(31))
    assert late.rollout.phase is Phase.RUNNING
    gone = decide(late.rollout, slow, after(32))
    assert gone.said[0].why == ("0 of 1 replicas of 1.1.0 are ready after 32 s",)
    assert effect(gone) == SetReplicas(NEW, 0)


def test_a_better_reason_that_arrives_just_after_the_time_is_over_is_the_one_that_is_told() -> None:
    """However late the first look comes: there is always one more before the reason is final."""
    slow = Seen(sight=sight(0, new_wanted=1))
    late = decide(under_way(PLAN, 0, unready_since=NOW), slow, after(3600))
    crashed = Sight(
        {NEW.name: Group(1, 0, 0, ("exited at once with status 1",), ("KeyError: 'DATABASE'",)), OLD.name: Group(4, 4, 4)}, HOME
    )
    gone = decide(late.rollout, Seen(sight=crashed), after(3600.5))
    assert gone.said[0].what == "failed to run"
    assert gone.said[0].why == ("exited at once with status 1", "KeyError: 'DATABASE'")


def test_one_that_got_ready_in_the_last_look_goes_on() -> None:
    late = decide(under_way(PLAN, 0, unready_since=NOW), Seen(sight=sight(0, new_wanted=1)), after(31))
    ready = decide(late.rollout, Seen(sight=sight(1)), after(31.5))
    assert (ready.rollout.phase, ready.rollout.late_since, ready.rollout.unready_since) == (Phase.RUNNING, None, None)


def test_an_effect_under_way_does_not_stand_in_the_way() -> None:
    begun = under_way(PLAN, at(PLAN, Watch), intent=shifted(50))
    decision = decide(begun, Seen(sight=sight(1, weight=25), verdict=BAD_NEWS, probe=Probe.NOT_DONE), after(1))
    assert effect(decision) == SetWeights(HOME)
    assert decision.rollout.turn == 10


def test_a_weight_that_landed_unnoticed_is_taken_back_at_once() -> None:
    retried = under_way(PLAN, at(PLAN, Watch), weight=0, weighed_at=NOW, intent=shifted(25))
    decision = decide(retried, Seen(sight=sight(1, weight=25), signals=(said(Word.ABORT),)), after(1))
    assert effect(decision) == SetWeights(HOME)


def test_then_the_new_instances_go_and_it_ends() -> None:
    turned = decide(under_way(PLAN, at(PLAN, Soak)), Seen(sight=sight(4, weight=100), verdict=BAD_NEWS), NOW)
    *_, waiting = carry_on(replace(turned, said=()), Seen(sight=sight(4, weight=0)), NOW, most=3)
    assert effect(waiting) == SetReplicas(NEW, 0)
    draining = Seen(sight=Sight({NEW.name: Group(0, 2, 0), OLD.name: Group(4, 4, 4)}, HOME))
    assert decide(replace(waiting.rollout, intent=None), draining, after(1)).move.why == "2 instances of 1.1.0 finish what they have"
    over = decide(replace(waiting.rollout, intent=None), draining, after(121))
    assert over.rollout.phase is Phase.ROLLED_BACK
    assert over.move == Finish("errors: 300 of 600; 1.0.0 has all traffic again")


def test_the_first_release_leaves_nothing_behind() -> None:
    plan = canary_plan(old=None)
    there = Sight({NEW.name: Group(4, 4, 4)}, {NEW.name: 100})
    turned = decide(under_way(plan, at(plan, Soak)), Seen(sight=there, verdict=BAD_NEWS), NOW)
    assert effect(turned) == SetWeights({})
    gone = decide(replace(turned.rollout, intent=None), Seen(sight=Sight()), NOW)
    assert gone.move == Finish("errors: 300 of 600; nothing ran here before; nothing does now")


class TestWithoutRoomForBoth:
    """Rolling with keep_warm 0: the old release is smaller than it was, and grows before it gets the traffic back."""

    plan = rolling_plan()

    def turned(self, **sizes: int) -> object:
        rollout = under_way(self.plan, at(self.plan, Scale, 2), weight=50)
        return effect(decide(rollout, Seen(sight=sight(2, weight=50, **sizes), verdict=BAD_NEWS), NOW))

    def test_the_old_one_grows_first(self) -> None:
        assert self.turned(old=2) == SetReplicas(OLD, 4)

    def test_and_gets_the_traffic_when_all_are_ready(self) -> None:
        back = under_way(self.plan, at(self.plan, Scale, 2), phase=Phase.ROLLING_BACK, weight=50)
        growing = decide(back, Seen(sight=sight(2, old=3, weight=50, old_wanted=4)), after(1))
        assert growing.move.why == "3 of 4 replicas of 1.0.0 are ready; traffic goes back when all are (advance: do not wait)"
        assert effect(decide(back, Seen(sight=sight(2, old=4, weight=50)), after(1))) == SetWeights(HOME)

    def test_or_when_a_person_says_so(self) -> None:
        back = under_way(self.plan, at(self.plan, Scale, 2), phase=Phase.ROLLING_BACK, weight=50)
        seen = Seen(sight=sight(2, old=1, weight=50, old_wanted=4), signals=(said(Word.ADVANCE),))
        assert effect(decide(back, seen, after(1))) == SetWeights(HOME)

    def test_or_when_it_has_taken_longer_than_it_may(self) -> None:
        back = under_way(self.plan, at(self.plan, Scale, 2), phase=Phase.ROLLING_BACK, weight=50)
        seen = Seen(sight=sight(2, old=3, weight=50, old_wanted=4))
        assert effect(decide(back, seen, after(31))) == SetWeights(HOME)

    def test_never_to_nobody(self) -> None:
        back = under_way(self.plan, at(self.plan, Scale, 2), phase=Phase.ROLLING_BACK, weight=50, advanced=True)
        assert isinstance(decide(back, Seen(sight=sight(2, old=0, weight=50, old_wanted=4)), after(9)).move, Wait)

    def test_a_held_one_retreats_the_same_way(self) -> None:
        held = under_way(self.plan, at(self.plan, Soak), phase=Phase.HELD, weight=100, reasons=("undecided",))
        assert effect(decide(held, Seen(sight=sight(4, old=0, weight=100)), NOW)) == SetReplicas(OLD, 4)
        assert effect(decide(held, Seen(sight=sight(4, old=4, weight=100)), NOW)) == SetWeights(HOME)


class TestNobodyToGoBackTo:
    """The old release does not get a single replica ready: bounded, told, and of two evils the one that answers."""

    def back(self, **changes: object) -> Rollout:
        return under_way(PLAN, at(PLAN, Watch), phase=Phase.ROLLING_BACK, weight=25, reasons=("errors",), **changes)

    def dead(self, new: int = 1, weight: int = 25) -> Seen:
        return Seen(sight=sight(new, old=0, weight=weight, old_wanted=4))

    def test_it_is_waited_for_as_long_as_a_start_may_take(self) -> None:
        waiting = decide(self.back(), self.dead(), after(30))
        assert isinstance(waiting.move, Wait)
        assert not waiting.rollout.stuck

    def test_then_the_side_that_answers_has_the_traffic_and_people_are_told_once(self) -> None:
        stuck = decide(self.back(), self.dead(), after(31))
        assert effect(stuck) == SetWeights({NEW.name: 100})
        why = "no replica of 1.0.0 gets ready within 30 s; 1.1.0 answers and has the traffic until one does; a person must make 1.0.0 start"
        assert stuck.said[0] == Said("cannot go back", (why,))
        waiting = decide(landed(stuck.rollout, after(31)), self.dead(weight=100), after(32))
        assert waiting.move.why == f"{why}, or give it up (headway abort --give-up)"
        assert (waiting.said, waiting.rollout.phase) == ((), Phase.ROLLING_BACK)

    def test_the_platform_s_own_bad_news_needs_no_wait(self) -> None:
        crashed = Sight({NEW.name: Group(1, 1, 1), OLD.name: Group(4, 0, 0, ("exits again and again",))}, {NEW.name: 25, OLD.name: 75})
        stuck = decide(self.back(), Seen(sight=crashed), after(1))
        assert effect(stuck) == SetWeights({NEW.name: 100})
        assert "no replica of 1.0.0 gets ready: exits again and again" in stuck.said[0].why[0]

    def test_when_neither_answers_nothing_is_moved(self) -> None:
        stuck = decide(self.back(), self.dead(new=0), after(31))
        assert effect(stuck) is None
        assert "and none of 1.1.0 answers either" in stuck.move.why
        assert stuck.rollout.stuck

    def test_a_person_who_gives_it_up_ends_it_where_it_is(self) -> None:
        told = said(Word.GIVE_UP, why="1.1.1 mends it")
        routed = decide(self.back(stuck=True), replace(self.dead(), signals=(told,)), after(40))
        assert effect(routed) == SetWeights({NEW.name: 100}), "first of all, what answers has the traffic"
        over = decide(landed(routed.rollout, after(40)), self.dead(weight=100), after(41))
        why = ("errors", "given up by bob: 1.1.1 mends it", "1.1.0 keeps the traffic")
        assert (over.rollout.phase, over.rollout.reasons) == (Phase.GIVEN_UP, why)
        assert over.move == Finish("; ".join(why))
        assert over.said == (Said("gave up the way back", why),)

    def test_where_neither_answers_it_says_so(self) -> None:
        over = decide(self.back(stuck=True), replace(self.dead(new=0), signals=(said(Word.GIVE_UP),)), after(40))
        assert over.rollout.phase is Phase.GIVEN_UP
        assert over.rollout.reasons[-1] == "neither 1.0.0 nor 1.1.0 answers"

    def test_what_can_go_back_goes_back_whatever_was_said(self) -> None:
        seen = Seen(sight=sight(1, old=1, weight=100, old_wanted=4), signals=(said(Word.GIVE_UP),))
        mended = decide(self.back(stuck=True), seen, after(60))
        assert effect(mended) == SetWeights(HOME)
        assert mended.rollout.phase is Phase.ROLLING_BACK

    def test_before_it_is_stuck_there_is_nothing_to_give_up(self) -> None:
        waiting = decide(self.back(), replace(self.dead(), signals=(said(Word.GIVE_UP),)), after(10))
        assert (waiting.rollout.phase, waiting.rollout.given_up, waiting.said) == (Phase.ROLLING_BACK, "", ())
        assert in_vain(self.back(), Word.GIVE_UP) == "only a way back that cannot be gone is given up"
        assert in_vain(self.back(stuck=True), Word.GIVE_UP) is None

    def test_and_as_soon_as_one_is_ready_everything_goes_back(self) -> None:
        mended = decide(self.back(stuck=True), Seen(sight=sight(1, old=1, weight=100, old_wanted=4)), after(60))
        assert effect(mended) == SetWeights(HOME)
        assert not mended.rollout.stuck


def test_it_ends_even_when_the_traffic_was_never_there() -> None:
    aborted = decide(under_way(PLAN, 0, asked=False), Seen(sight=sight(0), signals=(said(Word.ABORT),)), NOW)
    assert aborted.rollout.phase is Phase.ROLLED_BACK
    assert aborted.move.why == "aborted by bob; 1.0.0 has all traffic again"
