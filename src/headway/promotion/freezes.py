"""Is this environment frozen for this action of this actor, and when does it open?

A way back is never frozen, and a rollout under way finishes: gates are asked before a rollout starts, never during it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from headway.promotion.breakglass import lifted
from headway.promotion.model import BreakGlass, Candidate, Freeze, Objection, Override
from headway.promotion.people import same_person
from headway.promotion.windows import covering

Action = Literal["promote", "approve", "rollback"]
FAR = timedelta(days=366)
MOST_HOPS = 1000


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze in force, until then."""

    freeze: Freeze
    until: datetime


def in_force(freezes: Iterable[Freeze], environment: str, action: Action, actor: str, automatic: bool, now: datetime) -> tuple[Frozen, ...]:
    """The freezes that stop this actor from doing this here at this moment, the longest first."""
    binding = (freeze for freeze in freezes if _binds(freeze, environment, action, actor, automatic))
    found = ((freeze, covering(freeze.window, freeze.timezone, now)) for freeze in binding)
    frozen = [Frozen(freeze, span.end) for freeze, span in found if span is not None]
    return tuple(sorted(frozen, key=lambda one: (one.until, one.freeze.name), reverse=True))


def opening(freezes: Sequence[Freeze], environment: str, action: Action, actor: str, automatic: bool, now: datetime) -> datetime | None:
    """The first moment from now on at which nothing stops this, over freezes that overlap or touch; None: not within a year."""
    at = now
    for _ in range(MOST_HOPS):
        stopping = in_force(freezes, environment, action, actor, automatic, at)
        if not stopping:
            return at
        at = stopping[0].until
        if at - now > FAR:
            return None
    return None


def objections(
    candidate: Candidate,
    environment: str,
    freezes: Sequence[Freeze],
    overrides: Sequence[Override],
    rule: BreakGlass,
    now: datetime,
    *,
    action: Action = "promote",
    revoked: Sequence[str] = (),
) -> tuple[Objection, ...]:
    """One for each freeze in force that nobody broke the glass for, with the next opening."""
    who = candidate.asked_by, candidate.automatic
    stopping = in_force(freezes, environment, action, *who, now)
    standing = [one for one in stopping if not lifted(one.freeze.name, candidate, overrides, one.freeze.glass or rule, now, revoked)]
    if not standing:
        return ()
    left = [freeze for freeze in freezes if not lifted(freeze.name, candidate, overrides, freeze.glass or rule, now, revoked)]
    opens = opening(left, environment, action, *who, now)
    return tuple(Objection(_text(one, environment, action, opens), until=opens) for one in standing)


def _binds(freeze: Freeze, environment: str, action: Action, actor: str, automatic: bool) -> bool:
    if action == "rollback" or action not in freeze.stops:
        return False
    if freeze.environments and environment not in freeze.environments:
        return False
    if automatic:
        # Named people are let through as persons: what runs in their name by itself is not them.
        return "automation" in freeze.binds
    return "people" in freeze.binds and not any(same_person(actor, name) for name in freeze.exempt)


def _text(frozen: Frozen, environment: str, action: Action, opens: datetime | None) -> str:
    freeze = frozen.freeze
    why = f" ({freeze.why.strip()})" if freeze.why.strip() else ""
    what = "" if action == "promote" else f" to {action} for"
    first = f"{environment} is frozen{what} by {freeze.name}{why} until {_local(frozen.until, freeze)}"
    if opens is None:
        return f"{first}; there is no opening within a year"
    return first if opens == frozen.until else f"{first}; with what follows on it, it opens {_local(opens, freeze)}"


def _local(at: datetime, freeze: Freeze) -> str:
    return f"{at.astimezone(ZoneInfo(freeze.timezone)):%a %Y-%m-%d %H:%M %Z}"
