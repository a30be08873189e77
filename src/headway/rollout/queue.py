"""Who waits for whom at one place."""

from collections.abc import Iterable
from datetime import datetime

from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import Phase


def superseded(standing: Iterable[Rollout], policy: str) -> tuple[str, ...]:
    """The waiting rollouts that a newcomer at the same place takes the turn of, by the environment's `newer:` policy.

    Only promotions that still wait: one that runs is never overtaken, and a way back is nobody's to cancel.
    """
    if policy != "supersedes":
        return ()
    return tuple(one.id for one in standing if one.phase is Phase.PENDING and one.kind is Kind.PROMOTION)


def earlier(rollout: Rollout, standing: Iterable[Rollout]) -> tuple[Rollout, ...]:
    """Who waits at the same place and goes first once nothing else keeps it: what is adopted and a way back before what is new, then
    whoever asked first."""

    def turn(one: Rollout) -> tuple[bool, datetime, str]:
        return one.kind is Kind.PROMOTION, one.created, one.id

    waiting = (one for one in standing if one.place == rollout.place and one.phase is Phase.PENDING)
    return tuple(sorted((one for one in waiting if turn(one) < turn(rollout)), key=turn))


def overtaken(rollout: Rollout, standing: Iterable[Rollout]) -> str | None:
    """The release that went live here after this one was asked for, if one did: starting this now would be going back unasked."""
    if rollout.kind is Kind.ROLLBACK or rollout.trial is not None:
        return None
    later = [
        one
        for one in standing
        if one.place == rollout.place
        and one.kind is Kind.PROMOTION  # a way back that came in between does not make what waited any older
        and one.phase is Phase.COMPLETED
        and one.created > rollout.created
        and one.id != rollout.id
        and one.trial is None  # which only found something out, and makes way again
    ]
    return max(later, key=lambda one: one.created).release if later else None
