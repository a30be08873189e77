"""The next move of a rollout: what it answers in each phase, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from makers import (
    BAD_NEWS,
    GOOD_NEWS,
    NEW,
    NO_NEWS,
    NOW,
    OLD,
    after,
    at,
    canary_plan,
    effect,
    pending,
    rolling_plan,
    said,
    shifted,
    sight,
    under_way,
)

from headway.analysis.model import Verdict
from headway.rollout.decide import decide
from headway.rollout.effects import landed, stumbled
from headway.rollout.model import (
    ALL,
    NONE,
    Fence,
    Intent,
    Rollout,
    RunCheck,
    Scale,
    SetReplicas,
    SetWeights,
    Shift,
    Side,
    Soak,
    StartCheck,
    Watch,
)
from headway.rollout.moves import BACK_OFF, SAFETY_NET, Do, Finish, Wait
from headway.rollout.phases import Phase
from headway.rollout.seen import CheckRun, CheckState, Group, Probe, Seen, Sight, Word

PLAN = canary_plan()
WATCHING = at(PLAN, Watch)
HOME = {OLD.name: 100}


def watching(**changes: object) -> Rollout:
    return under_way(PLAN, WATCHING, **changes)


# -- how often it is judged


@pytest.mark.parametrize(
    ("age", "again"),
    [
        pytest.param(0.0, 0.25, id="a new weight is looked at four times a second"),
        pytest.param(1.9, 0.25, id="for two seconds"),
        pytest.param(2.0, 1.0, id="then every second"),
        pytest.param(600.0, 1.0, id="for as long as it lasts"),
    ],
)
def test_a_release_is_judged_most_often_while_a_dead_one_would_be_news(age: float, again: float) -> None:
    since = NOW - timedelta(seconds=age)
    decision = decide(watching(weighed_at=since, since=since), Seen(sight=sight(1, weight=25), verdict=NO_NEWS), NOW)
    assert isinstance(decision.move, Wait)
    assert decision.move.until == NOW + timedelta(seconds=again)


# -- before it starts


def test_a_waiting_rollout_says_what_it_waits_for() -> None:
    decision = decide(pending(), Seen(waits=("1.1.0 needs 1 more approval",)), NOW)
    assert decision.move == Wait(NOW + SAFETY_NET, "1.1.0 needs 1 more approval")
    assert decision.rollout.phase is Phase.PENDING


def test_a_waiting_rollout_looks_again_when_a_freeze_ends() -> None:
    decision = decide(pending(), Seen(waits=("frozen",), until=after(90)), NOW)
    assert decision.move == Wait(after(90), "frozen")


def test_one_rollout_waits_for_the_other() -> None:
    assert "waits for r6 to end" in decide(pending(), Seen(blocked_by="r6", plan=PLAN, sight=sight(0)), NOW).move.why


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen(refusals=("1.1.0 was withdrawn",)), "1.1.0 was withdrawn"),
        (Seen(overtaken="tally@1.2.0"), "tally@1.2.0 went live here after this was asked for"),
        (Seen(signals=(said(Word.ABORT, why="wrong one"),)), "withdrawn by bob: wrong one"),
    ],
    ids=["by a rule that nobody can lift", "because a newer one is live", "by a person"],
)
def test_a_waiting_rollout_is_cancelled(seen: Seen, why: str) -> None:
    decision = decide(pending(), seen, NOW)
    assert decision.rollout.phase is Phase.CANCELLED
    assert isinstance(decision.move, Finish)
    assert why in decision.move.why


def test_it_starts_with_the_next_generation_and_its_plan_frozen() -> None:
    decision = decide(pending(), Seen(generation=4, plan=PLAN, sight=sight(0)), NOW)
    frozen = replace(PLAN, had=sight(0).group(OLD.name).wanted)
    assert (decision.rollout.phase, decision.rollout.generation, decision.rollout.plan) == (Phase.RUNNING, 5, frozen)
    assert decision.move == Do(
        Intent("r7-1", Fence(5, 1), SetReplicas(NEW, 1), NOW),
        "set 1.1.0 to 1 replicas",
    )
    assert [line.what for line in decision.said] == ["started", "set 1.1.0 to 1 replicas"]


def test_it_does_not_start_unseen() -> None:
    decision = decide(pending(), Seen(plan=PLAN, trouble="no answer"), NOW)
    assert (decision.rollout.phase, decision.move.why) == (Phase.PENDING, "no answer; trying again")


def test_what_an_earlier_rollout_kept_warm_goes_first() -> None:
    there = replace(sight(0), groups={"v0-9-0": Group(2, 2, 2), OLD.name: Group(4, 4, 4)})
    decision = decide(pending(), Seen(plan=PLAN, sight=there), NOW)
    gone = effect(decision)
    assert isinstance(gone, SetReplicas)
    assert (gone.workload.name, gone.replicas) == ("v0-9-0", 0)
    assert effect(decide(landed(decision.rollout, NOW), Seen(sight=sight(0)), NOW)) == SetReplicas(NEW, 1)


def test_a_stranger_with_traffic_is_left_alone() -> None:
    there = Sight({"v0-9-0": Group(2, 2, 2), OLD.name: Group(4, 4, 4)}, {"v0-9-0": 5, OLD.name: 95})
    assert effect(decide(pending(), Seen(plan=PLAN, sight=there), NOW)) == SetReplicas(NEW, 1)


# -- the way forward


def test_replicas_are_waited_for_before_they_get_traffic() -> None:
    scaled = under_way(PLAN, 0)
    waits = decide(scaled, Seen(sight=sight(0, new_wanted=1)), NOW)
    assert waits.move.why == "0 of 1 replicas of 1.1.0 are ready"
    assert effect(decide(scaled, Seen(sight=sight(1)), NOW)) == SetWeights({NEW.name: 25, OLD.name: 75})


def test_a_shift_is_confirmed_by_what_the_proxies_show() -> None:
    set_now = under_way(PLAN, at(PLAN, Shift), weight=25)
    assert "waiting for the proxies" in decide(set_now, Seen(sight=sight(1, weight=0)), after(5)).move.why
    assert effect(decide(set_now, Seen(sight=sight(1, weight=0)), after(11))) == SetWeights({NEW.name: 25, OLD.name: 75})
    assert decide(set_now, Seen(sight=sight(1, weight=25), verdict=GOOD_NEWS), after(1)).rollout.cursor == WATCHING


def test_a_weight_is_not_set_again_where_replicas_are_missing() -> None:
    retried = under_way(PLAN, at(PLAN, Shift, 1), asked=False, weight=0)
    decision = decide(retried, Seen(sight=sight(1, weight=0)), NOW)
    assert decision.move.why == "1 of 2 replicas of 1.1.0 that 50 % of the traffic needs are ready"


def test_good_news_counts_when_the_time_is_over() -> None:
    seen = Seen(sight=sight(1, weight=25), verdict=GOOD_NEWS)
    early = decide(watching(), seen, after(10))
    assert early.move == Wait(after(11), "watching for 20 s more: errors: 0 of 600")
    assert effect(decide(watching(), seen, after(30))) == SetReplicas(NEW, 2)


def test_no_news_holds_and_takes_the_traffic_off() -> None:
    undecided = decide(watching(), Seen(sight=sight(1, weight=25), verdict=NO_NEWS), after(30))
    assert undecided.rollout.undecided_since == after(30)
    held = decide(undecided.rollout, Seen(sight=sight(1, weight=25), verdict=NO_NEWS), after(331))
    assert (held.rollout.phase, effect(held)) == (Phase.HELD, SetWeights(HOME))
    settled = decide(landed(held.rollout, after(331)), Seen(sight=sight(1)), after(332))
    assert (settled.rollout.weight, settled.rollout.phase) == (NONE, Phase.HELD)
    assert settled.move.why == "undecided for 301 s: nobody came; a person decides: retry, advance, or abort"


def test_the_first_release_that_is_held_says_that_users_stay_on_it() -> None:
    plan = canary_plan(old=None)
    there = Sight({NEW.name: Group(4, 4, 4)}, {NEW.name: 100})
    undecided = under_way(plan, at(plan, Soak), undecided_since=NOW)
    held = decide(undecided, Seen(sight=there, verdict=NO_NEWS), after(301))
    assert held.rollout.phase is Phase.HELD
    assert held.rollout.weight == ALL
    told = "nothing ran here before 1.1.0, so users stay on it meanwhile; abort takes it off, and then nothing serves here"
    assert told in held.said[0].why
    assert told in held.move.why


def test_nothing_measured_is_no_good_news() -> None:
    decision = decide(watching(), Seen(sight=sight(1, weight=25)), after(60))
    assert decision.move.why == "undecided: nothing was measured"


def test_the_last_step_completes_it_and_keeps_the_old_one_warm() -> None:
    soaked = under_way(PLAN, at(PLAN, Soak))
    decision = decide(soaked, Seen(sight=sight(4, weight=100), verdict=GOOD_NEWS), after(60))
    assert decision.rollout.phase is Phase.COMPLETED
    assert decision.move == Finish("1.1.0 has all traffic and soaked", after(960))
    assert not decision.rollout.tidied


def test_a_check_runs_passes_and_lets_it_on() -> None:
    checking = under_way(PLAN, at(PLAN, RunCheck), check=None, asked=False)
    started = decide(checking, Seen(sight=sight(4, weight=100)), NOW)
    assert isinstance(effect(started), StartCheck)
    running = landed(started.rollout, NOW)
    assert running.check == "r7-10"
    passed = Seen(sight=sight(4, weight=100), check=CheckRun(CheckState.PASSED, "smoke passed in 2 s"))
    assert decide(running, passed, after(2)).rollout.cursor == at(PLAN, Soak)


def test_a_failed_check_with_a_retry_left_runs_again_and_then_counts() -> None:
    plan = canary_plan(retries=1)
    failed = Seen(sight=sight(4, weight=100), check=CheckRun(CheckState.FAILED, "smoke exited with 1"))
    again = decide(under_way(plan, at(plan, RunCheck)), failed, NOW)
    assert isinstance(effect(again), StartCheck)
    assert effect(again).attempt == 2  # type: ignore[union-attr]
    over = decide(landed(again.rollout, NOW), failed, NOW)
    assert (over.rollout.phase, effect(over)) == (Phase.ROLLING_BACK, SetWeights(HOME))


def test_an_errored_check_is_no_evidence_and_waits_for_a_person() -> None:
    errored = Seen(sight=sight(4, weight=100), check=CheckRun(CheckState.ERRORED, "smoke was lost"))
    decision = decide(under_way(PLAN, at(PLAN, RunCheck)), errored, NOW)
    assert decision.rollout.phase is Phase.RUNNING
    assert decision.move.why == "smoke was lost; no evidence against the release; a person decides: retry, or abort"
    retried = decide(decision.rollout, replace(errored, signals=(said(Word.RETRY),)), NOW)
    assert isinstance(effect(retried), StartCheck)


@pytest.mark.parametrize("verdict", [BAD_NEWS, GOOD_NEWS], ids=["bad", "good"])
def test_the_same_workload_again_never_stops_what_is_live(verdict: Verdict) -> None:
    plan = replace(canary_plan(old=None), old=NEW)
    seen = Seen(generation=3, sight=sight(4, old=0, weight=100), verdict=verdict)
    decision = decide(under_way(plan, at(plan, Soak)), seen, after(60))
    assert isinstance(decision.move, Finish)
    tidied = decide(replace(decision.rollout, tidied=False), seen, after(9999))
    assert isinstance(tidied.move, Wait)


# -- what people say


@pytest.mark.parametrize(
    ("phase", "word", "to"),
    [
        (Phase.RUNNING, Word.PAUSE, Phase.PAUSED),
        (Phase.RUNNING, Word.RESUME, Phase.RUNNING),
        (Phase.PAUSED, Word.PAUSE, Phase.PAUSED),
        (Phase.PAUSED, Word.RESUME, Phase.RUNNING),
        (Phase.PAUSED, Word.RETRY, Phase.PAUSED),
        (Phase.HELD, Word.PAUSE, Phase.HELD),
        (Phase.HELD, Word.RETRY, Phase.RUNNING),
        (Phase.HELD, Word.RESUME, Phase.RUNNING),
        (Phase.HELD, Word.ADVANCE, Phase.RUNNING),
        (Phase.PARKED, Word.RETRY, Phase.RUNNING),
        (Phase.PARKED, Word.RESUME, Phase.RUNNING),
        (Phase.PARKED, Word.ADVANCE, Phase.PARKED),
        (Phase.PARKED, Word.PAUSE, Phase.PARKED),
        *((phase, Word.ABORT, Phase.ROLLING_BACK) for phase in (Phase.RUNNING, Phase.PAUSED, Phase.HELD, Phase.PARKED)),
        *((phase, Word.WAKE, phase) for phase in (Phase.RUNNING, Phase.PAUSED, Phase.HELD, Phase.PARKED, Phase.ROLLING_BACK)),
        *((Phase.ROLLING_BACK, word, Phase.ROLLING_BACK) for word in Word),
        *((Phase.COMPLETED, word, Phase.COMPLETED) for word in Word),
        *((Phase.ROLLED_BACK, word, Phase.ROLLED_BACK) for word in Word),
    ],
    ids=lambda value: value.value,
)
def test_a_word_moves_a_rollout_or_does_not(phase: Phase, word: Word, to: Phase) -> None:
    weight = 0 if phase is Phase.HELD else 25
    rollout = watching(phase=phase, weight=weight, reasons=("because",), completed_at=NOW)
    seen = Seen(generation=3, sight=sight(1, weight=weight), verdict=GOOD_NEWS, signals=(said(word),))
    assert decide(rollout, seen, after(1)).rollout.phase is to


def test_a_pause_keeps_the_weight_and_goes_on_watching() -> None:
    decision = decide(watching(), Seen(sight=sight(1, weight=25), signals=(said(Word.PAUSE, why="lunch"),)), NOW)
    assert decision.move == Wait(after(1), "paused by bob: lunch")
    assert decision.rollout.weight.percent == 25
    bad = decide(decision.rollout, Seen(sight=sight(1, weight=25), verdict=BAD_NEWS), after(1))
    assert (bad.rollout.phase, effect(bad)) == (Phase.ROLLING_BACK, SetWeights(HOME))


def test_advance_ends_the_present_wait_and_only_that() -> None:
    seen = Seen(sight=sight(1, weight=25), verdict=NO_NEWS, signals=(said(Word.ADVANCE),))
    decision = decide(watching(), seen, after(1))
    assert (decision.rollout.cursor, decision.rollout.advanced) == (WATCHING + 1, False)
    while_scaling = decide(under_way(PLAN, 0), Seen(sight=sight(0, new_wanted=1), signals=(said(Word.ADVANCE),)), NOW)
    assert not while_scaling.rollout.advanced


def test_retry_of_a_held_release_goes_on_from_the_weight_before() -> None:
    held = watching(phase=Phase.HELD, weight=0, reasons=("undecided",))
    decision = decide(held, Seen(sight=sight(1), signals=(said(Word.RETRY),)), after(1))
    assert effect(decision) == SetWeights({NEW.name: 25, OLD.name: 75})
    again = decide(landed(decision.rollout, after(1)), Seen(sight=sight(1, weight=25), verdict=NO_NEWS), after(2))
    assert (again.rollout.cursor, again.rollout.phase) == (WATCHING, Phase.RUNNING)


def test_advance_of_a_held_release_skips_the_wait_it_was_held_in() -> None:
    held = watching(phase=Phase.HELD, weight=0, reasons=("undecided",))
    decision = decide(held, Seen(sight=sight(1), signals=(said(Word.ADVANCE),)), after(1))
    assert effect(decision) == SetWeights({NEW.name: 25, OLD.name: 75})
    onward = decide(landed(decision.rollout, after(1)), Seen(sight=sight(1, weight=25), verdict=NO_NEWS), after(2))
    assert effect(onward) == SetReplicas(NEW, 2)
    assert not onward.rollout.advanced


# -- what was begun, and nobody knows


def test_what_was_done_is_not_done_again() -> None:
    begun = under_way(PLAN, at(PLAN, Shift), asked=False, weight=0, intent=shifted(25))
    decision = decide(begun, Seen(sight=sight(1, weight=25), probe=Probe.DONE, verdict=GOOD_NEWS), after(1))
    assert effect(decision) is None
    assert (decision.rollout.weight.percent, decision.rollout.cursor) == (25, WATCHING)


def test_what_was_not_done_is_done_under_the_same_key_and_fence() -> None:
    begun = under_way(PLAN, at(PLAN, Shift), asked=False, weight=0, intent=shifted(25))
    decision = decide(begun, Seen(sight=sight(1), probe=Probe.NOT_DONE), after(1))
    assert isinstance(decision.move, Do)
    assert decision.move.intent == begun.intent


def test_what_nobody_can_tell_is_parked_and_never_repeated() -> None:
    begun = under_way(PLAN, at(PLAN, Shift), asked=False, weight=0, intent=shifted(25))
    parked = decide(begun, Seen(sight=sight(1), probe=Probe.UNKNOWN), after(1))
    assert parked.rollout.phase is Phase.PARKED
    assert "nobody can tell whether this was done: route 75 %" in parked.move.why
    for probe in Probe:
        assert isinstance(decide(parked.rollout, Seen(sight=sight(1), probe=probe), after(2)).move, Wait)
    retried = decide(parked.rollout, Seen(sight=sight(1), probe=Probe.UNKNOWN, signals=(said(Word.RETRY),)), after(2))
    assert isinstance(retried.move, Do)
    assert retried.move.intent.key == "r7-10"


def test_a_way_back_that_was_parked_stays_a_way_back() -> None:
    back = watching(phase=Phase.ROLLING_BACK, intent=shifted(0), reasons=("errors",))
    parked = decide(back, Seen(sight=sight(1, weight=25), probe=Probe.UNKNOWN), NOW)
    assert parked.rollout.phase is Phase.PARKED
    retried = decide(parked.rollout, Seen(sight=sight(1, weight=25), probe=Probe.UNKNOWN, signals=(said(Word.RETRY),)), NOW)
    assert (retried.rollout.phase, effect(retried)) == (Phase.ROLLING_BACK, SetWeights(HOME))


def test_a_weight_begun_is_not_repeated_towards_nobody() -> None:
    begun = under_way(PLAN, at(PLAN, Shift), asked=False, weight=0, intent=shifted(25))
    decision = decide(begun, Seen(sight=sight(0, new_wanted=1), probe=Probe.NOT_DONE), after(1))
    assert decision.move.why == "v1-1-0 has no ready replica that traffic could go to"


def test_trouble_is_tried_again_later_each_time() -> None:
    rollout, waits = watching(), []
    for _ in BACK_OFF:
        decision = decide(rollout, Seen(trouble="no answer"), NOW)
        assert isinstance(decision.move, Wait)
        assert decision.move.until is not None
        waits.append((decision.move.until - NOW).total_seconds())
        rollout = decision.rollout
    assert tuple(waits) == BACK_OFF
    assert decide(rollout, Seen(sight=sight(1, weight=25), verdict=GOOD_NEWS), NOW).rollout.trouble is None


def test_an_effect_that_failed_waits_its_turn() -> None:
    begun = under_way(PLAN, at(PLAN, Shift), asked=False, weight=0, intent=shifted(25))
    tried = stumbled(stumbled(begun, "no answer", NOW), "no answer", NOW)
    assert tried.intent is not None
    assert tried.intent.tries == 2
    seen = Seen(sight=sight(1), probe=Probe.NOT_DONE)
    assert decide(tried, seen, after(0.4)).move == Wait(after(0.5), "no answer; tried 2 times")
    assert isinstance(decide(tried, seen, after(0.5)).move, Do)


# -- after completion


def test_the_old_instances_go_when_they_have_been_kept_long_enough() -> None:
    done = under_way(PLAN, len(PLAN.steps), phase=Phase.COMPLETED, completed_at=NOW)
    warm = decide(done, Seen(generation=3), after(10)).move
    assert warm == Wait(after(900), "1.1.0 has all traffic and soaked; 1.0.0 stays warm until 12:15:00")
    going = decide(done, Seen(generation=3), after(900))
    assert effect(going) == SetReplicas(OLD, 0)
    assert landed(going.rollout, after(900)).tidied


def test_a_newer_rollout_owns_what_is_kept_warm() -> None:
    done = under_way(PLAN, len(PLAN.steps), phase=Phase.COMPLETED, completed_at=NOW)
    decision = decide(done, Seen(generation=4), after(900))
    assert effect(decision) is None
    assert decision.rollout.tidied


def test_without_room_for_both_the_old_one_goes_batch_by_batch() -> None:
    plan = rolling_plan()
    shift = under_way(plan, at(plan, Shift))
    assert effect(decide(shift, Seen(sight=sight(2, weight=50)), NOW)) == SetReplicas(OLD, 2)


WAITS_FOR_A_PERSON = [
    pytest.param(
        under_way(canary_plan(old=None), at(canary_plan(old=None), Soak), phase=Phase.HELD, weight=100, reasons=("undecided",)),
        Seen(sight=sight(4, 0, 100)),
        id="a first release that is held with all the traffic",
    ),
    pytest.param(
        under_way(canary_plan(), at(canary_plan(), RunCheck), weight=100, asked=True, check="r1-9"),
        Seen(sight=sight(4, weight=100), check=CheckRun(CheckState.ERRORED, "smoke was lost")),
        id="a check that could not be run",
    ),
    pytest.param(
        watching(phase=Phase.PARKED, intent=shifted(50), paused_from=Phase.RUNNING, reasons=("nobody can tell",)),
        Seen(sight=sight(1, weight=25), probe=Probe.UNKNOWN),
        id="an effect of which nobody can tell",
    ),
    pytest.param(
        watching(phase=Phase.PAUSED, intent=shifted(50), reasons=("paused by bob",)),
        Seen(sight=sight(1, weight=25), probe=Probe.NOT_DONE),
        id="a pause with an effect left undone",
    ),
]


@pytest.mark.parametrize(("rollout", "seen"), WAITS_FOR_A_PERSON)
def test_watching_goes_on_while_a_person_decides_for_as_long_as_there_is_traffic(rollout: Rollout, seen: Seen) -> None:
    waits = decide(rollout, seen, after(31)).move
    assert isinstance(waits, Wait)
    assert waits.until == after(32), waits.why
    assert decide(rollout, replace(seen, verdict=BAD_NEWS), after(32)).rollout.phase is Phase.ROLLING_BACK


def test_a_machine_that_cannot_hold_both_waits_until_the_old_ones_are_gone() -> None:
    plan = rolling_plan(keep_warm=0.0)
    cursor = next(number for number, one in enumerate(plan.steps) if isinstance(one, Scale) and one.side is Side.OLD)
    leaving = replace(sight(new=2, old=2, weight=50), groups={NEW.name: Group(2, 2, 2), OLD.name: Group(2, 3, 2)})
    rollout = under_way(plan, cursor, asked=True)
    decision = decide(rollout, Seen(sight=leaving), NOW)
    assert isinstance(decision.move, Wait)
    assert decision.move.why == "1 replicas of 1.0.0 finish what they have"
    assert decision.rollout.cursor == cursor


def test_a_check_that_cannot_be_run_does_not_keep_users_on_an_undecided_release() -> None:
    plan = canary_plan()
    rollout = under_way(plan, at(plan, RunCheck), asked=True, check="r1-9", weight=100)
    lost = Seen(sight=sight(weight=100), check=CheckRun(CheckState.ERRORED, "smoke was lost"))
    first = decide(rollout, lost, NOW)
    assert first.rollout.phase is Phase.RUNNING
    assert "no evidence against the release" in first.move.why
    later = decide(first.rollout, lost, after(plan.thresholds.hold_for))
    assert later.rollout.phase is Phase.HELD
    assert effect(later) == SetWeights({OLD.name: 100})
