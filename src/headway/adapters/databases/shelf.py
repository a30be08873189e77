"""Backups on disk: each a file and its manifest. Without its manifest a file is not a backup."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from headway.adapters.databases.claims import abandoned, claimed
from headway.errors import Contradiction, Refused, Unavailable
from headway.migration.retention import Keep, kept

_SUFFIX = ".manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, written only after all of it was read back.

    `position` tells whether anybody wrote since: SQLite's content hash, or PostgreSQL's system and next transaction.
    """

    file: str
    dialect: str
    database: str
    server: str
    created: str
    sha256: str
    size: int
    compression: str
    encrypted: bool
    tables: Mapping[str, int]
    versions: tuple[int, ...]
    position: str
    format: int = 1

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.created)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole: its file and what the manifest says."""

    path: Path
    manifest: Manifest


@contextmanager
def draft(folder: Path, name: str) -> Iterator[Path]:
    """A `.tmp` to write to; gone unless it was put on the shelf."""

    def make() -> Path:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f".{name}.tmp"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return path

    with contextlib.ExitStack() as stack:
        with disk(folder):
            path = stack.enter_context(claimed(make))
        try:
            yield path
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def sweep(folder: Path) -> tuple[str, ...]:
    """Remove the drafts of those who died over them; which ones. A file that has its name is never removed here, manifest or not."""
    if not folder.is_dir():
        return ()
    gone = []
    with disk(folder):
        for left in sorted(folder.glob(".*.tmp")):
            if abandoned(left):
                left.unlink(missing_ok=True)
                gone.append(left.name)
    return tuple(gone)


def put(path: Path, manifest: Manifest) -> Backup:
    """Both files to the disk, then under their names; the manifest last."""
    folder = path.parent
    with disk(folder), draft(folder, f"{manifest.file}.json") as text:
        with text.open("w", encoding="utf-8") as file:
            json.dump(asdict(manifest), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        _sync(path)
        path.rename(folder / manifest.file)
        text.rename(folder / f"{manifest.file}{_SUFFIX}")
        _sync(folder)
    return Backup(folder / manifest.file, manifest)


def backups(folder: Path) -> tuple[Backup, ...]:
    """Every backup of a folder, oldest first."""
    found = [read(path.with_name(path.name.removesuffix(_SUFFIX))) for path in folder.glob(f"*{_SUFFIX}")] if folder.is_dir() else []
    return tuple(sorted(found, key=lambda one: (one.manifest.created, one.path.name)))


def read(path: Path) -> Backup:
    """The backup in this file."""
    beside = path.with_name(f"{path.name}{_SUFFIX}")
    try:
        found = json.loads(beside.read_text("utf-8"))
        manifest = Manifest(**{**found, "versions": tuple(found["versions"])})
    except FileNotFoundError:
        raise Refused(f"{path} is not a backup", (f"it has no {beside.name} beside it",)) from None
    except OSError as error:
        raise Unavailable(f"{beside} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Contradiction(f"{beside} is not a manifest that this Headway can read") from error
    if not path.exists():
        raise Contradiction(f"{beside.name} is there, and {path.name} is gone")
    return Backup(path, manifest)


def whole(backup: Backup) -> None:
    """Is the file, byte for byte, what was written?"""
    found = digest(backup.path)
    if found != backup.manifest.sha256:
        raise Contradiction(f"{backup.path} is not what was backed up: sha256 {found[:12]}…, expected {backup.manifest.sha256[:12]}…")


def digest(path: Path) -> str:
    """The file's sha256."""
    with disk(path.parent), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def thin(folder: Path, policy: Keep) -> tuple[str, ...]:
    """Remove what the policy does not keep; the manifest first, so that no half a backup is ever listed."""
    found = {one.path.name: one for one in backups(folder)}
    stays = kept({name: one.manifest.at for name, one in found.items()}, policy)
    gone = tuple(name for name in found if name not in stays)
    with disk(folder):
        for name in gone:
            (folder / f"{name}{_SUFFIX}").unlink(missing_ok=True)
            (folder / name).unlink(missing_ok=True)
    return gone


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """The disk's errors as a sentence."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror or error}; nothing there counts as a backup that did not before") from error


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
