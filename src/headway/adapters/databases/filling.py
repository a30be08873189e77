"""Backfills: rows changed in batches by key, each batch its own transaction together with how far it came."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from headway.adapters.databases.patience import patiently
from headway.adapters.databases.store import Session, Store
from headway.adapters.databases.verify import check
from headway.errors import Refused
from headway.migration.model import Backfill, Migration, Progress, Script
from headway.migration.status import compare, objections

Tell = Callable[[Migration, Progress], None]


def fill(
    store: Store,
    migrations: Sequence[Migration],
    tell: Tell = lambda _one, _progress: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Progress, ...]:
    """Finish every backfill of the applied files, each from where it stopped."""
    with store.session() as session:
        status = compare(migrations, session.rows(), session.progress())
        # Files that are merely not yet applied do not matter here; anything else that is odd does.
        if said := objections(status):
            raise Refused(f"{store.address.where} cannot be filled", said)
        return tuple(_filled(session, store, one, tell, sleep, clock) for one in status.unfilled)


def _filled(
    session: Session, store: Store, one: Migration, tell: Tell, sleep: Callable[[float], None], clock: Callable[[], float]
) -> Progress:
    assert one.backfill is not None
    progress = session.progress().get(one.version) or Progress(one.version, None, 0, done=False)
    while not progress.done:
        started = clock()
        before = progress
        progress = patiently(partial(_batch, session, store, one, before), 5, 1.0, sleep)
        tell(one, progress)
        if not progress.done:
            sleep(_rest(one.backfill, progress.rows - before.rows, clock() - started))
    return progress


def _batch(session: Session, store: Store, one: Migration, before: Progress) -> Progress:
    assert one.backfill is not None
    with session.transaction([Script(one.backfill.sql, one.backfill.line)]):
        keys = session.next_batch(one.backfill, before.cursor)
        if keys:
            session.fill(one.backfill, keys[0], keys[-1], one.file)
            after = Progress(one.version, keys[-1], before.rows + len(keys), done=False)
        else:
            check(session, one.filled, one.file, store.address.dialect)
            after = Progress(one.version, before.cursor, before.rows, done=True)
        session.settle()
        session.advance(after)
    return after


def _rest(backfill: Backfill, rows: int, took: float) -> float:
    """How long to leave the database alone: the pause, and what keeps the rate."""
    wanted = rows / backfill.rate - took if backfill.rate else 0.0
    return max(wanted, backfill.pause, 0.0)
