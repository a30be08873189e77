"""What is told where a release runs: the moments that matter, short, and nothing that not everybody there may read."""

import pytest
from makers import NEW, PLACE, canary_plan, pending, under_way

from headway.rollout.moves import Said
from headway.rollout.news import LONGEST, news

ROLLOUT = under_way(canary_plan(), 1)


@pytest.mark.parametrize(
    ("said", "reason", "bad", "traffic"),
    [
        pytest.param(Said("started", ("canary, 9 steps",)), "Started", False, False, id="the start"),
        pytest.param(Said("route 75 % to v1-0-0, 25 % to v1-1-0"), "Routed", False, True, id="each change of weight"),
        pytest.param(Said("good at 25 %", ("errors: 0 of 600",)), "GoodVerdict", False, False, id="a good verdict"),
        pytest.param(Said("failed verdict", ("errors: 300 of 600",)), "FailedVerdict", True, False, id="a bad one"),
        pytest.param(Said("rolled back", ("1.0.0 has all traffic again",)), "RolledBack", True, False, id="the way back"),
        pytest.param(Said("completed", ("1.1.0 has all traffic",)), "Completed", False, False, id="the end"),
    ],
)
def test_the_moments_that_matter_are_told(said: Said, reason: str, bad: bool, traffic: bool) -> None:
    (told,) = news(ROLLOUT, (said,))
    assert (told.place, told.workload, told.reason, told.bad, told.traffic) == (PLACE, NEW, reason, bad, traffic)
    assert told.text.startswith("1.1.0 in production: ")
    assert told.text.endswith("(rollout r7)")


def test_a_verdict_is_told_with_its_numbers() -> None:
    assert "failed verdict: errors: 300 of 600 " in news(ROLLOUT, (Said("failed verdict", ("errors: 300 of 600",)),))[0].text


def test_what_is_not_worth_it_is_not_told() -> None:
    said = (Said("set 1.1.0 to 4 replicas"), Said("check smoke passed"), Said("in trouble", ("no answer",)), Said("pause by bob"))
    assert news(ROLLOUT, said) == ()
    assert news(pending(), (Said("cancelled"),)) == ()


@pytest.mark.parametrize("what", ["failed to run", "failed to be ready"])
def test_the_lines_of_a_log_stay_where_they_are(what: str) -> None:
    (told,) = news(ROLLOUT, (Said(what, ("the container web ends again and again", "KeyError: DATABASE_URL=a value")),))
    assert "ends again and again" in told.text
    assert "a value" not in told.text


def test_nobody_is_told_a_novel() -> None:
    (told,) = news(ROLLOUT, (Said("held", ("undecided " * 100,)),))
    assert len(told.text) == LONGEST
