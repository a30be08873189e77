"""The ledger in memory: the same rules as the databases', one class per port over the same tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headway.errors import Contradiction, Fenced, Refused, Unheard
from headway.ports import Clock, Event, Held, Notice
from headway.promotion.model import Quarantine
from headway.rollout.model import ALL, Rollout
from headway.rollout.phases import ACTIVE, ENDED, Phase, ends, move
from headway.rollout.seen import Signal, Word
from headway.testing.records import MemoryBranched, MemoryOutbox, MemoryRecords, MemoryRefs, MemoryReleases, MemoryWords
from headway.testing.sayings import MemoryStatements, MemoryTrains
from headway.testing.tables import Letter, Row, Tables, cancelled


class MemoryLedger:
    """One set of tables, by port: `rollouts`, `records`, `releases`, `words`, `outbox`, `refs`."""

    def __init__(self, clock: Clock) -> None:
        self.tables = Tables(clock)
        self.rollouts = MemoryRollouts(self.tables)
        self.records = MemoryRecords(self.tables)
        self.releases = MemoryReleases(self.tables)
        self.words = MemoryWords(self.tables)
        self.statements = MemoryStatements(self.tables)
        self.trains = MemoryTrains(self.tables)
        self.outbox = MemoryOutbox(self.tables)
        self.refs = MemoryRefs(self.tables)
        self.branched = MemoryBranched(self.tables)

    def close(self) -> None:
        """Nothing is held that would have to be given back."""


@dataclass
class MemoryRollouts:
    """`ports.Rollouts`: each call all or nothing."""

    tables: Tables

    def add(self, rollout: Rollout, events: Sequence[Event], *, cancel: Sequence[str] = ()) -> None:
        rows = self.tables.rows
        if rollout.phase is not Phase.PENDING:
            raise Contradiction(f"{rollout.id} is {rollout.phase.value}; a rollout is added pending and starts by a save")
        with self.tables.writing("add"):
            if (there := rows.get(rollout.id)) is not None:
                if (there.rollout.place, there.rollout.release, there.rollout.created) != (rollout.place, rollout.release, rollout.created):
                    raise Contradiction(f"there is another rollout {rollout.id} already: {there.rollout.release}")
                return
            rows[rollout.id] = Row(rollout, "queued", rollout.created, turned=rollout.created, updated=rollout.created)
            for overtaken in cancel:
                self._cancel(overtaken, rollout)
            self.tables.say(rollout.id, events)

    def take_over(self, host: str, now: datetime) -> int:
        with self.tables.writing("take over"):
            held = [row for row in self.tables.rows.values() if row.rollout.host == host and row.lease_until is not None]
            for row in held:
                row.lease_until = now
            return len(held)

    def claim(self, now: datetime, until: datetime, token: str, most: int, host: str = "") -> Sequence[Held]:
        with self.tables.writing("claim"):
            free = [
                row
                for row in self.tables.rows.values()
                if row.rollout.host in {"", host}
                and row.due is not None
                and row.due <= now
                and (row.lease_until is None or row.lease_until <= now)
            ]
            claimed = sorted(free, key=lambda row: (row.turned, row.revision, row.rollout.id))[:most]
            for row in claimed:
                row.lease, row.lease_until, row.turned = token, until, now
                row.revision += 1
            return tuple(Held(row.rollout, token, until, row.revision, _heard(row), row.wake) for row in claimed)

    def refresh(self, held: Held) -> Held:
        with self.tables.reading():
            row = self._ours(held)
            return replace(held, signals=_heard(row), wake=row.wake)

    def save(
        self,
        held: Held,
        rollout: Rollout,
        *,
        why: str,
        due: datetime | None,
        until: datetime | None,
        events: Sequence[Event] = (),
        notices: Sequence[Notice] = (),
        quarantine: Quarantine | None = None,
        now: datetime,
    ) -> Held:
        with self.tables.writing("save"):
            row = self._ours(held)
            self._check(held, row, rollout)
            if rollout.phase is Phase.COMPLETED and row.rollout.phase is not Phase.COMPLETED:
                self.tables.complete(rollout, now)
            if rollout.phase is Phase.GIVEN_UP and row.rollout.phase is not Phase.GIVEN_UP and rollout.weight == ALL:
                self.tables.remain(rollout)
            if rollout.phase in ACTIVE:
                self.tables.generations[rollout.place] = rollout.generation
            row.inbox = [(number, signal) for number, signal in row.inbox if number > held.wake]
            row.rollout, row.why, row.updated = rollout, why, now
            row.due = now if row.wake > held.wake else due
            row.lease, row.lease_until = (held.lease, until) if until else (None, None)
            row.revision += 1
            self.tables.say(rollout.id, events)
            for notice in notices:
                self.tables.letters[len(self.tables.letters) + 1] = Letter(notice, due=now)
            if quarantine is not None:
                self.tables.quarantines.append(quarantine)
            return Held(rollout, held.lease, until or now, row.revision, (), held.wake)

    def signal(self, id: str, signal: Signal, events: Sequence[Event] = ()) -> None:
        with self.tables.writing("signal"):
            row = self.tables.rows.get(id)
            if row is None:
                raise Refused(f"there is no rollout {id}")
            if signal.word is not Word.WAKE and row.rollout.phase in ENDED:
                raise Refused(f"{id} is {row.rollout.phase.value}; there is nothing left to {signal.word.value}")
            row.wake += 1
            row.inbox.append((row.wake, signal))
            row.due = signal.at if row.due is None else min(row.due, signal.at)
            self.tables.say(id, events)

    def _ours(self, held: Held) -> Row:
        name = held.rollout.id
        row = self.tables.rows.get(name)
        if row is None:
            raise Contradiction(f"the ledger has no rollout {name}")
        if row.lease != held.lease:
            raise Fenced(f"{name} is held by {row.lease or 'nobody'} now, no longer by {held.lease}: drop it")
        if row.revision != held.revision:
            raise Fenced(f"{name} has moved on to revision {row.revision} since revision {held.revision} was read: drop it")
        return row

    def _check(self, held: Held, row: Row, rollout: Rollout) -> None:
        if row.rollout.phase is not held.rollout.phase:
            raise Contradiction(f"{rollout.id} was read as {held.rollout.phase.value}, but the ledger has it otherwise: look again")
        if row.wake > held.wake and ends(held.rollout.phase, rollout.phase):
            raise Unheard(f"somebody spoke to {rollout.id} before it could be {rollout.phase.value}: listen first")
        if row.rollout.phase not in ACTIVE and rollout.phase in ACTIVE:
            self.tables.may_start(rollout)

    def _cancel(self, id: str, by: Rollout) -> None:
        row = self.tables.rows.get(id)
        if row is None or row.rollout.phase is not Phase.PENDING:
            return
        why = f"superseded by {by.release}"
        gone = replace(row.rollout, phase=move(row.rollout.phase, Phase.CANCELLED))
        self.tables.rows[id] = cancelled(row, by, why, gone)
        self.tables.say(id, (Event(by.created, by.asked_by, "cancelled", (why,), {"by": by.id}),))


def _heard(row: Row) -> tuple[Signal, ...]:
    return tuple(signal for _, signal in row.inbox)
