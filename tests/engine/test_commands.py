"""What people may ask, and what they are told."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.environments.model import Place
from headway.errors import InvalidSpec, Refused
from headway.ports import Pipelines
from headway.promotion.model import Approvals
from headway.testing import FakeWorld, sample_release, sample_stage

STAGING, PRODUCTION = Place("tally", "staging"), Place("tally", "production")


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    fake.pipelines.declared = [
        sample_stage("staging", soak=1.0, keep_warm=0.0, newer="supersedes"),
        sample_stage("production", soak=1.0, after=("staging",), approvals=Approvals(needed=1, people=("bob", "carol"))),
    ]
    fake.release(sample_release("1.0.0"))
    fake.release(sample_release("1.1.0"))
    return fake


@pytest.fixture
def commands(fake: FakeWorld) -> Commands:
    return Commands(fake.world)


def run(fake: FakeWorld, seconds: float = 30.0) -> None:
    """Turn everything that is due for this long in virtual time."""
    end = fake.clock.now() + timedelta(seconds=seconds)
    while fake.clock.now() < end:
        now = fake.clock.now()
        for held in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10):
            turned = turn(held, now, fake.world)
            while turned.held is not None:
                fake.clock.pass_time(max(0.01, (turned.again - fake.clock.now()).total_seconds()))
                turned = turn(turned.held, turned.saved, fake.world)
        fake.clock.pass_time(0.5)


def test_a_release_goes_all_the_way_when_everybody_agreed(fake: FakeWorld, commands: Commands) -> None:
    commands.promote("1.0.0", "staging", "alice")
    run(fake)
    asked = commands.promote("1.0.0", "production", "alice")
    assert asked["waits"] == ["1.0.0 needs 1 more approval from bob or carol"]
    run(fake, 2)
    assert commands.rollout(str(asked["rollout"]))["phase"] == "pending"
    assert commands.approve("1.0.0", "production", "bob")["waits"] == []
    run(fake)
    shown = commands.rollout("production")
    assert (shown["phase"], shown["why"]) == ("completed", "1.0.0 has all traffic and soaked")
    assert commands.verify() == {"good": True, "wrong": []}


def test_a_plan_touches_nothing_and_names_every_objection(fake: FakeWorld, commands: Commands) -> None:
    view = commands.plan("1.0.0", "production", "alice")
    assert view["objections"] == [
        "1.0.0 has not passed staging; this artifact has passed nothing yet",
        "1.0.0 needs 1 more approval from bob or carol",
    ]
    assert view["way_back"]
    assert not fake.platform.done
    assert commands.rollouts()["rollouts"] == []


@pytest.mark.parametrize(
    ("by", "why"),
    [
        pytest.param("ada", "made or asked for", id="the author"),
        pytest.param("Ada <ada@example.org>", "made or asked for", id="the author, spelt otherwise"),
        pytest.param("alice", "made or asked for", id="the one who asked"),
        pytest.param("mallory", "may not approve", id="somebody who is not on the list"),
    ],
)
def test_not_everybody_can_approve(fake: FakeWorld, commands: Commands, by: str, why: str) -> None:
    fake.pipelines.declared[1] = replace(fake.pipelines.declared[1], approvals=Approvals(needed=1, people=("bob", "ada", "alice")))
    commands.promote("1.0.0", "production", "alice")
    with pytest.raises(Refused, match=why):
        commands.approve("1.0.0", "production", by)


def test_asking_twice_is_asking_once(commands: Commands) -> None:
    first = commands.promote("1.0.0", "staging", "alice")
    again = commands.promote("1.0.0", "staging", "alice")
    assert (again["rollout"], again["new"]) == (first["rollout"], False)


def test_a_newer_release_supersedes_one_that_still_waits(commands: Commands) -> None:
    waiting = commands.promote("1.0.0", "staging", "alice")
    commands.promote("1.1.0", "staging", "alice")
    assert commands.rollout(str(waiting["rollout"]))["phase"] == "cancelled"


def test_a_rollback_brings_back_the_release_before_and_quarantines_the_bad_one(fake: FakeWorld, commands: Commands) -> None:
    for version in ("1.0.0", "1.1.0"):
        commands.promote(version, "staging", "alice")
        run(fake)
    commands.rollback("staging", "oncall", "pages")
    run(fake)
    place = fake.world.records.place(STAGING)
    assert place.live is not None
    assert place.live.version == "1.0.0"
    assert [one.release for one in fake.world.words.quarantines("tally")] == ["tally@1.1.0"]
    waits = commands.promote("1.1.0", "staging", "alice")["waits"]
    assert any("quarantine" in line or "rolled back" in line for line in waits), waits
    with pytest.raises(Refused) as refused:
        commands.rollback("staging", "alice")
    assert "headway release clear tally@1.1.0" in refused.value.objections[0]
    assert "headway promote tally@1.1.0 --to staging" in refused.value.objections[0]
    commands.clear("1.1.0", "alice", "it was the database")
    assert commands.plan("1.1.0", "staging", "alice")["objections"] == []


def test_with_nothing_to_go_back_to_a_rollback_is_refused(commands: Commands) -> None:
    with pytest.raises(Refused, match="nothing to go back to"):
        commands.rollback("production", "oncall")


def test_a_failed_manual_check_takes_the_release_out_again(fake: FakeWorld, commands: Commands) -> None:
    fake.pipelines.declared[0] = replace(fake.pipelines.declared[0], manual=("uat",))
    for version in ("1.0.0", "1.1.0"):
        commands.promote(version, "staging", "alice")
        run(fake)
    assert "nobody has ticked uat in staging for 1.1.0 yet" in commands.plan("1.1.0", "production", "alice")["objections"]
    commands.tick("1.1.0", "staging", "uat", "carol", good=False, comment="counts twice")
    run(fake)
    live = fake.world.records.place(STAGING).live
    assert live is not None
    assert live.version == "1.0.0"


def test_a_check_that_is_not_manual_cannot_be_ticked(commands: Commands) -> None:
    with pytest.raises(Refused, match="no manual check smoke"):
        commands.tick("1.0.0", "staging", "smoke", "carol")


def test_an_ended_rollout_takes_no_more_words(fake: FakeWorld, commands: Commands) -> None:
    commands.promote("1.0.0", "staging", "alice")
    run(fake)
    with pytest.raises(Refused, match="nothing left to pause"):
        commands.tell("pause", "staging", "alice")


@pytest.mark.parametrize("word", ["pause", "resume", "advance", "retry"])
def test_what_has_not_started_cannot_be_held_up_and_nobody_is_told_that_it_was(fake: FakeWorld, commands: Commands, word: str) -> None:
    name = str(commands.promote("1.0.0", "production", "alice")["rollout"])
    with pytest.raises(Refused) as refused:
        commands.tell(word, name, "alice")
    assert "has not started" in refused.value.objections[0]
    assert "headway abort" in refused.value.objections[0]
    assert not any(one.event.what == f"said {word}" for one in fake.world.records.events(name))
    commands.tell("abort", name, "alice")


def test_an_unknown_release_is_refused_with_those_there_are(commands: Commands) -> None:
    with pytest.raises(Refused, match=r"1\.1\.0"):
        commands.promote("9.9.9", "staging", "alice")


def test_what_is_in_use_survives_collecting(fake: FakeWorld, commands: Commands, tmp_path: Path) -> None:
    commands.promote("1.0.0", "staging", "alice")
    run(fake)
    fake.release(sample_release("1.2.0"))
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        fake.store.folders[sample_release(version).digest] = tmp_path
    assert commands.collect("alice", newest=1)["removed"] == [sample_release("1.1.0").digest]


def test_a_withdrawn_release_enters_nowhere(commands: Commands) -> None:
    commands.withdraw("1.0.0", "alice", "leaks")
    with pytest.raises(Refused, match="withdrawn: leaks"):
        commands.promote("1.0.0", "staging", "alice")


class Unreadable:
    """A protected branch whose file says nonsense."""

    def __getattr__(self, name: str) -> object:
        raise InvalidSpec('headway.yaml:31:5: environments.production has no key "soakk"; did you mean "soak"?')


def test_the_way_back_is_open_while_the_file_on_the_protected_branch_is_broken(fake: FakeWorld, commands: Commands) -> None:
    for version in ("1.0.0", "1.1.0"):
        commands.promote(version, "staging", "alice")
        run(fake)
    broken = Commands(replace(fake.world, pipelines=cast("Pipelines", Unreadable())))
    assert broken.rollback("staging", "carol")["to"] == "1.0.0"
    assert broken.rollback("staging", "carol", service="tally")["to"] == "1.0.0"


def test_status_says_what_runs_and_what_is_wrong_while_the_file_is_broken(fake: FakeWorld, commands: Commands) -> None:
    commands.promote("1.0.0", "staging", "alice")
    run(fake)
    shown = Commands(replace(fake.world, pipelines=cast("Pipelines", Unreadable()))).status()
    assert [(one["environment"], one["live"]["version"]) for one in shown["places"]] == [("staging", "1.0.0")]  # type: ignore[attr-defined]
    assert "soakk" in str(shown["unreleased"])


def test_whoever_rolled_back_and_why_stands_with_the_quarantine(fake: FakeWorld, commands: Commands) -> None:
    for version in ("1.0.0", "1.1.0"):
        commands.promote(version, "staging", "alice")
        run(fake)
    commands.rollback("staging", "carol", "checkout is slow")
    run(fake)
    assert [one.why for one in fake.world.words.quarantines("tally")] == [("rolled back by carol: checkout is slow",)]
