"""Did the change advisory group say go?

Its members see the risk and the timing, and say go or no-go to exactly this release, configuration and target. A no-go stands until its
member says go; that is the difference to a rejection, which is final.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.promotion.model import LEVELS, Advice, Advisory, Candidate, Objection
from headway.promotion.people import distinct, same_person


def objections(
    candidate: Candidate, given: Sequence[Advice], rule: Advisory | None, now: datetime, revoked: Sequence[str] = ()
) -> tuple[Objection, ...]:
    """Why the group has not said go; empty once it has, or where nobody asks it."""
    if rule is None or not asked(candidate, rule):
        return ()
    last = standing(candidate, given, rule, now, revoked)
    against = [
        Objection(f"{advice.by} of {rule.group} says no-go for {candidate.version}{_quoted(advice)}") for advice in last if not advice.go
    ]
    able = [person for person in distinct(rule.people) if may_advise(person, candidate, rule, revoked) is None]
    if len(able) < rule.needed:
        text = f"{candidate.version} needs {rule.needed} of {rule.group} to say go, but only {len(able)} of its members may"
        return (*against, Objection(text, "final"))
    have = distinct(advice.by for advice in last if advice.go)
    if len(have) >= rule.needed:
        return tuple(against)
    risk = f", whose risk is {candidate.risk.level}" if candidate.risk else ""
    said = f" ({len(have)} of {rule.needed}{': ' + ', '.join(have) if have else ''})"
    text = f"{candidate.version}{risk}, waits for {rule.group} to say go{said}: {', '.join(able)}"
    return (*against, Objection(text, until=_expires(last, rule)))


def asked(candidate: Candidate, rule: Advisory) -> bool:
    """Does this change need the group? A risk that nobody could work out counts as the highest."""
    if rule.risk is None or candidate.risk is None:
        return True
    return LEVELS.index(candidate.risk.level) >= LEVELS.index(rule.risk)


def standing(
    candidate: Candidate, given: Sequence[Advice], rule: Advisory, now: datetime, revoked: Sequence[str] = ()
) -> tuple[Advice, ...]:
    """Each member's last word that counts, in the order of their names."""
    # At the same instant the no counts.
    said = sorted(given, key=lambda advice: (advice.at, not advice.go, advice.by, advice.comment))
    kept: list[Advice] = []
    for advice in said:
        kept = [other for other in kept if not same_person(other.by, advice.by)] + [advice]
    return tuple(sorted((one for one in kept if _counts(one, candidate, rule, now, revoked)), key=lambda one: one.by))


def may_advise(by: str, candidate: Candidate, rule: Advisory, revoked: Sequence[str] = ()) -> str | None:
    """Why this person has no say; None if they have one."""
    if not any(same_person(by, name) for name in rule.people):
        return f"{by or 'somebody without a name'} is not of {rule.group}: {', '.join(rule.people)}"
    if any(same_person(by, name) for name in revoked):
        return f"{by} no longer speaks for anything here"
    if same_person(by, candidate.author) or same_person(by, candidate.asked_by):
        return f"{by} made or asked for {candidate.version}"
    return None


def _counts(advice: Advice, candidate: Candidate, rule: Advisory, now: datetime, revoked: Sequence[str]) -> bool:
    seen = advice.release, advice.release_digest, advice.configuration_digest, advice.target_digest, advice.data_digest
    now_is = candidate.release, candidate.digest, candidate.configuration_digest, candidate.target_digest, candidate.data_digest
    if seen != now_is:
        return False
    if not advice.go:  # a no-go does not expire, and even the author may say it, if they are of the group
        return any(same_person(advice.by, name) for name in rule.people) and not any(same_person(advice.by, name) for name in revoked)
    return may_advise(advice.by, candidate, rule, revoked) is None and (now - advice.at).total_seconds() < rule.within


def _expires(last: Sequence[Advice], rule: Advisory) -> datetime | None:
    return min((advice.at + timedelta(seconds=rule.within) for advice in last if advice.go), default=None)


def _quoted(advice: Advice) -> str:
    return f": {advice.comment.strip()}" if advice.comment.strip() else ""
