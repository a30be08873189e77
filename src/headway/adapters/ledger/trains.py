"""Trains and hotfixes: one row each, with a revision that fences whoever read an older one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from headway.adapters.ledger import chain
from headway.adapters.ledger.codec import decode, encode
from headway.adapters.ledger.database import Database
from headway.adapters.ledger.prepared import Prepared
from headway.adapters.ledger.schema import hotfixes, outbox, trains
from headway.errors import Fenced, Refused
from headway.ports import Event, Kept, Notice
from headway.trains.model import Hotfix, Train
from headway.trains.timetable import track

_HOTFIXES = Prepared(
    select(hotfixes.c.record, hotfixes.c.revision)
    .where(hotfixes.c.service == bindparam("of_service"))
    .order_by(hotfixes.c.at.desc(), hotfixes.c.id)
    .limit(bindparam("most"))
)


class LedgerTrains:
    """`ports.Trains`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, train: Train | Hotfix, revision: int | None, events: Sequence[Event], notices: Sequence[Notice] = ()) -> None:
        stream = f"{'train' if isinstance(train, Train) else 'hotfix'}:{train.id}"
        with self._database.writing() as on:
            self._put(on, train, revision)
            chain.append(on, stream, events)
            letters = [{"rollout": stream, "record": encode(notice), "due": events[-1].at, "tries": 0} for notice in notices]
            if letters:
                on.execute(insert(outbox), letters)

    def trains(self, service: str, most: int = 100) -> Sequence[Kept]:
        query = select(trains).where(trains.c.service == service).order_by(trains.c.departs.desc(), trains.c.id).limit(most)
        with self._database.reading() as on:
            return tuple(Kept(decode(Train, row.record), row.revision) for row in on.execute(query))

    def hotfixes(self, service: str, most: int = 100) -> Sequence[Kept]:
        with self._database.looking() as on:
            rows = _HOTFIXES.all(on, {"of_service": service, "most": most})
        return tuple(Kept(decode(Hotfix, row.record), row.revision) for row in rows)

    def _put(self, on: Connection, train: Train | Hotfix, revision: int | None) -> None:
        table, row = _row(train)
        try:
            if revision is None:
                on.execute(insert(table).values(**row, revision=1))
                return
            same = table.c.id == train.id, table.c.revision == revision
            if not on.execute(update(table).where(*same).values(**row, revision=revision + 1)).rowcount:
                raise Fenced(f"{train.id} has moved on since it was read: look again")
        except IntegrityError as error:
            raise Refused(f"{train.id} cannot be kept so", (f"{train.service} has a train there already",)) from error


def _row(train: Train | Hotfix) -> tuple[Table, dict[str, Any]]:
    common = {"id": train.id, "service": train.service, "record": encode(train)}
    if isinstance(train, Train):
        return trains, {**common, "timetable": train.timetable, "departs": train.departs, "track": track(train)}
    return hotfixes, {**common, "at": train.at}
