"""The phases of a rollout and the only moves between them."""

from collections.abc import Mapping
from enum import Enum

from headway.errors import Contradiction


class Phase(Enum):
    """Where a rollout is. Four of them are active: at most one such rollout per place."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    """Undecided for too long: the new release has weight 0, its instances are kept, a person decides."""
    PARKED = "parked"
    """We do not know what an effect did, or this Headway is too old for the record: a person decides."""
    ROLLING_BACK = "rolling back"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled back"
    CANCELLED = "cancelled"
    GIVEN_UP = "given up"
    """It could not go back, and a person said that it need not: what answers keeps the traffic, and the release stays in quarantine."""


MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.RUNNING, Phase.CANCELLED}),
    Phase.RUNNING: frozenset({Phase.PAUSED, Phase.HELD, Phase.PARKED, Phase.ROLLING_BACK, Phase.COMPLETED}),
    Phase.PAUSED: frozenset({Phase.RUNNING, Phase.PARKED, Phase.ROLLING_BACK}),
    Phase.HELD: frozenset({Phase.RUNNING, Phase.PARKED, Phase.ROLLING_BACK}),
    Phase.PARKED: frozenset({Phase.RUNNING, Phase.ROLLING_BACK}),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLED_BACK, Phase.GIVEN_UP, Phase.PARKED}),
    Phase.COMPLETED: frozenset(),
    Phase.ROLLED_BACK: frozenset(),
    Phase.CANCELLED: frozenset(),
    Phase.GIVEN_UP: frozenset(),
}

ACTIVE = frozenset({Phase.RUNNING, Phase.PAUSED, Phase.HELD, Phase.PARKED, Phase.ROLLING_BACK})
ENDED = frozenset(phase for phase, onward in MOVES.items() if not onward)


def ends(current: Phase, to: Phase) -> bool:
    """Is this the move after which nobody's word is heard any more?"""
    return to in ENDED and current not in ENDED


def move(current: Phase, to: Phase) -> Phase:
    """Every change of phase passes here; there is no other setter."""
    if to not in MOVES[current]:
        raise Contradiction(f"a rollout that is {current.value} cannot become {to.value}")
    return to
