"""A migration tool that is not ours: how its command is run, and what an adapter of one answers."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from headway.adapters.databases.address import Address, mask
from headway.adapters.databases.store import Busy
from headway.errors import Failed, Unavailable
from headway.migration.abilities import Promises
from headway.migration.model import Dialect

Argv = tuple[str, ...]
_LOCKED = ("lock timeout", "LockNotAvailable", "database is locked")


@dataclass(frozen=True, slots=True)
class Stands:
    """Where the migrations stand, by the tool's own names, in order. `ahead`: applied, and newer than every file."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    changed: tuple[str, ...] = ()
    duplicate: tuple[tuple[str, ...], ...] = ()
    out_of_order: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    running: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """How the tool is run: its words, its folder, its environment. Secrets in the environment are masked in what it says.

    `holds` are open files that the tool keeps open for us: a lock that must last as long as the tool is at work.
    """

    argv: Argv
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = 3600.0
    holds: tuple[int, ...] = ()

    def run(self, *words: str) -> str:
        """What it prints. A failure is evidence against the release; a tool that cannot run is not."""
        argv = (*self.argv, *words)
        said = mask(" ".join(argv), self.secrets)
        try:
            running = subprocess.Popen(
                argv, cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace", pass_fds=self.holds, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"{argv[0]} cannot be started in {self.folder}: {error.strerror}") from error
        try:
            out, err = running.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{said} took longer than {self.timeout:g} s and was ended; look at the database") from None
        finally:
            if running.poll() is None:
                # With what it started: a wrapper's death alone would leave the tool at work on the database.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                running.communicate()
        if running.returncode:
            told = mask(f"{err.strip()}" or out.strip(), self.secrets)
            kind = Busy if any(one in told for one in _LOCKED) else Failed
            raise kind(f"{said} ended with {running.returncode}: {' / '.join(told.splitlines()[-6:])}")
        return mask(out, self.secrets)


class Tool(Protocol):
    """A migration tool that is not ours."""

    def promises(self, dialect: Dialect) -> Promises: ...

    def status(self) -> Stands: ...

    def up(self) -> str: ...

    def down(self, steps: int) -> str: ...

    def dry_run(self) -> str:
        """What `up` would do."""
        ...

    def sql(self, names: Sequence[str]) -> Mapping[str, str]:
        """What these migrations run, as far as the tool can tell it beforehand. A name that is missing: nobody knows."""
        ...


def spelled(address: Address) -> str:
    """The URL as it was given: `postgresql+psycopg://` means something to SQLAlchemy, and is no concern of ours."""
    return f"{address.scheme}:{address.url.partition(':')[2]}"
