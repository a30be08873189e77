"""What a live release did lately is told from polls that come as they come, or not at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headway.analysis.lately import LATELY, LEAST, Lately, Seen, lately, polled
from headway.analysis.model import Counters

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
polls = st.lists(st.tuples(st.floats(0.1, 900), st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=60)


def told(*polls: tuple[float, int, int], name: str = "v1") -> Seen | None:
    """Polls by seconds after noon, with requests and failures so far."""
    seen: Seen | None = None
    for seconds, completed, failures in polls:
        seen = polled(seen, name, NOON + timedelta(seconds=seconds), Counters(completed, failures))
    return seen


def test_one_poll_says_nothing_and_neither_do_two_in_a_hurry() -> None:
    one, two = told((0, 100, 1)), told((0, 100, 1), (29, 200, 2))
    assert one is not None
    assert two is not None
    assert (lately(one), lately(two)) == (None, None)


def test_it_is_what_came_since_not_what_ever_was() -> None:
    seen = told((0, 1_000_000, 0), (60, 1_000_100, 7))
    assert seen is not None
    assert lately(seen) == Lately(100, 7, 60.0)


def test_what_is_long_ago_is_not_lately() -> None:
    seen = told((0, 100, 90), (7200, 200, 95))
    assert seen is not None
    assert lately(seen) is None


def test_another_release_and_a_proxy_that_starts_anew_begin_from_nothing() -> None:
    seen = told((0, 100, 0), (60, 50, 0))
    assert seen is not None
    assert lately(seen) is None
    other = polled(told((0, 100, 0)), "v2", NOON + timedelta(seconds=60), Counters(500, 400))
    assert lately(other) is None


@given(polls)
def test_it_never_tells_more_than_happened_nor_of_too_short_or_too_long_a_time(steps: list[tuple[float, int, int]]) -> None:
    at, requests, failures, seen = 0.0, 0, 0, None
    history = []
    for gap, more, bad in steps:
        at, requests, failures = at + gap, requests + more, failures + min(bad, more)
        seen = polled(seen, "v1", NOON + timedelta(seconds=at), Counters(requests, failures))
        history.append((at, requests, failures))
        assert len(seen.polls) <= LATELY / timedelta(seconds=5) + 2, "polls are not hoarded"
        found = lately(seen)
        if found is None:
            continue
        assert LEAST.total_seconds() <= found.seconds <= LATELY.total_seconds()
        begin = min(history, key=lambda one: abs(one[0] - (at - found.seconds)))
        assert (found.requests, found.failures) == (requests - begin[1], failures - begin[2])
        assert found.failures <= found.requests
