"""What a hotfix may skip, and what it may not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.environments.model import Environment
from headway.promotion.model import Approvals, Stage
from headway.trains.hotfix import closed, conflicted, may_ship, may_start, merged, next_version, open_lines, shorter
from headway.trains.model import Hotfix, Line

NOW = datetime(2026, 3, 3, tzinfo=UTC)
DEV, TEST = Stage("tally", Environment("dev")), Stage("tally", Environment("test"), after=("dev",))
STAGING = Stage("tally", Environment("staging"), after=("test",))
PRODUCTION = Stage("tally", Environment("production"), after=("staging",), approvals=Approvals(0, allow_self=True))
STAGES = (DEV, TEST, STAGING, PRODUCTION)
FIX = Hotfix("1.4.0-1", "tally", "hotfix/1.4.0-1", "a" * 40, "tally@1.4.0", "alice", NOW, "customers cannot pay")
SHIPPED = replace(FIX, release="tally@1.4.1", commit="b" * 40, lines=(Line("main"), Line("1.x")))


@pytest.mark.parametrize(
    ("skips", "after"),
    [
        pytest.param((), ("staging",), id="nothing is skipped unless it is named"),
        pytest.param(("staging",), ("test",), id="what comes before a skipped stage still counts"),
        pytest.param(("staging", "test"), ("dev",), id="two in a row"),
        pytest.param(("staging", "test", "dev"), (), id="all of them, by name"),
        pytest.param(("test",), ("staging",), id="one that is not right before"),
    ],
)
def test_the_path_is_shorter_by_what_is_named(skips: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert shorter(replace(PRODUCTION, skipped=skips), STAGES).after == after


def test_somebody_else_approves_it_whatever_the_file_says() -> None:
    rule = shorter(PRODUCTION, STAGES).approvals
    assert (rule.needed, rule.allow_self) == (1, False)
    assert shorter(replace(PRODUCTION, approvals=Approvals(2)), STAGES).approvals.needed == 2


def test_it_branches_from_what_is_live_and_says_why() -> None:
    assert may_start("tally", "tally@1.4.0", "broken", ()) == ()
    assert [one.text for one in may_start("tally", None, " ", ())] == [
        "nothing of tally is live, so there is nothing to fix; promote a release the long way",
        "a hotfix needs a reason: --why",
    ]
    assert "fixes tally@1.4.0 already" in may_start("tally", "tally@1.4.0", "x", (FIX,))[0].text


def test_what_is_not_a_fix_of_what_is_live_does_not_go_out() -> None:
    assert may_ship(FIX, "b" * 40, "tally@1.4.0", descends=True) == ()
    assert "has no commit yet" in may_ship(FIX, "a" * 40, "tally@1.4.0", descends=True)[0].text
    assert "it was moved" in may_ship(FIX, "b" * 40, "tally@1.4.0", descends=False)[0].text
    assert "tally@1.5.0 is live now, no longer tally@1.4.0" in may_ship(FIX, "b" * 40, "tally@1.5.0", descends=True)[0].text


@pytest.mark.parametrize(
    ("live", "taken", "version"),
    [
        pytest.param("1.4.0", [], "1.4.1", id="the next patch"),
        pytest.param("1.4.0", ["1.4.1", "1.4.2"], "1.4.3", id="a number that nobody has"),
        pytest.param("1.4.0-rc.1", [], "1.4.0", id="what a pre-release becomes"),
        pytest.param("1.4.9+build.5", [], "1.4.10", id="build metadata does not travel"),
    ],
)
def test_the_version_sorts_above_what_it_fixes(live: str, taken: list[str], version: str) -> None:
    assert next_version(live, taken) == version


def test_it_is_not_over_before_every_line_has_it() -> None:
    one = merged(SHIPPED, "main", "c" * 40)
    assert closed(one, NOW, out=True).finished is None
    clash = conflicted(one, "1.x", ("app.py",))
    assert [(line.branch, line.conflict) for line in open_lines(clash)] == [("1.x", ("app.py",))]
    assert closed(clash, NOW, out=True).finished is None
    assert closed(merged(clash, "1.x", "d" * 40), NOW, out=True).finished == NOW


@given(st.lists(st.tuples(st.sampled_from(["main", "1.x", "2.x"]), st.booleans()), max_size=8))
def test_it_closes_only_when_no_line_is_open(steps: list[tuple[str, bool]]) -> None:
    fix = SHIPPED
    for branch, works in steps:
        fix = merged(fix, branch, "c" * 40) if works else conflicted(fix, branch, ("app.py",))
    assert (closed(fix, NOW, out=True).finished is None) is bool(open_lines(fix))
    assert closed(replace(fix, release=None), NOW, out=True).finished is None
    assert closed(fix, NOW, out=False).finished is None
