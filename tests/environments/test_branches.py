"""Environments of branches: names that are nobody else's, and how long they live."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.environments.branches import BranchEnvironment, Fate, PerBranch, State, environment_of, fate, of_a_branch, room, shared_of
from headway.environments.model import Place

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = PerBranch(limit=2, idle=3600.0)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        pytest.param("feature/x", "dev.feature-x", id="as people expect it"),
        pytest.param("feature/more-votes", "dev.feature-more-votes", id="with a dash"),
        pytest.param("develop", "dev.develop", id="one word"),
        pytest.param("refs/pull/7/head", "dev.pr-7", id="a pull request"),
        pytest.param("refs/merge-requests/7/head", "dev.pr-7", id="as GitLab says it"),
    ],
)
def test_a_plain_branch_has_a_plain_name(ref: str, name: str) -> None:
    assert environment_of("dev", ref) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("feature/x", "feature-x", id="a dash for the slash"),
        pytest.param("feature/x-y", "feature/x/y", id="a second slash"),
        pytest.param("feature/x", "Feature/X", id="capitals"),
        pytest.param("fix-1/x", "fix/1-x", id="a dash before it"),
        pytest.param("pr/7", "refs/pull/7/head", id="a branch that is called like a pull request"),
        pytest.param("feature/" + "x" * 60, "feature/" + "x" * 61, id="long ones"),
        pytest.param("日本", "語", id="nothing that a name may hold"),
    ],
)
def test_branches_that_look_alike_have_environments_of_their_own(one: str, other: str) -> None:
    assert environment_of("dev", one) != environment_of("dev", other)


BRANCHES = st.text(st.sampled_from("abAB1/-_.é"), min_size=1, max_size=40)


@given(BRANCHES, BRANCHES)
def test_a_name_is_valid_and_nobody_else_s(one: str, other: str) -> None:
    name = environment_of("dev", one)
    assert re.fullmatch(r"dev\.[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name)
    assert (shared_of(name), of_a_branch(name), of_a_branch("dev")) == ("dev", True, False)
    assert one == other or name != environment_of("dev", other)


def environment(ref: str = "feature/x", state: State = State.OPEN, *, service: str = "tally") -> BranchEnvironment:
    return BranchEnvironment(Place(service, environment_of("dev", ref)), ref, state, NOON, NOON, "c1")


def test_there_is_room_until_the_limit_and_what_is_stopped_takes_none() -> None:
    two = [environment("feature/a"), environment("feature/b", State.LEAVING)]
    others = [environment("feature/c", State.STOPPED), environment("feature/d", State.ENDED), environment("feature/e", service="shop")]
    assert room(RULES, "dev", "tally", [two[0], *others]) is None
    why = room(RULES, "dev", "tally", [*two, *others])
    assert why == "dev has the environments of 2 branches, of 2 (per_branch: limit); delete or merge one of feature/a, feature/b"
    assert room(RULES, "previews", "tally", two) is None


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("one", "seen", "becomes"),
    [
        pytest.param(environment(), {}, Fate(State.OPEN), id="it is pushed to"),
        pytest.param(environment(), {"head": None}, Fate(State.LEAVING, "feature/x is gone"), id="the branch is gone"),
        pytest.param(environment(), {"merged": True}, Fate(State.LEAVING, "feature/x is merged"), id="merged"),
        pytest.param(environment(), {"head": None, "busy": True}, Fate(State.LEAVING, "feature/x is gone"), id="gone, in mid-rollout"),
        pytest.param(
            environment(), {"rules": None}, Fate(State.LEAVING, "dev is no longer an environment for each branch"), id="no longer declared"
        ),
        pytest.param(
            environment(),
            {"now": NOON + HOUR},
            Fate(State.STOPPED, "nothing was pushed since 2026-03-02 12:00 UTC; the next push starts it again"),
            id="idle",
        ),
        pytest.param(environment(), {"now": NOON + HOUR, "busy": True}, Fate(State.OPEN), id="idle, and something is under way"),
        pytest.param(environment(), {"now": NOON + HOUR, "asked": NOON + HOUR / 2}, Fate(State.OPEN), id="asked for by hand"),
        pytest.param(environment(state=State.STOPPED), {"now": NOON + HOUR}, Fate(State.STOPPED), id="stopped stays stopped"),
        pytest.param(environment(state=State.STOPPED), {"head": None}, Fate(State.LEAVING, "feature/x is gone"), id="stopped, then gone"),
        pytest.param(
            environment(state=State.STOPPED),
            {"busy": True, "now": NOON + HOUR},
            Fate(State.OPEN, "somebody asked for a release here"),
            id="stopped, then used",
        ),
        pytest.param(
            environment(state=State.STOPPED),
            {"now": NOON + 2 * HOUR, "asked": NOON + 2 * HOUR},
            Fate(State.OPEN, "somebody asked for a release here"),
            id="stopped, then used for a moment only",
        ),
        pytest.param(environment(state=State.LEAVING), {"head": "c9"}, Fate(State.LEAVING), id="what leaves, leaves"),
    ],
)
def test_what_becomes_of_it(one: BranchEnvironment, seen: dict[str, object], becomes: Fate) -> None:
    world = {"head": "c1", "merged": False, "asked": None, "busy": False, "now": NOON + HOUR / 2} | seen
    rules = world.pop("rules", RULES)
    assert fate(one, rules, **world) == becomes  # type: ignore[arg-type]
