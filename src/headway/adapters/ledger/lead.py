"""Which of several servers on one PostgreSQL does what only one of them may: follow branches, run trains, send notices.

A lease in a row, like a rollout's: who is stopped or cut off loses it by itself. Turning rollouts needs no lead; they have leases of
their own.
"""

import json
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from headway.adapters.ledger.database import Database, insert_new
from headway.adapters.ledger.schema import EPOCH, MICROSECOND, settings

KEY = "lead"
LASTS = timedelta(seconds=10)


class LedgerLead:
    """The lead, as one server sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone = database.is_sqlite
        """One server has the file, and its home's lock says so already."""

    def take(self, host: str, now: datetime) -> bool:
        """Whether this host leads, taking the lead if it is free. Writes only when more than half of the lease is over."""
        if self._alone:
            return True
        with self._database.reading() as on:
            found = on.execute(select(settings.c.value).where(settings.c.key == KEY)).scalar_one_or_none()
        holder, until = _read(found)
        if holder != host and now < until:
            return False
        if holder == host and until - now > LASTS / 2:
            return True
        mine = json.dumps({"host": host, "until": (now + LASTS - EPOCH) // MICROSECOND})
        with self._database.writing() as on:
            if found is None:
                return insert_new(on, settings, {"key": KEY, "value": mine}, "key")
            # Only if nobody was quicker.
            return bool(on.execute(update(settings).where(settings.c.key == KEY, settings.c.value == found).values(value=mine)).rowcount)

    def give_up(self, host: str) -> None:
        """Let another server have it at once."""
        if self._alone:
            return
        with self._database.writing() as on:
            found = on.execute(select(settings.c.value).where(settings.c.key == KEY)).scalar_one_or_none()
            if _read(found)[0] == host:
                on.execute(delete(settings).where(settings.c.key == KEY, settings.c.value == found))


def _read(value: str | None) -> tuple[str | None, datetime]:
    if value is None:
        return None, EPOCH
    lead = json.loads(value)
    return str(lead["host"]), EPOCH + int(lead["until"]) * MICROSECOND
