"""SQLite's part of making a database anew.

The new pages are written into the file that is there, as one transaction of SQLite's own: whoever has it open goes on with the new
content, and no log ends up beside a file that it does not belong to.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from glob import escape
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.adapters.databases.anew import BEFORE, FRESH, KEPT, MARK
from headway.adapters.databases.copies import copy, remove
from headway.adapters.databases.shelf import disk
from headway.adapters.databases.sqlite import locked
from headway.adapters.databases.sqlite_errors import translated
from headway.adapters.databases.sqlite_vault import SqliteVault
from headway.errors import Unavailable

_LOCK = ".headway-lock"
_MARK = ".headway-branch"
_PATIENCE = 30.0


class SqliteGround(SqliteVault):
    """A file, and what lies beside it."""

    def exists(self) -> bool:
        return self._live.exists()

    def renew(self, build: Callable[[Address], None], tag: str, *, like: str, mark: bool) -> str | None:
        del like
        with disk(self._live.parent):
            self._live.parent.mkdir(parents=True, exist_ok=True)
        self.sweep()
        with self.making(f"{FRESH}{tag}") as name:
            fresh = Path(name)
            try:
                build(replace(self._address, url=f"{self._address.scheme}:///{fresh}"))
                kept = self._put(fresh, tag, mark=mark)
            finally:
                Path(f"{fresh}{_LOCK}").unlink(missing_ok=True)
        self._thin()
        return kept

    def _put(self, fresh: Path, tag: str, *, mark: bool) -> str | None:
        live = self._live
        with locked(live, _PATIENCE, self._address.where), translated(self._address), disk(live.parent):
            if mark:
                live.with_name(f"{live.name}{_MARK}").write_text(f"{MARK}\n")
            with closing(sqlite3.connect(fresh, isolation_level=None)) as on:
                on.execute("pragma journal_mode = delete")  # whole in itself
            if not live.exists():
                fresh.rename(live)
                return None
            aside = Path(self.beside(f"{BEFORE}{tag}"))
            draft = aside.with_name(f".{aside.name}.new")
            draft.unlink(missing_ok=True)
            copy(live, draft, self._address)
            draft.replace(aside)
            _pages(fresh, live)
            _over(fresh, live, self._address)
            return str(aside)

    def _thin(self) -> None:
        kept = sorted(self._live.parent.glob(f"{escape(self._live.name)}{BEFORE}*"))
        for old in kept[:-KEPT]:
            remove(old)

    def remove(self) -> tuple[str, ...]:
        mark = self._live.with_name(f"{self._live.name}{_MARK}")
        if not mark.exists():
            return (f"{self._address.where} stays: Headway did not make it",) if self._live.exists() else ()
        with disk(self._live.parent):
            for old in self._live.parent.glob(f"{escape(self._live.name)}{BEFORE}*"):
                remove(old)
            remove(self._live)
            Path(f"{self._live}{_LOCK}").unlink(missing_ok=True)
            mark.unlink()  # last, so that whoever is cut short goes on
        return (f"{self._address.where} was removed",)

    def sweep(self) -> tuple[str, ...]:
        """Also the lock files of what was in the making."""
        gone = super().sweep()
        for lock in self._live.parent.glob(f"{escape(self._live.name)}{FRESH}*{_LOCK}"):
            if not Path(str(lock).removesuffix(_LOCK)).exists():
                with suppress(FileNotFoundError):
                    lock.unlink()
        return gone


def _pages(fresh: Path, live: Path) -> None:
    """SQLite writes over a database with a log only pages of the size it has."""
    with closing(sqlite3.connect(live)) as on:
        wanted = on.execute("pragma page_size").fetchone()[0]
    with closing(sqlite3.connect(fresh, isolation_level=None)) as on:
        if on.execute("pragma page_size").fetchone()[0] != wanted:
            on.execute(f"pragma page_size = {int(wanted)}")
            on.execute("vacuum")


def _over(fresh: Path, live: Path, address: Address) -> None:
    until = time.monotonic() + _PATIENCE

    def waited(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > until:
            raise Unavailable(f"{address.where} is locked by someone else; it is as it was")

    with closing(sqlite3.connect(fresh)) as source, closing(sqlite3.connect(live, timeout=2.0)) as target:
        target.execute("pragma synchronous = full")
        source.backup(target, pages=-1, progress=waited, sleep=0.05)
