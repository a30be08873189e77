"""The databases of a storm: real files, migrated by real runs of Headway's own runner, which outlive whoever began them."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import address
from headway.adapters.databases.rows import LEDGER
from headway.adapters.local import processes
from headway.adapters.migrating.port import DatabaseMigrations, shelf_of
from headway.adapters.sources import Sources
from headway.environments.model import Database
from support.broken import Broken

SPOILED = 5
"""Of seven releases in a row this one brings a migration that fails when half of it is done."""
GOOD = "-- migrate:up\nCREATE TABLE t{0} (id integer PRIMARY KEY);\n"
SPOILT = "-- migrate:up\nCREATE TABLE t{0} (id integer PRIMARY KEY);\nINSERT INTO nobody_made_this VALUES (1);\n"
CLOCK = timedelta(milliseconds=1)
"""To which a ledger's row gives its moment."""


def spoiled(number: int) -> bool:
    """Does this release's migration fail?"""
    return number % 7 == SPOILED


def files(number: int) -> dict[str, str]:
    """The migrations of the release with this number: one of its own, and those of the releases before, of which none failed."""
    good = {f"{each + 1:04}_t{each}.sql": GOOD.format(each) for each in range(number + 1) if not spoiled(each)}
    return good | ({f"{number + 1:04}_t{number}.sql": SPOILT.format(number)} if spoiled(number) else {})


class _Commits:
    """The repository, as far as sources are asked of it: a commit says its version (see sample_release)."""

    def export(self, commit: str, into: Path) -> None:
        version = bytes.fromhex(commit).rstrip(b"\0").decode()
        (into / "migrations").mkdir()
        for name, text in files(int(version.rpartition(".")[2])).items():
            (into / "migrations" / name).write_text(text)


@dataclass(frozen=True, slots=True)
class Applied:
    """One version, by the database's own ledger."""

    version: int
    rollout: str
    at: datetime


@dataclass
class StormData:
    """One database for each of these services; `write` does what users do meanwhile."""

    home: Path
    services: Sequence[str]
    seen: dict[str, set[str]] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)

    def port(self) -> DatabaseMigrations:
        commits = dict.fromkeys(self.services, _Commits())
        return DatabaseMigrations(self.home, Sources(self.home / "sources", commits))  # type: ignore[arg-type]

    def database(self, service: str) -> Database:
        """Told by a file that holds its URL; what is rehearsed beforehand is not the storm's matter."""
        told = self.home / f"{service}.url"
        if not told.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            told.write_text(f"sqlite:///{self._file(service)}")
        return Database(f"file:{told}", lint="off", rehearse="off", old_release="skip", lock_timeout=10.0)

    def write(self) -> None:
        """A row each, whoever migrates just then: nothing that comes later may take it away."""
        for service in self.services:
            path = self._file(service)
            if path.exists():
                with closing(sqlite3.connect(path, timeout=10)) as on, on:
                    on.execute("CREATE TABLE IF NOT EXISTS users (id integer PRIMARY KEY)")
                    on.execute("INSERT INTO users DEFAULT VALUES")
                self.written[service] = self.written.get(service, 0) + 1

    def look(self) -> None:
        """Backed up before it was migrated; what failed left no trace; what users wrote is there."""
        for service in self.services:
            if self._file(service).exists():
                self._one(service)

    def _one(self, service: str) -> None:
        with closing(sqlite3.connect(f"file:{self._file(service)}?mode=ro", uri=True, timeout=10, isolation_level=None)) as on:
            on.execute("BEGIN")  # one moment for all of it: runs go on meanwhile
            tables = {name for (name,) in on.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            rows = on.execute(f"SELECT version, state, rollout, applied_at FROM {LEDGER}").fetchall() if LEDGER in tables else []
            users = on.execute("SELECT count(*) FROM users").fetchone()[0] if "users" in tables else 0
        if users < self.written.get(service, 0):
            raise Broken(f"users of {service} wrote {self.written[service]} rows, and {users} are left")
        if begun := [version for version, state, _, _ in rows if state != "applied"]:
            raise Broken(f"version {begun[0]} of {service} is in a transaction, and its row says that it was begun")
        made, told = {int(name[1:]) + 1 for name in tables if name[0] == "t"}, {version for version, _, _, _ in rows}
        if made != told:
            raise Broken(f"{service} has the tables of {sorted(made)}, and its ledger says {sorted(told)}")
        if failed := [version for version in told if spoiled(version - 1)]:
            raise Broken(f"version {failed[0]} of {service} failed, and is there")
        self._backed_up(service, [Applied(version, rollout, datetime.fromisoformat(at)) for version, _, rollout, at in rows])

    def _backed_up(self, service: str, applied: Sequence[Applied]) -> None:
        """Of every rollout that brought something: a backup, older than that, of the database as it was before."""
        seen = self.seen.setdefault(service, set())
        for rollout in {one.rollout for one in applied} - seen:
            first = min(one.at for one in applied if one.rollout == rollout)
            before = {one.version for one in applied if one.at < first and one.rollout != rollout}
            if before and not any(one.at <= first + CLOCK and set(one.versions) == before for one in self._backups(service)):
                raise Broken(f"{rollout} migrated {service}, and no backup is there of what it was before, {sorted(before)}")
            seen.add(rollout)

    def _backups(self, service: str) -> Iterable[shelves.Manifest]:
        database = self.database(service)
        shelf = shelf_of(database, self.home / "backups", address(database.url))
        return [one.manifest for one in shelves.backups(shelf)]

    def _file(self, service: str) -> Path:
        return self.home / f"{service}.db"

    def end(self) -> None:
        """Nothing of it outlives the storm."""
        for folder in (self.home / "migrations").glob("*/process"):
            processes.stop(folder, grace=0)
