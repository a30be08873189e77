"""Where an autoscaler has the number of replicas, a release is as big as what it replaces, and so stays what it replaces."""

from dataclasses import replace

import pytest
from makers import GOOD_NEWS, NEW, NOW, OLD, PLACE, after, at, canary_plan, decide, effect, landed, pending, sight, under_way

from headway.analysis.model import Thresholds
from headway.environments.model import Environment, Scaling
from headway.releases.model import Release, RunSpec
from headway.rollout.model import ALL, Plan, Scale, SetReplicas, SetWeights, Shift, Side
from headway.rollout.plan import promotion
from headway.rollout.seen import Seen
from headway.rollout.sizing import Sized, sentence, start_with

BOUNDS = Scaling(2, 6)


@pytest.mark.parametrize(
    ("present", "same", "starts"),
    [
        pytest.param(4, False, 4, id="as many as serve now"),
        pytest.param(9, False, 6, id="never more than it may have"),
        pytest.param(0, False, 2, id="nothing serves: the least"),
        pytest.param(4, True, 2, id="the release that is there anyway is left to its autoscaler"),
    ],
)
def test_a_release_starts_at_the_present_size(present: int, same: bool, starts: int) -> None:
    assert start_with(BOUNDS, present, same=same).replicas == starts


def promoted(strategy: str, sized: Sized | None = None) -> Plan:
    release = Release("tally", NEW.version, NEW.commit, "main", NEW.digest, RunSpec(("x",)), "ada", "ada", NOW)
    return promotion(
        release,
        Environment(PLACE.environment, 8),
        OLD,
        strategy=strategy,
        weights=(25, 50),
        batch=1 if sized is None else 2,
        holdback=5,
        thresholds=Thresholds(),
        soak=60,
        keep_warm=0,
        preview=(),
        checks=(),
        drill=False,
        binding={},
        notify=(),
        sized=sized,
    )


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling"])
def test_it_is_whole_from_its_first_step_on_and_the_old_one_is_left_alone_whatever_the_strategy(strategy: str) -> None:
    plan = promoted(strategy, start_with(BOUNDS, 4))
    assert [step for step in plan.steps if isinstance(step, Scale)] == [Scale(Side.NEW, 4)]
    assert (plan.replicas, plan.scaling) == (4, BOUNDS)
    assert [step for step in plan.steps if isinstance(step, Shift)][-1] == Shift(ALL)


def test_an_old_release_that_grew_meanwhile_is_followed_before_the_next_share() -> None:
    plan = replace(canary_plan(replicas=2), scaling=BOUNDS)
    half = under_way(plan, at(plan, Shift, 1), asked=False, weight=25)
    grown = decide(half, Seen(sight=sight(2, old=6, weight=25), verdict=GOOD_NEWS), NOW)
    assert effect(grown) == SetReplicas(plan.new, 3)
    assert ("the old release grew", ("6 replicas now",)) in [(one.what, one.why) for one in grown.said]
    waits = decide(landed(grown.rollout, NOW), Seen(sight=sight(2, old=6, weight=25, new_wanted=3), verdict=GOOD_NEWS), after(1))
    assert waits.move.why == "2 of 3 replicas of 1.1.0 that 50 % of the traffic needs are ready"
    goes = decide(waits.rollout, Seen(sight=sight(3, old=6, weight=25), verdict=GOOD_NEWS), after(2))
    assert effect(goes) == SetWeights({NEW.name: 50, OLD.name: 50})


def test_it_follows_no_further_than_its_own_autoscaler_lets_it() -> None:
    plan = replace(canary_plan(replicas=2), scaling=Scaling(1, 2))
    half = under_way(plan, at(plan, Shift, 1), asked=False, weight=25)
    seen = Seen(sight=sight(2, old=6, weight=25), verdict=GOOD_NEWS)
    assert effect(decide(half, seen, NOW)) == SetWeights({NEW.name: 50, OLD.name: 50})


def test_a_size_that_is_ours_to_set_follows_nobody() -> None:
    plan = canary_plan(replicas=4)
    half = under_way(plan, at(plan, Shift, 1), asked=False, weight=25)
    seen = Seen(sight=sight(2, old=8, weight=25), verdict=GOOD_NEWS)
    assert effect(decide(half, seen, NOW)) == SetWeights({NEW.name: 50, OLD.name: 50})


def test_what_went_to_nothing_gets_its_size_back_before_its_traffic() -> None:
    plan = replace(canary_plan(replicas=4), new=OLD, old=NEW, steps=(Scale(Side.NEW, 4), Shift(ALL)), scaling=BOUNDS)
    seen = Seen(plan=plan, sight=sight(4, old=0, weight=100))
    first = decide(pending(), seen, NOW)
    assert effect(first) == SetReplicas(OLD, 4)
    waits = decide(landed(first.rollout, NOW), seen, after(1))
    assert waits.move.why == "0 of 4 replicas of 1.0.0 are ready"


def test_the_plan_says_whose_the_size_is() -> None:
    assert sentence(start_with(BOUNDS, 4), "1.1.0", "1.0.0", 8) == (
        "an autoscaler has the number of replicas, 2 to 6: 1.1.0 starts with 4, as many as 1.0.0 has now, and 1.0.0 stays as big until it "
        "goes; replicas: 8 of headway.yaml is not applied"
    )
    assert sentence(start_with(BOUNDS, 0), "1.0.0", None, 1) == "an autoscaler has the number of replicas, 2 to 6: 1.0.0 starts with 2"
