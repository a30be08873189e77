"""The file's own questions: refused when the file is read, answered when a release asks, and no answer is no yes."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.environments.model import Environment
from headway.promotion.expressions import MOST_LONG, NotAnExpression, check, evaluate
from headway.promotion.gates import ROOTS, answers, objections
from headway.promotion.model import Candidate, Gate, Item, Stage

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")
FACTS: dict[str, Any] = {
    "release": {
        "name": "tally@2.0.0", "service": "tally", "version": "2.0.0", "kind": "major", "author": "alice", "commit": "a" * 40,
        "ref": "main", "digest": "sha256:a", "cut_at": NOON - timedelta(hours=2), "age": timedelta(hours=2), "passed": ["staging"],
        "risk": "low", "risk_score": 1,
    },
    "environment": {"name": "production", "after": ["staging"], "replicas": 3, "strategy": "canary", "live": "1.9.0"},
    "checks": {"defined": ["smoke"], "passed": ["smoke"], "failed": []},
    "metrics": {},
    "people": {"asked_by": "erin", "author": "alice", "automatic": False, "approved": ["bob"], "groups": {"qa": ["bob", "quinn"]}},
}  # fmt: skip


def asked(when: str, zone: str = "UTC", facts: dict[str, Any] = FACTS, now: datetime = NOON) -> bool | str:
    stage = Stage("tally", Environment("production"), gates=(Gate("it", when, timezone=zone),))
    return answers(stage, facts, now)["gate it"]


@pytest.mark.parametrize(
    ("when", "answer"),
    [
        pytest.param('release.version.startsWith("2.") && release.kind == "major"', True, id="the release"),
        pytest.param("environment.after.all(name, name in release.passed)", True, id="the environment"),
        pytest.param('"smoke" in checks.passed && checks.failed.size() == 0', True, id="checks"),
        pytest.param('people.groups["qa"].exists(one, one in people.approved)', True, id="people"),
        pytest.param("time.hour == 12 && time.weekday in ['mon', 'tue'] && time.date == '2026-03-02'", True, id="time"),
        pytest.param("release.age > duration('1h') && time.now - release.cut_at < duration('3h')", True, id="durations"),
        pytest.param("!people.automatic ? release.risk_score * 2 < 5 : false", True, id="a choice"),
        pytest.param("release.risk == 'high' || -1 < 0 && 7 % 2 == 1 && double(7) / 2.0 == 3.5", True, id="sums"),
        pytest.param("has(metrics.error_rate) && metrics.error_rate < 0.01", False, id="what was not measured can be asked for"),
        pytest.param("metrics.error_rate < 0.01", "error_rate is not known", id="what was not measured is no yes"),
        pytest.param("people.groups['ops'].size() > 0", "ops is not known", id="a group that is not there"),
        pytest.param("release.passed[3] == 'staging'", "index out of bounds: 3", id="beyond the end of a list"),
        pytest.param("7 / release.risk_score == 7 && 1 / (release.risk_score - 1) == 1", "division by zero in CEL expression", id="zero"),
    ],
)
def test_an_expression_asks_about_what_is_known(when: str, answer: bool | str) -> None:
    check(when, ROOTS)
    assert asked(when) == answer


def test_time_is_told_by_the_gate_s_own_clock() -> None:
    assert asked("time.hour == 7", "America/New_York") is True
    assert asked("time.hour == 8", "America/New_York", now=datetime(2026, 3, 9, 12, tzinfo=UTC)) is True  # the clocks changed


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param('release.vresion == "1"', 'there is no field vresion; did you mean "version"?, at 9', id="a misspelt field"),
        pytest.param("relase.name == ''", 'there is no value relase; did you mean "release"?, at 1', id="a misspelt root"),
        pytest.param("time.hour", "it is int, expected true or false", id="no question"),
        pytest.param("time.hour == 'noon'", "int == string is no question, at 20", id="types that never agree"),
        pytest.param(
            "metrics.error_rate * 2 < 1.0", "double * int cannot be worked out; write double(...) or 1.0, at 24", id="mixed numbers"
        ),
        pytest.param("release.passed == 'staging'", "a list of string == string is no question, at 28", id="a list and a text"),
        pytest.param("1 < 2 < 3", "bool < int is no question, at 10", id="a chain"),
        pytest.param("release", "it is a group of fields, expected true or false", id="a root"),
        pytest.param("'a' in time.hour", "string in int is no question, at 17", id="in a number"),
        pytest.param(
            "release.age > duration('soon')", "duration(...) takes what is written out, such as 90m, at 31", id="a strange duration"
        ),
        pytest.param(
            "time.now > timestamp('2026-02-30T00:00:00Z')",
            "timestamp(...) takes what is written out, such as 2026-01-31T12:00:00Z, at 45",
            id="a day that never comes",
        ),
        pytest.param("-duration('1h') < release.age", "- before duration, at 17", id="minus before a duration"),
        pytest.param("true &&", "'the end' found, expected a name, at 8", id="half of it"),
        pytest.param("true true", "'true' is left over, at 6", id="too much"),
        pytest.param(
            "a ? true", "there is no value a; there are checks, environment, live, metrics, people, release, time, at 1", id="no value"
        ),
        pytest.param("time.hour == 0x12", "'x12' is left over, at 15", id="a number of another kind"),
        pytest.param("release.name == 'a", '"\'" at 17 is not understood', id="an open quote"),
        pytest.param("has(true)", "there is no has(bool), at 10", id="has of no field"),
        pytest.param("true ? 1 : 'x'", "one side of ? is int, the other string, at 15", id="two kinds of answers"),
        pytest.param("release.passed.map(time, time == 'x').size() > 0", "time is taken; choose another name, at 20", id="a name twice"),
        pytest.param(
            "release.ref.matches('release/[')",
            "'release/[' is no regular expression: unclosed character class, at 21",
            id="a regular expression that does not compile",
        ),
        pytest.param(
            'true || release.passed.exists(p, p.matches(("(?=a)")))',
            '"(?=a)" is no regular expression: look-around, including look-ahead and look-behind, is not supported, at 45',
            id="a regular expression of another kind, where it is not even asked",
        ),
        pytest.param(
            "release.ref.matches('(\\\\w{90}){90}')",
            "'(\\\\w{90}){90}' is no regular expression: compiled, it is too large, at 21",
            id="a regular expression that grows too large",
        ),
    ],
)
def test_what_is_no_question_is_told_when_the_file_is_read(text: str, fault: str) -> None:
    with pytest.raises(NotAnExpression) as caught:
        check(text, ROOTS)
    assert str(caught.value) == fault


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 30 + "true" + ")" * 30, id="parentheses"),
        pytest.param("!" * 30 + "true", id="nots"),
        pytest.param("true ? " * 30 + "true" + " : false" * 30, id="choices"),
        pytest.param("[" * 30 + "1" + "]" * 30 + " == [1]", id="lists"),
        pytest.param("release.passed.all(a, release.passed.all(b, release.passed.all(c, a == c)))", id="loops"),
        pytest.param("true && " * 200 + "true", id="length"),
        pytest.param("release.passed" + ".map(a, a + a)" * 40 + ".size() > 0", id="texts that double"),
        pytest.param("release.passed" + ".map(a, [a, a])" * 40 + ".size() > 0", id="lists that double"),
        pytest.param("release.passed" + ".map(a, release.passed.map(b, a))" * 9 + ".size() > 0", id="lists that multiply"),
    ],
)
def test_size_and_depth_are_bounded(text: str) -> None:
    with pytest.raises(NotAnExpression):
        check(text, ROOTS)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("release.passed.map(a, a + '-tested').exists(b, b == 'staging-tested')", id="a text joined"),
        pytest.param("release.passed.all(a, a in ['dev', 'test', 'qa', 'uat', 'staging', 'live', 'canary', 'load'])", id="a long list"),
        pytest.param("release.passed.map(a, [a, release.version]).size() == 1", id="pairs"),
        pytest.param("'a' + 'b' + 'c' + 'd' + 'e' + 'f' + 'g' + 'h' + 'i' == 'abcdefghi'", id="many joined once"),
    ],
)
def test_what_grows_a_little_is_answered(text: str) -> None:
    check(text, ROOTS)
    assert asked(text) is True


def test_the_longest_that_passes_is_answered_soon() -> None:
    facts = {**FACTS, "release": {**FACTS["release"], "passed": [f"stage-{number}" for number in range(200)]}}
    when = "release.passed.all(a, release.passed.exists(b, a == b && b.matches('(s+)+[a-z]+-[0-9]+')))"
    check(when, ROOTS)
    began = time.process_time()
    assert asked(when, facts=facts) is True
    assert time.process_time() - began < 5


def test_a_list_that_is_too_long_is_no_answer_rather_than_half_of_one() -> None:
    facts = {**FACTS, "release": {**FACTS["release"], "passed": ["staging"] * 1000}}
    assert asked("'staging' in release.passed", facts=facts) == "passed is not known"


def test_a_closed_gate_says_what_it_is_for() -> None:
    gates = (Gate("early", "time.hour < 16", "somebody must be there"), Gate("measured", "metrics.requests > 9"))
    found = objections(CANDIDATE, gates, {"gate early": False, "gate measured": "requests is not known"}, NOON)
    assert [one.text for one in found] == [
        "the gate early (somebody must be there) is closed for 2.0.0: time.hour < 16",
        "the gate measured cannot be answered for 2.0.0: requests is not known",
    ]
    assert found[0].until == NOON + timedelta(minutes=1)
    assert found[1].until is None
    assert objections(CANDIDATE, gates, {"gate early": True, "gate measured": True}, NOON) == ()


def test_an_item_and_a_gate_of_one_name_have_their_own_answers() -> None:
    stage = Stage("tally", Environment("production"), gates=(Gate("calm", "true"),), checklist=(Item("calm", "x", when="false"),))
    assert answers(stage, FACTS, NOON) == {"gate calm": True, "calm": False}


def test_a_regular_expression_that_is_worked_out_is_found_out_when_it_is_asked() -> None:
    check("release.name.matches(release.ref + '[')", ROOTS)
    check(r"release.name.matches('^t[a-z]+\\d*$')", ROOTS)
    assert "not a valid regex" in str(asked("release.name.matches('' + '[')"))


@given(st.text(max_size=80))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        check(text, ROOTS)
    except NotAnExpression:
        return
    assert isinstance(asked(text), bool | str)


grammar = st.recursive(
    st.sampled_from(["true", "(time.hour < 3)", "('x' in release.passed)", "people.automatic", "has(metrics.requests)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" && ", " || ", " == ", " != "]), inner).map(lambda parts: f"({''.join(parts)})"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})"),
        inner.map(lambda one: f"(release.risk_score - {len(one)} * 2 < -1)"),
    ),
    max_leaves=8,
)


@given(grammar)
def test_what_the_reader_takes_the_library_answers(text: str) -> None:
    """Two readers of one language: what ours lets through must never be a syntax or type error of the other."""
    if len(text) > MOST_LONG:
        return
    check(text, ROOTS)
    assert isinstance(evaluate(text, {**FACTS, "time": {"hour": 2}}), bool)
