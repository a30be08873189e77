"""What the tests of the databases share: a database, files, and verbs that take few words."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from headway.adapters.databases.address import Address
from headway.adapters.databases.filling import fill
from headway.adapters.databases.runner import Done, How, Runner
from headway.adapters.databases.store import Store, Timeouts, open_store
from headway.migration.files import parse
from headway.migration.model import Dialect, Migration
from headway.migration.plan import Together

QUICK = Timeouts(lock=0.2, statement=20, patience=5)


@dataclass
class Bench:
    """One database."""

    address: Address
    folder: Path
    now: Callable[[], datetime]
    timeouts: Timeouts = QUICK
    files: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return open_store(self.address, self.timeouts)

    @property
    def is_postgres(self) -> bool:
        return self.address.dialect is Dialect.POSTGRES

    def migrations(self, *texts: str) -> tuple[Migration, ...]:
        """These texts as files 001, 002, …; `migrate:up` may be left out."""
        named = {f"{at:03d}_m.sql": text if "-- migrate" in text[:12] else f"-- migrate:up\n{text}" for at, text in enumerate(texts, 1)}
        return parse(named, self.address.dialect)

    def up(self, *texts: str, store: Store | None = None, **how: Any) -> Done:
        return self.runner(store).up(self.migrations(*texts), self.how(**how))

    def how(self, **how: Any) -> How:
        return How(**{"together": Together.RELEASE, "who": "alice", "tries": 2, "pause": 0.01, "rollout": "r1", **how})

    def runner(self, store: Store | None = None) -> Runner:
        return Runner(store or self.store, self.now)

    def fill(self, *texts: str, **more: Any) -> Any:
        return fill(self.store, self.migrations(*texts), **more)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Straight from the database, behind the runner's back; may write as well."""
        if self.is_postgres:
            with psycopg.connect(self.address.url, autocommit=True) as on:
                found = on.execute(query.encode())
                return found.fetchall() if found.description else []
        with closing(sqlite3.connect(self.address.path, isolation_level=None)) as on:
            return on.execute(query).fetchall()

    def one(self, query: str) -> Any:
        return self.ask(query)[0][0]

    def versions(self) -> list[int]:
        return [row.version for row in self.store.look().rows]

    def states(self) -> Mapping[int, str]:
        return {row.version: row.state.value for row in self.store.look().rows}

    def tables(self) -> set[str]:
        query = (
            "select tablename from pg_tables where schemaname = 'public'"
            if self.is_postgres
            else "select name from sqlite_master where type = 'table'"
        )
        return {name for (name,) in self.ask(query)} - {"schema_migrations", "schema_backfills"}
