"""What is live in a place, what was before, and the generation that rises with every rollout.

`before` is where a rollback would go. After a promotion that is what was live until then. After a rollback it is what had
been live before the workload that came back, as recorded when that one last went live, leaving out the workload that was
just rolled back and the one that is live again; if nothing is known, there is no way further back. So a rollback never leads to what was
rolled back last, and a rollback of a rollback goes one release further into the past.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, insert, select, update

from headway.adapters.ledger.codec import decode, encode
from headway.adapters.ledger.prepared import Batch, Direct, Prepared, unless_there
from headway.adapters.ledger.schema import IS_ACTIVE, lives, passed, places, rollouts
from headway.environments.model import Place
from headway.errors import Contradiction
from headway.ports import PlaceRecord
from headway.promotion.model import Passed
from headway.rollout.model import Kind, Rollout, Workload

_LIVE = lives.alias("live_there")
_BEFORE = lives.alias("before_that")


def at(table: Table | Any) -> ColumnElement[bool]:
    """The rows of one place, which `here` names."""
    return and_(table.c.service == bindparam("of_service"), table.c.environment == bindparam("of_environment"))


def here(place: Place) -> dict[str, object]:
    """What `at` asks for."""
    return {"of_service": place.service, "of_environment": place.environment}


_PLACE = Prepared(
    select(
        places.c.generation,
        _LIVE.c.record.label("live"),
        _LIVE.c.release.label("live_release"),
        _BEFORE.c.record.label("before"),
        _BEFORE.c.release.label("before_release"),
        select(rollouts.c.id).where(at(rollouts), IS_ACTIVE).scalar_subquery().label("active"),
    )
    .outerjoin(_LIVE, and_(at(_LIVE), _LIVE.c.generation == places.c.live))
    .outerjoin(_BEFORE, and_(at(_BEFORE), _BEFORE.c.generation == places.c.before))
    .where(at(places))
)
_GENERATION = Prepared(select(places.c.generation).where(at(places)))
_NEXT = Prepared(update(places).where(at(places), places.c.generation == bindparam("last")).values(generation=bindparam("next")))
_FIRST = Prepared(insert(places).inline())
_UNLESS_THERE = unless_there(places, "service", "environment")
_WENT_LIVE = Prepared(update(places).where(at(places)).values(live=bindparam("live_now"), before=bindparam("before_now")))
_LIVES = Prepared(select(places.c.live, places.c.before).where(at(places)))
_LIFE = Prepared(select(lives).where(at(lives), lives.c.generation == bindparam("of_generation")))
_LAST_LIFE = Prepared(
    select(lives).where(at(lives), lives.c.workload == bindparam("of_workload")).order_by(lives.c.generation.desc()).limit(1)
)
_LIVED = Prepared(insert(lives).inline())
_PASSED = Prepared(insert(passed).inline())


def read(on: Connection | Direct, place: Place) -> PlaceRecord:
    """What the ledger knows of a place; a place nobody has been to has generation 0."""
    row = _PLACE.one(on, here(place))
    if row is None:  # whoever is active took a generation, and so made the row
        return PlaceRecord(place)
    live, before = (_workload(text) if text else None for text in (row.live, row.before))
    return PlaceRecord(place, row.generation, live, row.live_release, before, row.before_release, row.active)


@lru_cache(maxsize=200)
def _workload(text: str) -> Workload:
    """What is live is read in every turn, and is the same for weeks."""
    return decode(Workload, text)


def start(on: Connection | Direct, rollout: Rollout, batch: Batch | None = None) -> None:
    """Take the next generation of the place for this rollout, or find out that somebody else did."""
    there, last = here(rollout.place), rollout.generation - 1
    taken = {**there, "last": last, "next": rollout.generation}
    if batch is not None and last == 0:
        _FIRST.sent(on, {"service": rollout.place.service, "environment": rollout.place.environment, "generation": 1}, batch)
        return
    if batch is not None:
        _NEXT.sent(on, taken, batch)
        return
    if _NEXT.change(on, taken):
        return
    place = {"service": rollout.place.service, "environment": rollout.place.environment}
    if last == 0 and _UNLESS_THERE[on.dialect.name].change(on, {**place, "generation": 1}):
        return
    row = _GENERATION.one(on, there)
    found = 0 if row is None else row.generation
    raise Contradiction(
        f"{rollout.id} would be generation {rollout.generation} of {rollout.place}, which is at {found}; expected {found + 1}: look again"
    )


def complete(on: Connection | Direct, rollout: Rollout, now: datetime) -> None:
    """The new workload is live; its artifact has passed here."""
    if rollout.plan is None:
        raise Contradiction(f"{rollout.id} cannot be completed: it has no plan, so nobody knows what is live in {rollout.place}")
    place, new = rollout.place, rollout.plan.new
    _live(on, rollout, new, _before(on, rollout, new))
    if rollout.trial is not None or rollout.kind is Kind.ADOPTION:
        return  # that something ran before Headway came proves nothing to the stages after this one
    good = Passed(rollout.release, new.digest, place.environment, "rollout", True, now, by=rollout.asked_by)
    _PASSED.change(on, {"service": place.service, "digest": new.digest, "record": encode(good)})


def remain(on: Connection | Direct, rollout: Rollout) -> None:
    """The new workload is what answers, though nobody wanted it to: it has passed nothing, and before it was what did not come back."""
    assert rollout.plan is not None, "who has the traffic has a plan"
    _live(on, rollout, rollout.plan.new, _LIVES.one(on, here(rollout.place)).live)


def _live(on: Connection | Direct, rollout: Rollout, new: Workload, before: int | None) -> None:
    place = rollout.place
    life = {"generation": rollout.generation, "release": rollout.release, "workload": new.name, "record": encode(new), "before": before}
    _LIVED.change(on, {"service": place.service, "environment": place.environment, **life})
    _WENT_LIVE.change(on, {**here(place), "live_now": rollout.generation, "before_now": before})


def _before(on: Connection | Direct, rollout: Rollout, new: Workload) -> int | None:
    now = _LIVES.one(on, here(rollout.place))
    live = _life(on, rollout.place, now.live)
    if live is not None and live.workload == new.name:
        # The same workload again: what was before it still is.
        return now.before  # type: ignore[no-any-return]
    if rollout.kind is Kind.PROMOTION:
        return now.live  # type: ignore[no-any-return]
    skip = {new.name, live.workload if live is not None else new.name}
    found = _last_life(on, rollout.place, new)
    while found is not None and found.workload in skip:
        found = _life(on, rollout.place, found.before)
    return None if found is None else int(found.generation)


def _life(on: Connection | Direct, place: Place, generation: int | None) -> Any:
    if generation is None:
        return None
    return _LIFE.one(on, {**here(place), "of_generation": generation})


def _last_life(on: Connection | Direct, place: Place, workload: Workload) -> Any:
    return _LAST_LIFE.one(on, {**here(place), "of_workload": workload.name})
