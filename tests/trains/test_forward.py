"""A fix is forward when the line has its change, however it came there, and still has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.trains.forward import Forward, Landed, forward

ONE, TWO = Landed("1" * 40, "p1"), Landed("2" * 40, "p2")
BOTH = "p1+p2"
OTHER = Landed("9" * 40, "p9")


def line(*commits: Landed) -> Forward:
    return forward((ONE, TWO), BOTH, commits)


def there(number: int, patch: str = "", *, picked: str = "", reverts: str = "") -> Landed:
    return Landed(f"{number:x}" * 40, patch, (picked,) if picked else (), (reverts,) if reverts else ())


@pytest.mark.parametrize(
    ("commits", "lacks"),
    [
        pytest.param((), (ONE.id, TWO.id), id="nothing came"),
        pytest.param((OTHER,), (ONE.id, TWO.id), id="something else came"),
        pytest.param((there(10, "p1"), there(11, "p2")), (), id="the same changes"),
        pytest.param((there(10, "p1"),), (TWO.id,), id="half of it"),
        pytest.param((there(10, "px", picked=ONE.id), there(11, "p2")), (), id="adapted, and says from what"),
        pytest.param((there(10, "px", picked=ONE.id[:7]), there(11, "p2")), (), id="a short name will do"),
        pytest.param((there(10, "px", picked="111"), there(11, "p2")), (ONE.id,), id="too short a name will not"),
        pytest.param((there(10, BOTH),), (), id="all of it as one"),
        pytest.param((there(10, BOTH), there(11, "r", reverts="a" * 40)), (ONE.id, TWO.id), id="taken back since"),
        pytest.param((there(10, BOTH), there(11, "r", reverts="a" * 40), there(12, BOTH, reverts="b" * 40)), (), id="and brought again"),
        pytest.param((there(10, BOTH), there(11, "r", reverts="9" * 40)), (), id="something else was taken back"),
    ],
)
def test_what_is_missing(commits: tuple[Landed, ...], lacks: tuple[str, ...]) -> None:
    found = line(*commits)
    assert (found.lacks, found.whole) == (lacks, not lacks)


def test_commits_that_change_nothing_are_not_missed_but_alone_they_prove_nothing() -> None:
    empty = Landed("3" * 40)
    assert forward((ONE, empty), "p1", (there(10, "p1"),)).whole
    assert not forward((empty,), "", (OTHER,)).whole


@given(st.lists(st.sampled_from(["p1", "p2", "p9"]), max_size=8), st.data())
def test_it_is_whole_exactly_when_the_line_ends_with_both_changes(patches: list[str], data: st.DataObject) -> None:
    commits: list[Landed] = []
    has: dict[str, str] = {}
    for number, patch in enumerate(patches, 1):
        commit = Landed(f"{number:040d}".replace("0", "c"), patch)
        if has and data.draw(st.booleans()):
            gone = data.draw(st.sampled_from(sorted(has)))
            commit = Landed(commit.id, f"-{gone}", (), (has.pop(gone),))
        else:
            has[patch] = commit.id
        commits.append(commit)
    # A change that came twice and was taken back once is there or not as its last carrier says.
    found = line(*commits)
    assert found.whole == ({"p1", "p2"} <= has.keys())
    assert set(found.carriers.values()) <= {commit.id for commit in commits}
