"""Nothing new goes out while it is frozen; the way back always does; glass is broken by few, for little, and not for long."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.promotion import breakglass
from headway.promotion.freezes import Action, in_force, objections, opening
from headway.promotion.model import BreakGlass, Candidate, Freeze, Override
from headway.promotion.windows import Cron, Dated, Weekly

SATURDAY = datetime(2026, 3, 28, 12, tzinfo=UTC)
WEEKEND = Freeze("weekends", Weekly(4, time(16), 0, time(8)), "Europe/Berlin", why="nobody watches")
INVENTORY = Freeze("inventory", Dated(datetime(2026, 3, 30, 8), datetime(2026, 3, 30, 18)), "Europe/Berlin")
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")
GLASS = BreakGlass(("oncall", "dana"), within=3600)

days = st.integers(0, 6)
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
windows = st.one_of(
    st.builds(Weekly, days, clocks, days, clocks),
    st.builds(Cron, st.sampled_from(["0 22 * * *", "0 9 1 * *", "30 2 * * sun"]), st.floats(60, 86400)),
)
freezes = st.lists(
    st.builds(
        Freeze,
        st.sampled_from(["one", "two", "three"]),
        windows,
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
        environments=st.sampled_from([(), ("production",), ("staging",)]),
        stops=st.sampled_from([("promote",), ("approve",), ("promote", "approve")]),
        binds=st.sampled_from([("people",), ("automation",), ("people", "automation")]),
        exempt=st.sampled_from([(), ("erin",), ("dana",)]),
    ),
    max_size=3,
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


def texts(*frozen: Freeze, said: tuple[Override, ...] = (), now: datetime = SATURDAY, candidate: Candidate = CANDIDATE) -> list[str]:
    return [one.text for one in objections(candidate, "production", frozen, said, GLASS, now)]


def test_a_freeze_says_why_and_until_when() -> None:
    assert texts(WEEKEND) == ["production is frozen by weekends (nobody watches) until Mon 2026-03-30 08:00 CEST"]
    assert texts(WEEKEND, now=SATURDAY + timedelta(days=3)) == []


def test_freezes_that_touch_open_together_and_the_opening_is_named() -> None:
    assert texts(WEEKEND, INVENTORY) == [
        "production is frozen by weekends (nobody watches) until Mon 2026-03-30 08:00 CEST; "
        "with what follows on it, it opens Mon 2026-03-30 18:00 CEST"
    ]
    (found,) = objections(CANDIDATE, "production", (WEEKEND, INVENTORY), (), GLASS, SATURDAY)
    assert found.until == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert found.kind == "waits"


def test_a_freeze_that_never_opens_says_so() -> None:
    always = Freeze("always", Weekly(0, time(), 0, time()))
    assert texts(always)[0].endswith("; there is no opening within a year")


@pytest.mark.parametrize(
    ("freeze", "actor", "automatic", "bound"),
    [
        pytest.param(WEEKEND, "erin", False, True, id="a person"),
        pytest.param(WEEKEND, "erin", True, True, id="automation as well"),
        pytest.param(replace(WEEKEND, binds=("automation",)), "erin", False, False, id="only automation, and a person asks"),
        pytest.param(replace(WEEKEND, binds=("automation",)), "erin", True, True, id="only automation, and a push asks"),
        pytest.param(replace(WEEKEND, exempt=("Erin <erin@example.org>",)), "erin", False, False, id="an exempt person, however spelt"),
        pytest.param(replace(WEEKEND, exempt=("erin",)), "erin", True, True, id="a push in the name of an exempt person"),
        pytest.param(replace(WEEKEND, environments=("staging",)), "erin", False, False, id="another environment"),
        pytest.param(replace(WEEKEND, stops=("approve",)), "erin", False, False, id="another action"),
    ],
)
def test_whom_it_binds(freeze: Freeze, actor: str, automatic: bool, bound: bool) -> None:
    assert bool(in_force((freeze,), "production", "promote", actor, automatic, SATURDAY)) is bound


@given(freezes, moments, st.sampled_from(["erin", "dana"]), st.booleans())
def test_a_way_back_is_never_frozen(frozen: list[Freeze], now: datetime, actor: str, automatic: bool) -> None:
    assert in_force(frozen, "production", "rollback", actor, automatic, now) == ()
    candidate = replace(CANDIDATE, asked_by=actor, automatic=automatic)
    assert objections(candidate, "production", frozen, (), GLASS, now, action="rollback") == ()


@given(freezes, moments, st.sampled_from(["promote", "approve"]), st.booleans())
def test_the_opening_is_open_and_nothing_before_it_is(frozen: list[Freeze], now: datetime, action: Action, automatic: bool) -> None:
    opens = opening(frozen, "production", action, "erin", automatic, now)
    if opens is None:
        return
    assert in_force(frozen, "production", action, "erin", automatic, opens) == ()
    between = [now + (opens - now) * share / 7 for share in range(7)] if opens > now else []
    assert all(in_force(frozen, "production", action, "erin", automatic, at) for at in between)


@given(freezes, moments)
def test_more_freezes_never_let_more_in(frozen: list[Freeze], now: datetime) -> None:
    few = objections(CANDIDATE, "production", frozen[:1], (), GLASS, now)
    assert len(objections(CANDIDATE, "production", frozen, (), GLASS, now)) >= len(few)


# -- breaking the glass

SAID = breakglass.override(CANDIDATE, "production", "dana", "customers cannot pay", GLASS, ("weekends",), SATURDAY)


def test_an_override_lifts_what_was_in_force_and_nothing_else() -> None:
    assert texts(WEEKEND, said=(SAID,)) == []
    other = replace(WEEKEND, name="year end", why="")
    assert texts(WEEKEND, other, said=(SAID,)) == ["production is frozen by year end until Mon 2026-03-30 08:00 CEST"]


def test_it_expires_at_the_instant() -> None:
    end = SATURDAY + timedelta(hours=1)
    assert texts(WEEKEND, said=(SAID,), now=end - timedelta(microseconds=1)) == []
    assert texts(WEEKEND, said=(SAID,), now=end) != []
    assert texts(WEEKEND, said=(SAID,), now=SATURDAY - timedelta(microseconds=1)) != []


@pytest.mark.parametrize("what", ["release", "digest", "configuration_digest", "target_digest"])
def test_it_is_for_what_was_seen_alone(what: str) -> None:
    assert texts(WEEKEND, said=(SAID,), candidate=replace(CANDIDATE, **{what: "other"})) != []


@pytest.mark.parametrize(
    ("rule", "revoked"),
    [
        pytest.param(BreakGlass(("oncall",)), (), id="no longer permitted"),
        pytest.param(BreakGlass(), (), id="nobody is permitted any more"),
        pytest.param(GLASS, ("Dana",), id="the person was revoked"),
    ],
)
def test_a_permission_that_is_gone_takes_its_overrides_with_it(rule: BreakGlass, revoked: tuple[str, ...]) -> None:
    assert objections(CANDIDATE, "production", (WEEKEND,), (SAID,), rule, SATURDAY, revoked=revoked)


@pytest.mark.parametrize(
    ("by", "why", "rule", "frozen", "word"),
    [
        pytest.param("erin", "x", GLASS, ["weekends"], "erin may not break the glass; these may: oncall, dana", id="not of the list"),
        pytest.param("dana", " ", GLASS, ["weekends"], "breaking the glass needs a reason: --why", id="no reason"),
        pytest.param("dana", "x", GLASS, [], "nothing is frozen here now; an override is for a freeze in force", id="nothing frozen"),
        pytest.param(
            "dana", "x", BreakGlass(), ["weekends"], "nobody may break the glass: name people under `people: break_glass:`", id="nobody may"
        ),
    ],
)
def test_who_may_not_and_why(by: str, why: str, rule: BreakGlass, frozen: list[str], word: str) -> None:
    assert [one.text for one in breakglass.objections(by, why, rule, frozen)] == [word]


def test_who_may_with_a_reason_may() -> None:
    assert breakglass.objections("dana", "customers cannot pay", GLASS, ["weekends"]) == ()


@given(freezes, moments, st.lists(st.sampled_from(["one", "two", "three"]), max_size=3), st.sampled_from(["dana", "erin"]))
def test_breaking_the_glass_never_widens_its_scope(frozen: list[Freeze], now: datetime, named: list[str], by: str) -> None:
    said = breakglass.override(CANDIDATE, "production", by, "because", GLASS, named, now)
    left = {one.freeze.name for one in in_force(frozen, "production", "promote", "erin", False, now)} - (
        set(named) if by == "dana" else set()
    )
    shown = objections(CANDIDATE, "production", frozen, (said,), GLASS, now)
    assert {one.text.split(" by ")[1].split(" ")[0] for one in shown} == left
