"""The environments of branches: one row each, kept when it has ended."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, and_, select, update

from headway.adapters.ledger.chain import append
from headway.adapters.ledger.codec import decode, encode
from headway.adapters.ledger.database import Database, put
from headway.adapters.ledger.schema import IS_ACTIVE, branched, places, rollouts
from headway.environments.branches import BranchEnvironment, State
from headway.environments.model import Place
from headway.errors import Contradiction
from headway.ports import Event


class LedgerBranched:
    """`ports.Branched`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, one: BranchEnvironment, event: Event) -> None:
        place = one.place
        row = {"service": place.service, "environment": place.environment, "state": one.state.value, "created": one.created}
        with self._database.writing() as on:
            if one.state is State.LEAVING:
                _vacate(on, place)
            put(on, branched, {**row, "record": encode(one)}, "service", "environment")
            append(on, f"environment:{place.service}/{place.environment}", (event,))

    def get(self, place: Place) -> BranchEnvironment | None:
        with self._database.reading() as on:
            text = on.execute(select(branched.c.record).where(_at(branched, place))).scalar_one_or_none()
        return None if text is None else decode(BranchEnvironment, text)

    def all(self, service: str | None = None) -> Sequence[BranchEnvironment]:
        query = select(branched.c.record).where(branched.c.state != State.ENDED.value)
        query = query.order_by(branched.c.created, branched.c.service, branched.c.environment)
        if service is not None:
            query = query.where(branched.c.service == service)
        with self._database.reading() as on:
            return tuple(decode(BranchEnvironment, text) for text in on.execute(query).scalars())


def _vacate(on: Connection, place: Place) -> None:
    """Nothing is live there; the next generation fences whoever acted there before, such as one that would put in order what is gone."""
    active = on.execute(select(rollouts.c.id).where(_at(rollouts, place), IS_ACTIVE)).scalar_one_or_none()
    if active is not None:
        raise Contradiction(f"{place} cannot be vacated: {active} is active there")
    gone = {"generation": places.c.generation + 1, "live": None, "before": None}
    on.execute(update(places).where(_at(places, place)).values(**gone))


def _at(table: Table, place: Place) -> ColumnElement[bool]:
    return and_(table.c.service == place.service, table.c.environment == place.environment)
