"""Back up, and prove it: written aside, read back in full, counted, put on the shelf.

And back: into a new database, held against the manifest, swapped in by name; the old one is kept.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from headway.adapters.databases.address import Address
from headway.adapters.databases.shelf import Backup, Manifest, backups, sweep, whole
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Refused
from headway.migration.model import Dialect


@dataclass(frozen=True, slots=True)
class Since:
    """What happened after a backup, as far as it can be seen. `untouched` is a proof that nobody wrote; None: no backup to compare."""

    untouched: bool
    differences: tuple[str, ...]


class Vault(Protocol):
    """Backups of one kind of database."""

    def take(self, folder: Path, name: str, secret: str | None, now: datetime) -> Backup: ...

    def since(self, backup: Backup, scratch: Path) -> Since: ...

    def making(self, suffix: str) -> AbstractContextManager[str]:
        """A name for a database that is being made beside this one. Gone at the end, unless kept or swapped; if we die, the next one's
        broom finds it."""
        ...

    def restore(self, backup: Backup, secret: str | None, name: str) -> Mapping[str, int]:
        """Into a new database of this name, checked against the manifest."""
        ...

    def keep(self, name: str, suffix: str) -> str:
        """What was being made is whole, and a person's from now on; its new name."""
        ...

    def sweep(self) -> tuple[str, ...]:
        """Remove what others were making when they died; which ones."""
        ...

    def swap(self, name: str, bad: str) -> None:
        """The restored database takes the live one's name, the live one becomes `bad`."""
        ...

    def beside(self, suffix: str) -> str:
        """A name for another database next to this one."""
        ...


def vault(address: Address) -> Vault:
    """The vault for this address."""
    if address.dialect is Dialect.SQLITE:
        from headway.adapters.databases.sqlite_vault import SqliteVault

        return SqliteVault(address)
    try:
        from headway.adapters.databases.postgres_vault import PostgresVault
    except ModuleNotFoundError as error:
        raise InvalidSpec(f"{address.where} needs a driver that is not installed: pip install 'headway[postgres]'") from error
    return PostgresVault(address)


def back_up(address: Address, folder: Path, now: Callable[[], datetime], tag: str, secret: str | None = None) -> Backup:
    """A backup that was read through before it counts."""
    at, there = now(), vault(address)
    with suppress(HeadwayError):  # a broom that breaks is no reason to go without a backup
        sweep(folder)
        there.sweep()
    stem = Path(there.beside("")).name or "database"
    return there.take(folder, f"{stem}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{tag}", secret, at)


def newest(folder: Path) -> Backup:
    """The last backup of a folder."""
    found = backups(folder)
    if not found:
        raise Refused(f"{folder} holds no backup", ("make one: headway migrate backup",))
    return found[-1]


@dataclass(frozen=True, slots=True)
class Restored:
    """Where a backup was restored to; `kept` is the old database's new name, if it was swapped in."""

    database: str
    rows: int
    kept: str | None = None


def restore(address: Address, backup: Backup, tag: str, *, swap: bool, accept_loss: bool = False, secret: str | None = None) -> Restored:
    """Restore side by side; with `swap`, also take the live name. Newer writes are never overwritten without a person's word."""
    whole(backup)
    if backup.manifest.dialect != address.dialect.value:
        raise Refused(f"{backup.path} is a backup of {backup.manifest.dialect}", (f"{address.where} is {address.dialect.value}",))
    there = vault(address)
    there.sweep()
    if swap and not accept_loss:
        since = there.since(backup, backup.path.parent)
        if not since.untouched:
            said = since.differences or ("no table differs in its number of rows, but that nobody changed one cannot be proved",)
            raise Refused(
                f"{address.where} was written to after the backup of {backup.manifest.created}; with --accept-data-loss it goes", said
            )
    with there.making(f"_restored_{tag}") as name:
        counts = there.restore(backup, secret, name)
        if not swap:
            return Restored(there.keep(name, f"_restored_{tag}"), sum(counts.values()))
        bad = there.beside(f"_bad_{tag}")
        there.swap(name, bad)
    return Restored(there.beside(""), sum(counts.values()), bad)


def drill(address: Address, backup: Backup, tag: str, secret: str | None = None) -> Restored:
    """Prove that the backup restores: into a scratch database that is dropped again."""
    whole(backup)
    there = vault(address)
    there.sweep()
    with there.making(f"_drill_{tag}") as name:
        counts = there.restore(backup, secret, name)
    return Restored(name, sum(counts.values()))


def compared(found: Mapping[str, int], manifest: Manifest, versions: tuple[int, ...], what: str) -> None:
    """The restored rows and versions are those of the manifest."""
    wrong = [
        f"{table}: {found.get(table, 'no')} rows, expected {manifest.tables.get(table, 'none')}"
        for table in sorted({*found, *manifest.tables})
        if found.get(table) != manifest.tables.get(table)
    ]
    if versions != manifest.versions:
        wrong.append(f"the ledger ends at {max(versions, default='nothing')}, expected {max(manifest.versions, default='nothing')}")
    if wrong:
        raise Contradiction(f"{what} is not what was backed up: {'; '.join(wrong[:5])}")


def row_differences(live: Mapping[str, int], manifest: Manifest) -> tuple[str, ...]:
    """Which tables hold another number of rows than the backup, for a person who must accept it."""
    return tuple(
        f"{table}: {live.get(table, 0):,} rows now, {manifest.tables.get(table, 0):,} in the backup"
        for table in sorted({*live, *manifest.tables})
        if live.get(table) != manifest.tables.get(table)
    )
