"""Migrations by the team's own tool: alembic, Django, Flyway, dbmate. Four verbs by its own command, and what it can promise.

Nothing of a tool is imitated: what it cannot do, its adapter refuses, and the plan shows it.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from headway.adapters.databases.address import Address
from headway.adapters.databases.toolcommand import Argv, Command, Stands, Tool, spelled
from headway.errors import Failed, HeadwayError, InvalidSpec, Refused, Unavailable
from headway.migration.abilities import Promises
from headway.migration.files import parse
from headway.migration.lexer import statements
from headway.migration.model import Dialect

DATABASE_URL = "DATABASE_URL"


def _variable(address: Address, variable: str) -> dict[str, str]:
    return {variable: spelled(address)}


@dataclass(frozen=True)
class Alembic:
    """`alembic`, in the folder of its alembic.ini."""

    usual: ClassVar[Argv] = ("alembic",)
    ups: ClassVar[Argv] = ("upgrade", "heads")
    tables: ClassVar[tuple[str, ...]] = ("alembic_version",)
    environment = staticmethod(_variable)
    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        notes = ("on SQLite its DDL is committed statement by statement",) if dialect is Dialect.SQLITE else ()
        return Promises(atomic=dialect is Dialect.POSTGRES, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        said = self.command.run("history", "--indicate-current")
        parents: dict[str, tuple[str, ...]] = {}
        heads: list[str] = []
        for before, name, marks in re.findall(r"^(.+?) -> ([^\s,]+)((?: \([a-z ]+\))*)", said, re.MULTILINE):
            # `a, b (c) -> d`: d merges a and b, and depends on c.
            parents[name] = tuple(one for one in re.findall(r"[^\s,()]+", before) if one != "<base>")
            heads += [name] if "(current)" in marks else []
        order = [*parents][::-1]
        if not heads and (stranger := self._stranger()):
            return Stands((), (), ahead=(stranger,))
        applied: set[str] = set()
        following = heads
        while following:
            one = following.pop()
            if one not in applied:
                applied.add(one)
                following += parents.get(one, ())
        return Stands(tuple(one for one in order if one in applied), tuple(one for one in order if one not in applied))

    def _stranger(self) -> str | None:
        """The revision that the database is at and no file has; history does not mark it, and `current` fails over it."""
        try:
            self.command.run("current")
        except Failed as error:
            if found := re.search(r"Can't locate revision identified by '([^']+)'", str(error)):
                return found[1]
            raise
        return None

    def up(self) -> str:
        return self.command.run(*self.ups)

    def down(self, steps: int) -> str:
        return self.command.run("downgrade", f"-{steps}")

    def dry_run(self) -> str:
        applied = self.status().applied
        return self.command.run("upgrade", "--sql", f"{applied[-1]}:heads" if applied else "heads")

    def sql(self, names: Sequence[str]) -> Mapping[str, str]:
        if not names:
            return {}
        try:
            parts = re.split(r"^-- Running upgrade .*? -> ([^\s,]+).*$", self.dry_run(), flags=re.MULTILINE)
        except Failed:
            return {}  # a migration that asks the database while it runs cannot be written down beforehand
        return dict(zip(parts[1::2], parts[2::2], strict=True))


@dataclass(frozen=True)
class Django:
    """`python manage.py`, in the project's folder."""

    usual: ClassVar[Argv] = ("python", "manage.py")
    ups: ClassVar[Argv] = ("migrate", "--no-input", "--no-color")
    tables: ClassVar[tuple[str, ...]] = ("django_migrations",)
    environment = staticmethod(_variable)
    command: Command

    def promises(self, dialect: Dialect) -> Promises:
        del dialect  # the same on both
        notes = ("each migration is a transaction of its own; one that says atomic = False has none",)
        return Promises(atomic=True, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        found = re.findall(r"^\[([ X])\]\s+(\S+)", self.command.run("showmigrations", "--plan", "--no-color"), re.MULTILINE)
        return Stands(tuple(name for mark, name in found if mark == "X"), tuple(name for mark, name in found if mark == " "))

    def up(self) -> str:
        return self.command.run(*self.ups)

    def down(self, steps: int) -> str:
        """Newest of the plan first, until so many are gone: Django goes back by application, and what depends on one goes with it."""
        said = []
        applied = self.status().applied
        wanted = max(len(applied) - steps, 0)
        while len(applied) > wanted:
            app, _, _ = applied[-1].partition(".")
            before = [name.partition(".")[2] for name in applied[:-1] if name.startswith(f"{app}.")]
            said.append(self.command.run("migrate", "--no-input", "--no-color", app, before[-1] if before else "zero"))
            left = self.status().applied
            if len(left) >= len(applied):
                raise Failed(f"django said that it went back before {applied[-1]}, and it is applied as before")
            applied = left
        return "".join(said)

    def dry_run(self) -> str:
        return self.command.run("migrate", "--plan", "--no-color")

    def sql(self, names: Sequence[str]) -> Mapping[str, str]:
        found = {}
        for one in names:
            try:
                text = self.command.run("sqlmigrate", *one.split(".", 1), "--no-color")
            except Failed:
                continue
            if "CANNOT BE WRITTEN AS SQL" not in text:
                found[one] = text
        return found


@dataclass(frozen=True)
class Flyway:
    """`flyway`, with its own configuration file; the database comes by FLYWAY_URL, FLYWAY_USER and FLYWAY_PASSWORD."""

    usual: ClassVar[Argv] = ("flyway",)
    ups: ClassVar[Argv] = ("migrate",)
    tables: ClassVar[tuple[str, ...]] = ("flyway_schema_history",)
    command: Command

    @staticmethod
    def environment(address: Address, variable: str) -> dict[str, str]:
        del variable  # it has its own
        if address.dialect is Dialect.SQLITE:
            return {"FLYWAY_URL": f"jdbc:sqlite:{address.path}"}
        parts = urlsplit(address.url)
        if not parts.hostname:
            raise Refused(f"flyway cannot reach {address.where}", ("it goes by TCP only; name a host in the URL",))
        options = {name: value for name, value in parse_qsl(parts.query) if name.startswith("ssl")}
        words = f"?{urlencode(options)}" if options else ""
        return {
            "FLYWAY_URL": f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}{words}",
            **({"FLYWAY_USER": unquote(parts.username)} if parts.username else {}),
            **({"FLYWAY_PASSWORD": unquote(parts.password)} if parts.password else {}),
        }

    def promises(self, dialect: Dialect) -> Promises:
        del dialect  # the same on both
        notes = ("undo and dry runs are not in its free edition", "each file is a transaction of its own")
        return Promises(atomic=True, has_down=False, has_checksum=True, notes=notes)

    def status(self) -> Stands:
        found = self._json("info")["migrations"]
        try:
            states = [(str(one["version"] or one["description"]), str(one["state"])) for one in found]
            invalid = self._json("validate", "-ignoreMigrationPatterns=*:pending,*:ignored,*:future,*:missing")["invalidMigrations"] or ()
            changed = tuple(str(one["version"] or one["description"]) for one in invalid if "MISMATCH" in one["errorDetails"]["errorCode"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("flyway gave no usable answer") from error
        return Stands(
            applied=_in(states, "Success", "Out of Order", "Baseline", "Future", "Missing"),
            pending=_in(states, "Pending", "Ignored"),
            changed=changed,
            out_of_order=_in(states, "Ignored"),
            ahead=_in(states, "Future", "Missing"),
            running=_in(states, "Failed", "Missing (Failed)", "Future (Failed)"),
        )

    def _json(self, *words: str) -> dict[str, list[dict[str, dict[str, str]]]]:
        text = self.command.run("-outputType=json", *words)
        try:
            found = json.loads(text[text.index("{") :])
            assert isinstance(found, dict)
        except (ValueError, AssertionError) as error:
            raise Unavailable(f"flyway {words[0]} gave no usable answer") from error
        return found

    def up(self) -> str:
        return self.command.run(*self.ups)

    def down(self, steps: int) -> str:
        raise Refused(
            f"flyway cannot go {steps} steps down", ("its free edition has no undo; the old version on the new schema is the way back",)
        )

    def dry_run(self) -> str:
        raise Refused("flyway has no dry run in its free edition", ("rehearse on a clone instead",))

    def sql(self, names: Sequence[str]) -> Mapping[str, str]:
        found = {}
        for one in self._json("info")["migrations"]:
            name, path = str(one["version"] or one["description"]), Path(str(one.get("filepath") or ""))
            if name in names and path.suffix == ".sql":
                with contextlib.suppress(OSError, ValueError):
                    found[name] = path.read_text("utf-8")
        return found


def _in(states: Sequence[tuple[str, str]], *wanted: str) -> tuple[str, ...]:
    return tuple(name for name, state in states if state in wanted)


@dataclass(frozen=True)
class Dbmate:
    """`dbmate`, with DATABASE_URL in its environment."""

    usual: ClassVar[Argv] = ("dbmate",)
    ups: ClassVar[Argv] = ("--no-dump-schema", "up")
    tables: ClassVar[tuple[str, ...]] = ("schema_migrations",)
    command: Command

    @staticmethod
    def environment(address: Address, variable: str) -> dict[str, str]:
        """It knows sockets by another name, and insists on TLS unless it is told otherwise."""
        url = spelled(address)
        if address.dialect is Dialect.POSTGRES:
            parts = urlsplit(address.url)
            options = dict(parse_qsl(parts.query))
            if options.get("host", "").startswith("/"):
                options = {**{name: value for name, value in options.items() if name != "host"}, "socket": options["host"]}
                options.setdefault("sslmode", "disable")
            url = parts._replace(scheme="postgres", query=urlencode(options, safe="/")).geturl()
        return {variable: url}

    def promises(self, dialect: Dialect) -> Promises:
        del dialect  # the same on both
        notes = ("each file is a transaction of its own", "it skips a duplicate version silently, and sorts 10_ before 2_")
        return Promises(atomic=True, has_down=True, has_checksum=False, notes=notes)

    def status(self) -> Stands:
        found = re.findall(r"^\[([ X])\]\s+(\S+)", self.command.run("status"), re.MULTILINE)
        same = [tuple(each) for _, each in groupby(sorted((name for _, name in found), key=_version), key=_version)]
        return Stands(
            tuple(name for mark, name in found if mark == "X"),
            tuple(name for mark, name in found if mark == " "),
            duplicate=tuple(each for each in same if len(each) > 1),
        )

    def up(self) -> str:
        return self.command.run(*self.ups)

    def down(self, steps: int) -> str:
        return "".join(self.command.run("--no-dump-schema", "rollback") for _ in range(steps))

    def dry_run(self) -> str:
        raise Refused("dbmate has no dry run", ("rehearse on a clone instead",))

    def sql(self, names: Sequence[str]) -> Mapping[str, str]:
        """Its files are as ours: cut at `-- migrate:up`."""
        found = {}
        for name in names:
            try:
                (one,) = parse({name: (self._files() / name).read_text("utf-8")}, Dialect.POSTGRES)
            except (OSError, ValueError, HeadwayError):
                continue
            found[name] = one.up.sql if one.up else ""
        return found

    def _files(self) -> Path:
        words = self.command.argv
        named = [after for word, after in pairwise(words) if word in {"-d", "--migrations-dir"}]
        return self.command.folder / (named[-1] if named else self.command.environment.get("DBMATE_MIGRATIONS_DIR", "db/migrations"))


def _version(name: str) -> str:
    return name.partition("_")[0]


TOOLS: Mapping[str, type[Alembic | Django | Flyway | Dbmate]] = {"alembic": Alembic, "dbmate": Dbmate, "django": Django, "flyway": Flyway}


def kind(name: str) -> type[Alembic | Django | Flyway | Dbmate]:
    """The adapter of this name."""
    if name not in TOOLS:
        raise InvalidSpec(f"there is no adapter for {name!r}; expected {', '.join(TOOLS)}")
    return TOOLS[name]


def tool(
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    argv: Sequence[str] = (),
    secrets: tuple[str, ...] = (),
    holds: tuple[int, ...] = (),
    seconds: float = 3600.0,
) -> Tool:
    """The tool by its name; `argv` where the team's command is not the usual one."""
    made = kind(name)
    return made(Command(tuple(argv) or made.usual, folder, environment, secrets, seconds, holds))


def own_words(text: str, tables: Sequence[str], dialect: Dialect) -> str:
    """What a migration does itself: without the tool's transaction and the tool's own bookkeeping."""
    kept = [
        one.text
        for one in statements(text, dialect)
        if one.words not in {("BEGIN",), ("COMMIT",)} and not any(token.name in tables for token in one.tokens)
    ]
    return "".join(f"{one};\n" for one in kept)
