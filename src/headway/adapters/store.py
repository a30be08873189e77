"""Artifacts in folders named by their digest: immutable, stored once, verified in full whenever they are handed out.

    sha256-<hex>/tree/…      the files, read-only
    sha256-<hex>/manifest    what releases/tree.py says of them; the digest is this file's SHA-256
    .new-…, .old-…           being written, being removed

A folder gets its name only once everything in it is on the disk, so whatever has a name is whole. Nobody can make a folder safe from
its owner, least of all from root; that is why path() reads every byte again instead of believing a time stamp.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from headway.adapters.archives import LIMITS, Limits, unpack
from headway.adapters.folders import Tree, copy, disk, lock_down, remove, scan, sync, write
from headway.errors import Failed, InvalidSpec, Refused, Unavailable
from headway.releases.model import Artifact
from headway.releases.tree import digest, digest_of_manifest, first_difference, is_digest, link_fault, manifest, parse

YOUNG = 3600.0
"""Seconds for which collect() leaves a new artifact alone: its release may not be on record yet."""
_ABANDONED = 86400.0
_LOOKS = 5


class FileStore:
    """Artifacts in a folder of this machine."""

    def __init__(self, root: Path, *, young: float = YOUNG, limits: Limits = LIMITS) -> None:
        self._root = root
        self._young = young
        self._limits = limits

    def put(self, folder: Path) -> Artifact:
        """Store a tree; a tree that is already there costs nothing but reading it."""
        if not folder.is_dir():
            raise Failed(f"{folder} is not a folder, so there is nothing to store")
        with disk(f"store {folder}"):
            there = scan(folder)
            if (artifact := self._already(there)) is not None:
                return artifact
            return self._store(lambda tree: copy(folder, tree))

    def take(self, archive: Path, digest: str) -> Artifact:
        """Store what CI built elsewhere: a folder, a tar (plain, gz, bz2, xz) or a zip. Refused if its digest is not the one given."""
        if not is_digest(digest):
            raise InvalidSpec(f"an artifact's digest is `sha256:` and 64 hex digits, not {digest!r}")
        if not archive.exists():
            raise InvalidSpec(f"{archive} is not there; expected a folder, a tar or a zip")
        with disk(f"store {archive}"):
            if archive.is_dir():
                return self._store(lambda tree: copy(archive, tree), wanted=digest, given=archive)
            return self._store(lambda tree: unpack(archive, tree, self._limits), wanted=digest, given=archive)

    def path(self, digest: str) -> Path:
        """The stored tree, verified now against its digest; Failed if it was tampered with, Unavailable if it is not here."""
        folder = self._folder(digest)
        with disk(f"read {folder}"):
            for _ in range(_LOOKS):
                before, fault, after = _stamp(folder), self._fault(digest), _stamp(folder)
                if fault is None or before == after:
                    break
                # Beside collect() files vanish under a reader, and put() may bring them back: look again before calling it tampering.
            if after is None:
                raise Unavailable(f"the artifact {digest} is not in the store at {self._root}; cut the release again, or take its archive")
            if fault is not None:
                raise Failed(f"the artifact {digest} was tampered with: {fault}, in {folder}; it will not be used")
            return folder / "tree"

    def collect(self, keep: frozenset[str]) -> Sequence[str]:
        """Remove all but these and the newest; returns the digests removed. Whoever still reads one goes on reading it."""
        removed = []
        with disk(f"clean {self._root}"):
            for folder in self._stored():
                digest = folder.name.replace("-", ":", 1)
                if digest not in keep and _age(folder) >= self._young:
                    self._discard(folder)
                    removed.append(digest)
            for left in (*self._root.glob(".old-*"), *(new for new in self._root.glob(".new-*") if _age(new) > _ABANDONED)):
                remove(left)
        return tuple(sorted(removed))

    def _store(self, fill: Callable[[Path], Tree], *, wanted: str | None = None, given: Path | None = None) -> Artifact:
        """Fill a new folder, look at what came out, and only then give it its name."""
        new = self._root / f".new-{secrets.token_hex(8)}"
        new.mkdir(parents=True)
        try:
            tree = fill(new / "tree")
            _inspect(tree)
            text = manifest(tree.entries)
            digest = digest_of_manifest(text)
            if wanted is not None and digest != wanted:
                raise Refused(f"{given} is not the artifact that was announced", _mismatch(given, wanted, digest))
            write(new / "manifest", (text.encode(),))
            lock_down(new)
            self._name(new, digest)
            return Artifact(digest, tree.size)
        finally:
            remove(new)

    def _name(self, new: Path, digest: str) -> None:
        """The moment from which it is stored."""
        target = self._folder(digest)
        if target.exists():
            if self._fault(digest) is None:
                os.utime(target)
                return
            # What stands there was tampered with, and here is the true one.
            self._discard(target)
        try:
            new.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            return  # somebody else stored the same tree just now
        sync(self._root)

    def _already(self, there: Tree) -> Artifact | None:
        _inspect(there)
        digest = digest_of_manifest(manifest(there.entries))
        if self._fault(digest) is not None:
            return None
        os.utime(self._folder(digest))  # young again: collect() leaves it alone until its release is on record
        return Artifact(digest, there.size)

    def _fault(self, digest: str) -> str | None:
        """What is wrong with a stored tree; None if every byte is as it was."""
        folder = self._folder(digest)
        try:
            text = (folder / "manifest").read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return "manifest is missing"
        except UnicodeDecodeError:
            return "manifest was changed"
        if digest_of_manifest(text) != digest:
            return "manifest was changed"
        if not (folder / "tree").is_dir() or (folder / "tree").is_symlink():
            return "tree is missing"
        try:
            found = scan(folder / "tree")
        except Refused as error:
            return error.objections[0]
        except FileNotFoundError as error:
            return f"{Path(error.filename).name} is missing"
        return first_difference(parse(text), found.entries)

    def _discard(self, folder: Path) -> None:
        """Out of the way in one move, so that nobody ever finds half of it; then gone."""
        old = self._root / f".old-{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        remove(old)

    def _stored(self) -> Iterator[Path]:
        return (folder for folder in self._root.glob("sha256-*") if is_digest(folder.name.replace("-", ":", 1)))

    def _folder(self, digest: str) -> Path:
        if not is_digest(digest):
            raise InvalidSpec(f"an artifact's digest is `sha256:` and 64 hex digits, not {digest!r}")
        return self._root / digest.replace(":", "-")


def _inspect(tree: Tree) -> None:
    """An artifact stands on its own: no link in it leads out."""
    if faults := sorted(fault for entry in tree.entries if (fault := link_fault(entry)) is not None):
        raise Refused("an artifact may not link to what is not in it", faults)
    if not tree.entries:
        raise Refused("an artifact has at least one file; there is none")


def _mismatch(given: Path | None, wanted: str, digest: str) -> tuple[str, ...]:
    facts = (f"announced: {wanted}", f"found:     {digest}")
    if given is not None and given.is_file() and f"sha256:{_sum(given)}" == wanted:
        return (*facts, "the digest given is that of the archive file; give the one of the tree in it")
    return facts


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Which folder this is: one that was removed and stored again is another."""
    with contextlib.suppress(FileNotFoundError):
        about = folder.stat()
        return about.st_ino, about.st_ctime_ns
    return None


def _age(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return 0.0


def digest_of(path: Path) -> str:
    """The digest of a folder or archive as the store would name it."""
    with disk(f"read {path}"):
        if path.is_dir():
            return digest(scan(path).entries)
        with tempfile.TemporaryDirectory() as scratch:
            return digest(unpack(path, Path(scratch) / "tree").entries)
