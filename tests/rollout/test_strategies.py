"""Strategies are data: what every list of steps has in common, whatever the numbers."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headway.rollout.model import ALL, RunCheck, Scale, Shift, Side, Soak, Step, Watch
from headway.rollout.strategies import canary, rolling, straight

replicas = some.integers(1, 20)
weights = some.lists(some.integers(1, 100), max_size=5).map(lambda raw: tuple(sorted(set(raw))))


@some.composite
def any_steps(draw: some.DrawFn) -> tuple[int, tuple[Step, ...]]:
    count, old = draw(replicas), draw(some.booleans())
    match draw(some.sampled_from(["canary", "rolling", "straight"])):
        case "canary":
            return count, canary(count, weights=draw(weights), old=old, watch=30, checks=("smoke",), soak=60)
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
    steps = canary(4, weights=(10, 50, 100), old=old, watch=30, checks=("smoke", "e2e"), soak=60)
    assert steps[-4:] == (Shift(ALL), RunCheck("smoke"), RunCheck("e2e"), Soak(60))


def test_a_canary_is_watched_at_every_weight_but_the_last() -> None:
    steps = canary(4, weights=(10, 50, 100), old=True, watch=30, checks=(), soak=60)
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
