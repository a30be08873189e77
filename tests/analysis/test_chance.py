"""The exact tail of the binomial distribution, against plain summing."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.analysis.chance import beyond_chance


def tail(bad: int, tried: int, rate: Fraction) -> Fraction:
    return sum((comb(tried, k) * rate**k * (1 - rate) ** (tried - k) for k in range(bad, tried + 1)), Fraction(0))


@given(st.integers(1, 120), st.data(), st.integers(1, 999), st.sampled_from([1e-2, 1e-3, 1e-5]))
def test_it_agrees_with_exact_arithmetic(tried: int, data: st.DataObject, per_mille: int, alpha: float) -> None:
    bad = data.draw(st.integers(0, tried))
    rate = Fraction(per_mille, 1000)
    exact = float(tail(bad, tried, rate))
    if abs(exact / alpha - 1) > 1e-6 and bad > tried * rate:
        assert beyond_chance(bad, tried, per_mille / 1000, alpha) == (exact < alpha)


@given(st.integers(1, 5000), st.data(), st.floats(0, 1))
def test_one_more_failure_never_looks_more_like_chance(tried: int, data: st.DataObject, rate: float) -> None:
    bad = data.draw(st.integers(0, tried))
    if beyond_chance(bad, tried, rate, 1e-5):
        assert beyond_chance(bad + 1, tried + 1, rate, 1e-5)


@pytest.mark.parametrize(
    ("bad", "tried", "rate", "unusual"),
    [
        pytest.param(1, 2, 0.01, False, id="one stray failure"),
        pytest.param(10, 10, 0.01, True, id="a dead release"),
        pytest.param(0, 0, 0.01, False, id="nothing at all"),
        pytest.param(3, 1000, 0.0, True, id="nothing is tolerated"),
        pytest.param(10, 10, 1.0, False, id="everything is tolerated"),
        pytest.param(10, 10, float("nan"), False, id="the tolerated rate is no number"),
        pytest.param(10_100, 1_000_000, 0.01, False, id="a million requests, hardly over"),
        pytest.param(11_000, 1_000_000, 0.01, True, id="a million requests, clearly over"),
        pytest.param(1_000_000, 1_000_000, 0.01, True, id="a million failures"),
    ],
)
def test_what_is_unusual(bad: int, tried: int, rate: float, unusual: bool) -> None:
    assert beyond_chance(bad, tried, rate, 1e-5) is unusual
