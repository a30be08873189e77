"""Who meets a canary besides its share: testers before it has weight, copies that nobody sees, users who stay."""

from dataclasses import replace

import pytest
from makers import BAD_NEWS, GOOD_NEWS, NEW, NO_NEWS, NOW, OLD, after, at, canary_plan, carry_on, effect, said, sight, under_way

from headway.analysis.model import Outcome, Verdict
from headway.rollout.decide import decide
from headway.rollout.model import Match, Plan, Scale, SetWeights, Shift, Side, Watch, Weight
from headway.rollout.moves import Wait, doing
from headway.rollout.phases import Phase
from headway.rollout.plan import sentences
from headway.rollout.routes import forward, without_weight
from headway.rollout.routing import Mark, Routing
from headway.rollout.seen import Seen, Word
from headway.rollout.strategies import canary

TESTERS = Routing((Mark("header", "X-Tester", "yes"), Mark("cookie", "beta", "1")))
COPIES = Routing(mirror=60)
MATCHES = (Match(NEW.name, "header", "X-Tester", "yes"), Match(NEW.name, "cookie", "beta", "1"))
HOME = SetWeights({OLD.name: 100})


def plan(routing: Routing) -> Plan:
    steps = canary(4, weights=(25, 50), holdback=0, old=True, watch=30, preview=(), checks=(), soak=60, routing=routing)
    return replace(canary_plan(), steps=steps, routing=routing, checks={})


class TestTheSteps:
    def test_testers_and_copies_come_before_the_first_share(self) -> None:
        assert plan(TESTERS).steps[:4] == (Scale(Side.NEW, 1), Shift(Weight(0)), Watch(30), Shift(Weight(25)))

    def test_they_are_alone_with_it_for_as_long_as_the_file_says(self) -> None:
        assert plan(replace(TESTERS, alone=300)).steps[2] == Watch(300)

    def test_copies_are_load_and_need_replicas(self) -> None:
        assert plan(COPIES).steps[0] == Scale(Side.NEW, 3)

    def test_users_who_stay_are_no_step_of_their_own(self) -> None:
        assert plan(Routing(sticky=True)).steps == plan(Routing()).steps

    def test_the_first_release_has_nobody_to_tell_apart(self) -> None:
        steps = canary(4, weights=(25,), holdback=0, old=False, watch=30, preview=(), checks=(), soak=60, routing=TESTERS)
        assert [step.weight.percent for step in steps if isinstance(step, Shift)] == [100]


@pytest.mark.parametrize(
    ("routing", "weight", "told"),
    [
        pytest.param(TESTERS, 0, SetWeights({OLD.name: 100}, matches=MATCHES), id="testers before it has weight"),
        pytest.param(TESTERS, 25, SetWeights({NEW.name: 25, OLD.name: 75}, matches=MATCHES), id="and while it grows"),
        pytest.param(TESTERS, 100, SetWeights({NEW.name: 100}), id="in the end everybody is there"),
        pytest.param(COPIES, 0, SetWeights({OLD.name: 100}, mirrors={NEW.name: 60}), id="copies before it has weight"),
        pytest.param(COPIES, 25, SetWeights({NEW.name: 25, OLD.name: 75}), id="and none once it has"),
        pytest.param(Routing(sticky=True), 25, SetWeights({NEW.name: 25, OLD.name: 75}, sticky=True), id="users stay"),
        pytest.param(Routing(sticky=True), 100, SetWeights({NEW.name: 100}), id="until there is one release"),
    ],
)
def test_what_the_proxies_are_told(routing: Routing, weight: int, told: SetWeights) -> None:
    assert forward(plan(routing), Weight(weight)) == told


def invited(routing: Routing, **changes: object) -> object:
    """A rollout that is watched with testers or copies alone."""
    made = plan(routing)
    return under_way(made, at(made, Watch), weight=0, invited=True, **changes)


def routed(routing: Routing, new: int = 4) -> object:
    told = forward(plan(routing), Weight(0))
    return replace(sight(new, weight=0), matches=told.matches, mirrors=told.mirrors, sticky=told.sticky)


class TestBeforeItHasWeight:
    def test_the_next_share_waits_for_its_time_and_for_good_news(self) -> None:
        rollout = invited(COPIES)
        assert isinstance(decide(rollout, Seen(sight=routed(COPIES), verdict=GOOD_NEWS), after(29)).move, Wait)
        onward = decide(rollout, Seen(sight=routed(COPIES), verdict=GOOD_NEWS), after(30))
        assert effect(onward) == SetWeights({NEW.name: 25, OLD.name: 75})
        assert onward.said[0].what == "good before it has users"

    @pytest.mark.parametrize("routing", [TESTERS, COPIES], ids=["testers", "copies"])
    def test_bad_news_takes_testers_and_copies_off_before_the_instances_go(self, routing: Routing) -> None:
        turned = decide(invited(routing), Seen(sight=routed(routing), verdict=BAD_NEWS), after(1))
        assert (turned.rollout.phase, effect(turned)) == (Phase.ROLLING_BACK, HOME)
        *_, last = carry_on(turned, Seen(sight=sight(4, weight=0)), after(2), most=3)
        assert effect(last) is not None
        assert doing(effect(last)) == "set 1.1.0 to 0 replicas"

    def test_an_abort_takes_them_off_too(self) -> None:
        turned = decide(invited(TESTERS), Seen(sight=routed(TESTERS), signals=(said(Word.ABORT),)), after(1))
        assert effect(turned) == HOME

    def test_an_undecided_one_is_held_without_them(self) -> None:
        undecided = invited(COPIES, undecided_since=NOW)
        held = decide(undecided, Seen(sight=routed(COPIES), verdict=NO_NEWS), after(301))
        assert (held.rollout.phase, effect(held)) == (Phase.HELD, HOME)

    def test_a_way_back_does_not_wait_for_old_replicas_while_users_are_there(self) -> None:
        few = replace(routed(COPIES), groups={**routed(COPIES).groups, OLD.name: sight(4, old=2).group(OLD.name)})
        turned = decide(invited(COPIES), Seen(sight=few, verdict=BAD_NEWS), after(1))
        assert effect(turned) == HOME

    def test_routes_that_were_lost_are_said_again(self) -> None:
        made = plan(TESTERS)
        shifting = under_way(made, at(made, Shift), weight=0, invited=True)
        again = decide(shifting, Seen(sight=replace(sight(4, weight=0), matches=())), after(11))
        assert effect(again) == SetWeights({OLD.name: 100}, matches=MATCHES)

    def test_where_a_target_cannot_tell_what_it_was_told_last_is_taken_back_all_the_same(self) -> None:
        made = plan(TESTERS)
        shifted = decide(under_way(made, at(made, Shift), weight=0, invited=True), Seen(sight=sight(4, weight=0)), after(1))
        assert isinstance(made.steps[shifted.rollout.cursor], Watch)
        turned = decide(invited(TESTERS), Seen(sight=sight(4, weight=0), verdict=BAD_NEWS), after(1))
        assert effect(turned) == HOME

    def test_it_needs_a_replica_that_answers(self) -> None:
        made = plan(TESTERS)
        asking = under_way(made, at(made, Shift), weight=0, asked=False)
        waits = decide(asking, Seen(sight=sight(0, new_wanted=1)), after(1))
        assert waits.move.why == "0 of 1 replicas of 1.1.0 that testers and copies need are ready"


def test_from_testers_only_bad_news_is_judged_and_from_copies_everything() -> None:
    assert without_weight(NO_NEWS, plan(TESTERS)).outcome is Outcome.ADVANCE
    assert without_weight(BAD_NEWS, plan(TESTERS)) is BAD_NEWS
    assert without_weight(NO_NEWS, plan(COPIES)) is NO_NEWS
    assert without_weight(Verdict(Outcome.CONTINUE, ("soon",)), plan(replace(TESTERS, mirror=5))).outcome is Outcome.CONTINUE


def test_the_plan_says_it_in_words() -> None:
    words = sentences(plan(replace(TESTERS, mirror=20, sticky=True)))
    assert words[1] == (
        "who sends the header X-Tester: yes or the cookie beta=1 reaches 1.1.0; 1.1.0 gets copies of 20 % of what users read, "
        "and nobody sees its answers; users all stay on 1.0.0"
    )
    assert words[3] == "route 25 % of the traffic to 1.1.0; users stay with the release they have"
    assert words[-2] == "route 100 % of the traffic to 1.1.0"


def test_an_effect_says_it_in_words() -> None:
    told = forward(plan(replace(TESTERS, mirror=20, sticky=True)), Weight(0))
    assert doing(told) == (
        "route 100 % to v1-0-0; testers (header X-Tester, cookie beta) to v1-1-0; copies of 20 % to v1-1-0; "
        "users stay with the release they have"
    )
