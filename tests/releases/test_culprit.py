"""The culprit is found in as few steps as halving needs, and where that cannot be, the answer is honest."""

from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.releases.culprit import Answer, Culprit, OneOf, Try, search


def hunt(count: int, culprit: int, broken: frozenset[int] = frozenset()) -> tuple[Culprit | OneOf, int]:
    """The answer and the steps, where everything from the culprit on is bad and the broken cannot be tried."""
    answers: dict[int, Answer] = {}
    while isinstance(step := search(count, answers), Try):
        assert step.index not in answers, "nothing is tried twice"
        assert step.index < count - 1, "the last is known to be bad"
        good = Answer.GOOD if step.index < culprit else Answer.BAD
        answers[step.index] = Answer.SKIP if step.index in broken else good
    return step, len(answers)


@given(st.integers(1, 2000).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_it_is_found_in_as_many_steps_as_halving_needs(case: tuple[int, int]) -> None:
    count, culprit = case
    found, steps = hunt(count, culprit)
    assert found == Culprit(culprit)
    assert steps <= ceil(log2(count))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1), st.frozensets(st.integers(0, n - 1)))))
def test_with_some_that_cannot_be_tried_it_is_always_among_those_named_and_no_more_are_named_than_must_be(
    case: tuple[int, int, frozenset[int]],
) -> None:
    count, culprit, broken = case
    found, _ = hunt(count, culprit, broken)
    if isinstance(found, Culprit):
        assert found.index == culprit
        return
    assert culprit in found.indices
    assert set(found.indices[:-1]) <= broken, "every suspect but the last could not be tried"


@given(st.integers(2, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_it_says_beforehand_how_many_steps_are_left_at_most(case: tuple[int, int]) -> None:
    count, culprit = case
    answers: dict[int, Answer] = {}
    promised = ceil(log2(count))
    while isinstance(step := search(count, answers), Try):
        assert step.most + 1 <= promised
        promised = step.most
        answers[step.index] = Answer.GOOD if step.index < culprit else Answer.BAD


def test_answers_that_contradict_each_other_end_at_the_first_that_is_bad() -> None:
    assert search(8, {2: Answer.BAD, 5: Answer.GOOD, 1: Answer.GOOD}) == Culprit(2)


def test_nobody_is_to_blame_where_nothing_changed() -> None:
    with pytest.raises(ValueError, match="without commits"):
        search(0, {})
