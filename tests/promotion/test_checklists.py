"""Everything on the list is ticked, for exactly this artifact, by whoever may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion.checklists import USUAL, answers, may_tick, objections
from headway.promotion.expressions import check
from headway.promotion.gates import ROOTS
from headway.promotion.model import Candidate, Item, Tick

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t", kind="minor")
NOTES = Item("notes", "the notes say what changes")
LOAD = Item("load", "it carries the load", people=("quinn",))
MACHINE = Item("calm", "errors are few", when="metrics.error_rate < 0.01")


def tick(item: str = "notes", by: str = "bob", *, good: bool = True, minutes: int = 0, digest: str = "sha256:a", comment: str = "") -> Tick:
    return Tick("tally@2.0.0", "production", by, NOON + timedelta(minutes=minutes), item, digest, good, comment)


def texts(*ticks: Tick, items: tuple[Item, ...] = (NOTES,), machine: dict[str, bool | str] | None = None, **rest: object) -> list[str]:
    return [one.text for one in objections(CANDIDATE, items, ticks, machine or {}, **rest)]  # type: ignore[arg-type]


def test_an_item_that_nobody_ticked_is_an_objection() -> None:
    assert texts() == ["notes on the checklist is not ticked for 2.0.0: the notes say what changes"]
    assert texts(items=(LOAD,)) == ["load on the checklist is not ticked for 2.0.0 (by quinn): it carries the load"]
    assert texts(tick()) == []


def test_all_open_items_are_told_at_once() -> None:
    assert len(texts(items=(NOTES, LOAD, MACHINE))) == 3


def test_a_tick_is_for_one_artifact() -> None:
    assert texts(tick(digest="sha256:older")) != []


def test_the_last_word_counts_and_at_the_same_instant_the_bad_news() -> None:
    assert texts(tick(), tick(good=False, minutes=1, comment="a typo")) == ["notes on the checklist was unticked for 2.0.0 by bob: a typo"]
    assert texts(tick(good=False), tick(minutes=1)) == []
    assert texts(tick(), tick(good=False, by="carol")) != []


def test_only_who_may_ticks() -> None:
    assert texts(tick("load"), items=(LOAD,)) != []
    assert texts(tick("load", "Quinn"), items=(LOAD,)) == []
    assert may_tick("bob", LOAD) == "bob may not tick load; these may: quinn"
    assert may_tick("", NOTES) == "notes needs somebody with a name"
    assert may_tick("quinn", LOAD, ("quinn",)) == "quinn no longer speaks for anything here"


def test_the_ticks_of_the_revoked_count_no_longer() -> None:
    assert texts(tick(), revoked=("bob",)) != []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        pytest.param(True, None, id="it holds"),
        pytest.param(False, "calm on the checklist does not hold for 2.0.0: errors are few (metrics.error_rate < 0.01)", id="it does not"),
        pytest.param(
            "error_rate is not known", "calm on the checklist cannot be answered for 2.0.0: error_rate is not known", id="no answer"
        ),
        pytest.param(None, "calm on the checklist cannot be answered for 2.0.0: nobody asked", id="nobody asked"),
    ],
)
def test_a_machine_s_item_is_answered_by_its_expression_alone(answer: bool | str | None, text: str | None) -> None:
    found = texts(tick("calm"), items=(MACHINE,), machine={} if answer is None else {"calm": answer})
    assert found == ([] if text is None else [text])


@pytest.mark.parametrize(("kind", "open_"), [("hotfix", 1), ("minor", 0), ("", 1)])
def test_an_item_may_concern_some_kinds_of_releases_and_an_unknown_kind_is_asked_everything(kind: str, open_: int) -> None:
    only = replace(NOTES, kinds=("hotfix",))
    assert len(objections(replace(CANDIDATE, kind=kind), (only,), (), {})) == open_


def test_the_usual_items_can_be_answered() -> None:
    assert len({item.name for item in USUAL}) == len(USUAL)
    for item in USUAL:
        if item.when is not None:
            check(item.when, ROOTS)


ticks_ = st.builds(
    tick,
    st.sampled_from(["notes", "load"]),
    st.sampled_from(["bob", "quinn", ""]),
    good=st.booleans(),
    minutes=st.integers(0, 3),
    digest=st.sampled_from(["sha256:a", "sha256:b"]),
)


@given(st.lists(ticks_, max_size=6), st.randoms())
def test_the_order_of_ticks_changes_nothing_and_open_items_never_pass(ticks: list[Tick], chance: object) -> None:
    items = (NOTES, LOAD)
    shuffled = list(ticks)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert answers(CANDIDATE, items, ticks, {}) == answers(CANDIDATE, items, shuffled, {})
    for answer in answers(CANDIDATE, items, ticks, {}):
        good = [one for one in ticks if one.item == answer.item.name and one.good and one.digest == "sha256:a" and one.by]
        assert answer.state != "ticked" or good
