"""Who is who."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion.people import distinct, same_person

BOBS = ("Bob <bob@example.org>", "bob", "BOB", "bob@example.org")


@pytest.mark.parametrize("one", BOBS)
@pytest.mark.parametrize("other", BOBS)
def test_bob_is_bob(one: str, other: str) -> None:
    assert same_person(one, other)


@pytest.mark.parametrize("other", ["bobby", "rob", "", " ", "carol <carol@example.org>"])
def test_others_are_not(other: str) -> None:
    assert not same_person("bob", other)


def test_nobody_is_no_person() -> None:
    assert not same_person("", "")


@pytest.mark.parametrize("order", list(permutations(("Robert <bob@example.org>", "bob", "robert"))))
def test_who_shares_a_name_with_two_makes_them_one(order: tuple[str, ...]) -> None:
    assert distinct(order) == ("bob",)


@given(st.lists(st.sampled_from([*BOBS, "carol", "Carol", "dave", "Robert <bob@example.org>", "robert"]), max_size=8))
def test_nobody_counts_twice(names: list[str]) -> None:
    people = distinct(names)
    assert not any(same_person(one, other) for one in people for other in people if one is not other)
    assert all(any(same_person(name, other) for other in names) for name in people)
    assert distinct(names[::-1]) == people
