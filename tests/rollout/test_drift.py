"""What is there against what was asked for, and what a person may answer while a rollout is on its way."""

from dataclasses import replace

import pytest
from makers import GOOD_NEWS, NEW, NOW, OLD, after, at, canary_plan, decide, effect, landed, said, sight, under_way

from headway.rollout.drift import at_rest
from headway.rollout.model import Fence, Intent, Rollout, SetReplicas, SetWeights, Watch
from headway.rollout.phases import Phase
from headway.rollout.seen import Edit, Group, Probe, Seen, Sight, Word

PLAN = canary_plan()

IMAGE = Edit(
    "Deployment tally-1-1-0", "spec.template.spec.containers[web].image", "shop@sha256:ab", "shop:mine", "kubectl-edit", workload=NEW.name
)
ROUTE = Edit("HTTPRoute tally", "spec.rules[0].backendRefs[0].weight", "25", "100", "kubectl-patch")
SIZE = Edit("Deployment tally-1-1-0", "spec.replicas", "1", "3", "kubectl", workload=NEW.name, size=True)
STRANGE = Edit("Deployment tally-0-9-0", "spec.paused", "not there", "True", "kubectl-edit", workload="v0-9-0")


def watching() -> Rollout:
    return under_way(PLAN, at(PLAN, Watch), weight=25)


def seen(*edits: Edit, weight: int = 25) -> Seen:
    return Seen(sight=replace(sight(1, weight=weight), edits=edits), verdict=GOOD_NEWS)


# -- at rest


@pytest.mark.parametrize(
    ("found", "things"),
    [
        pytest.param(Sight({NEW.name: Group(2, 2, 2)}, {NEW.name: 100}), [], id="all is as it was asked for"),
        pytest.param(Sight({NEW.name: Group(2, 2, 0)}, {NEW.name: 100}), [], id="not ready is no drift"),
        pytest.param(Sight({NEW.name: Group(2, 2, 2), OLD.name: Group(2, 2, 2)}, {NEW.name: 100}), [], id="nor what is kept warm"),
        pytest.param(Sight({}, {NEW.name: 100}), ["the instances of 1.1.0"], id="gone"),
        pytest.param(Sight({NEW.name: Group(0, 0, 0)}, {NEW.name: 100}), ["the instances of 1.1.0"], id="wanted by nobody"),
        pytest.param(Sight({NEW.name: Group(2, 2, 2)}, {OLD.name: 100}), ["the traffic"], id="the traffic is elsewhere"),
        pytest.param(Sight({NEW.name: Group(2, 2, 2)}, {}), ["the traffic"], id="nobody can tell where the traffic goes"),
        pytest.param(Sight({NEW.name: Group(2, 2, 2)}, {NEW.name: 100}, edits=(IMAGE, STRANGE)), [IMAGE.thing], id="somebody's hand"),
    ],
)
def test_at_rest_everything_is_told_that_is_not_as_the_ledger_says(found: Sight, things: list[str]) -> None:
    assert [one.thing for one in at_rest(NEW, found)] == things


def test_whose_hand_is_on_the_route_moved_the_traffic() -> None:
    told = at_rest(NEW, Sight({NEW.name: Group(2, 2, 2)}, {OLD.name: 100}, edits=(ROUTE,)))
    assert str(told[-1]) == f"the traffic was 100 % to {NEW.name}, is 100 % to {OLD.name}, by kubectl-patch"


# -- on its way


def test_a_release_that_somebody_changed_goes_no_further_and_the_person_on_call_is_told_the_ways_out() -> None:
    decision = decide(watching(), seen(IMAGE), after(60))
    assert [(one.what, one.why) for one in decision.said] == [("somebody else's hand", (str(IMAGE),))]
    assert decision.move.why.endswith("retry sets it right, advance accepts it, abort goes back")
    again = decide(decision.rollout, seen(IMAGE), after(61))
    assert again.said == (), "said once"


def test_retry_sets_it_right_and_it_goes_on() -> None:
    told = decide(watching(), seen(IMAGE), after(60)).rollout
    mends = decide(told, replace(seen(IMAGE), signals=(said(Word.RETRY),)), after(61))
    assert effect(mends) == SetReplicas(NEW, 1, mend=True)
    assert "set right" in [one.what for one in mends.said]
    on = decide(landed(mends.rollout, after(62)), seen(), after(62))
    assert on.rollout.cursor > told.cursor, "good at 25 %, and so on to the next share"


def test_advance_accepts_it_with_a_reason_and_ends_no_wait() -> None:
    told = decide(watching(), seen(IMAGE), NOW).rollout
    accepts = decide(told, replace(seen(IMAGE), signals=(said(Word.ADVANCE, why="more memory, agreed"),)), after(1))
    assert ("advance by bob", ("more memory, agreed",)) in [(one.what, one.why) for one in accepts.said]
    assert accepts.rollout.cursor == told.cursor
    other = replace(IMAGE, found="yours")
    assert decide(accepts.rollout, seen(other), after(2)).said[0].what == "somebody else's hand", "and nothing else than that"


def test_without_an_answer_it_does_not_stay_on_users() -> None:
    told = decide(watching(), seen(IMAGE), NOW).rollout
    held = decide(told, seen(IMAGE), after(PLAN.thresholds.hold_for + 1))
    assert held.rollout.phase is Phase.HELD
    assert effect(held) == SetWeights({OLD.name: 100})
    off = landed(held.rollout, after(700))
    back = decide(off, replace(seen(IMAGE, weight=0), signals=(said(Word.RETRY),)), after(701))
    assert effect(back) == SetReplicas(NEW, 1, mend=True)
    assert back.rollout.phase is Phase.RUNNING


@pytest.mark.parametrize("edit", [SIZE, STRANGE, ROUTE], ids=["how many", "what neither of the two is", "the route"])
def test_what_changes_neither_release_holds_nobody_up(edit: Edit) -> None:
    assert decide(watching(), seen(edit), after(60)).rollout.cursor > watching().cursor


def test_traffic_that_somebody_moved_while_it_is_watched_is_set_as_it_was_and_told() -> None:
    moved = decide(watching(), seen(ROUTE, weight=100), after(11))
    assert effect(moved) == SetWeights({NEW.name: 25, OLD.name: 75})
    assert str(ROUTE) in next(one.why for one in moved.said if one.what == "routing is not as we set it")
    assert effect(decide(watching(), seen(ROUTE, weight=100), after(5))) is None, "proxies get their time first"


def test_a_size_that_was_refused_is_set_by_force_once_somebody_asked_for_that() -> None:
    begun = Intent("r7-9", Fence(3, 9), SetReplicas(NEW, 2), NOW)
    refused = replace(watching(), intent=begun, trouble="somebody else owns fields", trouble_tries=3, troubled_at=NOW)
    again = decide(refused, replace(seen(), probe=Probe.NOT_DONE, signals=(said(Word.RETRY),)), after(1))
    assert effect(again) == SetReplicas(NEW, 2, mend=True)
