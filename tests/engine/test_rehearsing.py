"""Migrations are tried on a clone before anybody can approve them: when, how often, and what the answer is worth."""

from dataclasses import replace
from datetime import timedelta

import pytest
from test_data_in_rollouts import FIRST, MAIL, URL, USERS, Story, stage

from headway.engine.commands import Commands
from headway.engine.rehearsing import RehearsalRuns
from headway.environments.model import Database
from headway.errors import Refused
from headway.promotion.model import Approvals
from headway.rollout.seen import MigrationRun, RunState
from headway.testing import FakeWorld

FAILED = MigrationRun(RunState.FAILED, "1.0.0 cannot run on the schema of 1.1.0", ("lint, warning: slow",), "the.log")
ERRORED = MigrationRun(RunState.ERRORED, "the database is away")


class Rehearsed(Story):
    """The same story with rehearsals, and a person who has to approve."""

    def __init__(self) -> None:
        fake = FakeWorld()
        made = stage(approvals=Approvals(needed=1), notify=("team",))
        fake.pipelines.declared = [replace(made, environment=replace(made.environment, database=Database(URL)))]
        super().__init__(fake, Commands(fake.world))
        self.runs = RehearsalRuns(fake.world, self.commands)

    def pass_time(self, seconds: float = 10.0) -> None:
        """Both turns go on."""
        end = self.fake.clock.now() + timedelta(seconds=seconds)
        for _ in self.turns():
            self.runs.look()
            if self.fake.clock.now() >= end:
                return

    def ask(self, version: str) -> str:
        return str(self.commands.promote(f"tally@{version}", "production", "alice")["rollout"])

    def objections(self, version: str) -> str:
        return str(self.commands.plan(f"tally@{version}", "production", "alice")["objections"])

    @property
    def started(self) -> int:
        return len(self.fake.rehearsals.runs)


@pytest.fixture
def story() -> Rehearsed:
    """1.0.0 serves, with its first migration applied; 1.1.0 is cut and has another."""
    made = Rehearsed()
    made.cut("1.0.0", FIRST)
    made.ask("1.0.0")
    made.pass_time()
    made.commands.approve("tally@1.0.0", "production", "bob")
    made.pass_time(60)
    assert made.ledger == [1]
    made.cut("1.1.0", {**FIRST, "0002_mail.sql": MAIL})
    made.fake.rehearsals.runs.clear()
    return made


def test_nobody_can_approve_what_was_not_rehearsed(story: Rehearsed) -> None:
    with pytest.raises(Refused, match=r"takes no approval for production yet(.|\n)*was not rehearsed yet: 0002_mail"):
        story.commands.approve("tally@1.1.0", "production", "bob")
    story.ask("1.1.0")
    story.pass_time()
    assert "0002_mail took 0.1 s on a copy" in str(story.commands.plan("tally@1.1.0", "production", "alice")["rehearsal"])
    answer = story.commands.approve("tally@1.1.0", "production", "bob")
    assert answer["waits"] == []
    assert "passed" in str(answer["rehearsal"])
    story.pass_time(60)
    assert story.ledger == [1, 2]


def test_a_no_can_be_said_at_any_time(story: Rehearsed) -> None:
    assert story.commands.approve("tally@1.1.0", "production", "bob", yes=False)["yes"] is False


def test_looking_never_repeats_a_rehearsal(story: Rehearsed) -> None:
    story.ask("1.1.0")
    story.pass_time(120)
    assert story.started == 1


def test_whoever_comes_back_after_a_crash_finds_the_same_run(story: Rehearsed) -> None:
    story.ask("1.1.0")
    story.pass_time(1)
    story.runs = RehearsalRuns(story.fake.world, Commands(story.fake.world))
    story.pass_time()
    assert story.started == 1


def test_a_failed_one_is_an_objection_and_people_are_told_and_it_can_be_run_again(story: Rehearsed) -> None:
    story.fake.rehearsals.ends["1.1.0"] = FAILED
    rollout = story.ask("1.1.0")
    story.pass_time()
    assert "1.0.0 cannot run on the schema of 1.1.0" in str(story.shown(rollout)["why"])
    assert "(log: the.log)" in story.objections("1.1.0")
    assert any("failed" in letter.notice.title for letter in story.fake.ledger.tables.letters.values())
    with pytest.raises(Refused, match="failed"):
        story.commands.approve("tally@1.1.0", "production", "bob")
    story.fake.rehearsals.ends.clear()
    story.runs.rehearse("tally@1.1.0", "production", "alice")
    story.pass_time()
    assert story.started == 2
    assert story.runs.show("tally@1.1.0", "production")["state"] == "passed"


def test_an_approval_holds_for_exactly_this_ledger_and_these_files(story: Rehearsed) -> None:
    story.cut("1.0.1", {**FIRST, "0002_other.sql": USERS.replace("users", "others")})
    for version in ("1.1.0", "1.0.1"):
        story.runs.rehearse(f"tally@{version}", "production", "alice")
    story.pass_time()
    story.commands.approve("tally@1.1.0", "production", "bob")
    story.commands.approve("tally@1.0.1", "production", "bob")
    story.ask("1.0.1")
    story.pass_time(60)
    assert story.ledger == [1, 2]
    said = story.objections("1.1.0")
    assert "what is to be done to the database changed" in said or "changed after it was applied" in said


def test_trouble_on_our_side_is_tried_again_and_not_for_ever(story: Rehearsed) -> None:
    story.fake.rehearsals.ends["1.1.0"] = ERRORED
    story.ask("1.1.0")
    story.pass_time(300)
    assert story.started == 3
    assert "has no answer yet: the database is away" in story.objections("1.1.0")


def test_a_release_that_went_live_meanwhile_makes_it_necessary_again(story: Rehearsed) -> None:
    story.runs.rehearse("tally@1.1.0", "production", "alice")
    story.pass_time()
    story.cut("1.0.1", FIRST)
    story.commands.approve("tally@1.0.1", "production", "bob")
    story.ask("1.0.1")
    story.pass_time(60)
    assert "was not rehearsed yet" in story.objections("1.1.0")


def test_where_the_file_says_so_nothing_is_rehearsed(story: Rehearsed) -> None:
    made = story.fake.pipelines.declared[0]
    off = Database(URL, lint="off", rehearse="off")
    story.fake.pipelines.declared = [replace(made, environment=replace(made.environment, database=off))]
    assert story.commands.approve("tally@1.1.0", "production", "bob")["yes"]
    with pytest.raises(Refused, match="nothing to rehearse"):
        story.runs.rehearse("tally@1.1.0", "production", "alice")
