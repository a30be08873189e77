"""A database made anew by the clock: once for each time it comes round, by whoever looks, and never one that anybody would miss."""

from dataclasses import replace

import pytest
from data_story import URL, Story

from headway.engine.commands import Commands
from headway.engine.scheduled_resets import ScheduledResets
from headway.environments.model import Database, Place
from headway.promotion.model import Approvals, Stage
from headway.testing import FakeWorld, sample_stage

DEV = Place("tally", "dev")
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key);"


def stage(cron: str | None = "0 4 * * *", **rules: object) -> Stage:
    made = sample_stage("dev", soak=1.0, keep_warm=0.0, timezone="Europe/Berlin", notify=("team",), **rules)
    database = Database(URL, rehearse="off", lint="off", reset=cron)
    return replace(made, environment=replace(made.environment, database=database, data="synthetic"))


@pytest.fixture
def story() -> Story:
    """It is noon in UTC; 1.0.0 runs in dev."""
    fake = FakeWorld()
    fake.pipelines.declared = [stage()]
    made = Story(fake, Commands(fake.world), where="dev")
    made.cut("1.0.0", {"0001_users.sql": USERS})
    assert made.promote("1.0.0")["phase"] == "completed"
    return made


def days(story: Story, number: float) -> None:
    """Look every ten minutes, each time with nothing remembered, and let what is asked for end."""
    for _ in range(int(number * 144)):
        ScheduledResets(story.fake.world, story.commands).look()
        if story.fake.world.records.standings(place=DEV, ended=False):
            story.run(60.0)
        story.fake.clock.pass_time(600.0)


def resets(story: Story) -> list[str]:
    """When they were asked for, by the clock in Berlin, and why."""
    there = [one.rollout for one in story.fake.world.records.standings(place=DEV) if one.rollout.reset]
    return [f"{one.created:%d %H:%M} {one.reset}" for one in reversed(there)]


def test_it_comes_when_the_clock_of_the_people_says_so_whoever_restarts(story: Story) -> None:
    days(story, 2.0)
    made = resets(story)
    assert [one.split(" ", 2)[0] for one in made] == ["02", "03"]
    assert all("03:0" in one for one in made), "four in Berlin is three in UTC in winter"
    assert all(one.endswith("by the clock: 0 4 * * *, Europe/Berlin") for one in made)
    assert story.fake.world.records.standings(place=DEV)[0].rollout.asked_by == "headway"


def test_what_an_outage_missed_is_made_up_for_once(story: Story) -> None:
    days(story, 0.1)
    story.fake.clock.pass_time(5 * 86400.0)
    days(story, 0.1)
    assert len(resets(story)) == 1


def test_a_schedule_that_is_new_makes_up_for_nothing(story: Story) -> None:
    days(story, 0.5)
    assert resets(story) == []
    story.fake.pipelines.declared = [stage("0 22 * * *")]
    days(story, 0.5)
    assert resets(story) == [], "ten in the evening was three hours ago"


def test_status_says_when_the_next_is(story: Story) -> None:
    days(story, 0.1)
    (place,) = story.commands.status()["places"]  # type: ignore[misc]
    assert str(place["reset"]).startswith("2030-01-02T03:00")


def test_who_is_under_way_goes_first(story: Story) -> None:
    days(story, 0.1)
    story.fake.clock.pass_time(86400.0)
    story.cut("1.1.0", {"0001_users.sql": USERS})
    story.commands.promote("1.1.0", "dev", "ada")
    ScheduledResets(story.fake.world, story.commands).look()
    assert resets(story) == []
    story.run(60.0)
    ScheduledResets(story.fake.world, story.commands).look()
    assert len(resets(story)) == 1


def test_where_it_cannot_be_people_hear_of_it_once(story: Story) -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [stage()]
    empty = Story(fake, Commands(fake.world), where="dev")
    days(empty, 2.0)
    told = [letter.notice for letter in fake.ledger.tables.letters.values()]
    assert [one.title for one in told] == ["the reset of tally in dev by the clock failed"]
    assert "nothing runs there yet" in told[0].text


@pytest.mark.parametrize("how", ["real", "guarded", "later"])
def test_data_that_somebody_would_miss_is_never_made_anew(story: Story, how: str) -> None:
    mine = stage(approvals=Approvals(1)) if how == "guarded" else stage(after=("test",)) if how == "later" else stage()
    real = replace(mine, environment=replace(mine.environment, data="real")) if how == "real" else mine
    story.fake.pipelines.declared = [real]
    days(story, 2.0)
    assert resets(story) == []
