"""Where the live release answers nobody, what mends it gets everybody: nothing is left with the dead, and nobody waits for them."""

from dataclasses import replace

import pytest
from makers import GOOD_NEWS, NEW, NOW, OLD, after, at, canary_plan, carry_on, effect, rolling_plan, shifted, sight, under_way

from headway.rollout.decide import decide
from headway.rollout.effects import landed
from headway.rollout.forsaken import beforehand
from headway.rollout.model import ALL, Rollout, Scale, SetReplicas, SetWeights, Shift, Watch
from headway.rollout.moves import Said, Wait
from headway.rollout.phases import Phase
from headway.rollout.seen import Group, Probe, Seen, Sight

PLAN = canary_plan()
EVERYBODY = SetWeights({NEW.name: 100})
CRASHES = "exits again and again"


def dead(new: int = 1, weight: int = 0, *, wanted: int | None = None, news: tuple[str, ...] = (CRASHES,)) -> Seen:
    size = new if wanted is None else wanted
    groups = {NEW.name: Group(size, size, new), OLD.name: Group(4, 0, 0, news)}
    return Seen(sight=Sight(groups, {name: share for name, share in {NEW.name: weight, OLD.name: 100 - weight}.items() if share}))


def at_shift(plan=PLAN, which: int = 0, **changes: object) -> Rollout:
    return under_way(plan, at(plan, Shift, which), asked=False, **changes)


def test_it_grows_to_its_full_size_first_and_says_why() -> None:
    grows = decide(at_shift(), dead(), after(1))
    assert effect(grows) == SetReplicas(NEW, 4)
    why = f"no replica of 1.0.0, which is live, is ready: {CRASHES}; 1.1.0 gets ready for all of the traffic"
    assert grows.said[0] == Said("the live release answers nobody", (why,))


def test_then_it_gets_everybody_at_its_first_share() -> None:
    every = decide(at_shift(), dead(new=4), after(1))
    assert effect(every) == EVERYBODY
    assert every.said[0].what == "all at once"
    assert landed(every.rollout, after(1)).weight == ALL


def test_a_release_that_only_starts_anew_is_waited_for_as_long_as_a_start_may_take() -> None:
    waits = decide(at_shift(), dead(news=()), after(30))
    assert isinstance(waits.move, Wait)
    assert waits.move.why == "no replica of 1.0.0, which is live, is ready; if none is within 30 s, 1.1.0 gets all of the traffic"
    assert effect(decide(at_shift(), dead(news=()), after(31))) == SetReplicas(NEW, 4)


def test_one_that_is_back_by_then_keeps_its_share() -> None:
    assert effect(decide(at_shift(), Seen(sight=sight(1)), after(31))) == SetWeights({NEW.name: 25, OLD.name: 75})


def test_nobody_gets_traffic_who_is_not_ready_and_a_few_who_are_get_it_in_the_end() -> None:
    one_of_four = dead(new=1, wanted=4)
    assert isinstance(decide(at_shift(), one_of_four, after(60)).move, Wait)
    assert effect(decide(at_shift(), one_of_four, after(61))) == EVERYBODY


@pytest.mark.parametrize("plan", [PLAN, rolling_plan(), rolling_plan(keep_warm=60.0)], ids=["canary", "rolling", "rolling, both kept"])
def test_it_keeps_everybody_and_its_size_on_the_rest_of_the_way(plan) -> None:
    seen = replace(dead(new=4, weight=100), verdict=GOOD_NEWS)
    rollout, effects = at_shift(plan, weight=100), []
    for number in range(60):
        decision = decide(rollout, seen, after(100 * number))
        effects.append(effect(decision))
        rollout = landed(decision.rollout, after(100 * number))
        if rollout.phase is Phase.COMPLETED or rollout.check:
            break
    sizes = [one.replicas for one in effects if isinstance(one, SetReplicas) and one.workload == NEW]
    routes = [one for one in effects if isinstance(one, SetWeights)]
    assert all(size == 4 for size in sizes), sizes
    assert all(one == EVERYBODY for one in routes), routes
    assert rollout.check, "it came to its check, after every share"
    assert any(isinstance(step, Scale) for step in plan.steps[1:]), "there was something to shrink it"


def test_what_was_begun_while_the_old_one_lived_is_decided_anew() -> None:
    begun = at_shift(intent=shifted(25), trouble="v1-0-0 has no ready replica")
    anew = decide(begun, replace(dead(new=4), probe=Probe.NOT_DONE), after(40))
    assert effect(anew) == EVERYBODY


def test_a_way_back_that_was_begun_to_one_that_died_is_not_waited_for_for_ever() -> None:
    home = replace(shifted(25), effect=SetWeights({OLD.name: 100}))
    back = under_way(PLAN, at(PLAN, Watch), phase=Phase.ROLLING_BACK, weight=25, reasons=("errors",), intent=home)
    stuck = decide(back, replace(dead(new=1, weight=25), probe=Probe.NOT_DONE), after(31))
    assert effect(stuck) == EVERYBODY
    assert stuck.rollout.stuck


def test_it_waits_for_the_proxies_and_says_it_once() -> None:
    every = decide(at_shift(), dead(new=4), after(1))
    *_, waits = carry_on(every, dead(new=4), NOW, most=3)
    assert isinstance(waits.move, Wait)


def test_a_plan_tells_of_it_beforehand_and_of_nothing_where_the_live_release_answers() -> None:
    assert beforehand(PLAN, dead().sight or sight(1)) == (
        f"no replica of 1.0.0, which is live, is ready: {CRASHES}; unless one is by then, 1.1.0 gets all of the traffic at its first share"
    )
    assert beforehand(PLAN, sight(1)) == ""
    assert beforehand(replace(PLAN, old=None), dead().sight or sight(1)) == ""
