"""Backups by the clock: begun when due, told when they fail or are late, and asked for before a migration."""

from dataclasses import replace

import pytest
from test_data_in_rollouts import FIRST, MAIL, URL, Story, stage

from headway.engine.commands import Commands
from headway.engine.upkeep import UpkeepTurns
from headway.environments.model import Backups, Database
from headway.testing import FakeWorld


@pytest.fixture
def story() -> Story:
    fake = FakeWorld()
    made = stage(notify=("team",))
    database = Database(URL, lint="off", rehearse="off", backup=Backups(every=3600.0, drill=7200.0))
    fake.pipelines.declared = [replace(made, environment=replace(made.environment, database=database))]
    return Story(fake, Commands(fake.world))


def pass_minutes(story: Story, minutes: int) -> None:
    for _ in range(minutes):
        UpkeepTurns(story.fake.world, story.commands).look()  # a new one each time: nothing is in its memory
        story.fake.clock.pass_time(60.0)


def told(story: Story) -> list[str]:
    return [letter.notice.title for letter in story.fake.ledger.tables.letters.values()]


def test_backups_and_drills_come_by_the_clock_whoever_restarts(story: Story) -> None:
    pass_minutes(story, 243)
    assert story.fake.shelves.begun == {"backup": 5, "drill": 3}
    assert told(story) == []


def test_people_hear_once_of_one_that_fails_and_once_when_it_is_late(story: Story) -> None:
    pass_minutes(story, 2)
    story.fake.shelves.fails = "the disk is full"
    pass_minutes(story, 240)
    assert [title for title in told(story) if "backup" in title] == [
        "the backup of tally in production failed",
        "the backup of tally in production is late",
    ]
    story.fake.shelves.fails = ""
    pass_minutes(story, 20)
    said = [one.event.what for one in story.fake.ledger.tables.recorded if "backup" in one.event.what]
    assert said[-1] == "the backup of tally in production is good"


def test_a_migration_waits_while_the_last_backup_is_too_old_and_goes_once_it_is_not(story: Story) -> None:
    pass_minutes(story, 2)
    story.cut("1.0.0", FIRST)
    assert story.promote("1.0.0")["phase"] == "completed"
    story.cut("1.1.0", {**FIRST, "0002_mail.sql": MAIL})
    assert "restoring it would lose what was written in" in str(story.commands.plan("tally@1.1.0", "production", "alice")["way_back"])
    story.fake.shelves.fails = "the disk is full"
    pass_minutes(story, 180)
    asked = story.promote("1.1.0")
    assert asked["phase"] == "pending"
    assert "and may be 2 h; the last try" in str(asked["why"])
    assert "the disk is full" in str(asked["why"])
    story.fake.shelves.fails = ""
    pass_minutes(story, 11)
    story.run(60)
    assert story.shown(str(asked["rollout"]))["phase"] == "completed"


def test_a_release_that_migrates_nothing_does_not_wait_for_backups(story: Story) -> None:
    story.cut("1.0.0", {})
    assert story.promote("1.0.0")["phase"] == "completed"
