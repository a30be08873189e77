"""Who pushed what, as the post-receive hook (githook.py) wrote it down beside the repository.

A file and no message: a push must not wait for a server, and counts also when none runs.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from headway.adapters.gitcommand import Git
from headway.ports import Pushed

LOG = "headway-pushes"
"""In the repository's own folder, which nobody pushes to: a line a ref, `when old new ref how who`, apart by tabs."""
LONGEST = 1 << 20
_ACCOUNT = "account"


class NotedPushes:
    """The notes of the repositories of services; `where` says which repository a service lives in."""

    def __init__(self, where: Callable[[str], Path], git: str = "git", timeout: float = 10.0) -> None:
        self._where = where
        self._git = git
        self._timeout = timeout

    def pushed(self, service: str, ref: str, commit: str) -> Pushed | None:
        """Who last put this commit there. A note that cannot be read is none: the record then says what the commit claims."""
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        try:
            lines = tuple(_lines(_log(Git(self._where(service), self._git, self._timeout))))
        except (OSError, subprocess.SubprocessError):
            return None
        for line in reversed(lines):
            match line.split("\t"):
                case [_, _, new, name, how, who] if (new, name) == (commit, full) and who:
                    return Pushed(who, _identity(how))
        return None


def _identity(how: str) -> str:
    return "the account that pushed" if how == _ACCOUNT else f"{how}, says the repository's server"


def _log(git: Git) -> Path:
    common = git.run("rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(os.fsdecode(common.rstrip(b"\n"))) / LOG


def _lines(log: Path) -> Iterator[str]:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST))
        yield from file.read().decode(errors="replace").splitlines()
