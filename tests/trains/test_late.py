"""After the cut, only what may boards, and criteria tighten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.trains.late import approved, asked, boarded, ejected, find, objections
from headway.trains.model import LATE, LateChange, Phase, Timetable, Train

DEPARTS = datetime(2026, 3, 3, 10, tzinfo=UTC)
TABLE = Timetable(
    "weekly", "tally", "0 10 * * tue", "UTC", 2 * 86400, "production", within=3600,
    phases=(Phase("stabilise", 2 * 86400, "fixes", 1), Phase("freeze", 86400, "blockers", 2)),
)  # fmt: skip
TRAIN = Train("weekly", "tally", DEPARTS, DEPARTS - timedelta(days=2), "ongoing", commit="a" * 40, release="tally@1.4.0")
STABILISE, FREEZE = DEPARTS - timedelta(days=1, hours=12), DEPARTS - timedelta(hours=12)
FIX = LateChange("b" * 40, "alice", STABILISE, "totals are wrong", "fix", (("bob", STABILISE),))


def texts(change: LateChange = FIX, now: datetime = STABILISE, *, on_trunk: bool = True, train: Train = TRAIN) -> list[str]:
    return [one.text for one in objections(TABLE, train, change, now, on_trunk=on_trunk)]


def test_a_fix_on_trunk_with_a_reason_and_a_yes_boards() -> None:
    assert texts() == []


@pytest.mark.parametrize(
    ("change", "trunk", "text"),
    [
        pytest.param({"why": " "}, True, "bbbbbbbbbb has no reason to board late", id="no reason"),
        pytest.param({"kind": "feature"}, True, "bbbbbbbbbb is a feature, and stabilise takes fixes and blockers", id="a feature"),
        pytest.param({}, False, "bbbbbbbbbb is not on main: what boards is on trunk first", id="not on trunk"),
        pytest.param({"approved": ()}, True, "bbbbbbbbbb needs 1 more to say yes in stabilise, other than alice", id="nobody's yes"),
        pytest.param(
            {"approved": (("Alice <alice@x>", STABILISE),)},
            True,
            "bbbbbbbbbb needs 1 more to say yes in stabilise, other than alice",
            id="one's own yes",
        ),
    ],
)
def test_what_keeps_it_off(change: dict[str, object], trunk: bool, text: str) -> None:
    assert texts(replace(FIX, **change), on_trunk=trunk) == [text]  # type: ignore[arg-type]


def test_the_yes_of_the_revoked_counts_no_longer() -> None:
    (left,) = objections(TABLE, TRAIN, FIX, STABILISE, on_trunk=True, revoked=("Bob",))
    assert left.text == "bbbbbbbbbb needs 1 more to say yes in stabilise, other than alice"


def test_all_reasons_come_at_once() -> None:
    assert len(texts(replace(FIX, why="", kind="feature", approved=()), on_trunk=False)) == 4


def test_what_sufficed_before_does_not_suffice_later() -> None:
    blocker = replace(FIX, kind="blocker", approved=(("bob", FREEZE),))
    assert texts(FIX, FREEZE)[0] == "bbbbbbbbbb is a fix, and freeze takes only what blocks the departure"
    assert texts(blocker, FREEZE) == ["bbbbbbbbbb needs 1 more to say yes in freeze, other than alice (1 of 2: bob)"]
    assert texts(replace(blocker, approved=(("bob", FREEZE), ("carol", FREEZE))), FREEZE) == []


def test_a_yes_expires_at_the_instant() -> None:
    end = STABILISE + timedelta(hours=1)
    assert texts(now=end - timedelta(microseconds=1)) == []
    assert texts(now=end) != []


def test_before_the_cut_and_after_the_end_nothing_boards_late() -> None:
    assert "has not been cut" in texts(train=replace(TRAIN, state="upcoming"))[0]
    assert "has departed" in texts(train=replace(TRAIN, state="departed"))[0]


def test_asking_again_with_the_same_words_keeps_the_yes_and_boarding_changes_what_rides() -> None:
    train = approved(asked(TRAIN, replace(FIX, approved=())), FIX.commit, "bob", STABILISE)
    again = asked(train, replace(FIX, at=FREEZE, why=" totals are wrong\n", approved=()))
    assert again == train
    riding = boarded(again, FIX.commit, "tally@1.4.1", STABILISE)
    assert riding.release == "tally@1.4.1"
    thrown = ejected(riding, [FIX.commit], "tally@1.4.0", "staging failed")
    assert (thrown.release, thrown.late[0].boarded, thrown.late[0].ejected) == ("tally@1.4.0", None, "staging failed")


@pytest.mark.parametrize(
    "words", [pytest.param({"why": "another word"}, id="another reason"), pytest.param({"kind": "blocker"}, id="another kind")]
)
def test_a_yes_is_to_the_words_it_was_given_to(words: dict[str, str]) -> None:
    train = approved(asked(TRAIN, replace(FIX, approved=())), FIX.commit, "bob", STABILISE)
    again = asked(train, replace(FIX, by="carol", approved=(), **words))  # type: ignore[arg-type]
    change = find(again, "bbbbbbbb")
    assert change is not None
    assert (change.by, change.approved, change.unsaid) == ("carol", (), ("bob",))
    assert texts(change) == [
        "bbbbbbbbbb needs 1 more to say yes in stabilise, other than carol; it was asked for in other words when bob said yes"
    ]
    anew = find(approved(again, FIX.commit, "Bob", STABILISE), FIX.commit)
    assert anew is not None
    assert (anew.unsaid, texts(anew)) == ((), [])


kinds = st.sampled_from(["feature", "fix", "blocker"])
people = st.lists(st.tuples(st.sampled_from(["alice", "bob", "carol", ""]), st.just(FREEZE)), max_size=4).map(tuple)


@given(kinds, people, st.sampled_from(LATE), st.integers(0, 3))
def test_tightening_never_lets_more_on_board(kind: str, yes: tuple[tuple[str, datetime], ...], late: str, needed: int) -> None:
    change = replace(FIX, kind=kind, approved=yes)
    loose = replace(TABLE, phases=(Phase("one", 2 * 86400, "any", 0),))
    tight = replace(TABLE, phases=(Phase("one", 2 * 86400, late, needed),))
    if not objections(tight, TRAIN, change, FREEZE, on_trunk=True):
        assert not objections(loose, TRAIN, change, FREEZE, on_trunk=True)
        assert len({by for by, _ in yes} - {"alice", ""}) >= needed
