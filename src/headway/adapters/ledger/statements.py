"""What people say of one release for one stage besides approving it."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from headway.adapters.ledger import chain
from headway.adapters.ledger.codec import decode, encode
from headway.adapters.ledger.database import Database
from headway.adapters.ledger.prepared import Prepared
from headway.adapters.ledger.releases import stream
from headway.adapters.ledger.schema import outbox, statements
from headway.ports import Event, Notice
from headway.promotion.model import Advice, Drift, Inquiry, ItemRun, Override, Rehearsal, Statement, Tick, Upkeep

KINDS: dict[str, type[Statement]] = {
    **{"override": Override, "tick": Tick, "advice": Advice, "item run": ItemRun, "inquiry": Inquiry},
    **{"rehearsal": Rehearsal, "upkeep": Upkeep, "drift": Drift},
}


_SAID = Prepared(
    select(statements.c.kind, statements.c.record)
    .where(statements.c.release == bindparam("of_release"), statements.c.environment == bindparam("of_environment"))
    .order_by(statements.c.number)
)


class LedgerStatements:
    """`ports.Statements`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, statement: Statement, event: Event, notices: Sequence[Notice] = ()) -> None:
        row = {
            "release": statement.release,
            "environment": statement.environment,
            "kind": statement.kind,
            "record": encode(statement),
        }
        with self._database.writing() as on:
            on.execute(insert(statements).values(row))
            chain.append(on, stream(statement.release), (event,))
            letters = [{"rollout": stream(statement.release), "record": encode(notice), "due": event.at, "tries": 0} for notice in notices]
            if letters:
                on.execute(insert(outbox), letters)

    def statements(self, release: str, environment: str) -> Sequence[Statement]:
        with self._database.looking() as on:
            rows = _SAID.all(on, {"of_release": release, "of_environment": environment})
        return tuple(decode(KINDS[row.kind], row.record) for row in rows if row.kind in KINDS)
