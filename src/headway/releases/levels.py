"""How much a change asks of the version, in order of weight."""

from enum import Enum
from functools import total_ordering


@total_ordering
class Level(Enum):
    """What users must reckon with: nothing new, a repair, something added, something taken away."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"

    def __lt__(self, other: object) -> bool:
        return WEIGHT[self] < WEIGHT[other] if isinstance(other, Level) else NotImplemented


WEIGHT = {level: weight for weight, level in enumerate(Level)}
