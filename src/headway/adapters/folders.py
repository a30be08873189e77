"""Folders as releases/tree.py sees them: read into entries, copied, made read-only, removed."""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headway.errors import Refused, Unavailable
from headway.releases.tree import Entry, EntryKind

_PIECE = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Tree:
    """What is in a folder, and how many bytes its files have."""

    entries: tuple[Entry, ...]
    size: int


@contextlib.contextmanager
def disk(doing: str) -> Iterator[None]:
    """What the disk refuses while we do this is trouble on our side, told in a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Unavailable(f"cannot {doing}: the disk is full; nothing was kept of it") from error
        raise Unavailable(f"cannot {doing}: {error.strerror or error}: {error.filename or ''}".rstrip(": ")) from error


def scan(folder: Path) -> Tree:
    """Read every byte of a folder into entries. Refused if something in it is no file, folder or symbolic link."""
    entries, size = [], 0
    for found, name in _walk(folder):
        if found.is_symlink():
            entries.append(Entry(name, EntryKind.LINK, _target(found.path)))
            continue
        with _open(found.path) as file:
            about = os.fstat(file.fileno())
            entries.append(Entry(name, _kind(about.st_mode), hashlib.file_digest(file, "sha256").hexdigest()))
            size += about.st_size
    return Tree(tuple(entries), size)


def copy(folder: Path, into: Path) -> Tree:
    """Copy a folder; the entries are those of the copy, whatever happens to the original meanwhile."""
    into.mkdir()
    entries, size = [], 0
    for found, name in _walk(folder):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if found.is_symlink():
            link = _target(found.path)
            target.symlink_to(link)
            entries.append(Entry(name, EntryKind.LINK, link))
            continue
        with _open(found.path) as file:
            kind = _kind(os.fstat(file.fileno()).st_mode)
            content, length = write(target, iter(lambda: file.read(_PIECE), b""), executable=kind is EntryKind.EXEC)
        entries.append(Entry(name, kind, content))
        size += length
    return Tree(tuple(entries), size)


def write(path: Path, pieces: Iterable[bytes], *, executable: bool = False) -> tuple[str, int]:
    """Write a new file down to the disk; the SHA-256 of what was written, and its length."""
    sum_, length = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            sum_.update(piece)
            length += len(piece)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o755 if executable else 0o644)
    return sum_.hexdigest(), length


def lock_down(folder: Path) -> None:
    """Take everybody's right to write, and see that all names are on the disk."""
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o555 if path.stat().st_mode & stat.S_IXUSR else 0o444)
        Path(place).chmod(0o555)
        sync(Path(place))


def sync(folder: Path) -> None:
    """See that the names in this folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a folder, read-only or not, there or not; symbolic links are removed, never followed."""
    for place, _, _ in os.walk(folder):
        # Before os.walk looks into it, so that what is inside can be removed by its owner.
        with contextlib.suppress(OSError):
            Path(place).chmod(0o700)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _walk(folder: Path) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Files and links with their paths inside the folder; folders only for what is in them."""
    ahead = [("", os.fspath(folder))]
    while ahead:
        prefix, place = ahead.pop()
        with os.scandir(place) as listing:
            for found in listing:
                name = prefix + found.name
                if found.is_dir(follow_symlinks=False):
                    ahead.append((f"{name}/", found.path))
                elif found.is_symlink() or found.is_file(follow_symlinks=False):
                    yield found, name
                else:
                    raise Refused(f"{folder} cannot be an artifact", (f"{name} is no file, folder or symbolic link",))


def _target(link: str) -> str:
    # Not Path.readlink: that would tidy up the text, and the text is what counts.
    return os.readlink(link)  # noqa: PTH115


def _open(path: str) -> io.BufferedReader:
    # Not through a link that took the file's place since we looked.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _kind(mode: int) -> EntryKind:
    return EntryKind.EXEC if mode & stat.S_IXUSR else EntryKind.FILE
