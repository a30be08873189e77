"""Phases move by the table and by nothing else."""

from itertools import product

import pytest

from headway.errors import Contradiction
from headway.rollout.phases import ACTIVE, ENDED, MOVES, Phase, move


@pytest.mark.parametrize(("current", "to"), list(product(Phase, Phase)), ids=lambda phase: phase.value)
def test_a_phase_moves_only_where_the_table_says(current: Phase, to: Phase) -> None:
    if to in MOVES[current]:
        assert move(current, to) is to
    else:
        with pytest.raises(Contradiction, match=f"that is {current.value} cannot become {to.value}"):
            move(current, to)


def test_every_phase_waits_is_active_or_has_ended() -> None:
    assert {Phase.PENDING} | ACTIVE | ENDED == set(Phase)
    assert not ACTIVE & ENDED


def test_every_active_phase_can_be_left_towards_the_way_back() -> None:
    assert all(Phase.ROLLING_BACK in MOVES[phase] for phase in ACTIVE - {Phase.ROLLING_BACK})
