"""May this change still board, after the cut?

It is on trunk first, has a reason, is of a kind that the present phase takes, and enough people other than whoever asks said yes lately.
What sufficed in an earlier phase may not suffice in this one: criteria tighten.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from headway.promotion.model import Objection
from headway.promotion.people import distinct, same_person
from headway.trains.going import voiding
from headway.trains.model import LateChange, Phase, Timetable, Train
from headway.trains.timetable import phase, phases

TAKES: dict[str, frozenset[str]] = {
    "any": frozenset({"feature", "fix", "blocker"}),
    "fixes": frozenset({"fix", "blocker"}),
    "blockers": frozenset({"blocker"}),
    "none": frozenset(),
}


def objections(
    timetable: Timetable, train: Train, change: LateChange, now: datetime, *, on_trunk: bool, revoked: Sequence[str] = ()
) -> tuple[Objection, ...]:
    """Everything that keeps this change off the train; empty when it may board. `revoked` are people whose word counts no longer."""
    if train.state not in {"ongoing", "held"}:
        word = "has not been cut; what is on the branch by then rides anyway" if train.state == "upcoming" else f"has {train.state}"
        return (Objection(f"{train.id} {word}", "final"),)
    now_in = present(timetable, train, now)
    found = []
    if not change.why.strip():
        found.append(Objection(f"{_short(change)} has no reason to board late"))
    if change.kind not in TAKES.get(now_in.late, frozenset()):
        found.append(Objection(f"{_short(change)} is a {change.kind}, and {now_in.name} takes {_taken(now_in)}", "final"))
    if not on_trunk:
        found.append(Objection(f"{_short(change)} is not on {timetable.branch}: what boards is on trunk first"))
    have = counted(timetable, change, now, revoked)
    if (missing := now_in.approvals - len(have)) > 0:
        given = f" ({len(have)} of {now_in.approvals}{': ' + ', '.join(have) if have else ''})"
        text = f"{_short(change)} needs {missing} more to say yes in {now_in.name}, other than {change.by}"
        reworded = f"; it was asked for in other words when {' and '.join(change.unsaid)} said yes" if change.unsaid else ""
        found.append(Objection(text + (given if now_in.approvals > 1 else "") + reworded))
    return tuple(found)


def present(timetable: Timetable, train: Train, now: datetime) -> Phase:
    """The phase whose criteria hold now: before the first begins, the first's."""
    return phase(timetable, train, now) or phases(timetable)[0]


def counted(timetable: Timetable, change: LateChange, now: datetime, revoked: Sequence[str] = ()) -> tuple[str, ...]:
    """Who said yes to it and counts: not who asked, nobody whose word counts no longer, and not for longer than the file says."""
    lately = (by for by, at in change.approved if (now - at).total_seconds() < timetable.within and by.strip())
    return distinct(by for by in lately if not any(same_person(by, one) for one in (change.by, *revoked)))


def asked(train: Train, change: LateChange) -> Train:
    """The train with a change that wants on board. A yes is to a kind and a reason: asked for with others, it needs them anew."""
    there = find(train, change.commit)
    if there is None:
        return replace(train, late=(*train.late, change))
    if (there.kind, there.why.strip()) == (change.kind, change.why.strip()):
        return train
    unsaid = distinct((*there.unsaid, *(by for by, _ in there.approved)))
    anew = replace(there, by=change.by, at=change.at, why=change.why, kind=change.kind, approved=(), unsaid=unsaid)
    return _changed(train, change.commit, lambda _: anew)


def taken_back(there: LateChange | None, asked_now: LateChange) -> tuple[str, ...]:
    """Whose yes was to other words than it is asked for in now; empty when nobody's was."""
    if there is None or not there.approved or asked_now.approved:
        return ()
    people = " and ".join(distinct(by for by, _ in there.approved))
    return (f"no longer a {there.kind}: {there.why}; the yes of {people} was to that and counts no more",)


def approved(train: Train, commit: str, by: str, at: datetime) -> Train:
    """The train with one person's yes to a late change."""

    def said(one: LateChange) -> LateChange:
        unsaid = tuple(name for name in one.unsaid if not same_person(name, by))
        return replace(one, approved=(*one.approved, (by, at)), unsaid=unsaid)

    return _changed(train, commit, said)


def boarded(train: Train, commit: str, release: str, at: datetime) -> Train:
    """The train with the change on board, as another release."""
    riding = replace(_changed(train, commit, lambda one: replace(one, boarded=at, ejected=None)), release=release)
    return voiding(riding, f"{commit[:10]} boarded")


def ejected(train: Train, commits: Sequence[str], release: str | None, why: str) -> Train:
    """The train without these changes; they ride the next."""
    gone = replace(train, release=release)
    for commit in commits:
        gone = _changed(gone, commit, lambda one: replace(one, ejected=why, boarded=None))
    return voiding(gone, f"{', '.join(one[:10] for one in commits)} {'was' if len(commits) == 1 else 'were'} ejected")


def find(train: Train, commit: str) -> LateChange | None:
    """The late change of that commit, by its id or the start of it."""
    return next((one for one in train.late if len(commit) >= 7 and one.commit.startswith(commit)), None)


def aboard(train: Train) -> tuple[LateChange, ...]:
    """The late changes that ride."""
    return tuple(one for one in train.late if one.boarded is not None)


def _changed(train: Train, commit: str, change: Callable[[LateChange], LateChange]) -> Train:
    return replace(train, late=tuple(change(one) if one.commit == commit else one for one in train.late))


def _taken(of: Phase) -> str:
    return {"any": "anything", "fixes": "fixes and blockers", "blockers": "only what blocks the departure"}.get(of.late, "nothing any more")


def _short(change: LateChange) -> str:
    return change.commit[:10]
