"""Do those who must say go say it, and for what rides now?

A go is for what rode when it was said. What boards afterwards, is thrown out or is cut anew voids it, also where that leads back to what
rode before: whoever said go did not see the way there. A no-go stands until its person says go.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from headway.promotion.model import Objection
from headway.promotion.people import distinct, same_person
from headway.trains.model import Call, Timetable, Train


def go_objections(timetable: Timetable, train: Train, revoked: Sequence[str] = ()) -> tuple[Objection, ...]:
    """Whether those who say go have said it for what rides; one no-go keeps the train until its person says go."""
    speaking = [call for call in last_words(train) if _speaks(call.by, timetable, revoked)]
    against = tuple(Objection(f"{call.by} says no-go{': ' + call.why if call.why else ''}") for call in speaking if not call.go)
    lapsed = [why for call in speaking if (why := void(train, call))]
    going = distinct(call.by for call in speaking if call.go and not void(train, call))
    if len(going) >= timetable.go_needed:
        return against
    who = ", ".join(timetable.go_people) or "anybody"
    waits = f"{train.id} waits for {timetable.go_needed - len(going)} more to say go: {who}"
    return (*against, Objection("; ".join((waits, *lapsed))))


def called(train: Train, by: str, at: datetime, go: bool, why: str = "") -> Train:
    """The train with somebody's go or no-go for what rides now."""
    return replace(train, calls=(*train.calls, Call(by, at, go, why, train.release or "", rides(train))))


def void(train: Train, call: Call) -> str | None:
    """Why this go counts no longer, in words; None while it does, and for a no-go."""
    if not call.go:
        return None
    if not call.rides:
        return f"{call.by}'s go was given before it was noted for what"
    if call.void:
        return f"{call.by}'s go was for {call.release}, before {call.void}"
    return None if call.rides == rides(train) else f"{call.by}'s go was for {call.release}, which is not what rides"


def last_words(train: Train) -> list[Call]:
    """Everybody's last word; of two at one moment, the no-go."""
    last: dict[str, Call] = {}
    for call in sorted(train.calls, key=lambda one: (one.at, not one.go)):
        name = next((known for known in last if same_person(known, call.by)), call.by)
        last[name] = call
    return list(last.values())


def voiding(train: Train, what: str) -> Train:
    """The train after something boarded or was thrown out: what was said of it before is void."""
    return replace(train, calls=tuple(replace(call, void=call.void or what) if call.go else call for call in train.calls))


def voided(before: Train, after: Train) -> tuple[tuple[str, str], ...]:
    """Whose go counted before and does not any more, with why."""
    standing = [call for call in last_words(before) if call.go and not void(before, call)]
    now = {call.by: why for call in last_words(after) if (why := void(after, call))}
    return tuple((call.by, now[call.by]) for call in standing if call.by in now)


def rides(train: Train) -> str:
    """The mark of what rides: where it was cut, as which release, and what boarded in which order."""
    boarded = sorted((one.boarded, one.commit) for one in train.late if one.boarded is not None)
    passengers = (train.commit or "", train.release or "", *(commit for _, commit in boarded))
    mark = sha256("\n".join(passengers).encode(errors="replace")).hexdigest()
    return f"sha256:{mark}"


def _speaks(by: str, timetable: Timetable, revoked: Sequence[str]) -> bool:
    listed = not timetable.go_people or any(same_person(by, name) for name in timetable.go_people)
    return listed and bool(by.strip()) and not any(same_person(by, name) for name in revoked)
