"""Counts of any two spans add up, and percentiles are right to one percent."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.adapters.traffic import Counts, Failure
from headway.adapters.traffic.counts import MOST_FAILURES

waits = st.floats(min_value=1e-5, max_value=100)


def counts_of(*seconds: float) -> Counts:
    counts = Counts()
    for wait in seconds:
        counts.good("tally-1", 200, wait)
    return counts


def failure(release: str = "tally-2", why: str = "500") -> Failure:
    return Failure(at=1.0, request="GET /", why=why, release=release, seconds=0.1)


@given(st.lists(waits, min_size=1), st.sampled_from([1.0, 50.0, 95.0, 99.0, 100.0]))
def test_a_percentile_is_the_wait_of_that_request_within_a_percent(seconds: list[float], percent: float) -> None:
    exact = sorted(seconds)[max(math.ceil(len(seconds) * percent / 100), 1) - 1]
    found = counts_of(*seconds).percentile(percent)
    assert found is not None
    assert found == pytest.approx(exact, rel=0.011)


@given(st.lists(waits), st.lists(waits))
def test_two_spans_add_up_to_the_whole(one: list[float], other: list[float]) -> None:
    added = counts_of(*one)
    added.add(counts_of(*other))
    assert added == counts_of(*one, *other)


def test_nothing_measured_has_no_percentile() -> None:
    assert Counts().percentile(95) is None
    assert counts_of(0.1).percentile(95, "another release") is None


def test_failures_are_laid_at_the_door_of_the_release_that_answered() -> None:
    counts = counts_of(0.1, 0.1)
    counts.bad(failure())
    counts.bad(failure())
    counts.bad(failure(release="", why="Connection refused"))
    assert (counts.requests, counts.ok, counts.failed) == (5, 2, 3)
    assert counts.failed_by == {"tally-2": 2}
    assert counts.unattributed == 1
    assert counts.statuses == {"200": 2, "500": 2, "Connection refused": 1}


def test_many_failures_of_a_bad_release_do_not_crowd_out_the_one_that_needs_explaining() -> None:
    counts = Counts()
    for _ in range(MOST_FAILURES * 3):
        counts.bad(failure())
    counts.bad(failure(release="", why="reset"))
    assert len(counts.failures) == MOST_FAILURES + 1
    assert counts.failures[-1].why == "reset"
    assert counts.failed == MOST_FAILURES * 3 + 1


def test_counts_survive_the_way_through_json() -> None:
    counts = counts_of(0.1, 0.2)
    counts.bad(failure())
    counts.skipped = 3
    assert Counts.from_json(json.loads(json.dumps(counts.to_json()))) == counts
