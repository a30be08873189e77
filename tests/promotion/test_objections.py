"""Everything that stands in the way of a release, at once, gravest first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headway.environments.model import Environment
from headway.promotion.model import Approval, Approvals, Candidate, Passed, Quarantine, Stage, Suspicion
from headway.promotion.objections import final, objections

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t", checks=("smoke",))
STAGING = Stage("tally", Environment("staging"), manual=("uat",))
PRODUCTION = Stage(
    "tally",
    Environment("production"),
    after=("staging",),
    checks=("smoke", "uat"),
    manual=("uat",),
    approvals=Approvals(needed=1, people=("bob", "carol")),
)
YES = Approval("tally@2.0.0", "production", "bob", NOON, "sha256:a", "sha256:c", "sha256:t")
PASSED = (
    Passed("tally@2.0.0", "sha256:a", "staging", "rollout", True, NOON),
    Passed("tally@2.0.0", "sha256:a", "staging", "uat", True, NOON, "carol"),
)
BROKEN = Quarantine("tally", "tally@1.9.0", "b" * 40, None, NOON, ("it was slow",), "production")


def test_a_release_that_did_everything_may_enter() -> None:
    assert objections(CANDIDATE, PRODUCTION, (YES,), PASSED, (), NOON, upstream=(STAGING,)) == ()


def test_all_objections_come_at_once_gravest_first() -> None:
    worst = replace(CANDIDATE, withdrawn="it leaks", checks=(), missing_settings=("GREETING", "DB_URL"))
    found = objections(worst, PRODUCTION, (), (), (Suspicion(BROKEN, contained=True),), NOON, upstream=(STAGING,))
    assert [(objection.text.split(";")[0], objection.kind) for objection in found] == [
        ("2.0.0 was withdrawn: it leaks", "final"),
        ("production demands the check smoke, which 2.0.0 does not define (it defines none)", "final"),
        ("2.0.0 requires the settings GREETING, DB_URL, which production does not have", "final"),
        ("2.0.0 has not passed staging", "waits"),
        ("nobody has ticked uat in staging for 2.0.0 yet", "waits"),
        ("2.0.0 still contains tally@1.9.0 (bbbbbbbbbb), which was rolled back in production (it was slow)", "waits"),
        ("2.0.0 needs 1 more approval from bob or carol", "waits"),
    ]
    assert final(found)
    assert not final(found[3:])


def test_an_approval_for_another_stage_does_not_count() -> None:
    elsewhere = replace(YES, environment="staging")
    (found,) = objections(CANDIDATE, PRODUCTION, (elsewhere,), PASSED, (), NOON, upstream=(STAGING,))
    assert "needs 1 more approval" in found.text


def test_forgetting_the_stages_before_lets_nothing_pass() -> None:
    (found,) = objections(CANDIDATE, PRODUCTION, (YES,), PASSED, (), NOON, upstream=())
    assert found.text == "the pipeline has no stage staging, which production comes after"


text = st.one_of(
    st.sampled_from(["tally@2.0.0", "staging", "production", "bob", "alice", "rollout", "uat", "sha256:a"]), st.text(max_size=12)
)
names = st.lists(text, max_size=3).map(tuple)
moments = st.datetimes(timezones=st.just(UTC))
candidates = st.builds(
    Candidate,
    *[text] * 7,
    withdrawn=st.one_of(st.none(), text),
    checks=names,
    missing_settings=names,
)
stages = st.builds(
    Stage,
    text,
    st.builds(Environment, text),
    after=names,
    approvals=st.builds(Approvals, st.integers(-1, 5), names, st.floats(), st.booleans()),
    checks=names,
    manual=names,
)
approvals = st.builds(Approval, text, text, text, moments, text, text, text, st.booleans(), text)
passed = st.builds(Passed, text, text, text, text, st.booleans(), moments, text, text)
quarantines = st.builds(Quarantine, text, text, text, st.one_of(st.none(), text), moments, names, text)
suspicions = st.builds(Suspicion, quarantines, st.booleans(), st.one_of(st.none(), text))


@given(
    candidates,
    stages,
    st.lists(approvals, max_size=4),
    st.lists(passed, max_size=4),
    st.lists(suspicions, max_size=3),
    moments,
    st.lists(stages, max_size=3),
)
def test_it_always_answers_in_sentences(
    candidate: Candidate,
    stage: Stage,
    said: list[Approval],
    words: list[Passed],
    suspected: list[Suspicion],
    now: datetime,
    before: list[Stage],
) -> None:
    for objection in objections(candidate, stage, said, words, suspected, now, upstream=before):
        assert objection.text.strip()
        assert objection.kind in {"waits", "final"}


@given(st.integers(0, 30 * 86400))
def test_waiting_alone_never_brings_a_release_in(seconds: int) -> None:
    assert objections(CANDIDATE, PRODUCTION, (), PASSED, (), NOON + timedelta(seconds=seconds), upstream=(STAGING,))
