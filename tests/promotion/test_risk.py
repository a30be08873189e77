"""How much could go wrong, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.analysis.model import Thresholds
from headway.environments.model import Environment
from headway.promotion.model import LEVELS, Stage
from headway.promotion.risk import Change, assess, kind_of

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
STAGE = Stage("tally", Environment("production"), strategy="canary", weights=(10, 50), thresholds=Thresholds(needs=50, max_wait=900.0))
SMALL = Change("patch", commits=1, lines=10, files=("a.py",))


def test_a_small_change_on_a_monday_behind_a_canary_is_a_low_risk_and_says_what_will_be_seen() -> None:
    found = assess(SMALL, STAGE, MONDAY)
    assert (found.level, found.score) == ("low", 0)
    assert found.reasons == (
        "1 commits change 10 lines in 1 files",
        "the judge will see the traffic, and needs 50 of its answers: 500 requests at 10 % of the traffic, within 900 s",
    )


def test_everything_at_once_is_a_high_risk_gravest_first() -> None:
    worst = Change("major", 40, 5000, ("a.py",), ("the old field is gone",), 3, ("0042_drop",), ("A", "B"), (("tally@1.9.0", ("a.py",)),))
    found = assess(worst, replace(STAGE, strategy="rolling", thresholds=Thresholds(mode="health"), soak=0), MONDAY + timedelta(days=5))
    assert found.level == "high"
    assert found.reasons[0] in {"migrations have no way back: 0042_drop (+4)", "40 commits change 5000 lines in 1 files (+4)"}
    assert "tally@1.9.0 was rolled back lately and changed the same files: a.py (+3)" in found.reasons
    assert "it is the weekend (Sat 12:00 UTC) (+2)" in found.reasons
    assert "the judge sees replicas and checks only, no traffic (+2)" in found.reasons


@pytest.mark.parametrize(
    ("change", "points"),
    [
        pytest.param({"lines": None}, 3, id="an unknown size"),
        pytest.param({"breaking": ("x",)}, 3, id="breaking"),
        pytest.param({"irreversible": ("0042",)}, 4, id="no way back"),
        pytest.param({"settings": ("A",)}, 1, id="a setting"),
        pytest.param({"settings": tuple("ABCDEF")}, 2, id="many settings"),
        pytest.param({"failures": (("tally@1", ("a.py",)),)}, 3, id="the same files failed lately"),
        pytest.param({"failures": (("tally@1", ()),)}, 0, id="other files failed lately"),
        pytest.param({"features": 2}, 1, id="features"),
    ],
)
def test_what_counts(change: dict[str, object], points: int) -> None:
    assert assess(replace(SMALL, **change), STAGE, MONDAY).score == points  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "live", "hotfix", "kind"),
    [
        ("2.0.0", "1.9.0", False, "major"), ("1.10.0", "1.9.0", False, "minor"), ("1.9.1", "1.9.0", False, "patch"),
        ("1.9.1", None, False, "first"), ("1.9.1-rc.1", "1.9.0", False, "pre-release"), ("1.9.1", "1.9.0", True, "hotfix"),
        ("2026.3", "1.9.0", False, "major"),
    ],
)  # fmt: skip
def test_the_kind_of_a_release(version: str, live: str | None, hotfix: bool, kind: str) -> None:
    assert kind_of(version, live, hotfix=hotfix) == kind


changes = st.builds(
    Change,
    kind=st.sampled_from(["", "major", "minor", "patch", "first", "hotfix"]),
    commits=st.one_of(st.none(), st.integers(0, 1000)),
    lines=st.one_of(st.none(), st.integers(0, 100_000)),
    files=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    breaking=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    features=st.integers(0, 5),
    irreversible=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    settings=st.lists(st.text(max_size=5), max_size=9).map(tuple),
)


@given(changes, st.datetimes(timezones=st.just(UTC)))
def test_every_point_has_its_reason_and_more_reasons_never_make_it_safer(change: Change, now: datetime) -> None:
    found = assess(change, STAGE, now)
    told = sum(int(why.rpartition("(+")[2].rstrip(")")) for why in found.reasons if why.endswith(")") and "(+" in why)
    assert told == found.score
    assert found.level in LEVELS
    assert assess(replace(change, irreversible=(*change.irreversible, "0042")), STAGE, now).score >= found.score
    assert assess(replace(change, lines=None), STAGE, now).score >= assess(replace(change, lines=0), STAGE, now).score


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_the_same_hour_on_the_wall_is_the_same_risk_in_every_zone(at: datetime, one: str, other: str) -> None:
    local = at.astimezone(ZoneInfo(one)).replace(tzinfo=None)
    there = local.replace(tzinfo=ZoneInfo(other)).astimezone(UTC)
    assume(there.astimezone(ZoneInfo(other)).replace(tzinfo=None) == local)
    assert assess(SMALL, STAGE, at, one).score == assess(SMALL, STAGE, there, other).score


@pytest.mark.parametrize(
    ("at", "zone", "says"),
    [
        pytest.param("2026-03-06 12:30", "Europe/Berlin", "", id="half past one on Friday in Berlin is no weekend yet"),
        pytest.param("2026-03-06 13:00", "Europe/Berlin", "the weekend is near (Fri 14:00 CET)", id="two o'clock is"),
        pytest.param("2026-03-06 13:00", "America/New_York", "", id="while it is morning in New York"),
        pytest.param("2026-03-08 22:30", "Asia/Tokyo", "", id="where Monday has come"),
        pytest.param("2026-03-08 22:30", "Europe/Berlin", "it is the weekend (Sun 23:30 CET)", id="it is Sunday elsewhere"),
    ],
)
def test_the_weekend_is_the_team_s(at: str, zone: str, says: str) -> None:
    found = assess(SMALL, STAGE, datetime.fromisoformat(at).replace(tzinfo=UTC), zone)
    assert [one for one in found.reasons if "weekend" in one] == ([f"{says} (+2)"] if says else [])
