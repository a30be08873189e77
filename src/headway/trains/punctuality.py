"""How often do trains leave on time, and why not?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from headway.trains.model import ENDED, Train

ON_TIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Punctuality:
    """Of the trains that are over: how many left on time, late or not at all; what was carried over, and the reasons."""

    on_time: int
    late: int
    missed: int
    carried: int
    reasons: tuple[tuple[str, str], ...]
    """By train."""

    @property
    def rate(self) -> float | None:
        """The share that left on time; None before the first was due."""
        due = self.on_time + self.late + self.missed
        return self.on_time / due if due else None


def punctuality(trains: Sequence[Train]) -> Punctuality:
    """A cancelled train did not leave on time either: cancelling is no way to a better figure."""
    over = [train for train in trains if train.state in ENDED]
    left = [train for train in over if train.departed is not None]
    prompt = [train for train in left if train.departed is not None and train.departed - train.departs <= ON_TIME]
    return Punctuality(
        on_time=len(prompt),
        late=len(left) - len(prompt),
        missed=len(over) - len(left),
        carried=sum(len(train.carried) for train in trains),
        reasons=tuple((train.id, reason) for train in over for reason in train.reasons),
    )
