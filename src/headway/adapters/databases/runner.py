"""Up: look at the ledger under the lock, then one step after the other, the same for every store.

Every transaction is whole or nothing, so a runner that dies leaves a ledger that tells the truth. Outside of transactions a `running`
row is committed first; whoever finds it stops.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from headway.adapters.databases.patience import patiently
from headway.adapters.databases.store import Busy, Session, Store, Unfinished
from headway.adapters.databases.verify import check
from headway.errors import Contradiction, Failed, HeadwayError, Refused
from headway.migration.changes import Name, kind_of, losses
from headway.migration.files import stored_down
from headway.migration.lint import transaction_control
from headway.migration.model import Migration, Row, State
from headway.migration.plan import Group, Run, Together, plan
from headway.migration.status import Status, compare, objections

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class How:
    """Who asks for what, and how patiently. `contracts`: may files (these) that take something away go out now?"""

    together: Together
    who: str
    contracts: bool | Collection[int] = True
    release: str = ""
    rollout: str = ""
    took: Mapping[int, str] = field(default_factory=dict)
    """What versions take away, where somebody has counted it."""
    tries: int = 5
    pause: float = 1.0
    """Seconds between two tries for a lock, growing."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did, and what still waits."""

    applied: tuple[Row, ...]
    waiting: tuple[Migration, ...]
    why: tuple[str, ...]


class Runner:
    """Runs migrations on one store."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], say: Say = lambda _: None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._now = now
        self._say = say
        self._sleep = sleep
        self._dialect = store.address.dialect

    def status(self, migrations: Sequence[Migration]) -> Status:
        """The files against the ledger, without a lock."""
        look = self._store.look()
        return compare(migrations, look.rows, look.progress)

    # -- up

    def up(self, migrations: Sequence[Migration], how: How, before: Callable[[Run], None] = lambda _: None) -> Done:
        """Apply what is pending. What was committed before a failure stays, and the ledger has it.

        `before` is called under the lock, once it is certain that something will be applied: the place for a backup.
        """
        with self._store.session() as session:
            run = self._plan(session, migrations, how)
            if run.groups:
                before(run)
            created: set[Name] = set()
            applied: list[Row] = []
            for group in run.groups:
                rows = [self._row(one, how, created) for one in group.migrations]
                applied += patiently(partial(self._act, session, group, rows), how.tries, how.pause, self._sleep)
            return Done(tuple(applied), run.waiting, run.why)

    def _plan(self, session: Session, migrations: Sequence[Migration], how: How) -> Run:
        """The ledger as it is now that nobody else can write it."""
        status = compare(migrations, session.rows(), session.progress())
        if said := objections(status):
            raise Refused(f"{self._store.address.where} cannot be migrated", said)
        run = plan(status, self._dialect, how.together, contracts=how.contracts)
        controls = [
            f"{one.file}:{found.line}: {found.words[0]} would end the transaction behind the runner's back"
            for group in run.groups
            for one in group.migrations
            if one.up is not None and (found := transaction_control(one.up, self._dialect)) is not None
        ]
        if controls:
            raise Refused("the transaction is the runner's", controls)
        return run

    def _row(self, one: Migration, how: How, created: set[Name]) -> Row:
        return Row(
            version=one.version,
            name=one.name,
            sha256=one.sha256,
            state=State.APPLIED,
            down=stored_down(one),
            kind=kind_of(one, self._dialect, created),
            release=how.release,
            rollout=how.rollout,
            who=how.who,
            at=self._now(),
            took=how.took.get(one.version) or ", ".join(loss.what for loss in losses(one.up, self._dialect)),
        )

    def _act(self, session: Session, group: Group, rows: Sequence[Row]) -> list[Row]:
        if group.transaction:
            return self._in_one_transaction(session, group, rows)
        return [self._alone(session, group.migrations[0], rows[0])]

    def _in_one_transaction(self, session: Session, group: Group, rows: Sequence[Row]) -> list[Row]:
        applied: list[Row] = []
        with session.transaction([one.up for one in group.migrations if one.up]):
            # Read again inside: nothing may be applied twice, whoever came between.
            there = {row.version for row in session.rows()}
            for one, row in zip(group.migrations, rows, strict=True):
                if one.version in there:
                    raise Contradiction(f"{one.file} was applied by someone else just now; look at the status")
                applied.append(self._one(session, one, replace(row, at=self._now())))
        for row in applied:
            self._say(f"{row.title} applied in {row.seconds:.3f} s")
        return applied

    def _one(self, session: Session, one: Migration, row: Row) -> Row:
        """A file within the transaction, with its promises, into the ledger."""
        started = time.monotonic()
        if one.up is not None and not one.verify:
            session.apply(one.up, row, one.file)
            return replace(row, seconds=round(time.monotonic() - started, 6))
        if one.up is not None:
            session.run(one.up, one.file)
        if one.verify:
            session.settle()
            check(session, one.verify, one.file, self._dialect)
        done = replace(row, seconds=round(time.monotonic() - started, 6))
        session.record(done)
        return done

    def _alone(self, session: Session, one: Migration, row: Row) -> Row:
        """A statement outside of a transaction, between two rows that say so."""
        assert one.up is not None
        started = time.monotonic()
        session.record(replace(row, state=State.RUNNING))
        try:
            session.alone(one.up, one.file)
        except (Busy, Failed, Refused):
            # The database said no to the one statement, so nothing is left of it; the file may be mended and run again.
            session.forget(one.version)
            raise
        # Anything else may have left something: the row stays, and says so.
        try:
            check(session, one.verify, one.file, self._dialect)
        except HeadwayError as error:
            raise Unfinished(f"{error}\n{row.title} ran outside of a transaction and is not undone: `headway migrate repair`") from error
        done = replace(row, at=self._now(), seconds=round(time.monotonic() - started, 6))
        session.mark(done)
        self._say(f"{row.title} applied in {done.seconds:.3f} s, outside of a transaction")
        return done
