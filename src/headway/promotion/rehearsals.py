"""What was found out about a release's migrations on a clone, and whether people may approve them.

A rehearsal speaks for exactly the ledger, the files and the releases that it was about. Where any of them is another, it says nothing.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from headway.environments.model import Database
from headway.migration.shipping import Shipping
from headway.promotion.model import Candidate, Objection, Rehearsal


def subject(shipping: Shipping, lives: Iterable[str]) -> str:
    """What a rehearsal of this is about; `lives` are the workloads that run on the database."""
    how: Database = shipping.database
    told = repr((shipping.subject, sorted(lives), how.lint, how.rehearse, how.old_release, how.setting))
    return sha256(told.encode()).hexdigest()


def last(about: str, said: Iterable[object]) -> Rehearsal | None:
    """The newest rehearsal of this subject; how it ended, once it has."""
    mine = (one for one in said if isinstance(one, Rehearsal) and one.subject == about)
    return max(mine, key=lambda one: (one.number, one.state != "asked"), default=None)


def objections(candidate: Candidate, shipping: Shipping, about: str, said: Iterable[object]) -> tuple[Objection, ...]:
    """Why nobody can approve this yet; empty once it was rehearsed."""
    titles = ", ".join(one.title for one in (shipping.apply or shipping.fill))
    found = last(about, said)
    match found.state if found is not None else None:
        case "passed":
            return ()
        case None:
            text = f"what {candidate.version} does to {shipping.where} was not rehearsed yet: {titles}"
        case "asked":
            text = f"the rehearsal of {titles} runs"
        case "failed":
            text = f"the rehearsal of {titles} failed: {_of(found)}; to have it run again: headway rehearse"
        case _:  # trouble on our side is no evidence, neither way
            text = f"the rehearsal of {titles} has no answer yet: {_of(found)}"
    return (Objection(text),)


def sentences(found: Rehearsal | None) -> tuple[str, ...]:
    """What is known, for those who are to approve."""
    if found is None:
        return ()
    ended = f" on {found.at:%Y-%m-%d %H:%M} UTC" if found.state != "asked" else ""
    return (f"{'runs' if found.state == 'asked' else found.state}{ended}{': ' if found.text else ''}{found.text}", *found.notes)


def _of(found: Rehearsal | None) -> str:
    if found is None:
        return "nobody knows why"
    log: Sequence[str] = (f"(log: {found.log})",) if found.log else ()
    return " ".join((found.text or "it said nothing", *log))
