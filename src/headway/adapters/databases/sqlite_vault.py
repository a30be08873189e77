"""Backups of a SQLite database."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.adapters.databases.backup import Since, compared, row_differences
from headway.adapters.databases.copies import BESIDE, copy, read_through, seal_file, swap, unpack
from headway.adapters.databases.shelf import Backup, Manifest, digest, disk, draft, put
from headway.adapters.databases.sqlite import locked
from headway.errors import Contradiction, Refused


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
        try:
            unpack(backup, path, secret)
            tables, versions = read_through(path, self._address)
            compared(tables, backup.manifest, versions, name)
        except BaseException:
            self.discard(name)
            raise
        return tables

    def discard(self, name: str) -> None:
        for suffix in ("", *BESIDE):
            with suppress(FileNotFoundError):
                os.unlink(f"{name}{suffix}")  # noqa: PTH108 - a suffix after the name, not another path

    def swap(self, name: str, bad: str) -> None:
        with locked(self._live, 30.0, self._address.where):
            swap(self._live, Path(name), Path(bad), self._address)
