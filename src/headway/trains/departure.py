"""What should become of this train now: cut, wait, depart, or what the file says of a train that is not good to go?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from headway.promotion.model import Objection
from headway.trains.late import aboard
from headway.trains.model import ENDED, Timetable, Train
from headway.trains.timetable import cut_of, next_departure


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before then."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut the branch: what is on it now rides."""


@dataclass(frozen=True, slots=True)
class Depart:
    """Into the pipeline with it."""


@dataclass(frozen=True, slots=True)
class Eject:
    """Throw these late changes out and look again."""

    commits: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """It does not leave on time: `held`, `slipped` or `cancelled`, and why."""

    state: str
    why: tuple[str, ...]


Move = Wait | Cut | Depart | Eject | Miss
SOON = timedelta(minutes=1)


def scheduled(timetable: Timetable, trains: Sequence[Train], now: datetime) -> Train | None:
    """The train that the timetable now needs: one upcoming at most, and never one that departed, slipped or was cancelled before."""
    if any(train.state == "upcoming" for train in trains):
        return None
    known = [train.departs for train in trains if train.timetable == timetable.name]
    after = max([now, *known])
    departs = next_departure(timetable, after)
    return Train(timetable.name, timetable.service, departs, cut_of(timetable, departs), carried=carried(timetable, trains))


def decide(timetable: Timetable, train: Train, against: Sequence[Objection], now: datetime, *, others: Sequence[Train] = ()) -> Move:
    """The next move. `against` is everything that keeps the train from departing, but for the time; `others` the service's other trains."""
    if train.state in ENDED:
        return Wait(now + timedelta(days=366), f"it has {train.state}")
    if train.state == "upcoming":
        return _boarding(train, now, others)
    if now < train.departs:
        return Wait(train.departs, "; ".join(one.text for one in against) or f"good to go; departs {train.departs:%a %Y-%m-%d %H:%M %Z}")
    if train.release is not None and not against:
        return Depart()
    why = tuple(one.text for one in against) or ("nothing rides",)
    return _missed(timetable, train, why, now)


def _boarding(train: Train, now: datetime, others: Sequence[Train]) -> Move:
    if now < train.cuts:
        return Wait(train.cuts, f"is cut {train.cuts:%a %Y-%m-%d %H:%M %Z}")
    ahead = next((one for one in others if one.id != train.id and one.state in {"ongoing", "held"}), None)
    if now >= train.departs:
        late = f"{ahead.id} was still under way" if ahead else "it had not been cut: nobody was there to"
        return Miss("slipped", (f"{late} when it should have departed",))
    if ahead is None:
        return Cut()
    return Wait(min(train.departs, now + SOON), f"waits for {ahead.id}, which is still under way")


def _missed(timetable: Timetable, train: Train, why: tuple[str, ...], now: datetime) -> Move:
    match timetable.missed:
        case "cancel":
            return Miss("cancelled", why)
        case "slip":
            return Miss("slipped", why)
        case "eject" if riding := aboard(train):
            return Eject(tuple(one.commit for one in riding), why)
        case _:
            # Held, and a train that has nobody left to throw out is held as well: but never for longer than the file says.
            if now - train.departs >= timedelta(seconds=timetable.grace):
                return Miss("slipped", (*why, f"held for {timetable.grace:g} s, and no longer"))
            until = min(now + SOON, train.departs + timedelta(seconds=timetable.grace))
            return Wait(until, "; ".join(why)) if train.state == "held" else Miss("held", why)


def ended(train: Train, move: Miss | Depart, now: datetime) -> Train:
    """The train after it departed, or missed."""
    match move:
        case Depart():
            return replace(train, state="departed", departed=now)
        case Miss("held", why):
            return replace(train, state="held", reasons=(*train.reasons, *why))
        case Miss("slipped", why):
            return replace(train, state="slipped", reasons=(*train.reasons, *why))
        case Miss("cancelled", why):
            return replace(train, state="cancelled", reasons=(*train.reasons, *why))
        case Miss():
            raise ValueError(f"a train that misses is held, slipped or cancelled, not {move.state}")
        case _:
            assert_never(move)


def carried(timetable: Timetable, trains: Sequence[Train]) -> tuple[str, ...]:
    """What the train before did not take: all of a train that slipped or was cancelled, and what was ejected. Known once that is over."""
    mine = [train for train in trains if train.timetable == timetable.name and train.state in ENDED]
    if not mine:
        return ()
    before = max(mine, key=lambda train: train.departs)
    thrown = tuple(one.commit for one in before.late if one.ejected is not None)
    whole = (before.commit,) if before.commit and before.state != "departed" else ()
    return tuple(dict.fromkeys((*whole, *thrown)))
