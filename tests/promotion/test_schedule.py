"""A start is a moment of somebody's clock: understood exactly, or refused with what to write instead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.promotion.schedule import objections, said, start
from headway.rollout.model import Start

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("2026-03-01 22:30 Europe/Berlin", "2026-03-01T21:30+00:00", id="a day, a clock, a zone"),
        pytest.param("2026-03-01T22:30+01:00", "2026-03-01T21:30+00:00", id="an offset says it as well"),
        pytest.param("2026-03-01T22:30:15Z", "2026-03-01T22:30:15+00:00", id="to the second"),
        pytest.param("22:30 Europe/Berlin", "2026-03-01T21:30+00:00", id="the next such time is today"),
        pytest.param("08:00 Europe/Berlin", "2026-03-02T07:00+00:00", id="or tomorrow"),
        pytest.param("13:00 Europe/Berlin", "2026-03-02T12:00+00:00", id="now is not next"),
        pytest.param("2026-10-25T02:30+02:00", "2026-10-25T00:30+00:00", id="the first of two, said by its offset"),
    ],
)
def test_a_time_is_understood(text: str, at: str) -> None:
    assert start(text, NOW).at == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("22:30", "does not say by whose clock", id="no zone"),
        pytest.param("2026-03-01T22:30", "does not say by whose clock", id="no zone with a day"),
        pytest.param("22:30 Berlin", "no time zone Berlin, expected one such as Europe/Berlin", id="no such zone"),
        pytest.param("tonight", "is no time, expected one such as", id="no time"),
        pytest.param("2026-02-30 10:00 UTC", "there is no 2026-02-30", id="no such day"),
        pytest.param("25:00 UTC", "there is no 25:00", id="no such hour"),
        pytest.param("2026-03-01 13:00 Europe/Berlin", "is over: it is Sun 2026-03-01 13:00 CET", id="this very moment"),
        pytest.param("2027-03-03 10:00 UTC", "more than a year away", id="too far"),
        pytest.param("2026-03-29 02:30 Europe/Berlin", "the clocks are put forward over it", id="an hour that is skipped"),
        pytest.param(
            "2026-10-25 02:30 Europe/Berlin", "say 2026-10-25T02:30\\+02:00 or 2026-10-25T02:30\\+01:00", id="an hour that comes twice"
        ),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        start(text, NOW)


@given(
    st.datetimes(datetime(2026, 3, 2), datetime(2027, 2, 1), timezones=st.just(UTC)).map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(ZONES),
)
def test_every_moment_can_be_said_and_means_itself(at: datetime, zone: str) -> None:
    local = at.astimezone(ZoneInfo(zone))
    try:
        found = start(f"{local:%Y-%m-%d %H:%M} {zone}", NOW)
    except ValueError as error:
        assert "comes twice" in str(error)
        assert start(local.isoformat(), NOW).at == at
    else:
        assert found.at == at


@given(st.times(), st.sampled_from(ZONES), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_a_clock_alone_is_ahead_within_two_days_and_shows_that_time(clock: object, zone: str, now: datetime) -> None:
    text = f"{clock:%H:%M}"
    try:
        found = start(f"{text} {zone}", now)
    except ValueError as error:
        assume("clocks" not in str(error))
        raise
    assert now < found.at <= now + timedelta(days=2)
    assert f"{found.at.astimezone(ZoneInfo(zone)):%H:%M}" == text


@given(st.timedeltas(timedelta(seconds=-5), timedelta(days=3)))
def test_it_waits_until_its_time_and_not_an_instant_longer(ahead: timedelta) -> None:
    planned = Start(NOW + ahead, "Europe/Berlin")
    found = objections(planned, "ada", NOW)
    assert bool(found) is (ahead > timedelta())
    assert all(one.until == planned.at and one.text == f"it is to start {said(planned)}, ada said" for one in found)
