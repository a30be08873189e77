"""PostgreSQL's backups: pg_dump in the snapshot in which we count the rows, read back to the last row before it counts."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from psycopg import Connection, Cursor, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headway.adapters.databases import pipes
from headway.adapters.databases.address import Address
from headway.adapters.databases.postgres import PostgresStore
from headway.adapters.databases.postgres_errors import translated
from headway.adapters.databases.rows import BACKFILLS, LEDGER
from headway.adapters.databases.sealing import seal, unseal
from headway.adapters.databases.shelf import Backup, disk
from headway.adapters.databases.store import Timeouts
from headway.errors import Contradiction, Refused

_VERSION = re.compile(r"(\d+)(?:\.\d+)?")
_PATIENT = Timeouts(lock=30, statement=0)
_TABLES = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
and not exists (select 1 from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e') order by 1
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was written, and in which snapshot."""

    server: str
    compression: str
    tables: Mapping[str, int]
    versions: tuple[int, ...]
    position: str


def dump(address: Address, target: Path, secret: str | None) -> Taken:
    """Write the whole database to the target. The rows are counted in the very snapshot that pg_dump reads."""
    with PostgresStore(address, _PATIENT).connect(row_security="off") as on, translated(address):
        on.execute("begin isolation level repeatable read, read only")
        server = str(_one(on.execute("show server_version")))
        snapshot = str(_one(on.execute("select pg_export_snapshot()")))
        before = position(on)
        argv = [program("pg_dump", server), "--format=custom", f"--snapshot={snapshot}", "--dbname", conninfo(address)]
        zstd = shutil.which("zstd")
        # Compressing in a process of its own keeps both cores at work: many times faster than pg_dump's own gzip.
        commands = [[*argv, "--compress=0"], [zstd, "-q", "-3", "-T0", "-c"]] if zstd else [[*argv, "--compress=1"]]
        with disk(target.parent), target.open("wb") as file, _written(commands, address, file, secret):
            counts = {str(name): count(on, str(name)) for (name,) in on.execute(_TABLES.encode()).fetchall()}
            found = versions(on)
    return Taken(server, "zstd" if zstd else "", counts, found, before)


@contextmanager
def _written(commands: list[list[str]], address: Address, file: BinaryIO, secret: str | None) -> Iterator[None]:
    environment = environ(address)
    if secret is None:
        with pipes.row(commands, environment, address.masked, into=file):
            yield
        return
    with pipes.row(commands, environment, address.masked) as output:
        assert output is not None
        yield
        seal(cast(BinaryIO, output), file, secret)


def read_through(backup: Path, compression: str, secret: str | None, address: Address, server: str) -> Mapping[str, int]:
    """Read all of a dump, and count the rows that are really in it: one that was cut inside a table still restores with exit code 0."""
    with _opened(backup, compression, secret, [program("pg_restore", server), "--file=-"], address) as output:
        assert output is not None
        return _copied(output)


def restore_into(backup: Backup, secret: str | None, address: Address) -> None:
    """Fill an empty database from a dump."""
    argv = [program("pg_restore", backup.manifest.server), "--exit-on-error", "--dbname", conninfo(address)]
    with _opened(backup.path, backup.manifest.compression, secret, argv, address) as output:
        assert output is not None
        output.read()


@contextmanager
def _opened(path: Path, compression: str, secret: str | None, last: list[str], address: Address) -> Iterator[IO[bytes] | None]:
    zstd = shutil.which("zstd")
    if compression == "zstd" and zstd is None:
        raise Refused(f"{path} is compressed with zstd, and there is no program zstd", ("install zstd",))
    commands = [[str(zstd), "-q", "-d", "-c"], last] if compression else [last]
    with disk(path.parent), path.open("rb") as file:
        feed = file if secret is None else unseal(file, secret, str(path))
        with pipes.row(commands, environ(address), address.masked, feed=feed) as output:
            yield output


def _copied(output: IO[bytes]) -> dict[str, int]:
    """Rows per table in a script of COPY statements."""
    counts: dict[str, int] = {}
    table: str | None = None
    rows = 0
    for line in output:
        if table is not None:
            if line == b"\\.\n":
                counts[table] = counts.get(table, 0) + rows
                table = None
            else:
                rows += 1
        elif line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
            text = line.decode()
            table, rows = text[5 : text.index(" (") if " (" in text else text.index(" FROM")], 0
    if table is not None:
        raise Contradiction(f"the dump ends within the rows of {table}")
    return counts


def schema(address: Address, *also: str) -> tuple[str, ...]:
    """The schema as pg_dump writes it, without the ledger and without what differs from run to run."""
    with PostgresStore(address, _PATIENT).connect() as on, translated(address):
        server = str(_one(on.execute("show server_version")))
    ours = [f"--exclude-table=*.{name}" for name in (LEDGER, BACKFILLS, *also)]
    argv = [program("pg_dump", server), "--schema-only", "--no-owner", *ours, "--dbname", conninfo(address)]
    with pipes.row([argv], environ(address), address.masked) as output:
        assert output is not None
        text = output.read().decode()
    return tuple(line for line in text.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict")))


def program(name: str, server: str) -> str:
    """pg_dump or pg_restore of the server's major version or newer; older ones lose what they do not know."""
    wanted = _major(server)
    newest = 0
    places = [shutil.which(name), *(str(one / name) for one in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    for place in places:
        if place and os.access(place, os.X_OK):
            said = subprocess.run((place, "--version"), capture_output=True, text=True, check=False).stdout
            found = _major(said.rpartition(") ")[2])
            if found >= wanted:
                return place
            newest = max(newest, found)
    there = f"there is {name} {newest}" if newest else f"there is no {name}"
    raise Refused(f"the server is PostgreSQL {wanted}, and {there}", (f"install the client programs of PostgreSQL {wanted} or newer",))


def _major(version: str) -> int:
    found = _VERSION.search(version)
    return int(found[1]) if found else 0


def conninfo(address: Address) -> str:
    """The connection's words without its secrets: everybody on this machine can read a command line."""
    given = conninfo_to_dict(address.url)
    return make_conninfo("", **{name: value for name, value in given.items() if name not in {"password", "sslpassword"}})


def name_of(address: Address) -> str:
    """The database's own name."""
    given = conninfo_to_dict(address.url)
    return str(given.get("dbname") or given.get("user") or os.environ.get("PGDATABASE") or "")


def environ(address: Address) -> dict[str, str]:
    """The environment of a PostgreSQL program, which only this user can read."""
    password = conninfo_to_dict(address.url).get("password")
    return {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": str(password)} if password else {})}


def count(on: Connection[Any], table: str) -> int:
    """The rows of a table that is already quoted, without those of its children."""
    return int(str(_one(on.execute(sql.SQL("select count(*) from only {}").format(sql.SQL(table))))))


def tables(on: Connection[Any]) -> dict[str, int]:
    """Every table and its rows."""
    return {str(name): count(on, str(name)) for (name,) in on.execute(_TABLES.encode()).fetchall()}


def versions(on: Connection[Any]) -> tuple[int, ...]:
    """The ledger's versions; none without a ledger."""
    if _one(on.execute("select to_regclass(%s)", (LEDGER,))) is None:
        return ()
    found = on.execute(sql.SQL("select version::bigint from {} order by 1").format(sql.Identifier(LEDGER)))
    return tuple(int(version) for (version,) in found)


def position(on: Connection[Any]) -> str:
    """Which transaction comes next in this cluster: as long as it is the same, nobody has written."""
    return str(_one(on.execute("select system_identifier || ':' || pg_snapshot_xmax(pg_current_snapshot()) from pg_control_system()")))


def _one(cursor: Cursor[Any]) -> object:
    found = cursor.fetchone()
    return found[0] if found else None
