"""n of m people, to exactly this, in time, never the author or who asks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion.approvals import counted, objections
from headway.promotion.model import Approval, Approvals, Candidate, Objection

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = 7 * 86400.0
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")
RULE = Approvals(needed=1, people=("bob", "carol"))
TWO = replace(RULE, needed=2)


def says(by: str, *, yes: bool = True, at: datetime = NOON, **seen: str) -> Approval:
    digests = {"release_digest": "sha256:a", "configuration_digest": "sha256:c", "target_digest": "sha256:t"} | seen
    return Approval("tally@2.0.0", "production", by, at, **digests, yes=yes, comment="" if yes else "the totals are wrong")


def text(found: tuple[Objection, ...]) -> str:
    return "\n".join(str(objection) for objection in found)


people = st.sampled_from(["alice", "bob", "carol", "dave", "erin", " Bob ", "ALICE", "Erin", ""])
digests = st.sampled_from(["sha256:a", "sha256:c", "sha256:t", "sha256:other"])
moments = st.integers(-10 * 86400, 86400).map(lambda seconds: NOON + timedelta(seconds=seconds))
words = st.builds(
    lambda by, yes, at, release, configuration, target: replace(
        says(by, yes=yes, at=at), release_digest=release, configuration_digest=configuration, target_digest=target
    ),
    people,
    st.booleans(),
    moments,
    digests,
    digests,
    digests,
)
fitting = st.builds(lambda by, yes, at: says(by, yes=yes, at=at), people, st.booleans(), moments)
rules = st.builds(
    Approvals,
    needed=st.integers(0, 4),
    people=st.lists(people, max_size=4).map(tuple),
    within=st.one_of(st.floats(), st.just(WEEK)),
    allow_self=st.booleans(),
)


def test_nothing_is_needed_where_the_file_asks_for_nobody() -> None:
    assert objections(CANDIDATE, (), Approvals(), NOON) == ()


def test_nobody_is_sent_to_people_whose_word_counts_no_longer() -> None:
    assert text(objections(CANDIDATE, (), RULE, NOON, revoked=("Bob",))) == "2.0.0 needs 1 more approval from carol"
    (hopeless,) = objections(CANDIDATE, (), TWO, NOON, revoked=("Bob",))
    assert "only 1 may give one: the word of bob counts no longer" in hopeless.text


def test_who_is_missing_is_named() -> None:
    assert objections(CANDIDATE, (), RULE, NOON) == (Objection("2.0.0 needs 1 more approval from bob or carol", "waits"),)
    assert objections(CANDIDATE, (says("bob"),), TWO, NOON) == (
        Objection("2.0.0 needs 1 more approval from bob or carol (1 of 2: bob)", "waits"),
    )
    assert (
        text(objections(CANDIDATE, (), Approvals(needed=2), NOON))
        == "2.0.0 needs 2 more approvals from anybody but alice and erin (0 of 2)"
    )


def test_enough_people_open_the_gate() -> None:
    assert objections(CANDIDATE, (says("carol"),), RULE, NOON) == ()
    assert objections(CANDIDATE, (says("carol"), says("bob")), TWO, NOON) == ()
    assert counted(CANDIDATE, (says("carol"), says("bob")), TWO, NOON) == ("bob", "carol")


@pytest.mark.parametrize("again", ["bob", "Bob", " bob ", "\uff42\uff4f\uff42"])
def test_one_person_counts_once_however_spelt(again: str) -> None:
    assert "needs 1 more" in text(objections(CANDIDATE, (says("bob"), says(again)), TWO, NOON))


@pytest.mark.parametrize(
    ("by", "why"),
    [
        pytest.param("alice", "alice's yes does not count: the author cannot approve", id="the author"),
        pytest.param("erin", "erin's yes does not count: who asks cannot approve", id="who asks"),
        pytest.param("Alice", "Alice's yes does not count: the author cannot approve", id="the author with a capital"),
    ],
)
def test_nobody_approves_their_own(by: str, why: str) -> None:
    anybody = Approvals(needed=1)
    assert why in text(objections(CANDIDATE, (says(by),), anybody, NOON))
    assert objections(CANDIDATE, (says(by),), replace(anybody, allow_self=True), NOON) == ()


def test_an_address_is_no_second_person() -> None:
    authored = replace(CANDIDATE, author="Alice <alice@example.org>")
    assert "the author cannot approve" in text(objections(authored, (says("alice"),), Approvals(needed=1), NOON))
    assert objections(CANDIDATE, (says("Bob <bob@example.org>"),), RULE, NOON) == ()
    assert "needs 1 more" in text(objections(CANDIDATE, (says("bob"), says("bob@example.org")), replace(TWO, people=()), NOON))


def test_people_who_are_not_on_the_list_do_not_count_and_are_named() -> None:
    assert "dave's yes does not count: only bob and carol may approve" in text(objections(CANDIDATE, (says("dave"),), RULE, NOON))


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        pytest.param("release_digest", "the artifact", id="artifact"),
        pytest.param("configuration_digest", "the configuration", id="configuration"),
        pytest.param("target_digest", "what the stage will do", id="target"),
    ],
)
def test_a_change_after_the_approval_voids_it_and_is_named(seen: str, what: str) -> None:
    found = objections(CANDIDATE, (says("bob", **{seen: "sha256:older"}),), RULE, NOON)
    assert f"bob's yes does not count: since then {what} changed" in text(found)


def test_an_approval_expires_at_the_instant() -> None:
    given_then, end = says("bob"), NOON + timedelta(seconds=WEEK)
    assert objections(CANDIDATE, (given_then,), RULE, end - timedelta(microseconds=1)) == ()
    assert "bob's yes does not count: it expired at 2026-03-09 12:00:00 UTC" in text(objections(CANDIDATE, (given_then,), RULE, end))


def test_a_new_yes_mends_an_expired_one() -> None:
    later = NOON + timedelta(days=8)
    assert objections(CANDIDATE, (says("bob"), says("bob", at=later)), RULE, later) == ()


def test_a_rejection_is_final() -> None:
    said = (says("carol", yes=False), says("bob"), says("carol", at=NOON + timedelta(hours=1)))
    assert objections(CANDIDATE, said, RULE, NOON + timedelta(hours=2)) == (
        Objection("2.0.0 was rejected by carol: the totals are wrong", "final"),
    )


def test_a_rejection_of_something_else_is_not_this_one_s() -> None:
    said = (says("carol", yes=False, configuration_digest="sha256:older"), says("bob"))
    assert objections(CANDIDATE, said, RULE, NOON) == ()
    assert "carol's no does not count: since then the configuration changed" in text(objections(CANDIDATE, said[:1], RULE, NOON))


@pytest.mark.parametrize("by", ["dave", ""])
def test_who_is_not_on_the_list_cannot_reject(by: str) -> None:
    assert objections(CANDIDATE, (says(by, yes=False), says("bob")), RULE, NOON) == ()


def test_a_list_on_which_nobody_is_left_is_said_at_once() -> None:
    (found,) = objections(CANDIDATE, (), Approvals(needed=1, people=("alice", "Erin")), NOON)
    assert found.kind == "final"
    assert "of alice and Erin only 0 may give one" in found.text


@given(st.lists(words, max_size=8), rules)
def test_no_word_of_the_author_or_who_asks_ever_satisfies(said: list[Approval], rule: Approvals) -> None:
    alone = [word for word in said if word.by.strip().casefold() in {"alice", "erin", ""}]
    strict = replace(rule, allow_self=False, needed=max(1, rule.needed))
    assert objections(CANDIDATE, alone, strict, NOON)


@given(st.lists(fitting, max_size=8), rules, st.sampled_from(["digest", "configuration_digest", "target_digest"]))
def test_any_other_digest_voids_all(said: list[Approval], rule: Approvals, which: str) -> None:
    changed = replace(CANDIDATE, **{which: "sha256:new"})
    assert counted(changed, said, rule, NOON) == ()
    if rule.needed > 0:
        assert objections(changed, said, rule, NOON)


@given(st.lists(words, max_size=5), rules, st.randoms(use_true_random=False))
def test_the_order_of_words_does_not_matter(said: list[Approval], rule: Approvals, chance: object) -> None:
    shuffled = list(said)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert objections(CANDIDATE, said, rule, NOON) == objections(CANDIDATE, shuffled, rule, NOON)


def test_every_order_of_a_short_list_says_the_same() -> None:
    said = (says("bob"), says("carol", yes=False, target_digest="sha256:older"), says("alice"), says("dave"))
    assert len({objections(CANDIDATE, order, TWO, NOON) for order in permutations(said)}) == 1


@given(st.lists(st.one_of(words, fitting), max_size=8), rules, moments)
def test_the_gate_opens_only_for_enough_distinct_people(said: list[Approval], rule: Approvals, now: datetime) -> None:
    if objections(CANDIDATE, said, rule, now):
        return
    good = {
        word.by.strip().casefold()
        for word in said
        if word.yes
        and (word.release_digest, word.configuration_digest, word.target_digest) == ("sha256:a", "sha256:c", "sha256:t")
        and (now - word.at).total_seconds() < rule.within
    } - {""}
    if not rule.allow_self:
        good -= {"alice", "erin"}
    if rule.people:
        good &= {person.strip().casefold() for person in rule.people}
    assert len(good) >= rule.needed


@given(st.lists(st.one_of(words, fitting), max_size=8), rules, moments)
def test_every_answer_is_a_sentence(said: list[Approval], rule: Approvals, now: datetime) -> None:
    assert all(found.text.startswith("2.0.0 ") for found in objections(CANDIDATE, said, rule, now))
