"""The change advisory group says go, or not yet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion.advisory import objections
from headway.promotion.model import Advice, Advisory, Candidate, Risk

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t", risk=Risk("medium", 5, ("large",)))
CAB = Advisory("cab", ("dana", "frank", "alice"), needed=2, within=3600)


def says(by: str, go: bool = True, minutes: int = 0, digest: str = "sha256:a", comment: str = "") -> Advice:
    return Advice("tally@2.0.0", "production", by, NOON + timedelta(minutes=minutes), digest, "sha256:c", "sha256:t", go, comment)


def texts(
    *said: Advice, rule: Advisory | None = CAB, now: datetime = NOON + timedelta(minutes=5), revoked: tuple[str, ...] = ()
) -> list[str]:
    return [one.text for one in objections(CANDIDATE, said, rule, now, revoked)]


def test_nobody_is_asked_where_the_file_names_nobody() -> None:
    assert texts(rule=None) == []


def test_the_group_sees_the_risk_and_who_is_missing_is_named() -> None:
    assert texts(says("dana")) == ["2.0.0, whose risk is medium, waits for cab to say go (1 of 2: dana): dana, frank"]
    assert texts(says("dana"), says("frank")) == []


def test_a_no_go_stands_until_its_member_says_go() -> None:
    both = says("dana"), says("frank", go=False, comment="the queue is full")
    assert "frank of cab says no-go for 2.0.0: the queue is full" in texts(*both)
    assert texts(*both, says("frank", minutes=1)) == []


def test_a_no_go_counts_beside_enough_goes() -> None:
    three = replace(CAB, people=("dana", "frank", "gwen"))
    assert texts(says("dana"), says("frank"), says("gwen", go=False), rule=three) == ["gwen of cab says no-go for 2.0.0"]


def test_the_author_has_no_go_to_give_but_may_say_no() -> None:
    assert texts(says("dana"), says("alice")) != []
    assert "alice of cab says no-go for 2.0.0" in texts(says("dana"), says("frank"), says("alice", go=False))


def test_a_go_expires_at_the_instant_and_a_no_go_never() -> None:
    end = NOON + timedelta(hours=1)
    assert texts(says("dana"), says("frank"), now=end - timedelta(microseconds=1)) == []
    assert texts(says("dana"), says("frank"), now=end) != []
    assert "no-go" in texts(says("frank", go=False), now=end + timedelta(days=9))[0]


def test_a_revoked_member_has_no_say_and_a_group_without_enough_people_says_so() -> None:
    assert texts(says("dana"), says("frank"), revoked=("frank",)) == ["2.0.0 needs 2 of cab to say go, but only 1 of its members may"]


@pytest.mark.parametrize(
    ("risk", "level", "asked"),
    [
        pytest.param("low", "medium", False, id="a small risk needs nobody"),
        pytest.param("medium", "medium", True, id="enough risk"),
        pytest.param("high", "medium", True, id="more risk"),
        pytest.param(None, "high", True, id="a risk that nobody could work out"),
        pytest.param("low", None, True, id="always asked"),
    ],
)
def test_from_which_risk_on_the_group_is_asked(risk: str | None, level: str | None, asked: bool) -> None:
    candidate = replace(CANDIDATE, risk=None if risk is None else Risk(risk, 0, ()))
    assert bool(objections(candidate, (), replace(CAB, risk=level), NOON)) is asked


@given(st.lists(st.builds(says, st.sampled_from(["dana", "frank", "alice", "mallory"]), st.booleans(), st.integers(0, 90),
                          st.sampled_from(["sha256:a", "sha256:b"])), max_size=8), st.integers(0, 120))  # fmt: skip
def test_it_opens_only_for_enough_members_and_against_no_no_go(said: list[Advice], minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    if objections(CANDIDATE, said, CAB, now):
        return
    here = [one for one in said if one.release_digest == "sha256:a"]
    going = {one.by for one in here if one.go and now - one.at < timedelta(hours=1)} & {"dana", "frank"}
    assert len(going) >= 2
    for one in said:
        later = [other for other in said if other.by == one.by and (other.at, not other.go) >= (one.at, not one.go)]
        assert one.go or one.by == "mallory" or any(other.go or other.release_digest != "sha256:a" for other in later)
