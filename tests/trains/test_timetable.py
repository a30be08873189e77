"""Trains leave when the clock on the wall says so, whatever is done to the clock."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.trains.model import Phase, Timetable, Train
from headway.trains.timetable import before, cut_of, departures, next_departure, phase, phases, track

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"]
DAY = 86400.0


def weekly(departs: str = "0 10 * * tue", zone: str = "Europe/Berlin", cut: float = 2 * DAY) -> Timetable:
    return Timetable("weekly", "tally", departs, zone, cut, "production")


def by_hand(weekday: int, clock: time, zone: str, first: datetime, last: datetime) -> list[datetime]:
    """Two years of a weekly departure, day by day and without cron: the first instant at which the wall shows it or, if it never does, has
    passed it."""
    there, found, day = ZoneInfo(zone), [], first.date()
    while day <= last.date():
        if day.weekday() == weekday:
            minute = datetime.combine(day, time()).replace(tzinfo=there).astimezone(UTC) - timedelta(hours=3)
            while minute.astimezone(there).replace(tzinfo=None) < datetime.combine(day, clock):
                minute += timedelta(minutes=1)
            found.append(minute)
        day += timedelta(days=1)
    return [at for at in found if first < at <= last]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("departs", "weekday", "clock"),
    [
        pytest.param("0 10 * * tue", 1, time(10), id="in the day"),
        pytest.param("30 2 * * sun", 6, time(2, 30), id="in the hour that is skipped and the one that comes twice"),
        pytest.param("0 0 * * mon", 0, time(), id="at midnight"),
    ],
)
def test_two_years_of_a_weekly_train_have_no_wrong_departure(departs: str, weekday: int, clock: time, zone: str) -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    expected = by_hand(weekday, clock, zone, first, last)
    found = list(islice(departures(weekly(departs, zone), first), len(expected) + 1))
    assert found[: len(expected)] == expected
    assert found[-1] > last
    assert len(expected) in {104, 105}


def test_the_departure_is_at_ten_before_and_after_the_clocks_change() -> None:
    found = [at.isoformat() for at in islice(departures(weekly(), datetime(2026, 3, 23, tzinfo=UTC)), 2)]
    assert found == ["2026-03-24T09:00:00+00:00", "2026-03-31T08:00:00+00:00"]


def test_the_cut_keeps_its_time_of_day_too() -> None:
    table = weekly(cut=3 * DAY)
    departs = datetime(2026, 3, 31, 8, tzinfo=UTC)
    assert cut_of(table, departs).astimezone(ZoneInfo("Europe/Berlin")).isoformat() == "2026-03-28T10:00:00+01:00"


@given(st.sampled_from(ZONES), st.sampled_from(["0 10 * * tue", "30 2 * * *", "0 0 1 * *", "15 */6 * * mon-fri"]),
       st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # fmt: skip
def test_departures_rise_and_lie_ahead_and_asking_at_one_gives_the_next(zone: str, departs: str, now: datetime) -> None:
    table = weekly(departs, zone)
    found = list(islice(departures(table, now), 5))
    assert all(one < other for one, other in pairwise([now, *found]))
    assert [next_departure(table, at) for at in (now, *found[:-1])] == found
    assert next_departure(table, found[0] - timedelta(microseconds=1)) == found[0]


@given(st.sampled_from(ZONES), st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.floats(60, 10 * DAY))
def test_what_comes_before_a_departure_comes_before_it(zone: str, departs: datetime, seconds: float) -> None:
    assert before(weekly(zone=zone), departs, seconds) <= departs


def test_phases_begin_one_after_the_other() -> None:
    table = Timetable(
        "weekly", "tally", "0 10 * * tue", "UTC", 2 * DAY, "production", phases=(Phase("late", DAY / 2), Phase("early", 2 * DAY))
    )
    train = Train("weekly", "tally", datetime(2026, 3, 3, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC))
    names = [one.name if (one := phase(table, train, train.departs - timedelta(hours=hours))) else None for hours in (49, 48, 13, 12, 0)]
    assert names == [None, "early", "early", "late", "late"]
    assert [one.name for one in phases(weekly())] == ["cut"]


@pytest.mark.parametrize(
    ("state", "on"),
    [("upcoming", "upcoming"), ("ongoing", "ongoing"), ("held", "ongoing"), ("departed", None), ("slipped", None), ("cancelled", None)],
)
def test_a_train_that_is_over_stands_on_no_track(state: str, on: str | None) -> None:
    train = Train("weekly", "tally", datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), state)  # type: ignore[arg-type]
    assert track(train) == on
