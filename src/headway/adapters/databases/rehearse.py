"""The dress rehearsal, on a clone: up, verify, fill, down, up again. What a down does not take back shows in the catalog.

On a restored backup it also proves that the backup restores.
"""

import difflib
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from headway.adapters.databases.address import Address
from headway.adapters.databases.backup import back_up, compared
from headway.adapters.databases.claims import abandoned, claimed
from headway.adapters.databases.down import down
from headway.adapters.databases.filling import fill
from headway.adapters.databases.runner import How, Runner
from headway.adapters.databases.shelf import Backup, whole
from headway.adapters.databases.store import Store, Timeouts, open_store
from headway.adapters.databases.verify import verify
from headway.errors import Failed
from headway.migration.model import Dialect, Migration
from headway.migration.plan import Together

Then = Callable[[Address, Path], Sequence[str]]
_SCRATCH = "headway-rehearsal-"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was tried, on what, and how long the way up took."""

    on: str
    applied: tuple[str, ...]
    verified: int
    seconds: float
    notes: tuple[str, ...]


def rehearse(
    address: Address,
    migrations: Sequence[Migration],
    now: Callable[[], datetime],
    tag: str,
    *,
    backup: Backup | None = None,
    template: bool = False,
    secret: str | None = None,
    timeouts: Timeouts | None = None,
    contracts: bool | Collection[int] = True,
    then: Then | None = None,
) -> Rehearsal:
    """Rehearse what is pending. Raises what would have stopped the real run, or Failed when the way down does not lead back.

    `contracts`: which of the files that take something away go too. `then` gets the clone at the end, migrated, and may say more.
    """
    with (
        scratch_folder() as scratch,
        cloned(address, scratch, now, tag, backup, secret, template=template) as (
            clone,
            on,
        ),
    ):
        store = open_store(clone, timeouts or Timeouts())
        done = _rehearsed(store, migrations, now, on, contracts)
        return replace(done, notes=(*done.notes, *then(clone, scratch))) if then is not None else done


def _rehearsed(
    store: Store, migrations: Sequence[Migration], now: Callable[[], datetime], on: str, contracts: bool | Collection[int]
) -> Rehearsal:
    how = How(Together.RELEASE, "rehearsal", contracts, rollout="rehearsal")
    runner = Runner(store, now)
    before = store.catalog()
    started = time.monotonic()
    # What waits for a backfill gets it.
    applied = [row.title for row in runner.up(migrations, how).applied]
    filled = fill(store, migrations)
    while more := runner.up(migrations, how).applied:
        applied += [row.title for row in more]
        filled += fill(store, migrations)
    seconds = time.monotonic() - started
    verified = len(verify(store, migrations))
    notes = [f"the backfill of {one.version:04d} went over {one.rows:,} rows" for one in filled]
    without = [one.title for one in migrations if one.title in applied and one.up is not None and one.down is None]
    if without:
        notes.append(f"the way down was not rehearsed: {', '.join(without)} has none")
    elif applied:
        _there_and_back(store, runner, migrations, now, how, len(applied), before)
        notes.append("down and up again: the catalog is as it was")
    return Rehearsal(on, tuple(applied), verified, round(seconds, 3), tuple(notes))


def _there_and_back(
    store: Store,
    runner: Runner,
    migrations: Sequence[Migration],
    now: Callable[[], datetime],
    how: How,
    steps: int,
    before: tuple[str, ...],
) -> None:
    above = store.catalog()
    down(store, steps, now, accept_loss=True)
    same(before, store.catalog(), "after up and down the schema is not what it was before")
    while runner.up(migrations, how).applied:
        fill(store, migrations)
    same(above, store.catalog(), "going up a second time leads to another schema")


def same(expected: tuple[str, ...], found: tuple[str, ...], what: str) -> None:
    """Raises Failed, with what differs, unless both catalogs are the same."""
    if expected == found:
        return
    changed = [line for line in difflib.unified_diff(expected, found, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    raise Failed("\n".join((f"{what}:", *(f"  {line}" for line in changed[:12]))))


@contextmanager
def cloned(
    address: Address, scratch: Path, now: Callable[[], datetime], tag: str, backup: Backup | None, secret: str | None, *, template: bool
) -> Iterator[tuple[Address, str]]:
    """A copy that may be broken, gone afterwards."""
    if backup is not None:
        whole(backup)
    if address.dialect is Dialect.SQLITE:
        yield _sqlite_clone(address, scratch, backup, secret)
        return
    from headway.adapters.databases.postgres_vault import PostgresVault, named

    there = PostgresVault(address)
    there.sweep()
    with there.making(f"_rehearsal_{tag}") as name:
        if template:
            there.clone(name)
        else:
            used = backup or back_up(address, scratch, now, tag)
            there.restore(used, secret if backup else None, name)
        yield named(address, name), "a clone by the server" if template else _from(backup)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for copies of data, gone afterwards: at the latest when the next rehearsal finds that its maker died."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        if abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    with claimed(lambda: Path(tempfile.mkdtemp(prefix=_SCRATCH))) as made:
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _sqlite_clone(address: Address, scratch: Path, backup: Backup | None, secret: str | None) -> tuple[Address, str]:
    from headway.adapters.databases.copies import copy, read_through, unpack

    path = scratch / "clone.sqlite"
    if backup is not None:
        unpack(backup, path, secret)
        tables, versions = read_through(path, address)
        compared(tables, backup.manifest, versions, str(path))
    elif address.path.exists():
        copy(address.path, path, address)
    else:
        path.touch()
    return replace(address, url=f"sqlite:///{path}", where="the clone"), _from(backup)


def _from(backup: Backup | None) -> str:
    return f"the restored backup of {backup.manifest.created}" if backup else "a fresh copy"
