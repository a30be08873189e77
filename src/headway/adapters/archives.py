"""Unpacks what somebody else packed, trusting nothing in it.

Every name is checked before anything is written; symbolic links are made last, so that nothing is ever written through one; what
comes out is counted while it comes out, whatever the archive says of its own size.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from headway.adapters.folders import Tree, write
from headway.errors import Refused
from headway.releases.tree import Entry, EntryKind, path_fault

_PIECE = 256 * 1024
_LONGEST_LINK = 4096
_LARGEST_HEADER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may unpack to."""

    bytes: int = 4 * 1024**3
    entries: int = 200_000


LIMITS = Limits()


def unpack(archive: Path, into: Path, limits: Limits = LIMITS) -> Tree:
    """Unpack a tar (plain, gz, bz2, xz) or a zip into a new folder. Refused if anything about it is not straight."""
    into.mkdir()
    unpacked = _Unpacked(archive, into, limits)
    try:
        if zipfile.is_zipfile(archive):
            _zip(unpacked)
        else:
            _tar(unpacked)
        unpacked.make_links()
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        raise unpacked.refusal(f"it is damaged, encrypted, or no tar or zip: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise unpacked.refusal(f"{unpacked.at} is there twice, or both a file and a folder") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # The decompressors' own way to say so; the disk's errors have numbers.
        raise unpacked.refusal(f"it is damaged: {error}") from error
    return Tree(tuple(unpacked.entries.values()), unpacked.size)


@dataclass
class _Unpacked:
    archive: Path
    into: Path
    limits: Limits
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 0
    at: str = ""
    _seen: int = 0

    def refusal(self, why: str) -> Refused:
        return Refused(f"{self.archive} is not taken", (why,))

    def name(self, raw: str) -> str | None:
        """The name inside the tree; None for the tree itself. Counts, too: folders are cheap to pack and dear to look at."""
        self._seen += 1
        if self._seen > self.limits.entries:
            raise self.refusal(f"it has more than {self.limits.entries} entries")
        name = raw
        while name.startswith("./"):
            name = name[2:].lstrip("/")
        name = name.rstrip("/") if raw.strip("/") else raw
        if name in ("", "."):
            return None
        if (fault := path_fault(name)) is not None:
            raise self.refusal(f"{name!r} {fault}")
        return name

    def file(self, name: str, content: IO[bytes], *, executable: bool) -> None:
        self.at = name
        target = self.into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sum_, _ = write(target, self._counted(content), executable=executable)
        self.entries[name] = Entry(name, EntryKind.EXEC if executable else EntryKind.FILE, sum_)

    def link(self, name: str, target: str) -> None:
        if name in self.entries:
            raise self.refusal(f"{name} is there twice")
        if not target or "\0" in target or len(target) > _LONGEST_LINK:
            raise self.refusal(f"{name} is a link to nowhere")
        self.entries[name] = Entry(name, EntryKind.LINK, target)

    def make_links(self) -> None:
        for entry in self.entries.values():
            if entry.kind is EntryKind.LINK:
                self.at = entry.path
                path = self.into / entry.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(entry.content)

    def _counted(self, content: IO[bytes]) -> Iterator[bytes]:
        while piece := content.read(_PIECE):
            self.size += len(piece)
            if self.size > self.limits.bytes:
                raise self.refusal(f"it unpacks to more than {self.limits.bytes} bytes")
            yield piece


def _tar(unpacked: _Unpacked) -> None:
    with _decompressed(unpacked.archive) as stream, tarfile.open(fileobj=_Bounded(stream, unpacked), mode="r:") as tar:
        for member in tar:
            name = unpacked.name(member.name)
            if name is None or member.isdir():
                continue
            if member.issym():
                unpacked.link(name, member.linkname)
            elif member.islnk():
                _hard_link(unpacked, name, member)
            elif member.isfile():
                content = tar.extractfile(member)
                assert content is not None
                unpacked.file(name, content, executable=bool(member.mode & stat.S_IXUSR))
            else:
                raise unpacked.refusal(f"{name} is a device or a pipe")


def _hard_link(unpacked: _Unpacked, name: str, member: tarfile.TarInfo) -> None:
    """Another name for a file that came before: here, a file of its own."""
    same = unpacked.name(member.linkname)
    first = unpacked.entries.get(same or "")
    if first is None or first.kind is EntryKind.LINK:
        raise unpacked.refusal(f"{name} is a hard link to {member.linkname}, which did not come before it")
    with (unpacked.into / first.path).open("rb") as content:
        unpacked.file(name, content, executable=first.kind is EntryKind.EXEC)


def _zip(unpacked: _Unpacked) -> None:
    with zipfile.ZipFile(unpacked.archive) as archive:
        for info in archive.infolist():
            name = unpacked.name(info.filename)
            if name is None or info.is_dir():
                continue
            mode = info.external_attr >> 16
            kind = stat.S_IFMT(mode)
            if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
                raise unpacked.refusal(f"{name} is a device or a pipe")
            with archive.open(info) as content:
                if kind == stat.S_IFLNK:
                    unpacked.link(name, content.read(_LONGEST_LINK + 1).decode("utf-8", "surrogateescape"))
                else:
                    unpacked.file(name, content, executable=bool(mode & stat.S_IXUSR))


@contextlib.contextmanager
def _decompressed(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as raw:
        magic = raw.read(6)
        raw.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            with gzip.open(raw) as stream:
                yield cast(IO[bytes], stream)
        elif magic.startswith(b"BZh"):
            with bz2.open(raw) as stream:
                yield stream
        elif magic.startswith(b"\xfd7zXZ\x00"):
            with lzma.open(raw) as stream:
                yield stream
        else:
            yield raw


class _Bounded(io.RawIOBase):
    """A stream that ends the reading of a bomb: tarfile reads a header as large as it claims to be, and skips as far as told."""

    def __init__(self, stream: IO[bytes], unpacked: _Unpacked) -> None:
        self._stream = stream
        self._unpacked = unpacked
        # What is unpacked, a header for each entry, and room for long names.
        self._most = unpacked.limits.bytes + 8192 * unpacked.limits.entries

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LARGEST_HEADER:
            raise self._unpacked.refusal("it has a header that no honest archive has")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET and offset > self._most:
            raise self._unpacked.refusal(f"it unpacks to more than {self._unpacked.limits.bytes} bytes")
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
