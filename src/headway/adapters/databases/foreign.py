"""Migrations by the team's own tool: alembic, Django, Flyway, dbmate. Four verbs by its own command, and what it can promise.

Nothing of a tool is imitated: what it cannot do, its adapter refuses, and the plan shows it.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from headway.adapters.databases.address import mask
from headway.errors import Failed, InvalidSpec, Refused, Unavailable
from headway.migration.model import Dialect

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Promises:
    """What a tool can and cannot do, for the plan."""

    atomic: bool
    has_down: bool
    has_checksum: bool
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The same as sentences."""
        return (
            "a failure leaves nothing behind" if self.atomic else "a failure may leave a migration half applied",
            "it has a way down" if self.has_down else "it has no way down",
            "it notices a changed file" if self.has_checksum else "it does not notice a file that changed after it was applied",
            *self.notes,
        )


@dataclass(frozen=True, slots=True)
class Stands:
    """What is applied and what is pending, by the tool's own names, in order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """How the tool is run: its words, its folder, its environment. Secrets in the environment are masked in what it says."""

    argv: Argv
    folder: Path
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = 900.0

    def run(self, *words: str) -> str:
        """What it prints. A failure is evidence against the release; a tool that cannot run is not."""
        argv = (*self.argv, *words)
        try:
            ran = subprocess.run(
                argv, cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=self.timeout, check=False,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"{argv[0]} cannot be started in {self.folder}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{' '.join(argv)} took longer than {self.timeout:g} s and was ended; look at the database") from None
        if ran.returncode:
            last = mask(ran.stderr.strip() or ran.stdout.strip(), self.secrets).splitlines()[-6:]
            raise Failed(f"{' '.join(argv)} ended with {ran.returncode}: {' / '.join(last)}")
        return mask(ran.stdout, self.secrets)


class Tool(Protocol):
    """A migration tool that is not ours."""

    def promises(self, dialect: Dialect) -> Promises: ...

    def status(self) -> Stands: ...

    def up(self) -> str: ...

    def down(self, steps: int) -> str: ...

    def dry_run(self) -> str:
        """What `up` would do."""
        ...


@dataclass(frozen=True)
class Alembic:
    """`alembic`, in the folder of its alembic.ini."""

    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        notes = ("on SQLite its DDL is committed statement by statement",) if dialect is Dialect.SQLITE else ()
        return Promises(atomic=dialect is Dialect.POSTGRES, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        order = re.findall(r"^(?:[\w, ()<>]+) -> (\w+)", self.command.run("history"), re.MULTILINE)[::-1]
        heads = set(re.findall(r"^(\w+)", self.command.run("current"), re.MULTILINE))
        if unknown := heads - set(order):
            raise Refused("the database is ahead of these files", tuple(f"it is at {one}, which no file has" for one in sorted(unknown)))
        last = max((order.index(one) for one in heads), default=-1)
        return Stands(tuple(order[: last + 1]), tuple(order[last + 1 :]))

    def up(self) -> str:
        return self.command.run("upgrade", "heads")

    def down(self, steps: int) -> str:
        return self.command.run("downgrade", f"-{steps}")

    def dry_run(self) -> str:
        applied = self.status().applied
        return self.command.run("upgrade", "--sql", f"{applied[-1]}:heads" if applied else "heads")


@dataclass(frozen=True)
class Django:
    """`python manage.py`, in the project's folder."""

    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        del dialect  # the same on both
        notes = ("each migration is a transaction of its own, unless it says atomic = False",)
        return Promises(atomic=False, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        found = re.findall(r"^\[([ X])\]\s+(\S+)", self.command.run("showmigrations", "--plan", "--no-color"), re.MULTILINE)
        return Stands(tuple(name for mark, name in found if mark == "X"), tuple(name for mark, name in found if mark == " "))

    def up(self) -> str:
        return self.command.run("migrate", "--no-input", "--no-color")

    def down(self, steps: int) -> str:
        """One migration after the other, newest of the plan first: Django goes back by application, not by number of steps."""
        said = []
        for _ in range(steps):
            applied = self.status().applied
            if not applied:
                break
            app, _, _ = applied[-1].partition(".")
            before = [name.partition(".")[2] for name in applied[:-1] if name.startswith(f"{app}.")]
            said.append(self.command.run("migrate", "--no-input", "--no-color", app, before[-1] if before else "zero"))
        return "".join(said)

    def dry_run(self) -> str:
        return self.command.run("migrate", "--plan", "--no-color")


@dataclass(frozen=True)
class Flyway:
    """`flyway`, with its own configuration file."""

    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        notes = ("undo and dry runs are not in its free edition",)
        return Promises(atomic=dialect is Dialect.POSTGRES, has_down=False, has_checksum=True, notes=notes)

    def status(self) -> Stands:
        try:
            found = json.loads(self.command.run("-outputType=json", "info"))["migrations"]
            states = [(str(one["version"] or one["description"]), one["state"]) for one in found]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("flyway info gave no usable answer") from error
        done = {"Success", "Out of Order", "Baseline", "Future"}
        return Stands(tuple(name for name, state in states if state in done), tuple(name for name, state in states if state == "Pending"))

    def up(self) -> str:
        return self.command.run("-outputType=json", "migrate")

    def down(self, steps: int) -> str:
        raise Refused(
            f"flyway cannot go {steps} steps down", ("its free edition has no undo; the old version on the new schema is the way back",)
        )

    def dry_run(self) -> str:
        return self.command.run("-outputType=json", "info")


@dataclass(frozen=True)
class Dbmate:
    """`dbmate`, with DATABASE_URL in its environment."""

    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        del dialect  # the same on both
        notes = ("it skips a duplicate version silently, and sorts 10_ before 2_",)
        return Promises(atomic=False, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        found = re.findall(r"^\[([ X])\]\s+(\S+)", self.command.run("status"), re.MULTILINE)
        return Stands(tuple(name for mark, name in found if mark == "X"), tuple(name for mark, name in found if mark == " "))

    def up(self) -> str:
        return self.command.run("--no-dump-schema", "up")

    def down(self, steps: int) -> str:
        return "".join(self.command.run("--no-dump-schema", "rollback") for _ in range(steps))

    def dry_run(self) -> str:
        raise Refused("dbmate has no dry run", ("rehearse on a clone instead",))


TOOLS: Mapping[str, type[Alembic | Django | Flyway | Dbmate]] = {"alembic": Alembic, "django": Django, "flyway": Flyway, "dbmate": Dbmate}
_USUAL: Mapping[str, Argv] = {"alembic": ("alembic",), "django": ("python", "manage.py"), "flyway": ("flyway",), "dbmate": ("dbmate",)}


def tool(name: str, folder: Path, environment: Mapping[str, str], argv: Sequence[str] = (), secrets: tuple[str, ...] = ()) -> Tool:
    """The adapter by its name; `argv` where the team's command is not the usual one."""
    if name not in TOOLS:
        raise InvalidSpec(f"there is no adapter for {name!r}; expected {', '.join(sorted(TOOLS))}")
    return TOOLS[name](Command(tuple(argv) or _USUAL[name], folder, environment, secrets))
