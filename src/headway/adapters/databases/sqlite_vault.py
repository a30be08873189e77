"""Backups of a SQLite database."""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from glob import escape
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.adapters.databases.backup import Since, compared, row_differences
from headway.adapters.databases.claims import abandoned, claimed
from headway.adapters.databases.copies import copy, read_through, remove, seal_file, swap, unpack
from headway.adapters.databases.shelf import Backup, Manifest, digest, disk, draft, put
from headway.adapters.databases.sqlite import locked
from headway.errors import Contradiction, Refused

_DRAFT = ".tmp"
_MADE = re.compile(r"_(?:restored|drill|fresh)_[\w-]+\.tmp")
"""What is in the making beside a live file, after its name."""


class SqliteVault:
    """Names are paths beside the live file."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._live = address.path

    def beside(self, suffix: str) -> str:
        return str(self._live.with_name(f"{self._live.name}{suffix}"))

    def take(self, folder: Path, name: str, secret: str | None, now: datetime) -> Backup:
        file = f"{name}.sqlite{'.sealed' if secret else ''}"
        with draft(folder, f"{file}.plain") as plain, draft(folder, file) as path:
            copy(self._live, plain, self._address)
            tables, versions = read_through(plain, self._address)
            position = digest(plain)
            if secret:
                seal_file(plain, path, secret)
                self._reads_back(path, position, secret)
            else:
                with disk(folder):
                    plain.replace(path)
            manifest = Manifest(
                file=file,
                dialect=self._address.dialect.value,
                database=self._address.where,
                server=sqlite3.sqlite_version,
                created=now.isoformat(),
                sha256=digest(path),
                size=path.stat().st_size,
                compression="",
                encrypted=secret is not None,
                tables=tables,
                versions=versions,
                position=position,
            )
            return put(path, manifest)

    @staticmethod
    def _reads_back(path: Path, position: str, secret: str) -> None:
        import hashlib

        from headway.adapters.databases.sealing import unseal

        found = hashlib.sha256()
        with disk(path.parent), path.open("rb") as file:
            for chunk in unseal(file, secret, str(path)):
                found.update(chunk)
        if found.hexdigest() != position:
            raise Contradiction(f"{path} does not read back as what was written")

    def since(self, backup: Backup, scratch: Path) -> Since:
        with draft(scratch, f"{backup.path.name}.now") as now:
            copy(self._live, now, self._address)
            if digest(now) == backup.manifest.position:
                return Since(untouched=True, differences=())
            tables, _ = read_through(now, self._address)
        return Since(untouched=False, differences=row_differences(tables, backup.manifest))

    def restore(self, backup: Backup, secret: str | None, name: str) -> Mapping[str, int]:
        if backup.manifest.encrypted and secret is None:
            raise Refused(f"{backup.path} is encrypted", ("name its key with --key env:NAME or --key file:PATH",))
        path = Path(name)
        unpack(backup, path, secret)
        tables, versions = read_through(path, self._address)
        compared(tables, backup.manifest, versions, name)
        return tables

    @contextmanager
    def making(self, suffix: str) -> Iterator[str]:
        path = Path(self.beside(f"{suffix}{_DRAFT}"))

        def make() -> Path:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return path

        with ExitStack() as stack:
            with disk(path.parent):
                stack.enter_context(claimed(make))
            try:
                yield str(path)
            finally:
                remove(path)

    def keep(self, name: str, suffix: str) -> str:
        kept = self.beside(suffix)
        with disk(self._live.parent):
            Path(name).rename(kept)
        return kept

    def sweep(self) -> tuple[str, ...]:
        gone = []
        with disk(self._live.parent):
            for left in sorted(self._live.parent.glob(f"{escape(self._live.name)}_*")):
                if _MADE.fullmatch(left.name.removeprefix(self._live.name)) and abandoned(left):
                    remove(left)
                    gone.append(left.name)
                elif left.name.startswith(f"{self._live.name}_bad_") and self._live.exists() and left.samefile(self._live):
                    # Died between the two steps of a swap: the second name of what is still the live file.
                    left.unlink()
                    gone.append(left.name)
        return tuple(gone)

    def swap(self, name: str, bad: str) -> None:
        with locked(self._live, 30.0, self._address.where):
            swap(self._live, Path(name), Path(bad), self._address)
