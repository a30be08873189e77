"""A stage on a floor never asks less than the floor, nor less than its own file."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headway.analysis.model import Thresholds
from headway.environments.model import Environment
from headway.promotion.floors import DEMANDED, Floor, Limits, covers, raised, short_of
from headway.promotion.model import Approvals, Freeze, Gate, Stage
from headway.promotion.windows import Weekly

NAMES = ("alice", "bob", "carol", "dana")
WEEKEND = Freeze("weekend", Weekly(5, time(), 0, time()))
PEAK = Freeze("peak", Weekly(0, time(9), 0, time(17)))

people = some.lists(some.sampled_from(NAMES), unique=True, max_size=3).map(tuple)
spans = some.floats(min_value=0, max_value=1e6)
names = some.lists(some.sampled_from(["smoke", "security", "load"]), unique=True).map(tuple)
places = some.lists(some.sampled_from(["dev", "staging"]), unique=True).map(tuple)
freezes = some.lists(some.sampled_from([WEEKEND, PEAK]), unique=True).map(tuple)
gates = some.lists(some.sampled_from([Gate("calm", "time.hour < 16"), Gate("young", "release.age < duration('7d')")]), unique=True).map(
    tuple
)
approvals = some.builds(Approvals, some.integers(0, 3), people, spans, some.booleans())
thresholds = some.builds(
    Thresholds,
    mode=some.sampled_from(["thresholds", "health"]),
    error_rate=some.floats(0, 1),
    times_baseline=some.floats(1, 10),
    needs=some.integers(1, 500),
    min_time=spans,
    max_wait=spans,
)
stages = some.builds(
    Stage,
    service=some.just("shop"),
    environment=some.builds(Environment, some.just("production"), some.integers(1, 9)),
    after=places,
    approvals=approvals,
    also=some.lists(approvals, max_size=2).map(tuple),
    checks=names,
    manual=some.just(("uat",)),
    strategy=some.sampled_from(["rolling", "canary", "blue-green"]),
    thresholds=thresholds,
    soak=spans,
    keep_warm=spans,
    notify=names,
    freezes=freezes,
    gates=gates,
    skipped=places,
    revoked=people,
    groups=some.just({"managers": ("mallory",)}),
)
limits = some.builds(
    Limits,
    some.none() | some.floats(0, 1),
    some.none() | some.floats(1, 10),
    some.none() | some.integers(1, 500),
    some.none() | spans,
)
floors = some.builds(
    Floor,
    approvals=some.none() | approvals,
    soak=spans,
    keep_warm=spans,
    replicas=some.integers(0, 9),
    strategies=some.lists(some.sampled_from(["rolling", "canary"]), unique=True).map(tuple),
    limits=some.none() | limits,
    checks=names,
    after=places,
    notify=names,
    gates=gates,
    freezes=freezes,
    revoked=people,
    groups=some.just({"managers": ("rita",)}),
)


@given(stages, floors)
def test_no_stage_is_below_its_floor_but_for_what_its_file_must_say_itself(stage: Stage, floor: Floor) -> None:
    assert set(short_of(raised(stage, floor), floor)) <= set(DEMANDED)


@given(stages, floors)
def test_a_floor_takes_nothing_away_from_what_the_file_asks(stage: Stage, floor: Floor) -> None:
    high = raised(stage, floor)
    own = Floor(
        approvals=stage.approvals,
        soak=stage.soak,
        keep_warm=stage.keep_warm,
        replicas=stage.environment.replicas,
        strategies=(stage.strategy,),
        checks=stage.checks,
        after=stage.after,
        notify=stage.notify,
        gates=stage.gates,
        freezes=stage.freezes,
        revoked=stage.revoked,
    )
    skips = {"skips"} & set(short_of(stage, own))  # that it contradicts itself is no doing of the floor
    assert set(short_of(high, own)) <= skips
    assert set(high.also) >= set(stage.also)
    assert set(high.skipped) <= set(stage.skipped)
    if stage.thresholds.mode == "thresholds":
        before, after = stage.thresholds, high.thresholds
        assert (after.error_rate <= before.error_rate, after.needs >= before.needs, after.mode) == (True, True, "thresholds")


@given(stages, floors, floors)
def test_two_floors_hold_in_either_order(stage: Stage, one: Floor, other: Floor) -> None:
    high = raised(raised(stage, one), other)
    assert set(short_of(high, one)) | set(short_of(high, other)) <= set(DEMANDED)
    assert raised(high, other) == high


@given(stages)
def test_without_a_policy_nothing_changes(stage: Stage) -> None:
    assert raised(stage, Floor()) == stage
    assert short_of(stage, Floor()) == ()


MANAGERS = Approvals(1, ("rita", "ravi"))


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        pytest.param(Approvals(1, ("rita",)), True, id="one of them"),
        pytest.param(Approvals(2, ("Rita <rita@example.org>", "ravi")), True, id="more of them, spelt out"),
        pytest.param(Approvals(5), False, id="five of anybody are perhaps none of them"),
        pytest.param(Approvals(1, ("rita", "bob")), False, id="bob alone could say yes"),
        pytest.param(Approvals(1, ("rita",), within=1e9), False, id="a yes that never grows old"),
        pytest.param(Approvals(1, ("rita",), allow_self=True), False, id="rita's own release"),
        pytest.param(Approvals(0, ("rita",)), False, id="nobody"),
    ],
)
def test_a_rule_covers_another_only_where_nobody_slips_through(rule: Approvals, enough: bool) -> None:
    assert covers(rule, MANAGERS) is enough


def test_a_gate_of_the_floor_goes_by_the_floors_groups() -> None:
    stage = Stage("shop", Environment("production"), groups={"managers": ("mallory",), "shop": ("alice",)})
    assert raised(stage, Floor(groups={"managers": ("rita",)})).groups == {"managers": ("rita",), "shop": ("alice",)}


def test_what_came_before_further_up_counts_as_passed() -> None:
    stage = replace(Stage("shop", Environment("production")), after=("preproduction",))
    assert short_of(stage, Floor(after=("staging",))) == ("after",)
    assert short_of(stage, Floor(after=("staging",)), before=("staging", "dev")) == ()
