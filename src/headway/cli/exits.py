"""Which exit code says what. One table, as in the manual."""

from collections.abc import Mapping

from headway.errors import Contradiction, Failed, HeadwayError, InvalidSpec, Refused, Unavailable

DONE = 0
TROUBLE = 1
USAGE = 2
FAILED = 3
DIFFERENT = 10
WAITING = 11
REFUSED = 12
TIMED_OUT = 13

EXIT_CODES: Mapping[type[HeadwayError], int] = {
    InvalidSpec: USAGE,
    Failed: FAILED,
    Refused: REFUSED,
    Unavailable: TROUBLE,
    Contradiction: TROUBLE,
}

MEANINGS: Mapping[int, str] = {
    DONE: "done",
    TROUBLE: "trouble on our side",
    USAGE: "usage, or an invalid file",
    FAILED: "the release failed: a check, a verdict; rolled back",
    DIFFERENT: "there are differences (only with --exit-code)",
    WAITING: "waiting for a person",
    REFUSED: "refused; the objections are printed",
    TIMED_OUT: "timed out",
}


def exit_code(error: HeadwayError) -> int:
    """The code for an error, by its nearest known ancestor."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), TROUBLE)


def phase_code(phase: str) -> int | None:
    """The code for a rollout in this phase; None while it is on its way."""
    failed = dict.fromkeys(("rolled back", "given up"), FAILED)
    return {"completed": DONE, **failed, "cancelled": REFUSED, "held": WAITING, "parked": WAITING}.get(phase)
