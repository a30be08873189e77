"""Which of several commits broke it? The next one to try, or the answer: halving, as `git bisect` does.

Before the first commit it was good, at the last it is bad, and once bad it stays bad: that is assumed. What cannot be tried is skipped,
and then the answer may be that it is one of several.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import ceil, log2


class Answer(Enum):
    """What trying one commit came to."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"
    """It cannot be tried: it does not build, or fails in another way."""


@dataclass(frozen=True, slots=True)
class Try:
    """Try this one next; `most` more after it may be needed, if none is skipped."""

    index: int
    most: int


@dataclass(frozen=True, slots=True)
class Culprit:
    """It is this one."""

    index: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """It is one of these, first to last; those between good and bad that could not be tried stand in the way of more."""

    indices: tuple[int, ...]


def search(count: int, answers: Mapping[int, Answer]) -> Try | Culprit | OneOf:
    """The next step among `count` commits, oldest first; the last is bad without being tried."""
    if count < 1:
        raise ValueError("without commits nobody is to blame")
    high = min((index for index, answer in answers.items() if answer is Answer.BAD), default=count - 1)
    low = max((index for index, answer in answers.items() if answer is Answer.GOOD and index < high), default=-1)
    suspects = range(low + 1, high + 1)
    if len(suspects) == 1:
        return Culprit(high)
    open_ = [index for index in range(low + 1, high) if answers.get(index) is not Answer.SKIP]
    if not open_:
        return OneOf(tuple(suspects))
    middle = low + len(suspects) // 2
    return Try(min(open_, key=lambda index: (abs(index - middle), index)), ceil(log2(len(suspects))) - 1)
