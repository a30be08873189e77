"""Releases: immutable once recorded, but for being withdrawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from headway.adapters.ledger import chain
from headway.adapters.ledger.codec import decode, encode, plain
from headway.adapters.ledger.database import Database, insert_new
from headway.adapters.ledger.prepared import Prepared
from headway.adapters.ledger.schema import releases
from headway.errors import Refused
from headway.ports import Event
from headway.releases.model import Release


def stream(name: str) -> str:
    """Where the events of a release are kept."""
    return f"release:{name}"


_GET = Prepared(select(releases).where(releases.c.name == bindparam("this")))


class LedgerReleases:
    """`ports.Releases`, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, release: Release, events: Sequence[Event]) -> None:
        row = {"name": release.name, "service": release.service, "cut_at": release.cut_at, "record": encode(release)}
        with self._database.writing() as on:
            if insert_new(on, releases, row, "name"):
                chain.append(on, stream(release.name), events)
                return
            found = _release(on.execute(select(releases).where(releases.c.name == release.name)).one())
        if differences := _differences(found, release):
            raise Refused(f"{release.name} is recorded already, and it is another one", differences)

    def get(self, name: str) -> Release | None:
        with self._database.looking() as on:
            row = _GET.one(on, {"this": name})
        return None if row is None else _release(row)

    def all(self, service: str | None = None, most: int = 200) -> Sequence[Release]:
        query = select(releases).order_by(releases.c.cut_at.desc(), releases.c.name.desc()).limit(most)
        if service is not None:
            query = query.where(releases.c.service == service)
        with self._database.reading() as on:
            return tuple(_release(row) for row in on.execute(query))

    def withdraw(self, name: str, why: str, event: Event) -> None:
        with self._database.writing() as on:
            row = on.execute(select(releases).where(releases.c.name == name).with_for_update()).one_or_none()
            if row is None:
                raise Refused(f"there is no release {name}")
            if row.withdrawn is None:
                on.execute(update(releases).where(releases.c.name == name).values(withdrawn=plain(why)))
                chain.append(on, stream(name), (event,))


def _release(row: Row[Any]) -> Release:
    return replace(decode(Release, row.record), withdrawn=row.withdrawn)


def _differences(found: Release, given: Release) -> tuple[str, ...]:
    """How two releases of one name differ; who cut it, and when, does not make it another."""
    names = ("commit", "ref", "digest", "run", "author", "checks", "requires")
    pairs = ((name, getattr(found, name), getattr(given, name)) for name in names)
    return tuple(f"{name}: recorded {old!s}, given {new!s}" for name, old, new in pairs if old != new)
