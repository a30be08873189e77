"""The records that the engine turns: queue, claim, save, signal. Each is one transaction."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Connection, Row, and_, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from headway.adapters.ledger import chain, places
from headway.adapters.ledger.codec import FORMAT, Unreadable, decode, decode_rollout, encode, plain
from headway.adapters.ledger.database import Database, insert_new
from headway.adapters.ledger.prepared import Batch, Direct, NotAtOnce, Prepared, together
from headway.adapters.ledger.schema import Moment, outbox, quarantines, rollouts, signals
from headway.errors import Contradiction, Fenced, Refused, Unheard
from headway.ports import Event, Held, Notice
from headway.promotion.model import Quarantine
from headway.rollout.model import ALL, Rollout
from headway.rollout.phases import ACTIVE, ENDED, Phase, ends, move
from headway.rollout.seen import Signal, Word

NEWER = "needs a newer Headway"

# Put into SQL once, here and in chain.py: that costs more than running it, and saves are what we do most.
_SAVE = Prepared(
    update(rollouts)
    .where(
        rollouts.c.id == bindparam("this"),
        rollouts.c.lease == bindparam("held_lease"),
        rollouts.c.revision == bindparam("held_revision"),
        rollouts.c.phase == bindparam("held_phase"),
        or_(bindparam("goes_on", type_=Boolean), rollouts.c.wake == bindparam("held_wake")),
    )
    .values(
        due=case((rollouts.c.wake > bindparam("held_wake"), bindparam("at_once", type_=Moment)), else_=bindparam("later", type_=Moment))
    )
)
_NOT_READ = Prepared(update(rollouts).where(rollouts.c.id == bindparam("this")))
_HELD = Prepared(select(rollouts.c.lease, rollouts.c.revision, rollouts.c.wake).where(rollouts.c.id == bindparam("this")))
_FREE = or_(rollouts.c.lease_until.is_(None), rollouts.c.lease_until <= bindparam("at", type_=Moment))
_LEGIBLE = or_(rollouts.c.unread_by.is_(None), rollouts.c.unread_by < bindparam("reads"))
_OURS = or_(rollouts.c.host == "", rollouts.c.host == bindparam("on_host"))
_READY = and_(rollouts.c.due <= bindparam("at", type_=Moment), _FREE, _LEGIBLE, _OURS)
_ANY_READY = Prepared(select(rollouts.c.id).where(_READY).limit(1))
_CLAIM = Prepared(
    select(rollouts)
    .where(_READY)
    .order_by(rollouts.c.turned, rollouts.c.revision, rollouts.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASE = Prepared(
    update(rollouts)
    .where(rollouts.c.id == bindparam("this"))
    .values(
        lease=bindparam("token"),
        lease_until=bindparam("until", type_=Moment),
        turned=bindparam("at", type_=Moment),
        revision=rollouts.c.revision + 1,
    )
)
_HEARD = Prepared(
    select(signals).where(signals.c.rollout == bindparam("of_rollout"), signals.c.number <= bindparam("up_to")).order_by(signals.c.number)
)
_CONSUMED = Prepared(delete(signals).where(signals.c.rollout == bindparam("of_rollout"), signals.c.number <= bindparam("up_to")))
_SEND = Prepared(insert(outbox).inline())
_MARK = Prepared(insert(quarantines).inline())
_WOKEN = Prepared(
    update(rollouts)
    .where(rollouts.c.id == bindparam("this"))
    .values(
        wake=rollouts.c.wake + 1,
        due=case(
            (or_(rollouts.c.due.is_(None), rollouts.c.due > bindparam("at", type_=Moment)), bindparam("at", type_=Moment)),
            else_=rollouts.c.due,
        ),
        unread_by=None,  # a person asked: try to read it once more
    )
    .returning(rollouts.c.wake, rollouts.c.phase)
)
_SAID = Prepared(insert(signals).inline())
_OVER = frozenset(phase.value for phase in ENDED)


class LedgerRollouts:
    """`ports.Rollouts`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rollout: Rollout, events: Sequence[Event], *, cancel: Sequence[str] = ()) -> None:
        if rollout.phase is not Phase.PENDING:
            raise Contradiction(f"{rollout.id} is {rollout.phase.value}; a rollout is added pending and starts by a save")
        with self._database.writing() as on:
            if not _insert(on, rollout):
                return
            for overtaken in sorted(cancel):  # sorted, so that two who cancel the same ones do not lock each other out
                _cancel(on, overtaken, rollout)
            chain.append(on, rollout.id, events)

    def take_over(self, host: str, now: datetime) -> int:
        ended = update(rollouts).where(rollouts.c.host == host, rollouts.c.lease_until > now).values(lease_until=now)
        with self._database.writing() as on:
            return on.execute(ended).rowcount

    def claim(self, now: datetime, until: datetime, token: str, most: int, host: str = "") -> Sequence[Held]:
        ready = {"at": now, "on_host": host, "reads": FORMAT}
        with self._database.looking() as on:
            # Most looks find nothing, and those must neither write nor stand in a writer's way.
            if _ANY_READY.one(on, ready) is None:
                return ()
        with self._database.recording() as on:
            rows = _CLAIM.all(on, {**ready, "most": most})
            read = [(row, rollout) for row in rows if (rollout := _read(on, row, now)) is not None]
            _lease(on, [row.id for row, _ in read], token, until, now)
            heard = _heard(on, {row.id: row.wake for row, _ in read if row.wake})
        return tuple(Held(rollout, token, until, row.revision + 1, heard.get(row.id, ()), row.wake) for row, rollout in read)

    def refresh(self, held: Held) -> Held:
        name = held.rollout.id
        with self._database.looking() as on:
            row = _HELD.one(on, {"this": name})
            _insist(row, held)
            if row.wake == held.wake and not held.signals:
                return held
            heard = _heard(on, {name: row.wake})
        return replace(held, signals=heard.get(name, ()), wake=row.wake)

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
        def written(on: Direct, batch: Batch | None = None) -> None:
            was = held.rollout.phase
            _update(on, held, rollout, why, due, until, now, batch)
            if was not in ACTIVE and rollout.phase in ACTIVE:
                places.start(on, rollout, batch)
            if was is not Phase.COMPLETED and rollout.phase is Phase.COMPLETED:
                places.complete(on, rollout, now)
            if was is not Phase.GIVEN_UP and rollout.phase is Phase.GIVEN_UP and rollout.weight == ALL:
                places.remain(on, rollout)
            if held.signals:
                _CONSUMED.change(on, {"of_rollout": rollout.id, "up_to": held.wake})
            chain.append(on, rollout.id, events, batch)
            _SEND.change_each(on, [{"rollout": rollout.id, "record": encode(notice), "due": now, "tries": 0} for notice in notices])
            if quarantine is not None:
                row = {"service": quarantine.service, "release": quarantine.release, "record": encode(quarantine)}
                _MARK.change(on, row)

        self._written(written)
        return Held(rollout, held.lease, until or now, held.revision + 1, (), held.wake)

    def _written(self, write: Callable[..., None]) -> None:
        """In one transaction. On PostgreSQL its statements go together; where that did not do they go one by one, which finds out why."""
        if self._database.sends_together:
            with suppress(NotAtOnce), self._database.recording() as on:
                with together(on) as batch:
                    write(on, batch)
                return
        with self._database.recording() as on:
            write(on)

    def signal(self, id: str, signal: Signal, events: Sequence[Event] = ()) -> None:
        with self._database.writing() as on:
            woken = _WOKEN.one(on, {"this": id, "at": signal.at})
            if woken is None:
                raise Refused(f"there is no rollout {id}")
            if signal.word is not Word.WAKE and woken.phase in _OVER:
                raise Refused(f"{id} is {woken.phase}; there is nothing left to {signal.word.value}")
            _SAID.change(on, {"rollout": id, "number": woken.wake, "body": encode(signal)})
            chain.append(on, id, events)


def _columns(rollout: Rollout, why: str, now: datetime) -> dict[str, object]:
    """What every write of a record sets."""
    return {
        "phase": rollout.phase.value,
        "generation": rollout.generation,
        "turn": rollout.turn,
        "format": rollout.format,
        "record": encode(rollout),
        "why": plain(why),
        "updated": now,
    }


def _insert(on: Connection, rollout: Rollout) -> bool:
    """Queue it; False if it is there already, as after a retry whose first try did arrive."""
    row = {
        **_columns(rollout, "queued", rollout.created),
        "id": rollout.id,
        "service": rollout.place.service,
        "environment": rollout.place.environment,
        "release": rollout.release,
        "kind": rollout.kind.value,
        "asked_by": rollout.asked_by,
        "host": rollout.host,
        "created": rollout.created,
        "turned": rollout.created,
        "due": rollout.created,
    }
    if insert_new(on, rollouts, row, "id"):
        return True
    found = on.execute(select(rollouts).where(rollouts.c.id == rollout.id)).one()
    if any(getattr(found, name) != row[name] for name in ("service", "environment", "release", "kind", "created")):
        raise Contradiction(f"there is another rollout {rollout.id} already: {found.release} to {found.environment}")
    return False


def _cancel(on: Connection, id: str, by: Rollout) -> None:
    """Cancel a rollout that still waits; one that has started meanwhile goes on."""
    row = on.execute(select(rollouts).where(rollouts.c.id == id).with_for_update()).one_or_none()
    if row is None or row.phase != Phase.PENDING.value or row.format > FORMAT:
        return
    why = f"superseded by {by.release}"
    old = decode_rollout(row.record, row.format)
    gone = replace(old, phase=move(old.phase, Phase.CANCELLED), reasons=(*old.reasons, why))
    # The new revision fences whoever is just about to start it.
    values = {**_columns(gone, why, by.created), "due": None, "lease": None, "lease_until": None, "revision": row.revision + 1}
    on.execute(update(rollouts).where(rollouts.c.id == id).values(values))
    chain.append(on, id, (Event(by.created, by.asked_by, "cancelled", (why,), {"by": by.id}),))


def _read(on: Direct, row: Row[Any], now: datetime) -> Rollout | None:
    """The record; None if this Headway cannot read it, and then it says so where people look, and keeps its hands off."""
    try:
        return decode_rollout(row.record, row.format)
    except Unreadable as error:
        # `due` stays: a newer Headway on the same ledger takes it up by itself, and this one asks no more.
        _NOT_READ.change(on, {"this": row.id, "why": NEWER, "unread_by": FORMAT, "updated": now})
        chain.append(on, row.id, (Event(now, "headway", NEWER, (str(error),), {"format": row.format, "reads": FORMAT}),))
        return None


def _lease(on: Direct, ids: Sequence[str], token: str, until: datetime, now: datetime) -> None:
    """Take them. The new revision fences whoever held them until now, even under the same token."""
    _LEASE.change_each(on, [{"this": each, "token": token, "until": until, "at": now} for each in ids])


def _heard(on: Connection | Direct, wakes: dict[str, int]) -> dict[str, tuple[Signal, ...]]:
    """The unread signals of these rollouts, up to the number each was read at."""
    rows = {name: _HEARD.all(on, {"of_rollout": name, "up_to": wake}) for name, wake in wakes.items()}
    return {name: tuple(decode(Signal, row.body) for row in unread) for name, unread in rows.items() if unread}


def _update(
    on: Direct,
    held: Held,
    rollout: Rollout,
    why: str,
    due: datetime | None,
    until: datetime | None,
    now: datetime,
    batch: Batch | None,
) -> None:
    """Write the record if it is still ours."""
    values = {
        **_columns(rollout, why, now),
        "lease": held.lease if until else None,
        "lease_until": until,
        "revision": held.revision + 1,
        "this": rollout.id,
        "held_lease": held.lease,
        "held_revision": held.revision,
        "held_phase": held.rollout.phase.value,
        "held_wake": held.wake,
        "goes_on": not ends(held.rollout.phase, rollout.phase),
        "at_once": now,
        "later": due,
    }
    if batch is not None:
        _SAVE.sent(on, values, batch)
        return
    try:
        written = _SAVE.change(on, values)
    except IntegrityError as error:
        raise Contradiction(f"{rollout.id} cannot be {rollout.phase.value}: {rollout.place} has another active rollout") from error
    if not written:
        row = _HELD.one(on, {"this": rollout.id})
        _insist(row, held)
        if row.wake > held.wake and ends(held.rollout.phase, rollout.phase):
            raise Unheard(f"somebody spoke to {rollout.id} before it could be {rollout.phase.value}: listen first")
        raise Contradiction(f"{rollout.id} was read as {held.rollout.phase.value}, but the ledger has it otherwise: look again")


def _insist(row: Any, held: Held) -> None:
    """Fenced unless `held` still holds it, at the revision it was read at."""
    name = held.rollout.id
    if row is None:
        raise Contradiction(f"the ledger has no rollout {name}")
    if row.lease != held.lease:
        raise Fenced(f"{name} is held by {row.lease or 'nobody'} now, no longer by {held.lease}: drop it")
    if row.revision != held.revision:
        raise Fenced(f"{name} has moved on to revision {row.revision} since revision {held.revision} was read: drop it")
