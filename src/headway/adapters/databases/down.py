"""Down: by the ledger's own SQL, never by a file that may have changed, and never over data that nobody has given up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from headway.adapters.databases.patience import patiently
from headway.adapters.databases.store import Busy, Session, Store
from headway.errors import Failed, Refused
from headway.migration.changes import changes
from headway.migration.files import down_of
from headway.migration.model import UNFINISHED, Row, Script, State
from headway.migration.rollback import Counted, down_losses, down_objections, loss_objections


@dataclass(frozen=True, slots=True)
class TakenDown:
    """One migration that is gone, and what went with it."""

    row: Row
    lost: tuple[Counted, ...]


def down(
    store: Store,
    steps: int,
    now: Callable[[], datetime],
    *,
    accept_loss: bool = False,
    tries: int = 5,
    pause: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[TakenDown, ...]:
    """Take the newest `steps` migrations back, newest first. What it would destroy is counted first and must be accepted."""
    with store.session() as session:
        taking = _Taking(session, store, now, accept_loss)
        wanted = taking.wanted(steps)
        return tuple(TakenDown(row, patiently(partial(taking.down, row), tries, pause, sleep)) for row in reversed(wanted))


class _Taking:
    def __init__(self, session: Session, store: Store, now: Callable[[], datetime], accept_loss: bool) -> None:
        self._session = session
        self._dialect = store.address.dialect
        self._now = now
        self._accept = accept_loss

    def wanted(self, steps: int) -> Sequence[Row]:
        """The rows that go, unless something speaks against any of them."""
        rows = self._session.rows()
        wanted = rows[max(len(rows) - steps, 0) :]
        running = [f"{row.title} was begun and not finished: look at `headway migrate repair`" for row in rows if row.state in UNFINISHED]
        if said := (*running, *down_objections(rows, wanted)):
            raise Refused("nothing was taken down", said)
        if not self._accept:
            self._refuse([text for row in reversed(wanted) for text in (*loss_objections(row, self._counted(row)), *self._unclear(row))])
        return wanted

    @staticmethod
    def _refuse(said: Sequence[str]) -> None:
        if said:
            raise Refused("nothing was taken down; with --accept-data-loss it would be", said)

    def _counted(self, row: Row, *, lock: bool = False) -> tuple[Counted, ...]:
        return tuple(Counted(loss, self._session.count(loss, lock=lock)) for loss in down_losses(row, self._dialect))

    def _unclear(self, row: Row) -> list[str]:
        found = changes(self._script(row), self._dialect) if row.down is not None else ()
        return [
            f"{row.title} {one.what}: what that destroys cannot be counted" for one in found if one.unclear or "drops schema" in one.what
        ]

    def _script(self, row: Row) -> Script:
        assert row.down is not None
        return down_of(row.down, row.title, self._dialect)

    def down(self, row: Row) -> tuple[Counted, ...]:
        if row.down is None:  # a backfill changed rows, and nothing of the schema: only its row goes
            with self._session.transaction([]):
                self._session.forget(row.version)
            return ()
        script = self._script(row)
        return self._in_transaction(row, script) if script.transaction else self._alone(row, script)

    def _in_transaction(self, row: Row, script: Script) -> tuple[Counted, ...]:
        with self._session.transaction([script]):
            # Counted again, with the tables locked: a row that came in since the first count is not lost unseen.
            counted = self._counted(row, lock=not self._accept)
            if not self._accept:
                self._refuse(loss_objections(row, counted))
            self._session.run(script, f"the way down of {row.title}")
            self._session.settle()
            self._session.forget(row.version)
        return counted

    def _alone(self, row: Row, script: Script) -> tuple[Counted, ...]:
        counted = self._counted(row)
        self._session.mark(replace(row, state=State.REVERTING, at=self._now()))
        try:
            self._session.alone(script, f"the way down of {row.title}")
        except (Busy, Failed, Refused):
            self._session.mark(row)
            raise
        self._session.forget(row.version)
        return counted
