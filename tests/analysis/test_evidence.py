"""Folding polls into evidence: increases only, nothing twice, nothing invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from headway.analysis.evidence import BLOCK, BLOCKS, Evidence, Tally, begin, fold, plus
from headway.analysis.model import Counters, Readings, together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

steps = st.builds(
    lambda good, failures, retries, refused, active, quick, slow: Counters(
        good + failures, failures, retries, refused, active, {5.0: quick, 500.0: slow}
    ),
    *[st.integers(0, 40)] * 7,
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def summed(one: Counters, step: Counters) -> Counters:
    return Counters(
        one.completed + step.completed,
        one.failures + step.failures,
        one.retries + step.retries,
        one.refused + step.refused,
        step.active,
        {edge: one.latency.get(edge, 0) + step.latency.get(edge, 0) for edge in (*one.latency, *step.latency)},
    )


def cumulative(increases: list[Counters], start: Counters | None = None) -> list[Counters]:
    polls = [start or Counters(completed=1000, failures=10, latency={5.0: 1000})]
    for step in increases:
        polls.append(summed(polls[-1], step))
    return polls


def folded(polls: list[Counters], times: list[float] | None = None) -> Evidence:
    evidence = begin(NOON)
    for second, counters in zip(times or range(len(polls)), polls, strict=True):
        evidence = fold(evidence, Readings(at(second), {"new": counters, "old": counters}), "new", "old")
    return evidence


def done(evidence: Evidence) -> Tally:
    assert evidence.new is not None
    return replace(evidence.new.total, latency={edge: count for edge, count in evidence.new.total.latency.items() if count})


def test_the_first_poll_is_only_the_starting_point() -> None:
    assert done(folded([Counters(completed=10_000, failures=9_000)])) == Tally()


@given(st.lists(steps, max_size=30))
def test_totals_are_the_increases(increases: list[Counters]) -> None:
    total = done(folded(cumulative(increases)))
    assert (total.requests, total.failures) == (sum(s.completed for s in increases), sum(s.failures for s in increases))
    assert (total.retries, total.refused) == (sum(s.retries for s in increases), sum(s.refused for s in increases))
    assert sum(total.latency.values()) == sum(sum(s.latency.values()) for s in increases)


@given(st.lists(steps, min_size=2, max_size=20), st.data())
def test_missed_polls_fold_in_as_one_longer_poll(increases: list[Counters], data: st.DataObject) -> None:
    polls = cumulative(increases)
    kept = [0, *sorted(data.draw(st.sets(st.integers(1, len(polls) - 1)))), len(polls) - 1]
    times = sorted(set(kept))
    assert done(folded([polls[i] for i in times], [float(i) for i in times])) == done(folded(polls))


@given(st.lists(steps, min_size=1, max_size=10), st.lists(steps, min_size=1, max_size=10))
def test_a_restarted_proxy_counts_from_zero_again(before: list[Counters], after: list[Counters]) -> None:
    polls = cumulative(before) + cumulative(after, Counters())[1:]
    total = done(folded(polls))
    # What the proxy counted between its restart and our next poll is there; a restart after which every number is higher cannot be seen.
    assert total.requests >= 0
    assert total.failures >= 0
    assert all(count >= 0 for count in total.latency.values())
    if polls[len(before) + 1].completed < polls[len(before)].completed:
        assert total.requests == sum(step.completed for step in (*before, *after))
        assert total.failures == sum(step.failures for step in (*before, *after))


@given(st.lists(st.one_of(steps, st.none()), max_size=30))
def test_no_sequence_of_counters_gives_a_negative_number(polls: list[Counters | None]) -> None:
    evidence = begin(NOON)
    for second, counters in enumerate(polls):
        arms = {} if counters is None else {"new": counters}
        evidence = fold(evidence, Readings(at(second), arms), "new", None)
    for tally in (evidence.new.total if evidence.new else Tally(), *(block.new for block in evidence.blocks)):
        assert min(tally.requests, tally.failures, tally.retries, tally.refused, tally.good, tally.bad, *tally.latency.values(), 0) == 0


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(3, id="the same poll twice"),
        pytest.param(1, id="an older poll late"),
        pytest.param(-5, id="a poll from before the weight changed"),
    ],
)
def test_polls_out_of_order_add_nothing(again: int) -> None:
    evidence = folded(cumulative([Counters(completed=10)] * 3))
    late = Readings(at(again), {"new": Counters(completed=1), "old": Counters(completed=99_999)})
    assert fold(evidence, late, "new", "old") == evidence


def test_a_missing_arm_is_missing_and_not_zero() -> None:
    polls = cumulative([Counters(completed=10)] * 3)
    evidence = folded(polls[:2])
    for second in (2, 3, 4):
        evidence = fold(evidence, Readings(at(second), {"old": polls[1]}), "new", "old")
    assert evidence.new is not None and evidence.old is not None
    assert (evidence.new.heard, evidence.old.heard) == (at(1), at(4))
    evidence = fold(evidence, Readings(at(5), {"new": polls[3], "old": polls[1]}), "new", "old")
    assert done(evidence).requests == 30


@pytest.mark.parametrize(
    "counters",
    [
        pytest.param(Counters(completed=float("nan")), id="not a number"),  # type: ignore[arg-type]
        pytest.param(Counters(completed=-1), id="less than nothing"),
        pytest.param(Counters(latency={5.0: float("inf")}), id="without end"),  # type: ignore[dict-item]
    ],
)
def test_nonsense_is_missing_data(counters: Counters) -> None:
    evidence = folded(cumulative([Counters(completed=10)]))
    after = fold(evidence, Readings(at(2), {"new": counters, "old": counters}), "new", "old")
    assert done(after) == done(evidence)
    assert after.new is not None
    assert after.new.heard == at(1)


def test_other_releases_start_over() -> None:
    evidence = folded(cumulative([Counters(completed=10)] * 3))
    after = fold(evidence, Readings(at(9), {"newer": Counters(completed=5)}), "newer", "old")
    assert done(after) == Tally()
    assert after.since == NOON


def test_only_the_last_minute_is_kept_in_blocks() -> None:
    evidence = folded(cumulative([Counters(completed=1, failures=1)] * 3600))
    assert len(evidence.blocks) == BLOCKS
    assert {later.start - earlier.start for earlier, later in pairwise(evidence.blocks)} == {BLOCK}
    assert sum(block.new.requests for block in evidence.blocks) <= BLOCKS * BLOCK.total_seconds()
    assert done(evidence).requests == 3600


def test_a_request_in_flight_is_stuck_only_when_it_is_still_there_at_the_next_poll() -> None:
    once = folded([Counters(active=1), Counters(active=80), Counters(active=2)])
    twice = folded([Counters(active=1), Counters(active=80), Counters(active=82)])
    assert once.new is not None and twice.new is not None
    assert (once.new.stuck, twice.new.stuck) == (2, 80)


@given(steps, steps, steps)
def test_adding_tallies_does_not_depend_on_brackets(one: Counters, two: Counters, three: Counters) -> None:
    a, b, c = (Tally(x.completed, x.failures, x.retries, x.refused, x.latency) for x in (one, two, three))
    assert plus(plus(a, b), c) == plus(a, plus(b, c))


def test_a_refused_connection_that_was_retried_is_one_bad_attempt() -> None:
    assert Tally(requests=10, retries=3, refused=3).bad == 3
    assert Tally(requests=10, failures=2, refused=2).bad == 2
    assert Tally(refused=4).bad == 4


@given(st.lists(steps, max_size=20))
def test_evidence_survives_the_ledger(increases: list[Counters]) -> None:
    evidence = folded(cumulative([*increases, Counters(completed=1, latency={float("inf"): 1, 0.5: 1})]))
    adapter = TypeAdapter(Evidence)
    assert adapter.validate_json(adapter.dump_json(evidence)) == evidence


def read(second: float, **arms: dict[str, int]) -> Readings:
    """A poll of several who count, by arm and then by who counted."""
    return together(at(second), {arm: {who: Counters(completed=count) for who, count in each.items()} for arm, each in arms.items()})


def requests(*polls: Readings) -> tuple[int, int]:
    """Of the new and of the old release."""
    evidence = begin(NOON)
    for poll in polls:
        evidence = fold(evidence, poll, "new", "old")
    return tuple(arm.total.requests if arm else 0 for arm in (evidence.new, evidence.old))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("polls", "counted"),
    [
        pytest.param([read(0, new={"a": 5, "b": 9}), read(1, new={"a": 7, "b": 10})], 3, id="several are added up"),
        pytest.param([read(0, new={"a": 5, "b": 900}), read(1, new={"a": 7, "b": 3})], 5, id="one that restarts is not all of them"),
        pytest.param([read(0, new={"a": 5, "b": 9}), read(1, new={"a": 7}), read(2, new={"a": 8, "b": 12})], 6, id="one away for a while"),
        pytest.param([read(0, new={"a": 5}), read(1, new={"a": 7, "b": 700})], 2, id="one that nobody knew may be old"),
        pytest.param([read(-4, new={"a": 5}), read(1, new={"a": 25})], 20, id="one who counted before the weight changed lost nothing"),
        pytest.param([read(-4, old={"a": 5}), read(1, new={"a": 20}, old={"a": 9})], 20, id="a proxy that met the release since"),
        pytest.param([read(-4, new={"a": 5}), read(-2, new={"a": 9}), read(1, new={"a": 10})], 5, id="two polls from before"),
    ],
)
def test_where_several_count_each_restarts_by_itself(polls: list[Readings], counted: int) -> None:
    assert requests(*polls)[0] == counted


def test_what_was_counted_before_the_weight_changed_is_in_no_span_of_time() -> None:
    evidence = fold(begin(NOON), read(-4, new={"a": 5}, old={"a": 50}), "new", "old")
    assert (evidence.blocks, evidence.polled) == ((), at(-4))
