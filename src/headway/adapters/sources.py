"""The source of a commit, exported once and kept: builds and checks copy from it, and nothing ever runs in it."""

import re
import secrets
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from headway.adapters.folders import disk, remove
from headway.errors import InvalidSpec
from headway.ports import Repository

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Sources:
    """Exports by commit, in a folder of this machine."""

    def __init__(self, root: Path, repositories: Mapping[str, Repository]) -> None:
        self._root = root
        self._repositories = repositories

    def __call__(self, service: str, commit: str) -> Path:
        """The folder with this commit's files. Do not run anything in it; see copy()."""
        if not _COMMIT.fullmatch(commit):
            raise InvalidSpec(f"a source is kept by its commit's full id, not by {commit!r}")
        kept = self._root / commit
        if kept.is_dir():
            return kept
        if service not in self._repositories:
            raise InvalidSpec(f"there is no service {service!r}; there are: {', '.join(sorted(self._repositories)) or 'none'}")
        new = self._root / f".new-{secrets.token_hex(8)}"
        with disk(f"keep the source of {commit[:10]}"):
            new.mkdir(parents=True)
            try:
                self._repositories[service].export(commit, new)
                _name(new, kept)
            finally:
                remove(new)
        return kept

    def copy(self, service: str, commit: str, into: Path) -> None:
        """A clean copy, to run things in."""
        source = self(service, commit)
        with disk(f"copy the source of {commit[:10]}"):
            try:
                shutil.copytree(source, into, symlinks=True)
            except shutil.Error as error:
                # It keeps the reason for itself, as one text per file.
                raise OSError(None, str(error.args[0][0][2]), str(into)) from error

    def collect(self, keep: Collection[str]) -> None:
        """Remove the sources of all other commits; they are exported again when somebody asks."""
        with disk(f"clean {self._root}"):
            for kept in self._root.glob("*"):
                if _COMMIT.fullmatch(kept.name) and kept.name not in keep:
                    remove(kept)


def _name(new: Path, kept: Path) -> None:
    try:
        new.rename(kept)
    except OSError:
        if not kept.is_dir():  # else somebody else exported the same commit just now
            raise
