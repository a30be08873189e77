"""Every noun that the ledger keeps comes back as it was."""

from datetime import datetime
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.adapters.ledger.codec import FORMAT, Unreadable, canonical, decode, decode_rollout, encode
from headway.adapters.ledger.schema import Moment
from headway.analysis.evidence import Evidence
from headway.analysis.model import Thresholds
from headway.ports import Event, Notice
from headway.promotion.model import Approval, Passed, Quarantine
from headway.releases.model import Release
from headway.rollout.model import Plan, Rollout, Workload
from headway.rollout.seen import Signal
from support.anything import anything
from support.records import NOON, pending, started

NOUNS = [Rollout, Workload, Plan, Evidence, Release, Approval, Passed, Quarantine, Signal, Notice, Event]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__.lower())
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_noun_comes_back_as_it_was(noun: type, data: st.DataObject) -> None:
    value = data.draw(anything(noun))
    text = encode(value)
    assert decode(noun, text) == value
    assert encode(decode(noun, text)) == text


@settings(max_examples=40, deadline=None)
@given(anything(datetime))
def test_any_moment_comes_back_exactly_and_aware(moment: datetime) -> None:
    kept = Moment().process_bind_param(moment, None)
    back = Moment().process_result_value(kept, None)
    assert back == moment
    assert back.utcoffset() == moment.utcoffset()


def test_a_moment_without_a_timezone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no timezone"):
        Moment().process_bind_param(NOON.replace(tzinfo=None), None)


def test_infinity_is_kept() -> None:
    assert decode(Thresholds, encode(Thresholds(max_wait=inf))) == Thresholds(max_wait=inf)


def test_the_record_is_plain_json_with_utc_moments_and_enums_by_value() -> None:
    text = encode(started(pending("r1"), 1))
    assert '"created":"2026-03-01T12:00:00Z"' in text
    assert '"phase":"running"' in text
    assert '{"weight":{"percent":10},"kind":"shift"}' in text


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        pytest.param('"phase":"running"', '"phase":"dreaming"', "Rollout phase", id="a phase of tomorrow"),
        pytest.param('"kind":"shift"', '"kind":"teleport"', "Rollout plan.steps", id="a step of tomorrow"),
        pytest.param('"percent":10}', '"percent":110}', "Rollout plan.steps", id="a weight that cannot be"),
        pytest.param("{", "", "Rollout", id="torn"),
    ],
)
def test_a_record_we_do_not_understand_is_unreadable_and_says_where(old: str, new: str, why: str) -> None:
    text = encode(started(pending("r1"), 1))
    assert old in text
    with pytest.raises(Unreadable, match=why):
        decode_rollout(text.replace(old, new, 1), FORMAT)


def test_a_newer_format_is_unreadable_even_when_its_fields_fit() -> None:
    with pytest.raises(Unreadable, match=f"format {FORMAT + 1}, this Headway reads up to {FORMAT}"):
        decode_rollout(encode(pending("r1")), FORMAT + 1)


def test_the_canonical_text_does_not_depend_on_order() -> None:
    assert canonical({"b": 1, "a": ("x", NOON)}) == canonical({"a": ["x", NOON], "b": 1})
