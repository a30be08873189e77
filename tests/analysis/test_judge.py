"""What the judge says of whole minutes of traffic."""

from collections.abc import Callable
from dataclasses import fields, replace
from math import nan
from random import Random  # noqa: TID251 - seeded, to simulate traffic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import NOON, THRESHOLDS, Release, at, hanging, polls, served, watch

from headway.analysis.evidence import begin, fold
from headway.analysis.judge import judge
from headway.analysis.model import GRAVITY, Counters, Outcome, Readings, Thresholds, Verdict

ROLL_BACK, ADVANCE, CONTINUE, INCONCLUSIVE = Outcome.ROLL_BACK, Outcome.ADVANCE, Outcome.CONTINUE, Outcome.INCONCLUSIVE


def test_a_good_release_advances_after_its_time_and_says_why() -> None:
    watched = watch(served(10), served(90), 10)
    assert [verdict.outcome for verdict in watched.verdicts] == [CONTINUE] * 10 + [ADVANCE]
    assert watched.last.reasons == (
        "errors: 0 of 100 (0 %) since 12:00:00, tolerated 1 %",
        "slower than 300 ms: 0 of 100 (0 %) since 12:00:00, tolerated 5 %",
    )


@pytest.mark.parametrize("old", [pytest.param(served(90), id="beside the old release"), pytest.param(None, id="alone")])
def test_a_dead_canary_is_rolled_back_at_the_second_poll(old: Release | None) -> None:
    assert watch(served(10, failing=1), old, 5).rolled_back_at() == 1


def test_the_reason_has_the_numbers() -> None:
    verdict = watch(served(14, failing=0.86), served(130), 1).last
    assert verdict == Verdict(
        ROLL_BACK,
        ("errors: 12 of 14 (85.7 %) since 12:00:00, over the tolerated 1 % and 2 times the old release's 0 of 130 (0 %)",),
    )


@pytest.mark.parametrize(
    ("new", "within"),
    [
        pytest.param(served(10, failing=0.2), 10, id="every fifth request fails"),
        pytest.param(served(10, retried=0.5), 3, id="retries hide a sick replica"),
        pytest.param(served(10, slow=0.3), 10, id="nearly a third is slow"),
        pytest.param(hanging(10), 3, id="nothing is answered at all"),
        pytest.param(lambda second: Counters(refused=10 * second), 1, id="connections are refused"),
    ],
)
@pytest.mark.parametrize("old", [pytest.param(served(90), id="with old"), pytest.param(None, id="alone")])
def test_a_bad_canary_is_rolled_back_within_seconds(new: Release, within: int, old: Release | None) -> None:
    rolled_back = watch(new, old, within).rolled_back_at()
    assert rolled_back is not None


@pytest.mark.parametrize("thresholds", [THRESHOLDS, replace(THRESHOLDS, latency_ms=None)], ids=["with a latency limit", "without"])
@pytest.mark.parametrize("rate", [5, 50, 500])
def test_a_hang_counts_before_it_times_out(rate: int, thresholds: Thresholds) -> None:
    rolled_back = watch(hanging(rate, from_second=60), served(rate * 9), 75, thresholds).rolled_back_at()
    assert rolled_back is not None
    assert 60 < rolled_back <= 66


@pytest.mark.parametrize("old", [pytest.param(served(90), id="with old"), pytest.param(None, id="soak at 100 %")])
@pytest.mark.parametrize(
    ("turned", "within"),
    [
        pytest.param(served(10, failing=1, from_second=840), 2, id="dead"),
        pytest.param(served(10, failing=0.2, from_second=840), 10, id="every fifth"),
        pytest.param(served(10, slow=0.5, from_second=840), 10, id="slow"),
        pytest.param(hanging(10, from_second=840), 5, id="hanging"),
    ],
)
def test_a_release_that_turns_bad_in_minute_14_goes_back(turned: Release, within: int, old: Release | None) -> None:
    rolled_back = watch(turned, old, 900).rolled_back_at()
    assert rolled_back is not None
    assert 840 < rolled_back <= 840 + within


@pytest.mark.parametrize(
    ("completed", "failures"),
    [pytest.param(2, 1, id="one of two"), pytest.param(2, 2, id="two of two"), pytest.param(100, 2, id="two of a hundred")],
)
def test_a_stray_failure_rolls_nothing_back(completed: int, failures: int) -> None:
    stray = watch(lambda s: Counters(completed=completed, failures=failures) if s else Counters(), served(90), 1)
    assert stray.last.outcome is CONTINUE


def test_when_both_are_equally_bad_nobody_is_blamed() -> None:
    verdict = watch(served(10, failing=0.3), served(90, failing=0.3), 8).last
    assert verdict.outcome is INCONCLUSIVE
    assert "a common cause" in verdict.reasons[0]


def test_an_outage_that_both_shared_is_forgiven_once_it_is_over() -> None:
    def outage(rate: int) -> Callable[[int], Counters]:
        return lambda s: Counters(completed=rate * s, failures=rate * max(0, min(s, 60) - 30), latency={20.0: rate * s})

    watched = watch(outage(10), outage(90), 130)
    assert watched.rolled_back_at() is None
    assert watched.verdicts[45].outcome is INCONCLUSIVE
    assert watched.last.outcome is ADVANCE
    assert "in the last 60 s" in watched.last.reasons[0]


@pytest.mark.parametrize(
    ("new", "old", "seconds", "outcome", "reason"),
    [
        pytest.param(lambda s: None, served(90), 3, CONTINUE, "the new release has not been measured since", id="nothing measured yet"),
        pytest.param(lambda s: None, served(90), 5, INCONCLUSIVE, "the new release has not been measured since", id="never measured"),
        pytest.param(
            lambda s: served(10)(s) if s < 20 else None,
            served(90),
            25,
            INCONCLUSIVE,
            "new release has not been measured for 6 s",
            id="lost",
        ),
        pytest.param(
            served(10),
            lambda s: served(90)(s) if s < 20 else None,
            25,
            INCONCLUSIVE,
            "old release has not been measured for 6 s",
            id="old lost",
        ),
        pytest.param(lambda s: Counters(), served(90), 60, CONTINUE, "has not answered a request well yet", id="no traffic yet"),
        pytest.param(lambda s: Counters(), served(90), 120, INCONCLUSIVE, "the 120 s to wait are over", id="no traffic for too long"),
        pytest.param(
            lambda s: Counters(completed=s // 10), None, 90, CONTINUE, "9 requests answered since 12:00:00, needs 50", id="too few requests"
        ),
        pytest.param(lambda s: Counters(completed=s // 10), None, 120, INCONCLUSIVE, "needs 50, and the 120 s", id="too few for too long"),
        pytest.param(
            lambda s: served(10)(min(s, 40)), served(90), 50, INCONCLUSIVE, "answered no request well for 10 s", id="traffic stops"
        ),
    ],
)
def test_silence_and_too_little_are_never_good(new: Release, old: Release | None, seconds: int, outcome: Outcome, reason: str) -> None:
    thresholds = replace(THRESHOLDS, latency_ms=None)
    verdict = watch(new, old, seconds, thresholds).last
    assert verdict.outcome is outcome
    assert any(reason in text for text in verdict.reasons), verdict.reasons


def test_an_old_release_without_traffic_is_not_quoted() -> None:
    (reason,) = watch(served(10, failing=1), lambda s: Counters(), 1).last.reasons
    assert reason == "errors: 10 of 10 (100 %) since 12:00:00, over the tolerated 1 %"


def test_a_quiet_service_may_pause_for_a_while() -> None:
    thresholds = replace(THRESHOLDS, latency_ms=None, needs=10)
    assert watch(lambda s: Counters(completed=min(s, 60) // 5), None, 90, thresholds).last.outcome is ADVANCE


def test_a_minute_without_an_answer_is_too_long_for_any_service() -> None:
    thresholds = replace(THRESHOLDS, latency_ms=None, needs=5)
    watched = watch(lambda s: Counters(completed=min(s, 60) // 10), None, 120, thresholds)
    assert [watched.verdicts[second].outcome for second in (60, 119, 120)] == [ADVANCE, ADVANCE, INCONCLUSIVE]


def test_only_a_good_answer_breaks_the_silence() -> None:
    thresholds = replace(THRESHOLDS, latency_ms=None, max_wait=900)

    def dwindling(second: int) -> Counters:
        failures = (second > 330) + (second > 355)
        return Counters(completed=min(second, 300) + failures, failures=failures)

    assert watch(dwindling, None, 360, thresholds).last.outcome is INCONCLUSIVE


def test_a_failure_is_not_one_of_the_answers_that_latency_needs() -> None:
    thresholds = replace(THRESHOLDS, error_rate=0.5, needs=5, min_time=0)
    assert watch(lambda s: Counters(completed=19 * s, latency={20.0: 19 * s}), None, 1, thresholds).last.outcome is CONTINUE
    assert watch(lambda s: Counters(completed=20 * s, failures=s, latency={20.0: 20 * s}), None, 1, thresholds).last.outcome is CONTINUE


def test_none_of_two_is_not_a_rate_of_zero() -> None:
    """An outage starts where the old release has but a few requests: it had no time yet to show that it suffers too."""
    assert watch(served(300, failing=0.3), served(2), 1).last.outcome is INCONCLUSIVE
    assert watch(served(300, failing=0.9), served(2), 1).last.outcome is ROLL_BACK


def test_where_only_health_decides_traffic_is_not_judged() -> None:
    verdict = judge(begin(NOON), Thresholds(mode="health"), NOON)
    assert verdict.outcome is ADVANCE
    assert "health and the checks decide" in verdict.reasons[0]


def test_a_short_hiccup_under_heavy_traffic_is_no_hang() -> None:
    def hiccup(second: int) -> Counters:
        counters = served(1000)(second)
        return replace(counters, active=900) if second == 20 else counters

    assert watch(hiccup, served(9000), 60).rolled_back_at() is None


def test_many_long_requests_are_no_hang_when_the_old_release_has_them_too() -> None:
    def streams(rate: int) -> Callable[[int], Counters]:
        return lambda s: Counters(completed=rate * s, active=rate * 4, latency={4000.0: rate * s})

    assert watch(streams(10), streams(90), 60, replace(THRESHOLDS, latency_ms=None)).last.outcome is ADVANCE


def test_leftovers_of_a_drained_old_release_excuse_nobody() -> None:
    drained = Counters(completed=3, failures=3)
    assert watch(served(100, failing=0.5), lambda s: drained if s else Counters(), 10).rolled_back_at() is not None


@pytest.mark.parametrize("name", [field.name for field in fields(Thresholds) if field.name not in {"mode", "hold_for"}])
@pytest.mark.parametrize("new", [pytest.param(served(10), id="good"), pytest.param(served(10, failing=1, slow=1), id="bad")])
def test_a_threshold_that_is_no_number_decides_nothing(name: str, new: Release) -> None:
    verdict = watch(new, None, 60, replace(THRESHOLDS, **{name: nan})).last
    assert verdict.outcome is INCONCLUSIVE
    assert name in verdict.reasons[0]


# What must hold for any traffic.

second_of_traffic = st.builds(
    lambda good, failures, retries, active, slow: Counters(
        good + failures, failures, retries, 0, active, {20.0: good + failures - min(slow, good), 900.0: min(slow, good)}
    ),
    st.integers(0, 40),
    st.one_of(st.just(0), st.integers(0, 10)),
    st.one_of(st.just(0), st.integers(0, 3)),
    st.one_of(st.integers(0, 3), st.integers(0, 200)),
    st.one_of(st.just(0), st.integers(0, 10)),
)
traffic = st.lists(second_of_traffic, min_size=1, max_size=90)


def told(seconds: list[Counters]) -> list[Counters]:
    """As a proxy counts: all so far."""
    so_far = [Counters()]
    for one in seconds:
        last = so_far[-1]
        so_far.append(
            Counters(
                last.completed + one.completed,
                last.failures + one.failures,
                last.retries + one.retries,
                last.refused + one.refused,
                one.active,
                {edge: last.latency.get(edge, 0) + one.latency.get(edge, 0) for edge in (20.0, 900.0)},
            )
        )
    return so_far


def story(seconds: list[Counters], speed: int = 1) -> Release:
    so_far = told(seconds)
    return lambda second: so_far[min(second * speed, len(so_far) - 1)]


@given(new=traffic, old=traffic, data=st.data())
@settings(max_examples=200, deadline=None)
def test_adding_failures_never_makes_the_verdict_less_grave(new: list[Counters], old: list[Counters], data: st.DataObject) -> None:
    extra = data.draw(st.lists(st.integers(0, 5), min_size=len(new), max_size=len(new)))
    measured = data.draw(st.booleans())
    worse = [
        replace(
            one,
            completed=one.completed + more,
            failures=one.failures + more,
            latency={20.0: one.latency[20.0] + more * measured, 900.0: one.latency[900.0]},
        )
        for one, more in zip(new, extra, strict=True)
    ]
    thresholds = replace(THRESHOLDS, min_time=5, max_wait=30)
    before, after = (watch(story(seconds), story(old), len(new), thresholds) for seconds in (new, worse))
    for one, other in zip(before.verdicts, after.verdicts, strict=True):
        assert GRAVITY.index(other.outcome) >= GRAVITY.index(one.outcome), (one, other)


@given(seconds=traffic, quiet=st.integers(5, 500), old=st.booleans())
@settings(deadline=None)
def test_silence_never_advances(seconds: list[Counters], quiet: int, old: bool) -> None:
    *_, (last, evidence) = polls(story(seconds), story(seconds) if old else None, len(seconds))
    assert judge(evidence, replace(THRESHOLDS, min_time=0, needs=0), at(last + quiet)).outcome is not ADVANCE


@given(quiet=st.lists(st.one_of(st.none(), st.builds(Counters, active=st.integers(0, 5))), max_size=150))
@settings(deadline=None)
def test_no_traffic_never_advances(quiet: list[Counters | None]) -> None:
    watched = watch(
        lambda s: quiet[s - 1] if 0 < s <= len(quiet) else None, served(50), len(quiet), replace(THRESHOLDS, min_time=0, needs=0)
    )
    assert all(verdict.outcome is not ADVANCE for verdict in watched.verdicts)


@given(
    requests=st.lists(st.integers(1, 50), min_size=1, max_size=60),
    times=st.integers(1, 20),
    failing=st.integers(0, 100),
    better_by=st.integers(0, 100),
    slow=st.integers(0, 100),
)
@settings(deadline=None)
def test_a_release_better_than_the_old_one_is_never_rolled_back(
    requests: list[int], times: int, failing: int, better_by: int, slow: int
) -> None:
    """The same traffic a number of times over, with a share of failures and of slow answers that is not higher on the new side."""

    def second(count: int, share: int) -> Counters:
        wrong, late = count * share // 100, count * slow // 100
        return Counters(completed=count * 100, failures=wrong * 100, latency={20.0: (count - late) * 100, 900.0: late * 100})

    new = [second(count, max(0, failing - better_by)) for count in requests]
    old = [replace(second(count, failing)) for count in requests]
    old = [
        Counters(one.completed * times, one.failures * times, latency={edge: n * times for edge, n in one.latency.items()}) for one in old
    ]
    assert watch(story(new), story(old), len(requests)).rolled_back_at() is None


@given(traffic, traffic, st.integers(2, 6))
@settings(deadline=None)
def test_polling_less_often_sees_the_same_requests(new: list[Counters], old: list[Counters], every: int) -> None:
    *_, (_, often) = polls(story(new), story(old), len(new))
    evidence = begin(NOON)
    for second in sorted({*range(0, len(new) + 1, every), len(new)}):
        evidence = fold(evidence, Readings(at(second), {"new": story(new)(second), "old": story(old)(second)}), "new", "old")  # type: ignore[dict-item]
    assert often.new is not None and evidence.new is not None
    assert (often.new.total.good, often.new.total.bad) == (evidence.new.total.good, evidence.new.total.bad)


@given(traffic, traffic)
@settings(deadline=None)
def test_a_verdict_always_has_reasons(new: list[Counters], old: list[Counters]) -> None:
    assert all(verdict.reasons and all(verdict.reasons) for verdict in watch(story(new), story(old), len(new)).verdicts)


@given(st.integers(1, 90), st.integers(1, 50))
@settings(deadline=None)
def test_a_restarted_proxy_is_no_news(second: int, rate: int) -> None:
    def restarted(now: int) -> Counters:
        return served(rate)(now if now < second else now - second)

    watched = watch(restarted, served(90), 100)
    assert watched.rolled_back_at() is None
    assert watched.last.outcome in {ADVANCE, CONTINUE}


def test_a_healthy_service_is_not_rolled_back_by_chance() -> None:
    """An hour at 0.1 % errors and 10 requests a second, polled every second, for ten seeds; hundreds were run by hand."""

    def hour(seed: int) -> bool:
        chance, so_far, evidence = Random(seed), Counters(), begin(NOON)
        for second in range(3600):
            evidence = fold(evidence, Readings(at(second), {"new": so_far}), "new", None)
            if judge(evidence, THRESHOLDS, at(second)).outcome is ROLL_BACK:
                return True
            requests = sum(chance.random() < 0.5 for _ in range(20))
            failed = sum(chance.random() < 0.001 for _ in range(requests))
            completed = so_far.completed + requests
            so_far = Counters(completed, so_far.failures + failed, active=1, latency={20.0: completed})
        return False

    assert not any(hour(seed) for seed in range(10))
