"""The ledger: every record, word and event, in SQLite or PostgreSQL, behind the ports that the engine knows.

One engine, one class per port, one transaction per call. SQLite is for one server process; PostgreSQL for any number.
"""

from dataclasses import dataclass

from headway.adapters.ledger.branched import LedgerBranched
from headway.adapters.ledger.database import Database, file_of
from headway.adapters.ledger.lead import LedgerLead
from headway.adapters.ledger.outbox import LedgerOutbox
from headway.adapters.ledger.records import LedgerRecords
from headway.adapters.ledger.registry import LedgerRegistry, Registered
from headway.adapters.ledger.releases import LedgerReleases
from headway.adapters.ledger.rollouts import LedgerRollouts
from headway.adapters.ledger.statements import LedgerStatements
from headway.adapters.ledger.trains import LedgerTrains
from headway.adapters.ledger.upgrade import prepare
from headway.adapters.ledger.words import LedgerWords

__all__ = ["Ledger", "Registered", "file_of", "open_ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """One database, by port."""

    database: Database
    rollouts: LedgerRollouts
    records: LedgerRecords
    releases: LedgerReleases
    words: LedgerWords
    statements: LedgerStatements
    trains: LedgerTrains
    outbox: LedgerOutbox
    registry: LedgerRegistry
    lead: LedgerLead
    branched: LedgerBranched

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `sqlite:////path/ledger.db` or `postgresql://user@host/name`, made or upgraded if need be."""
    database = Database(url)
    try:
        with database.writing() as on:
            prepare(on, database.where, file_of(url))
    except BaseException:
        database.close()
        raise
    return Ledger(
        database,
        LedgerRollouts(database),
        LedgerRecords(database),
        LedgerReleases(database),
        LedgerWords(database),
        LedgerStatements(database),
        LedgerTrains(database),
        LedgerOutbox(database),
        LedgerRegistry(database),
        LedgerLead(database),
        LedgerBranched(database),
    )
