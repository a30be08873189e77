"""Brings a ledger to the schema that this Headway knows: made anew, or forward step by step; a newer one is left alone.

Everything happens in one transaction that excludes other writers, so that two servers that start at once upgrade once, and one
that dies half-way has changed nothing. A file is copied first: SQLite has no other way back.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text, update

from headway.adapters.ledger.schema import VERSION, meta, metadata
from headway.errors import Contradiction, Unavailable

STEPS: Mapping[int, tuple[str, ...]] = {
    2: (
        "create table branched (service text not null, environment text not null, state text not null, created bigint not null, "
        "record text not null, primary key (service, environment))",
    ),
    3: (
        # "given up" is an end, so it keeps the place from nobody.
        "drop index one_active_rollout",
        "create unique index one_active_rollout on rollouts (service, environment) "
        "where phase not in ('pending', 'completed', 'rolled back', 'cancelled', 'given up')",
    ),
}
"""What leads to each version from the one before it, as SQL that both databases take. `{number}` is a key that counts by itself.

A step only adds (tables, indexes, columns that may be null or have a default): servers of the version before may still be at work on
the same PostgreSQL, and must find what they know. What is to go, goes a version later, when nobody looks for it any more.
"""


NUMBER = {"sqlite": "integer not null primary key", "postgresql": "bigserial primary key"}


def prepare(on: Connection, where: str, file: Path | None) -> None:
    """Make the tables if there are none, or take them forward. `file`: what to copy before anything in it changes."""
    if on.dialect.name == "postgresql":
        on.execute(text("select pg_advisory_xact_lock(7241100)"))
    if not inspect(on).has_table(meta.name):
        metadata.create_all(on)
        on.execute(insert(meta).values(key="schema", value=str(VERSION)))
        return
    found = _version(on, where)
    if found == VERSION:
        return
    if file is not None:
        _copy(file, file.with_name(f"{file.name}.v{found}"), where)
    for version in range(found + 1, VERSION + 1):
        for statement in STEPS[version]:
            on.exec_driver_sql(statement.replace("{number}", NUMBER[on.dialect.name]))
    on.execute(update(meta).where(meta.c.key == "schema").values(value=str(VERSION)))


def _version(on: Connection, where: str) -> int:
    found = on.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar_one_or_none()
    if found is None or not found.isdigit() or int(found) < 1:
        raise Contradiction(f"{where} names no schema version: expected {VERSION}, found {found!r}; restore it from a backup")
    if int(found) > VERSION:
        raise Contradiction(
            f"{where} needs a newer Headway: its schema has version {found}, this Headway knows {VERSION}; upgrade Headway on this machine"
        )
    return int(found)


def _copy(file: Path, copy: Path, where: str) -> None:
    """A whole copy beside it, on the disk before anything changes. Our transaction keeps writers out, not this reader."""
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)
        _to_disk(draft)
        draft.replace(copy)
        _to_disk(copy.parent)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"{where} is older and must be upgraded, but not without a copy, and {copy} cannot be made: {error}") from error


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
