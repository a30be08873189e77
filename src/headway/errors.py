"""Errors we raise on purpose, named for who can act on them.

HeadwayError
├── InvalidSpec    the author of the file, or of the command line, can fix it
├── Refused        a rule said no, and the objections say which
├── Failed         the release gave evidence against itself: a check, a build, a verdict
├── Unavailable    the world did not answer; trying again may help
└── Contradiction  our own records disagree; stop and ask a person
    ├── Fenced     somebody newer has taken over; drop the work, touch nothing
    └── Unheard    somebody spoke before it ended; look again
"""

from collections.abc import Iterable


class HeadwayError(Exception):
    """Everything Headway raises on purpose; its text tells a person what to do next."""


class InvalidSpec(HeadwayError):
    """The file or the command line is wrong; each fault says where, what was found and what was expected."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Refused(HeadwayError):
    """A rule said no. Every objection is listed at once."""

    def __init__(self, what: str, objections: Iterable[str] = ()) -> None:
        self.objections = tuple(objections)
        super().__init__("\n".join((what, *(f"  - {objection}" for objection in self.objections))))


class Failed(HeadwayError):
    """The release failed: evidence against it, not trouble on our side."""


class Unavailable(HeadwayError):
    """The world did not answer, or not usably. Never evidence against a release."""


class Contradiction(HeadwayError):
    """Our own records disagree. Stop and ask a person."""


class Fenced(Contradiction):
    """A newer generation, or a newer holder of the lease, owns this now. Whoever gets this must not act."""


class Unheard(Contradiction):
    """Somebody spoke to a rollout that was about to end. Whoever gets this listens, and decides again."""
