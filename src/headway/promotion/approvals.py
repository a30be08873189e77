"""Have enough people said yes to exactly this?

Names are compared as people.py does, so that nobody becomes a second person by spelling.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.promotion.model import Approval, Approvals, Candidate, Objection
from headway.promotion.people import distinct, same_person


def objections(
    candidate: Candidate, given: Sequence[Approval], rule: Approvals, now: datetime, revoked: Sequence[str] = ()
) -> tuple[Objection, ...]:
    """Why these approvals do not suffice; empty once they do. `revoked` are people whose word counts no longer."""
    said = standing(candidate, given, revoked)
    if rejections := [word for word in said if _rejects(word, candidate, rule)]:
        return tuple(Objection(f"{candidate.version} was rejected by {no.by}{_quoted(no.comment)}", "final") for no in rejections)
    have = counted(candidate, said, rule, now)
    missing = rule.needed - len(have)
    if missing <= 0:
        return ()
    if (hopeless := _nobody_left(candidate, rule, revoked)) is not None:
        return (Objection(hopeless, "final"),)
    text = f"{candidate.version} needs {missing} more {'approval' if missing == 1 else 'approvals'} from {_who(candidate, rule, revoked)}"
    if rule.needed > 1:
        text += f" ({len(have)} of {rule.needed}{': ' + ', '.join(have) if have else ''})"
    return (Objection("; ".join((text, *_not_counted(candidate, said, rule, now)))),)


def standing(candidate: Candidate, given: Sequence[Approval], revoked: Sequence[str] = ()) -> tuple[Approval, ...]:
    """What was said of this release and not taken back, in the order in which it was said. A no cannot be taken back."""
    left: list[Approval] = []
    for word in sorted((word for word in given if word.release == candidate.release), key=_in_time):
        if word.revokes:
            left = [other for other in left if not other.yes or not same_person(other.by, word.by)]
        elif not any(same_person(word.by, name) for name in revoked):
            left.append(word)
    return tuple(left)


def counted(candidate: Candidate, given: Sequence[Approval], rule: Approvals, now: datetime) -> tuple[str, ...]:
    """The distinct people whose yes counts, in the order of their names."""
    return distinct(approval.by for approval in standing(candidate, given) if _why_not(approval, candidate, rule, now) is None)


def speakers(rules: Sequence[Approvals]) -> tuple[tuple[str, ...], bool]:
    """Whose word counts for any of these rules (empty: anybody's), and whether author and asker may say yes to any."""
    asking = [rule for rule in rules if rule.needed > 0] or list(rules)
    people = () if any(not rule.people for rule in asking) else tuple(dict.fromkeys(name for rule in asking for name in rule.people))
    return people, any(rule.allow_self for rule in asking)


def _rejects(word: Approval, candidate: Candidate, rule: Approvals) -> bool:
    """A no is final for what it was said to, and no later yes lifts it. It does not expire, and even the author may say it."""
    return not word.yes and not _changed(word, candidate) and _named(word.by) and _listed(word.by, rule)


def _not_counted(candidate: Candidate, said: Sequence[Approval], rule: Approvals, now: datetime) -> tuple[str, ...]:
    """Who said something that does not count, and why; only each person's last word."""
    last = {approval.by.strip(): approval for approval in said}
    return tuple(
        f"{by or 'somebody without a name'}'s {'yes' if approval.yes else 'no'} does not count: {why}"
        for by, approval in sorted(last.items())
        if (why := _why_not(approval, candidate, rule, now)) is not None
    )


def _why_not(approval: Approval, candidate: Candidate, rule: Approvals, now: datetime) -> str | None:
    """Why this word is no approval; None if it is one."""
    if not _named(approval.by):
        return "it has no name"
    if not _listed(approval.by, rule):
        return f"only {_listing(rule.people, 'and')} may approve"
    if (self := _self(approval.by, candidate)) and not rule.allow_self:
        return self
    if changed := _changed(approval, candidate):
        return f"since then {_listing(changed, 'and')} changed"
    if not approval.yes:
        return "it is no approval"
    # Not `>=`: a rule that is not a number lets nothing pass.
    if not (now - approval.at).total_seconds() < rule.within:
        return f"it expired{_expiry(approval, rule)}"
    return None


def _changed(approval: Approval, candidate: Candidate) -> tuple[str, ...]:
    """What is no longer what this person saw."""
    pairs = {
        "the artifact": (approval.release_digest, candidate.digest),
        "the configuration": (approval.configuration_digest, candidate.configuration_digest),
        "what the stage will do": (approval.target_digest, candidate.target_digest),
        "what is to be done to the database": (approval.data_digest, candidate.data_digest),
    }
    return tuple(what for what, (seen, now) in pairs.items() if seen != now)


def _self(name: str, candidate: Candidate) -> str | None:
    if same_person(name, candidate.author):
        return "the author cannot approve"
    if same_person(name, candidate.asked_by):
        return "who asks cannot approve"
    return None


def _listed(name: str, rule: Approvals) -> bool:
    return not rule.people or any(same_person(name, person) for person in rule.people)


def _able(candidate: Candidate, rule: Approvals, revoked: Sequence[str]) -> tuple[str, ...]:
    """Those on the list who may approve this one, each once."""
    speaking = (one for one in rule.people if _named(one) and not any(same_person(one, gone) for gone in revoked))
    return distinct(person for person in speaking if rule.allow_self or not _self(person, candidate))


def _nobody_left(candidate: Candidate, rule: Approvals, revoked: Sequence[str]) -> str | None:
    if not rule.people or len(able := _able(candidate, rule, revoked)) >= rule.needed:
        return None
    gone = [person for person in rule.people if any(same_person(person, one) for one in revoked)]
    whose = f"the word of {_listing(gone, 'and')} counts no longer, and " if gone else ""
    return (
        f"{candidate.version} needs {rule.needed} approvals, but of {_listing(rule.people, 'and')} only {len(able)} may give one: {whose}"
        f"neither the author ({candidate.author}) nor who asks ({candidate.asked_by}) can; name more people under approvals"
    )


def _who(candidate: Candidate, rule: Approvals, revoked: Sequence[str]) -> str:
    if rule.people:
        return _listing(_able(candidate, rule, revoked), "or")
    if rule.allow_self:
        return "anybody (allow_self is on: even the author may)"
    names = dict.fromkeys((candidate.author, candidate.asked_by))
    return f"anybody but {_listing(tuple(names), 'and')}"


def _expiry(approval: Approval, rule: Approvals) -> str:
    try:
        return f" at {approval.at + timedelta(seconds=rule.within):%Y-%m-%d %H:%M:%S %Z}".rstrip()
    except (OverflowError, ValueError):
        return ""


def _in_time(word: Approval) -> tuple[datetime, tuple[str, ...], bool]:
    # The rest only settles ties, so that the order in which words were read changes nothing.
    return word.at, (word.by, word.release_digest, word.configuration_digest, word.target_digest, word.comment), word.yes


def _named(name: str) -> bool:
    return same_person(name, name)


def _quoted(comment: str) -> str:
    return f": {comment.strip()}" if comment.strip() else ""


def _listing(names: Sequence[str], word: str) -> str:
    *most, last = names or ("nobody",)
    return f"{', '.join(most)} {word} {last}" if most else last
