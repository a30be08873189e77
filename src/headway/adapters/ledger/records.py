"""Reading the record, for deciding and for showing."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, text

from headway.adapters.ledger import chain, places
from headway.adapters.ledger.codec import FORMAT, Unreadable, decode_rollout
from headway.adapters.ledger.database import Database
from headway.adapters.ledger.prepared import Prepared
from headway.adapters.ledger.rollouts import NEWER
from headway.adapters.ledger.schema import events, rollouts
from headway.environments.model import Place
from headway.ports import PlaceRecord, Recorded, Standing, Tallied
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import ENDED, Phase

_STANDING = Prepared(select(rollouts).where(rollouts.c.id == bindparam("this")))
_NEWEST = select(rollouts).order_by(rollouts.c.created.desc(), rollouts.c.id.desc()).limit(bindparam("most"))
_OVER = ", ".join(f"'{phase.value}'" for phase in sorted(ENDED, key=lambda phase: phase.value))
_UNENDED = text(f"phase not in ({_OVER})")
# By whether a place is asked for, and whether those that ended are.
_STANDINGS = {
    (False, True): Prepared(_NEWEST),
    (False, False): Prepared(_NEWEST.where(_UNENDED)),
    (True, True): Prepared(_NEWEST.where(places.at(rollouts))),
    (True, False): Prepared(_NEWEST.where(places.at(rollouts), _UNENDED)),
}

_EVENTS = Prepared(select(events).order_by(events.c.id.desc()).limit(bindparam("most")))
_EVENTS_OF = Prepared(select(events).where(events.c.stream == bindparam("this")).order_by(events.c.number.desc()).limit(bindparam("most")))
_WAITING = Prepared(
    select(rollouts.c.id)
    .where(rollouts.c.service == bindparam("of_service"), rollouts.c.phase == Phase.PENDING.value)
    .order_by(rollouts.c.created, rollouts.c.id)
)

_TALLY = (
    select(rollouts.c.environment, rollouts.c.phase, func.count().label("number"), func.min(rollouts.c.created).label("oldest"))
    .where(_UNENDED)
    .group_by(rollouts.c.environment, rollouts.c.phase)
    .order_by(rollouts.c.environment, rollouts.c.phase)
)


class LedgerRecords:
    """`ports.Records`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, place: Place) -> PlaceRecord:
        with self._database.looking() as on:
            return places.read(on, place)

    def standing(self, id: str) -> Standing | None:
        with self._database.looking() as on:
            row = _STANDING.one(on, {"this": id})
        return None if row is None else _standing(row)

    def standings(self, *, place: Place | None = None, ended: bool = True, most: int = 200) -> Sequence[Standing]:
        query = _STANDINGS[place is not None, ended]
        given = {"most": most} | (places.here(place) if place is not None else {})
        with self._database.looking() as on:
            rows = query.all(on, given)
        return tuple(_standing(row) for row in rows)

    def tally(self) -> Sequence[Tallied]:
        with self._database.reading() as on:
            rows = on.execute(_TALLY).all()
        return tuple(Tallied(row.environment, row.phase, row.number, row.oldest) for row in rows)

    def waiting(self, service: str) -> Sequence[str]:
        with self._database.looking() as on:
            rows = _WAITING.all(on, {"of_service": service})
        return tuple(row.id for row in rows)

    def events(self, id: str | None = None, most: int = 1000) -> Sequence[Recorded]:
        """Oldest first; where there are more than `most`, the latest of them."""
        query, given = (_EVENTS, {"most": most}) if id is None else (_EVENTS_OF, {"most": most, "this": id})
        with self._database.looking() as on:
            return tuple(chain.recorded(row) for row in reversed(query.all(on, given)))

    def verify(self) -> Sequence[str]:
        with self._database.snapshot() as on:
            return tuple(chain.faults(on))


def _standing(row: Any) -> Standing:
    try:
        return Standing(decode_rollout(row.record, row.format), row.why, row.due, row.updated)
    except Unreadable as error:
        return Standing(_outline(row, str(error)), NEWER, None, row.updated)


def _outline(row: Any, why: str) -> Rollout:
    """What the columns tell of a record that only a newer Headway can read: shown as parked, for a person has to act."""
    return Rollout(
        id=row.id,
        place=Place(row.service, row.environment),
        release=row.release,
        kind=Kind.ROLLBACK if row.kind == Kind.ROLLBACK.value else Kind.PROMOTION,
        asked_by=row.asked_by,
        created=row.created,
        phase=Phase.PARKED,
        generation=row.generation,
        turn=row.turn,
        reasons=(NEWER, why),
        format=max(row.format, FORMAT),
    )
