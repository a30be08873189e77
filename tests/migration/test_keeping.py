"""When backups are due, and when the last is too old."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headway.environments.model import Backups
from headway.migration.keeping import Attempt, Shelf, bound, due, latest, objections, sentences, standing

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOURLY = Backups(every=3600.0, drill=7200.0)
NIGHTLY = Backups(at="03:00")


def ago(minutes: float) -> datetime:
    return NOON - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("rule", "shelf", "expected"),
    [
        pytest.param(HOURLY, Shelf("db"), True, id="the first at once"),
        pytest.param(HOURLY, Shelf("db", ago(59)), False, id="not before its time"),
        pytest.param(HOURLY, Shelf("db", ago(61)), True, id="after any outage, by what lies there"),
        pytest.param(HOURLY, Shelf("db", ago(61), backup=Attempt(ago(1), ended=False)), False, id="not while one is made"),
        pytest.param(HOURLY, Shelf("db", ago(61), backup=Attempt(ago(1), ended=True)), False, id="not right after one failed"),
        pytest.param(HOURLY, Shelf("db", ago(61), backup=Attempt(ago(10), ended=True)), True, id="ten minutes after one failed"),
        pytest.param(NIGHTLY, Shelf("db", ago(8 * 60)), False, id="since three at night there is one"),
        pytest.param(NIGHTLY, Shelf("db", ago(10 * 60)), True, id="the one of last night is missing"),
        pytest.param(Backups(), Shelf("db"), False, id="without a schedule never"),
    ],
)
def test_a_backup_is_due_by_what_is_kept(rule: Backups, shelf: Shelf, expected: bool) -> None:
    assert due("backup", rule, shelf, NOON, "UTC") is expected


def test_a_drill_needs_a_backup_and_its_time() -> None:
    kept = Shelf("db", ago(5))
    assert not due("drill", HOURLY, Shelf("db"), NOON, "UTC")
    assert due("drill", HOURLY, kept, NOON, "UTC")
    assert not due("drill", HOURLY, replace(kept, drilled=ago(100)), NOON, "UTC")
    assert due("drill", HOURLY, replace(kept, drilled=ago(121)), NOON, "UTC")


def test_a_time_of_the_day_is_that_of_the_clock_on_the_wall() -> None:
    assert latest("03:00", NOON, "UTC") == NOON.replace(hour=3)
    assert latest("13:30", NOON, "Europe/Berlin") == NOON.replace(day=31, month=12, year=2029, hour=12, minute=30)
    summer = datetime(2030, 7, 1, 12, tzinfo=UTC)
    assert latest("03:00", summer, "Europe/Berlin") == summer.replace(hour=1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(HOURLY, timedelta(hours=2), id="one may be missed"),
        pytest.param(NIGHTLY, timedelta(hours=26), id="a day and a little"),
        pytest.param(replace(NIGHTLY, at_most=60.0), timedelta(minutes=1), id="as the file says"),
        pytest.param(Backups(at_most=60.0), None, id="without a schedule there is no bound"),
    ],
)
def test_how_old_it_may_be(rule: Backups, expected: timedelta | None) -> None:
    assert bound(rule) == expected


def test_one_that_is_too_old_or_missing_is_told_with_its_age_and_the_last_try() -> None:
    assert objections(HOURLY, Shelf("the database", ago(119)), NOON) == ()
    failed = Attempt(ago(3), ended=True, text="the disk is full")
    assert objections(HOURLY, Shelf("the database", ago(121), backup=failed), NOON) == (
        "the last backup of the database is of 2030-01-01 09:59 UTC: it is 2 h old, and may be 2 h; "
        "the last try, 2030-01-01 11:57 UTC: the disk is full",
    )
    assert objections(HOURLY, Shelf("the database"), NOON) == ("no backup of the database is kept, and its schedule asks for one",)


def test_late_is_graver_than_failed_and_a_run_under_way_says_nothing() -> None:
    failed = Attempt(ago(3), ended=True, text="the disk is full")
    for shelf, expected in (
        (Shelf("db", ago(121), backup=failed), "is late"),
        (Shelf("db", ago(61), backup=failed), "failed"),
        (Shelf("db", backup=failed), "failed"),
        (Shelf("db", ago(1), backup=replace(failed, good=True)), "is good"),
    ):
        found = standing("backup", HOURLY, shelf, NOON)
        assert found is not None
        assert found.state == expected
    assert standing("backup", HOURLY, Shelf("db", ago(61), backup=Attempt(ago(1), ended=False)), NOON) is None


def test_the_plan_says_what_a_restore_would_lose() -> None:
    kept = Shelf("the database", ago(30), 1204, drilled=ago(60 * 24))
    assert sentences(HOURLY, kept, NOON) == (
        "the last backup of the database is of 2030-01-01 11:30 UTC, with 1,204 rows: restoring it would lose what was written in 30 min; "
        "that one restores was last proved on 2029-12-31",
    )
    assert sentences(Backups(), kept, NOON) == ()
