"""Backups of a PostgreSQL database."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg import Connection, errors, sql

from headway.adapters.databases import dumps
from headway.adapters.databases.address import Address
from headway.adapters.databases.backup import Since, compared, row_differences
from headway.adapters.databases.postgres import PostgresStore
from headway.adapters.databases.postgres_errors import translated
from headway.adapters.databases.shelf import Backup, Manifest, digest, draft, put
from headway.adapters.databases.store import Timeouts
from headway.errors import Contradiction, Refused, Unavailable

_PATIENT = Timeouts(lock=30, statement=0)
_FENCING = 20.0
_LONGEST = 63
"""PostgreSQL cuts longer names silently."""
_DRAFT = "_tmp"
_MADE = re.compile(r"_(?:restored|drill|rehearsal|fresh)_[\w-]+_tmp$")
_MAKING = 0x48777932
"""Advisory locks in the maintenance database, one for each database in the making: its maker lives."""
_TAKE = "select pg_try_advisory_lock(%s, hashtext(%s))"


class PostgresVault:
    """Names are databases on the same server."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def beside(self, suffix: str) -> str:
        name = dumps.name_of(self._address)
        return f"{name[: _LONGEST - len(suffix)]}{suffix}"

    def take(self, folder: Path, name: str, secret: str | None, now: datetime) -> Backup:
        with draft(folder, name) as path:
            taken = dumps.dump(self._address, path, secret)
            found = dumps.read_through(path, taken.compression, secret, self._address, taken.server)
            wrong = [f"{table}: {found.get(table, 0)} of {rows}" for table, rows in taken.tables.items() if found.get(table, 0) != rows]
            if wrong:
                raise Contradiction(
                    f"the backup of {self._address.where} does not hold all rows: {'; '.join(wrong[:5])}; it was thrown away"
                )
            suffix = f".dump{'.zst' if taken.compression else ''}{'.sealed' if secret else ''}"
            manifest = Manifest(
                file=f"{name}{suffix}",
                dialect=self._address.dialect.value,
                database=self._address.where,
                server=taken.server,
                created=now.isoformat(),
                sha256=digest(path),
                size=path.stat().st_size,
                compression=taken.compression,
                encrypted=secret is not None,
                tables=taken.tables,
                versions=taken.versions,
                position=taken.position,
            )
            return put(path, manifest)

    def since(self, backup: Backup, scratch: Path) -> Since:
        del scratch
        with PostgresStore(self._address, _PATIENT).connect(default_transaction_read_only="on") as on, translated(self._address):
            if dumps.position(on) == backup.manifest.position:
                return Since(untouched=True, differences=())
            return Since(untouched=False, differences=row_differences(dumps.tables(on), backup.manifest))

    def restore(self, backup: Backup, secret: str | None, name: str) -> Mapping[str, int]:
        if backup.manifest.encrypted and secret is None:
            raise Refused(f"{backup.path} is encrypted", ("name its key with --key env:NAME or --key file:PATH",))
        self.create(name)
        dumps.restore_into(backup, secret, named(self._address, name))
        with PostgresStore(named(self._address, name), _PATIENT).connect() as on, translated(self._address):
            tables, versions = dumps.tables(on), dumps.versions(on)
        compared(tables, backup.manifest, versions, name)
        return tables

    @contextmanager
    def making(self, suffix: str) -> Iterator[str]:
        """A session in the maintenance database holds the name's lock for as long as its maker lives."""
        name = self.beside(f"{suffix}{_DRAFT}")
        with self._server() as held:
            held.execute(_TAKE, (_MAKING, name))
            try:
                yield name
            finally:
                self.discard(name)

    def keep(self, name: str, suffix: str) -> str:
        kept = self.beside(suffix)
        with self._server() as on:
            on.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(kept)))
        return kept

    def sweep(self) -> tuple[str, ...]:
        gone = []
        with self._server() as on:
            names = [
                str(one) for (one,) in on.execute("select datname from pg_database where right(datname, 4) = %s", (_DRAFT,)).fetchall()
            ]
            for name in names:
                found = _MADE.search(name)
                # The name must be one that we would make beside this very database; longer ones are cut.
                if found is None or name != self.beside(found[0]) or on.execute(_TAKE, (_MAKING, name)).fetchone() != (True,):
                    continue
                on.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
                on.execute("select pg_advisory_unlock(%s, hashtext(%s))", (_MAKING, name))
                gone.append(name)
        return tuple(gone)

    def clone(self, name: str) -> None:
        """A copy by the server itself: quick, and only while nobody is connected."""
        with self._server() as on:
            live = dumps.name_of(self._address)
            there = on.execute("select count(*) from pg_stat_activity where datname = %s", (live,)).fetchone()
            if there != (0,):
                said = f"it has {there[0] if there else 'some'} sessions, and a template must have none"
                raise Refused(f"{self._address.where} cannot be cloned in place", (said, "rehearse on a backup instead"))
            on.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(live)))

    def create(self, name: str, like: str | None = None) -> None:
        """An empty database that is set up like the live one, or like another."""
        with self._server() as on:
            live = like or dumps.name_of(self._address)
            found = on.execute(
                "select pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = %s",
                (live,),
            ).fetchone()
            owner, encoding, collate, ctype = found or (None, "UTF8", "C", "C")
            on.execute(
                sql.SQL("create database {} template template0 encoding {} lc_collate {} lc_ctype {}").format(
                    sql.Identifier(name), *map(sql.Literal, (encoding, collate, ctype))
                )
            )
            if owner is not None:
                on.execute(sql.SQL("alter database {} owner to {}").format(sql.Identifier(name), sql.Identifier(owner)))
                self._settings(on, live, name)

    @staticmethod
    def _settings(on: Connection[Any], live: str, name: str) -> None:
        """Settings and grants belong to the database's name, not to its dump."""
        rows = on.execute(
            "select case when setrole = 0 then null else pg_get_userbyid(setrole) end, unnest(setconfig)"
            " from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = %s",
            (live,),
        ).fetchall()
        for role, setting in rows:
            key, _, value = setting.partition("=")
            whose = sql.SQL("alter role {} in database {}").format(sql.Identifier(role), sql.Identifier(name)) if role else None
            head = whose or sql.SQL("alter database {}").format(sql.Identifier(name))
            # By way of our own session, since a list such as a search path is not one literal.
            on.execute("select set_config(%s, %s, false)", (key, value))
            on.execute(sql.SQL("{} set {} from current; reset {}").format(head, sql.Identifier(key), sql.Identifier(key)))
        grants = on.execute(
            "select case when a.grantee = 0 then null else pg_get_userbyid(a.grantee) end, a.privilege_type"
            " from pg_database d, aclexplode(d.datacl) a where d.datname = %s",
            (live,),
        ).fetchall()
        if grants:
            on.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        for grantee, privilege in grants:
            who = sql.Identifier(grantee) if grantee else sql.SQL("public")
            on.execute(sql.SQL("grant {} on database {} to {}").format(sql.SQL(privilege), sql.Identifier(name), who))

    def discard(self, name: str) -> None:
        with self._server() as on:
            on.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def swap(self, name: str, bad: str) -> None:
        live = dumps.name_of(self._address)
        until = time.monotonic() + _FENCING
        with self._server() as on:
            while True:
                on.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (live,))
                try:
                    # Both names change in one transaction: whoever connects meets the old database or the new one, also after a kill -9.
                    with on.transaction():
                        on.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(live), sql.Identifier(bad)))
                        on.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(live)))
                except errors.ObjectInUse:
                    if time.monotonic() > until:
                        said = (
                            f"{self._address.where} has sessions that come back when they are ended; nothing was swapped: stop the service"
                        )
                        raise Unavailable(said) from None
                else:
                    return

    @contextmanager
    def _server(self) -> Iterator[Connection[Any]]:
        """A connection to the server's maintenance database."""
        with PostgresStore(named(self._address, "postgres"), _PATIENT).connect() as on, translated(self._address):
            yield on


def named(address: Address, name: str) -> Address:
    """Another database on the same server."""
    parts = urlsplit(address.url)
    live = dumps.name_of(address)
    return replace(
        address,
        url=urlunsplit(parts._replace(path=f"/{quote(name, safe='')}")),
        where=address.where.replace(f"database {live}", f"database {name}"),
    )
