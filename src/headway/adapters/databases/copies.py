"""SQLite's backups: copied in one go, read through, and put in place with everything that belongs to a database file."""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.adapters.databases.rows import LEDGER
from headway.adapters.databases.sealing import seal, unseal
from headway.adapters.databases.shelf import Backup, digest, disk
from headway.adapters.databases.sqlite import looking, quoted
from headway.adapters.databases.sqlite_errors import translated
from headway.errors import Contradiction, Refused, Unavailable

BESIDE = ("-wal", "-shm", "-journal")
"""A stale one of these, next to another database, silently undoes a restore: they move together."""


def copy(source: Path, target: Path, address: Address, patience: float = 30.0) -> None:
    """All pages in one step: in chunks, every write of somebody else starts the copy again, and it never ends."""
    if not source.exists():
        raise Unavailable(f"{address.where} does not exist")
    until = time.monotonic() + patience

    def waited(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > until:
            raise Unavailable(f"{address.where} is locked by someone else; nothing was copied")

    with translated(address), closing(looking(source, 2.0)) as live, closing(sqlite3.connect(target)) as made:
        live.backup(made, pages=-1, progress=waited, sleep=0.05)
        # One file, whole in itself: the copy keeps no log beside it.
        made.execute("pragma journal_mode = delete")
    with disk(target.parent):
        target.chmod(0o600)


def read_through(path: Path, address: Address) -> tuple[Mapping[str, int], tuple[int, ...]]:
    """Every page read and checked; the rows of each table, and the ledger's versions."""
    with translated(address), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as on:
        said = [one[0] for one in on.execute("pragma integrity_check(5)")]
        if said != ["ok"]:
            raise Contradiction(f"{path} is damaged: {'; '.join(said)}")
        names = [
            one[0] for one in on.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'")
        ]
        counts = {name: int(on.execute(f"select count(*) from {quoted(name)}").fetchone()[0]) for name in sorted(names)}  # noqa: S608
        versions = [int(one[0]) for one in on.execute(f"select version from {LEDGER} order by 1")] if LEDGER in names else []  # noqa: S608
    return counts, tuple(versions)


def seal_file(plain: Path, target: Path, secret: str) -> None:
    with disk(target.parent), plain.open("rb") as source, target.open("wb") as file:
        seal(source, file, secret)


def unpack(backup: Backup, target: Path, secret: str | None) -> None:
    """The plain database of a backup, in a file that is ours."""
    with (
        disk(target.parent),
        backup.path.open("rb") as source,
        os.fdopen(os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file,
    ):
        if secret is None:
            while chunk := source.read(1024 * 1024):
                file.write(chunk)
        else:
            for chunk in unseal(source, secret, str(backup.path)):
                file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if backup.manifest.position != digest(target):
        target.unlink()
        raise Contradiction(f"{backup.path} does not hold what was backed up")


def remove(path: Path) -> None:
    """A database's file, and what belongs to it."""
    for suffix in ("", *BESIDE):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").unlink()


def swap(live: Path, new: Path, bad: Path, address: Address) -> None:
    """The new database takes the name; the old one is kept as `bad`. Refuses while anybody has the old one open."""
    mode = _settled(live, address) if live.exists() else None
    if mode == "wal":
        # Beforehand, so that no instant has a live database without its log's mode.
        with translated(address), closing(sqlite3.connect(new)) as on:
            on.execute("pragma journal_mode = wal")
    with disk(live.parent):
        if live.exists():
            before = live.stat()
            new.chmod(before.st_mode & 0o7777)
            if (before.st_uid, before.st_gid) != (new.stat().st_uid, new.stat().st_gid):
                os.chown(new, before.st_uid, before.st_gid)  # the service must still be let in
        if mode is not None:
            os.link(live, bad)  # the name is never without a database: the next line replaces it in one step
            new.replace(live)
        else:
            # Not a database any more, so nothing could be settled into it: everything of it moves.
            for suffix in BESIDE:
                with suppress(FileNotFoundError):
                    Path(f"{live}{suffix}").rename(f"{bad}{suffix}")
            with suppress(FileNotFoundError):
                live.rename(bad)
            new.rename(live)


def _settled(live: Path, address: Address) -> str | None:
    """Fold the log into the file; only the last one who has it open can. Its journal's mode; None: it cannot be read as a database."""
    with disk(live.parent), live.open("rb") as file:
        if file.read(16) not in {b"", b"SQLite format 3\0"}:
            return None  # not even opened: SQLite would delete the log beside it, and that may be all that is left
    try:
        with closing(sqlite3.connect(live, isolation_level=None, timeout=2)) as on:
            mode = str(on.execute("pragma journal_mode").fetchone()[0])
            if mode == "wal":
                busy = on.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
            else:
                busy = 0
                on.execute("begin exclusive")
                on.execute("rollback")
        # Whoever closes last removes the log: one that stays has somebody else at it.
        left = [suffix for suffix in BESIDE if Path(f"{live}{suffix}").exists()]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return None
        raise Refused(f"{address.where} is in use", (f"{error}; stop the service first, and start it again afterwards",)) from error
    if left or busy:
        said = f"{', '.join(left) or 'its log'} stays beside it; stop the service first"
        raise Refused(f"{address.where} is in use", (said,))
    return mode
