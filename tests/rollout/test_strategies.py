"""Strategies are data: what every list of steps has in common, whatever the numbers."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headway.rollout.model import ALL, RunCheck, Scale, Shift, Side, Soak, Step, Watch, Weight
from headway.rollout.strategies import blue_green, canary, rolling, straight

replicas = some.integers(1, 20)
weights = some.lists(some.integers(1, 100), max_size=5).map(lambda raw: tuple(sorted(set(raw))))


@some.composite
def any_steps(draw: some.DrawFn) -> tuple[int, tuple[Step, ...]]:
    count, old = draw(replicas), draw(some.booleans())
    match draw(some.sampled_from(["canary", "blue-green", "rolling", "straight"])):
        case "canary":
            holdback, preview = draw(some.integers(0, 20)), draw(some.sampled_from([(), ("smoke",)]))
            return count, canary(
                count, weights=draw(weights), holdback=holdback, old=old, watch=30, preview=preview, checks=("smoke",), soak=60
            )
        case "blue-green":
            return count, blue_green(count, preview=("smoke",), checks=("smoke",), soak=60)
        case "rolling":
            batch = draw(some.integers(1, count))
            return count, rolling(count, batch=batch, old=old, warm=draw(some.booleans()), checks=("smoke",), soak=60)
        case _:
            return count, straight(count)


@given(any_steps())
def test_everything_ends_with_all_the_traffic_at_full_size(plan: tuple[int, tuple[Step, ...]]) -> None:
    count, steps = plan
    shifts = [step.weight for step in steps if isinstance(step, Shift)]
    assert shifts[-1] == ALL
    assert max(step.replicas for step in steps if isinstance(step, Scale) and step.side is Side.NEW) == count


@given(any_steps())
def test_weights_rise_and_are_said_once(plan: tuple[int, tuple[Step, ...]]) -> None:
    shares = [step.weight.percent for step in plan[1] if isinstance(step, Shift)]
    assert shares == sorted(shares)
    assert all(share > 0 for share in shares)


@given(any_steps())
def test_neither_side_ever_gets_more_traffic_than_its_replicas_can_carry(plan: tuple[int, tuple[Step, ...]]) -> None:
    count, steps = plan
    for new, old, weight in _situations(count, steps):
        assert weight * count <= new * 100, f"{new} of {count} replicas cannot carry {weight} %"
        # Flooring a share rounds in the old release's disfavour by less than one percent.
        assert (99 - weight) * count <= old * 100, f"{old} of {count} old replicas cannot carry {100 - weight} %"


def _situations(count: int, steps: tuple[Step, ...]) -> Iterator[tuple[int, int, int]]:
    new, old, weight = 0, count, 0
    for step in steps:
        match step:
            case Scale(Side.NEW, replicas):
                new = replicas
            case Scale(Side.OLD, replicas):
                old = replicas
            case Shift(share):
                weight = share.percent
        yield new, old, weight


@pytest.mark.parametrize("old", [True, False], ids=["beside an old one", "first of its kind"])
def test_the_checks_run_under_all_the_traffic_and_the_soak_comes_last(old: bool) -> None:
    steps = canary(4, weights=(10, 50, 100), holdback=0, old=old, watch=30, preview=(), checks=("smoke", "e2e"), soak=60)
    assert steps[-4:] == (Shift(ALL), RunCheck("smoke"), RunCheck("e2e"), Soak(60))


def test_what_is_held_back_comes_after_the_soak() -> None:
    steps = canary(4, weights=(10, 50), holdback=5, old=True, watch=30, preview=(), checks=("smoke",), soak=60)
    assert steps[-4:] == (Shift(Weight(95)), RunCheck("smoke"), Soak(60), Shift(ALL))
    assert not [one for one in steps[-3:] if isinstance(one, Scale)], "at full size before the last share"


def test_a_preview_comes_after_the_first_replicas_and_before_any_traffic() -> None:
    for steps in (
        canary(4, weights=(10,), holdback=0, old=True, watch=30, preview=("smoke",), checks=(), soak=60),
        blue_green(4, preview=("smoke",), checks=(), soak=60),
    ):
        assert isinstance(steps[0], Scale)
        assert steps[1] == RunCheck("smoke", preview=True)
        assert isinstance(steps[2], Shift)


def test_blue_green_is_one_move() -> None:
    assert [one for one in blue_green(4, preview=(), checks=(), soak=60) if isinstance(one, Shift)] == [Shift(ALL)]


def test_a_canary_is_watched_at_every_weight_but_the_last() -> None:
    steps = canary(4, weights=(10, 50, 100), holdback=0, old=True, watch=30, preview=(), checks=(), soak=60)
    after_shift = [following for step, following in pairwise(steps) if isinstance(step, Shift)]
    assert [type(step) for step in after_shift] == [Watch, Watch, Soak]


def test_the_first_release_takes_everything_at_once() -> None:
    assert rolling(3, batch=1, old=False, warm=True, checks=(), soak=60) == (Scale(Side.NEW, 3), Shift(ALL), Soak(60))


def test_without_room_for_both_each_batch_lets_one_go() -> None:
    sizes = [step for step in rolling(4, batch=2, old=True, warm=False, checks=(), soak=60) if isinstance(step, Scale)]
    assert sizes == [Scale(Side.NEW, 2), Scale(Side.OLD, 2), Scale(Side.NEW, 4), Scale(Side.OLD, 0)]


def test_kept_warm_the_old_instances_stay() -> None:
    steps = rolling(4, batch=2, old=True, warm=True, checks=(), soak=60)
    assert not [step for step in steps if isinstance(step, Scale) and step.side is Side.OLD]
