"""The chain of events: each one's hash covers the one before it, and a head per stream remembers where the stream ends.

An edit, a removal, a swap or a cut tail shows in verify(). Somebody who owns the database and recomputes everything is
beyond this; signed checkpoints, kept elsewhere, are for that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from hashlib import sha256
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from headway.adapters.ledger.codec import Unreadable, canonical, decode
from headway.adapters.ledger.prepared import Batch, Direct, NotAtOnce, Prepared, unless_there
from headway.adapters.ledger.schema import events, heads
from headway.errors import Contradiction
from headway.ports import Event, Recorded

START = ""
"""What the first event of a stream follows."""

_SAID = tuple(field.name for field in fields(Event))
_HEAD = Prepared(select(heads).where(heads.c.stream == bindparam("of")).with_for_update())
_MOVE = Prepared(
    update(heads).where(heads.c.stream == bindparam("of"), heads.c.length == bindparam("had"), heads.c.hash == bindparam("ended"))
)
_FIRST = unless_there(heads, "stream")

REMEMBERED = 2000
_ENDS: WeakKeyDictionary[object, dict[str, tuple[int, str]]] = WeakKeyDictionary()
"""How each stream ended when we last wrote to it, by database: most are written by one rollout's own turns, and need not be read again."""


def append(on: Connection | Direct, stream: str, said: Sequence[Event], batch: Batch | None = None) -> None:
    """Write events at the end of a stream, within the caller's transaction; with others in a batch only where the end is remembered."""
    if not said:
        return
    ends = _ENDS.setdefault(on.engine.pool, {})
    known = ends.get(stream)
    if batch is not None:
        if known is None:
            raise NotAtOnce
        _appended(on, stream, said, known, ends, batch)
        return
    if known is None or not _appended(on, stream, said, known, ends):
        # Somebody else wrote there, or we did and it was not kept. The head is locked, so that it stays what we read.
        head = _head(on, stream)
        if not _appended(on, stream, said, (head.length, head.hash), ends):
            raise Contradiction(f"the head of the events of {stream} changed while it was locked: look again")


def _appended(
    on: Connection | Direct,
    stream: str,
    said: Sequence[Event],
    end: tuple[int, str],
    ends: dict[str, tuple[int, str]],
    batch: Batch | None = None,
) -> bool:
    """Whether they could be written after this end. The head moves first: it holds everybody else off, and tells if that is the end."""
    length, last = end
    rows: dict[str, object] = {}
    for place, event in enumerate(said):
        number = length + place + 1
        body = canonical({"stream": stream, "number": number, **{name: getattr(event, name) for name in _SAID}})
        last = link(last, body)
        rows |= {f"stream_{place}": stream, f"number_{place}": number, f"body_{place}": body, f"hash_{place}": last}
    moved = {"of": stream, "had": length, "ended": end[1], "length": length + len(said), "hash": last}
    if batch is not None:
        _MOVE.sent(on, moved, batch)
    elif not _MOVE.change(on, moved):
        return False
    _adding(len(said)).change(on, rows)
    if len(ends) >= REMEMBERED:
        ends.clear()
    ends[stream] = length + len(said), last
    return True


@cache
def _adding(number: int) -> Prepared:
    """So many events in one statement."""
    columns = ("stream", "number", "body", "hash")
    return Prepared(insert(events).values([{one: bindparam(f"{one}_{place}") for one in columns} for place in range(number)]).inline())


def link(last: str, body: str) -> str:
    """The hash of an event that follows the one with hash `last`."""
    return sha256((last + body).encode()).hexdigest()


def recorded(row: Row[Any]) -> Recorded:
    """An event as it stands in the table."""
    return Recorded(row.stream, row.number, decode(Event, row.body), row.hash)


def faults(on: Connection) -> Iterator[str]:
    """What is wrong with the chains, one sentence each."""
    ends = {row.stream: row for row in on.execute(select(heads))}
    rows = on.execution_options(yield_per=1000).execute(select(events).order_by(events.c.stream, events.c.number))
    for stream, chain in groupby(rows, key=lambda row: str(row.stream)):
        yield from _faults_of(stream, chain, ends.pop(stream, None))
    for stream, end in ends.items():
        if end.length:
            yield f"{stream}: all of its {end.length} events are missing"


def _head(on: Connection | Direct, stream: str) -> Any:
    """The end of the stream, locked, so that two writers cannot both write the next number."""
    found = _HEAD.one(on, {"of": stream})
    if found is None:
        _FIRST[on.dialect.name].change(on, {"stream": stream, "length": 0, "hash": START})
        found = _HEAD.one(on, {"of": stream})
    return found


def _faults_of(stream: str, chain: Iterator[Row[Any]], end: Row[Any] | None) -> Iterator[str]:
    number, last, place = 0, START, 0
    for row in chain:
        missing = range(number + 1, row.number)
        for gone in missing:
            yield f"{stream}: event {gone} is missing"
        yield from _faults_at(row, None if missing else last)
        if row.id < place:
            yield f"{stream}: event {row.number} was moved before event {number}"
        number, last, place = row.number, row.hash, row.id
    if end is None:
        yield f"{stream}: its head is missing, so nobody can tell how many events it had; {number} are there"
    elif end.length > number:
        yield f"{stream}: it ends at event {number}, but {end.length} were written"
    elif (end.length, end.hash) != (number, last):
        yield f"{stream}: event {number} is not the one that was written last"


def _faults_at(row: Row[Any], last: str | None) -> Iterator[str]:
    """What is wrong with one event; `last` is the hash of the one before it, None where that one is missing."""
    where = f"{row.stream}: event {row.number}"
    try:
        body = decode(dict[str, object], row.body)
    except Unreadable:
        yield f"{where} was edited: it cannot be read"
        return
    if (body.get("stream"), body.get("number")) != (row.stream, row.number):
        yield f"{where} holds what was written as event {body.get('number')} of {body.get('stream')}"
    elif last is not None and link(last, row.body) != row.hash:
        yield f"{where} was edited, or the one before it was: its hash does not follow"
