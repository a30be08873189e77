"""The real ledger under the simulation: the laws read its tables, and every write is a point where a server may die."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from headway.adapters.ledger import Ledger, schema
from headway.adapters.ledger.chain import recorded
from headway.adapters.ledger.codec import decode, decode_rollout
from headway.errors import Unavailable
from headway.ports import Clock, Recorded
from headway.promotion.model import Approval, Passed, Quarantine
from headway.releases.model import Release

WRITES = frozenset({"add", "claim", "save", "signal"})
"""Of these a turn consists, as far as the ledger is concerned."""


@dataclass
class DatabaseTables:
    """What testing.tables.Tables shows of the memory ledger, read from a database's tables."""

    ledger: Ledger
    clock: Clock
    down_until: datetime | None = None
    interrupt: Callable[[str], None] = lambda _: None

    @property
    def rows(self) -> dict[str, Any]:
        return {
            row.id: SimpleNamespace(**row._mapping, rollout=decode_rollout(row.record, row.format)) for row in self._all(schema.rollouts)
        }

    @property
    def recorded(self) -> list[Recorded]:
        return [recorded(row) for row in self._all(schema.events)]

    @property
    def releases(self) -> dict[str, Release]:
        return {row.name: decode(Release, row.record) for row in self._all(schema.releases)}

    @property
    def approvals(self) -> list[Approval]:
        return [decode(Approval, row.record) for row in self._all(schema.approvals)]

    @property
    def passed(self) -> list[tuple[str, Passed]]:
        return [(row.service, decode(Passed, row.record)) for row in self._all(schema.passed)]

    @property
    def quarantines(self) -> list[Quarantine]:
        return [decode(Quarantine, row.record) for row in self._all(schema.quarantines) if row.cleared is None]

    def _all(self, table: Any) -> list[Any]:
        with self.ledger.database.reading() as on:
            return list(on.execute(select(table)).all())


class OnADatabase:
    """A ledger by port, like MemoryLedger, whose writes can be interrupted and which can be down."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.tables = DatabaseTables(ledger, clock)
        self.rollouts = _Interrupted(ledger.rollouts, self.tables)
        self.records = _Interrupted(ledger.records, self.tables)
        self.releases = _Interrupted(ledger.releases, self.tables)
        self.words = _Interrupted(ledger.words, self.tables)
        self.outbox, self.refs = ledger.outbox, ledger.registry


class _Interrupted:
    """A port whose every call can end like a crash before it was done, or after."""

    def __init__(self, port: Any, tables: DatabaseTables) -> None:
        self._port, self._tables = port, tables

    def __getattr__(self, name: str) -> Any:
        call, tables = getattr(self._port, name), self._tables

        @wraps(call)
        def interrupted(*args: Any, **named: Any) -> Any:
            if tables.down_until is not None and tables.clock.now() < tables.down_until:
                raise Unavailable("the ledger does not answer")
            if name in WRITES:
                tables.interrupt(f"before {name}")
            answer = call(*args, **named)
            if name in WRITES:
                tables.interrupt(f"after {name}")
            return answer

        return interrupted
