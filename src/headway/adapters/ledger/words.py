"""What was said of releases: approvals, manual checks, quarantines, where each release passed."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from headway.adapters.ledger import chain
from headway.adapters.ledger.codec import decode, encode
from headway.adapters.ledger.database import Database
from headway.adapters.ledger.prepared import Prepared
from headway.adapters.ledger.releases import stream
from headway.adapters.ledger.schema import approvals, quarantines
from headway.adapters.ledger.schema import passed as passes
from headway.ports import Event
from headway.promotion.model import Approval, Passed, Quarantine

_APPROVALS = Prepared(
    select(approvals.c.record)
    .where(approvals.c.release == bindparam("of_release"), approvals.c.environment == bindparam("of_environment"))
    .order_by(approvals.c.number)
)
_PASSED = Prepared(
    select(passes.c.record)
    .where(passes.c.digest == bindparam("of_digest"), passes.c.service == bindparam("of_service"))
    .order_by(passes.c.number)
)
_QUARANTINES = Prepared(
    select(quarantines.c.record)
    .where(quarantines.c.service == bindparam("of_service"), quarantines.c.cleared.is_(None))
    .order_by(quarantines.c.number)
)


class LedgerWords:
    """`ports.Words`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def approve(self, approval: Approval, event: Event) -> None:
        """Keep a yes, or a no: both count, and the last word of a person is theirs."""
        row = {"release": approval.release, "environment": approval.environment, "record": encode(approval)}
        with self._database.writing() as on:
            on.execute(insert(approvals).values(row))
            chain.append(on, stream(approval.release), (event,))

    def approvals(self, release: str, environment: str) -> Sequence[Approval]:
        with self._database.looking() as on:
            rows = _APPROVALS.all(on, {"of_release": release, "of_environment": environment})
        return tuple(decode(Approval, row.record) for row in rows)

    def passed(self, digest: str, service: str) -> Sequence[Passed]:
        with self._database.looking() as on:
            rows = _PASSED.all(on, {"of_digest": digest, "of_service": service})
        return tuple(decode(Passed, row.record) for row in rows)

    def tick(self, passed: Passed, event: Event) -> None:
        service = passed.release.rpartition("@")[0]
        with self._database.writing() as on:
            on.execute(insert(passes).values(service=service, digest=passed.digest, record=encode(passed)))
            chain.append(on, stream(passed.release), (event,))

    def quarantines(self, service: str) -> Sequence[Quarantine]:
        with self._database.looking() as on:
            rows = _QUARANTINES.all(on, {"of_service": service})
        return tuple(decode(Quarantine, row.record) for row in rows)

    def clear(self, release: str, event: Event) -> None:
        """Lift every quarantine of the release; where none stands there is nothing to do, nor to record."""
        standing = quarantines.c.release == release, quarantines.c.cleared.is_(None)
        with self._database.writing() as on:
            if on.execute(update(quarantines).where(*standing).values(cleared=event.at)).rowcount:
                chain.append(on, stream(release), (event,))
