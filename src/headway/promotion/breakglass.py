"""May this person lift a freeze, and for what does it count?

Breaking the glass takes a permission and a reason, is told to everybody who hears of trouble, and lifts exactly the freezes that were
in force, for exactly this release, configuration and target, for a while. Approvals, checklists and quarantines stand as before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.promotion.model import BreakGlass, Candidate, Objection, Override
from headway.promotion.people import same_person


def objections(by: str, why: str, rule: BreakGlass, frozen: Sequence[str], revoked: Sequence[str] = ()) -> tuple[Objection, ...]:
    """Why this person may not lift these freezes now; empty when they may."""
    found = []
    if not rule.people:
        found.append(Objection("nobody may break the glass: name people under `people: break_glass:`", "final"))
    elif not permitted(by, rule, revoked):
        found.append(Objection(f"{by or 'somebody without a name'} may not break the glass; these may: {', '.join(rule.people)}", "final"))
    if not why.strip():
        found.append(Objection("breaking the glass needs a reason: --why"))
    if not frozen:
        found.append(Objection("nothing is frozen here now; an override is for a freeze in force"))
    return tuple(found)


def permitted(by: str, rule: BreakGlass, revoked: Sequence[str] = ()) -> bool:
    """Is this one of those who may, and still?"""
    return any(same_person(by, name) for name in rule.people) and not any(same_person(by, name) for name in revoked)


def override(candidate: Candidate, environment: str, by: str, why: str, rule: BreakGlass, frozen: Sequence[str], now: datetime) -> Override:
    """The word that lifts these freezes for this candidate."""
    return Override(
        release=candidate.release,
        environment=environment,
        by=by,
        at=now,
        why=why.strip(),
        freezes=tuple(frozen),
        until=now + timedelta(seconds=rule.within),
        release_digest=candidate.digest,
        configuration_digest=candidate.configuration_digest,
        target_digest=candidate.target_digest,
    )


def lifted(
    freeze: str, candidate: Candidate, overrides: Sequence[Override], rule: BreakGlass, now: datetime, revoked: Sequence[str] = ()
) -> Override | None:
    """The word that lifts this freeze for this candidate at this moment, if there is one."""
    fitting = (one for one in overrides if freeze in one.freezes and _counts(one, candidate, now))
    return next((one for one in fitting if permitted(one.by, rule, revoked)), None)


def _counts(said: Override, candidate: Candidate, now: datetime) -> bool:
    seen = said.release, said.release_digest, said.configuration_digest, said.target_digest
    asked = candidate.release, candidate.digest, candidate.configuration_digest, candidate.target_digest
    return seen == asked and bool(said.why.strip()) and said.at <= now < said.until
