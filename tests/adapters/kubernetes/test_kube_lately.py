"""A moment's answer is enough for a moment, and for no longer than what it tells of."""

import itertools

import pytest

from headway.adapters.kubernetes.lately import Lately


def test_what_was_asked_a_moment_ago_is_not_asked_again() -> None:
    kept, answers = Lately[str, int](60.0), itertools.count(1)
    assert [kept.get(key, lambda: next(answers)) for key in ("a", "a", "b", "a")] == [1, 1, 2, 1]


def test_a_moment_passes() -> None:
    kept, answers = Lately[str, int](0.0), itertools.count(1)
    assert [kept.get("a", lambda: next(answers)) for _ in range(2)] == [1, 2]


def test_whatever_changes_makes_the_answer_old_even_while_it_is_asked_for() -> None:
    kept, answers = Lately[str, int](60.0), itertools.count(1)

    def changed_meanwhile() -> int:
        kept.forget()
        return next(answers)

    assert kept.get("a", changed_meanwhile) == 1
    assert kept.get("a", lambda: next(answers)) == 2
    kept.forget()
    assert kept.get("a", lambda: next(answers)) == 3


def test_no_answer_is_kept_as_none() -> None:
    kept = Lately[str, int](60.0)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 7) == 7
