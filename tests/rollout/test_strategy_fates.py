"""Every strategy through every fate, on the engine itself and in virtual time: who has the traffic, and what stands on the record."""

from datetime import timedelta

import pytest
from fated import NEW, OLD, REPLICAS, Fated

from headway.rollout.phases import Phase
from headway.rollout.routing import Mark, Routing
from headway.testing.scripts import CRASHES, ERRORS, GOOD, HANGS, LEAKS, NEVER_READY, SLOW, Script

TESTERS = Routing((Mark("header", "X-Tester", "yes"),), sticky=True, mirror=50, alone=5.0)
STRATEGIES = [
    pytest.param({"strategy": "rolling", "batch": 2}, id="rolling"),
    pytest.param({"strategy": "rolling", "batch": 1, "keep_warm": 0.0}, id="rolling without room for both"),
    pytest.param({"strategy": "canary", "weights": (10, 50)}, id="canary"),
    pytest.param({"strategy": "canary", "weights": (25,), "holdback": 5}, id="canary with holdback"),
    pytest.param({"strategy": "canary", "weights": (10, 50), "routing": TESTERS}, id="canary with testers and copies"),
    pytest.param({"strategy": "blue-green"}, id="blue-green"),
]
Rules = dict[str, object]
every_strategy = pytest.mark.parametrize("rules", STRATEGIES)


def took_over(place: Fated, version: str = NEW) -> None:
    assert place.shares() == {version: 100}
    assert place.ready(version) == REPLICAS
    assert place.live() == version
    assert place.quarantined() == set()
    assert place.dropped() == 0


def went_back(place: Fated, bad: str = NEW, good: str = OLD) -> None:
    assert place.shares() == {good: 100}
    assert place.ready(good) == REPLICAS
    assert place.started(bad) == 0
    assert place.live() == good
    assert place.quarantined() == {bad}
    assert place.dropped() == 0


@every_strategy
def test_a_good_release_takes_over_and_the_old_one_goes_in_its_time(rules: Rules) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW)
    place.until(lambda: place.rollout(rollout).phase is Phase.COMPLETED, within=120)
    took_over(place)
    shares = place.weights_of(NEW)[1:]
    assert shares == sorted(shares)
    place.until(lambda: place.rollout(rollout).tidied, within=60)
    assert place.started(OLD) == 0


@every_strategy
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(ERRORS, "errors:", id="errors"),
        pytest.param(SLOW, "slower than 300 ms", id="slow"),
        pytest.param(HANGS, "hanging", id="hanging"),
        pytest.param(Script(errors=0.5, spoils_after=22.0), "errors:", id="bad only later"),
    ],
)
def test_a_bad_release_goes_back_by_itself_and_says_why(rules: Rules, script: Script, reason: str) -> None:
    place = Fated({**rules, "soak": 40.0})
    rollout = place.ask(NEW, script)
    place.until(lambda: place.rollout(rollout).phase is Phase.ROLLED_BACK, within=180)
    went_back(place)
    assert reason in "; ".join(place.rollout(rollout).reasons)


@every_strategy
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(CRASHES, "exited at once with status 1", id="crash on start"),
        pytest.param(NEVER_READY, "replicas of 2.0.0 are ready after", id="its dependency is down"),
    ],
)
def test_one_that_never_answers_never_has_a_user(rules: Rules, script: Script, reason: str) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW, script)
    place.until(lambda: place.rollout(rollout).phase is Phase.ROLLED_BACK, within=120)
    went_back(place)
    assert max(place.weights_of(NEW)) == 0
    assert reason in "; ".join(place.rollout(rollout).reasons)


@every_strategy
def test_what_fails_for_everybody_is_not_the_new_release_s_fault_while_there_is_one_to_compare_with(rules: Rules) -> None:
    """A dependency of both goes down in the middle: a canary is held with everybody on the old release, the others go back."""
    place = Fated(rules)
    rollout = place.ask(NEW)
    place.until(lambda: place.rollout(rollout).weight.percent > 0, within=60)
    place.platform.outage = 0.5
    both = 0 < place.rollout(rollout).weight.percent < 100
    place.until(lambda: place.rollout(rollout).phase in {Phase.HELD, Phase.ROLLED_BACK}, within=120)
    place.until(lambda: place.shares() == {OLD: 100}, within=30)
    if both and rules["strategy"] == "canary":
        assert place.rollout(rollout).phase is Phase.HELD
        assert "a common cause" in place.why(rollout)
        assert place.quarantined() == set()
        place.platform.outage = 0.0
        place.say("retry", rollout)
        place.until(lambda: place.rollout(rollout).phase is Phase.COMPLETED, within=120)
        took_over(place)


@every_strategy
@pytest.mark.parametrize("at", [0, 1], ids=["before it has traffic", "with traffic"])
def test_abort_goes_back_from_wherever_it_is(rules: Rules, at: int) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW)
    place.until(lambda: place.rollout(rollout).phase is Phase.RUNNING and place.rollout(rollout).weight.percent >= at, within=60)
    place.say("abort", rollout)
    place.until(lambda: place.rollout(rollout).phase is Phase.ROLLED_BACK, within=60)
    went_back(place)
    assert place.rollout(rollout).reasons[0].startswith("aborted by bob")


@every_strategy
def test_a_pause_holds_everything_where_it_is_and_resume_goes_on(rules: Rules) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW)
    place.until(lambda: place.rollout(rollout).weight.percent > 0, within=60)
    place.say("pause", rollout)
    place.until(lambda: place.rollout(rollout).phase is Phase.PAUSED, within=5)
    place.until(lambda: place.rollout(rollout).intent is None, within=5)
    shares = place.shares()
    place.pass_time(120)
    assert (place.rollout(rollout).phase, place.shares()) == (Phase.PAUSED, shares)
    place.say("resume", rollout)
    place.until(lambda: place.rollout(rollout).phase is Phase.COMPLETED, within=120)
    took_over(place)


@every_strategy
def test_a_paused_one_that_turns_bad_still_goes_back(rules: Rules) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW, LEAKS)
    place.until(lambda: place.rollout(rollout).weight.percent > 0, within=60)
    place.say("pause", rollout)
    place.until(lambda: place.rollout(rollout).phase is Phase.ROLLED_BACK, within=120)
    went_back(place)


@every_strategy
@pytest.mark.parametrize(("script", "live"), [(GOOD, "3.0.0"), (ERRORS, OLD)], ids=["after a good one", "after a bad one"])
def test_a_newer_release_in_the_middle_waits_and_then_takes_its_turn(rules: Rules, script: Script, live: str) -> None:
    place = Fated(rules)
    first = place.ask(NEW, script)
    place.until(lambda: place.rollout(first).phase is Phase.RUNNING, within=60)
    second = place.ask("3.0.0")
    place.pass_time(1)
    assert place.rollout(second).phase is Phase.PENDING
    assert place.why(second) == f"waits for {first} to end"
    place.until(lambda: place.rollout(first).phase in {Phase.COMPLETED, Phase.ROLLED_BACK}, within=120)
    if script is ERRORS:  # it has the commits of the bad one, so a person must say that they are not to blame
        place.pass_time(1)
        assert "2.0.0" in place.why(second)
        assert place.rollout(second).phase is Phase.PENDING
        assert place.live() == live
        place.commands.clear("tally@2.0.0", "bob", "it was the network")
    place.until(lambda: place.rollout(second).phase is Phase.COMPLETED, within=180)
    took_over(place, "3.0.0")


@every_strategy
@pytest.mark.parametrize(
    ("script", "phase"),
    [pytest.param(GOOD, Phase.COMPLETED, id="good"), pytest.param(ERRORS, Phase.ROLLED_BACK, id="bad")],
)
def test_a_server_that_dies_at_every_durable_point_changes_nothing(rules: Rules, script: Script, phase: Phase) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW, script)
    place.deadly = True
    place.until(lambda: place.rollout(rollout).phase is phase, within=300)
    assert len(place.died) > 20
    assert [done for done in place.platform.done if done.again] == []
    if phase is Phase.COMPLETED:
        took_over(place)
    else:
        went_back(place)


@every_strategy
@pytest.mark.parametrize("reached", [0, 1], ids=["before it has traffic", "with traffic"])
def test_a_platform_that_is_away_for_five_minutes_is_no_verdict(rules: Rules, reached: int) -> None:
    place = Fated(rules)
    rollout = place.ask(NEW)
    place.until(lambda: place.rollout(rollout).phase is Phase.RUNNING and place.rollout(rollout).weight.percent >= reached, within=60)
    done = len(place.platform.done)
    place.platform.down_until = place.now + timedelta(minutes=5)
    place.pass_time(299)
    assert place.rollout(rollout).trouble, "what Headway waits for stands on the record"
    assert len(place.platform.done) == done, "nobody can do anything"
    assert place.rollout(rollout).phase in {Phase.RUNNING, Phase.HELD}
    place.until(lambda: place.rollout(rollout).phase in {Phase.COMPLETED, Phase.HELD}, within=60)
    if place.rollout(rollout).phase is Phase.HELD:
        place.say("retry", rollout)
    place.until(lambda: place.rollout(rollout).phase is Phase.COMPLETED, within=120)
    took_over(place)
