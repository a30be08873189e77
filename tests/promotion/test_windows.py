"""When a window covers a moment, by the clock on the wall, whatever is done to the clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway.promotion.windows import DAYS, Cron, Dated, Weekly, covering, upcoming

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = Weekly(4, time(16), 0, time(8))
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"]
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
weeklies = st.builds(Weekly, st.integers(0, 6), clocks, st.integers(0, 6), clocks)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        pytest.param("2026-03-27 15:59:59", False, id="a second before"),
        pytest.param("2026-03-27 16:00", True, id="at the beginning"),
        pytest.param("2026-03-29 02:30", True, id="in the hour that is skipped"),
        pytest.param("2026-03-30 07:59:59", True, id="a second before the end, after the clocks changed"),
        pytest.param("2026-03-30 08:00", False, id="at the end"),
    ],
)
def test_a_weekend_keeps_its_local_times_when_the_clocks_change(at: str, inside: bool) -> None:
    assert (covering(WEEKEND, "Europe/Berlin", berlin(at)) is not None) is inside


def test_the_end_is_told_in_utc_by_the_offset_that_holds_then() -> None:
    span = covering(WEEKEND, "Europe/Berlin", berlin("2026-03-28 12:00"))
    assert span is not None
    assert span.end == datetime(2026, 3, 30, 6, tzinfo=UTC)
    assert span.end - span.start == timedelta(hours=63)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_is_covered_twice(fold: int) -> None:
    night = Dated(datetime(2026, 10, 25, 2, 15), datetime(2026, 10, 25, 2, 45))
    assert covering(night, "Europe/Berlin", berlin("2026-10-25 02:30", fold)) is not None


def test_a_night_by_cron_is_as_long_by_the_clock_as_it_says() -> None:
    nights = Cron("0 22 * * *", 8 * 3600)
    span = covering(nights, "Europe/Berlin", berlin("2026-03-29 05:59"))
    assert span is not None
    assert (span.end, span.end - span.start) == (berlin("2026-03-29 06:00"), timedelta(hours=7))
    assert covering(nights, "Europe/Berlin", berlin("2026-03-29 06:00")) is None


def test_of_occurrences_that_overlap_the_one_that_ends_last_counts() -> None:
    span = covering(Cron("0 * * * *", 3 * 3600), "UTC", datetime(2026, 3, 2, 12, 30, tzinfo=UTC))
    assert span is not None
    assert span.end == datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_what_begins_next_is_found() -> None:
    span = upcoming(WEEKEND, "Europe/Berlin", berlin("2026-03-30 09:00"))
    assert span is not None
    assert span.start == berlin("2026-04-03 16:00")
    over = Dated(datetime(2020, 1, 1), datetime(2020, 1, 2))
    assert upcoming(over, "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None


@given(weeklies, st.sampled_from(ZONES), moments)
@example(Weekly(6, time(2, 30), 6, time(3)), "Europe/Berlin", datetime(2026, 3, 29, 1, 15, tzinfo=UTC))
def test_whenever_the_wall_clock_is_within_the_week_s_window_it_covers(window: Weekly, zone: str, at: datetime) -> None:
    """An oracle that knows nothing of offsets: the minutes of the week that the local clock shows."""
    local = at.astimezone(ZoneInfo(zone))
    shown = (local.weekday() * 1440 + local.hour * 60 + local.minute) % 10080
    start = window.from_day * 1440 + window.from_time.hour * 60 + window.from_time.minute
    end = window.until_day * 1440 + window.until_time.hour * 60 + window.until_time.minute
    inside = (shown - start) % 10080 < ((end - start) % 10080 or 10080)
    if inside:
        assert covering(window, zone, at) is not None
    elif _calm(local):
        assert covering(window, zone, at) is None


def _calm(local: datetime) -> bool:
    """No clock is changed within two days, so that no longer reading of a window is possible."""
    return len({(local + timedelta(hours=hours)).utcoffset() for hours in (-50, 0, 50)}) == 1


@given(st.one_of(weeklies, st.builds(Cron, st.sampled_from(["0 22 * * *", "30 2 * * sun", "*/20 1-3 * * *"]), st.floats(60, 90000))),
       st.sampled_from(ZONES), moments)  # fmt: skip
def test_a_span_that_covers_a_moment_contains_it_and_what_comes_next_lies_ahead(window: Weekly | Cron, zone: str, at: datetime) -> None:
    span = covering(window, zone, at)
    assert span is None or span.start <= at < span.end
    following = upcoming(window, zone, at)
    assert following is not None
    assert following.start > at


def test_days_are_those_of_the_week() -> None:
    assert [f"{datetime(2026, 3, 2 + day):%a}".lower() for day in range(7)] == list(DAYS)
