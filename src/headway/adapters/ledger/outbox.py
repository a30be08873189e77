"""Notices written with a record and not yet delivered."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, select, update

from headway.adapters.ledger.codec import decode, plain
from headway.adapters.ledger.database import Database
from headway.adapters.ledger.schema import outbox
from headway.ports import Notice

TAKEN_FOR = timedelta(seconds=60)
"""A notice that was handed out is not handed out again for so long: another replica would deliver it a second time."""


class LedgerOutbox:
    """`ports.Outbox`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime, most: int) -> Sequence[tuple[int, Notice, int]]:
        """Number, notice, tries so far. Whoever gets one says `delivered` or `failed` within a minute, or it comes again."""
        ready = and_(outbox.c.due <= now, outbox.c.delivered.is_(None))
        with self._database.reading() as on:
            if on.execute(select(outbox.c.number).where(ready).limit(1)).first() is None:
                return ()
        query = select(outbox).where(ready).order_by(outbox.c.due, outbox.c.number).limit(most)
        with self._database.writing() as on:
            rows = on.execute(query.with_for_update(skip_locked=True)).all()
            taken = outbox.c.number.in_([row.number for row in rows])
            on.execute(update(outbox).where(taken).values(due=now + TAKEN_FOR))
        return tuple((row.number, decode(Notice, row.record), row.tries) for row in rows)

    def delivered(self, number: int, now: datetime) -> None:
        with self._database.writing() as on:
            on.execute(update(outbox).where(outbox.c.number == number).values(due=None, delivered=now))

    def failed(self, number: int, why: str, again: datetime | None) -> None:
        values = {"due": again, "tries": outbox.c.tries + 1, "trouble": plain(why)}
        with self._database.writing() as on:
            on.execute(update(outbox).where(outbox.c.number == number, outbox.c.delivered.is_(None)).values(values))
