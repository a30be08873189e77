"""What a migration does to the schema, read from its words: does the old release survive it, and which data goes?

A statement that is not understood is said to be unclear, never safe.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from headway.migration.lexer import Sort, Statement, Token, statements
from headway.migration.model import Dialect, Kind, Migration, Script

Name = tuple[str, ...]
_DESTROYING = frozenset({"DROP", "TRUNCATE", "DELETE"})
"""Without one of these words no statement destroys data that we could count."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Data that goes: all rows of a table, or (with `column`) every value of a column."""

    table: Name
    column: str | None = None

    @property
    def what(self) -> str:
        return ".".join((*self.table, self.column) if self.column else self.table)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a statement does. `breaks`: the release before may not survive it. `unclear`: nobody can tell from the words."""

    line: int
    what: str
    breaks: bool = False
    unclear: bool = False
    loss: Loss | None = None


def changes(script: Script | None, dialect: Dialect, created: set[Name] | None = None) -> tuple[Change, ...]:
    """Everything that these statements do. `created` are tables that did not exist before; it grows on the way."""
    if script is None:
        return ()
    known = created if created is not None else set()
    all_of_it = statements(script.sql, dialect, script.line)
    reader = _Reader(known, _rebuilt(all_of_it))
    return tuple(change for one in all_of_it for change in reader.read(one))


def kind_of(migration: Migration, dialect: Dialect, created: set[Name] | None = None) -> Kind:
    """What the migration means for the release that still runs."""
    found = changes(migration.up, dialect, created)
    if any(change.breaks for change in found):
        return Kind.CONTRACT
    return Kind.BACKFILL if migration.backfill and not found else Kind.EXPAND


def losses(script: Script | None, dialect: Dialect) -> tuple[Loss, ...]:
    """Data that these statements destroy, each once."""
    if script is None or not any(_DESTROYING.intersection(one.words) for one in statements(script.sql, dialect, script.line)):
        return ()
    return tuple(dict.fromkeys(change.loss for change in changes(script, dialect) if change.loss))


def index_of(statement: Statement) -> tuple[bool, Name] | None:
    """Which index this makes (true) or drops (false); None: something else."""
    words = _Words(statement.tokens)
    creating = words.word() == "CREATE"
    words.take("UNIQUE")
    if not words.take("INDEX") or not (creating or statement.begins("DROP")):
        return None
    words.take("CONCURRENTLY")
    words.take("IF", "NOT", "EXISTS")
    words.take("IF", "EXISTS")
    name = words.name()
    return (creating, name) if name and name != ("on",) else None


_DATA_ONLY = {
    "SELECT",
    "VALUES",
    "INSERT",
    "UPDATE",
    "MERGE",
    "REPLACE",
    "ANALYZE",
    "REINDEX",
    "VACUUM",
    "COMMENT",
    "GRANT",
    "REFRESH",
    "CLUSTER",
}
_DATA_ONLY |= {"SET", "RESET", "SHOW", "LOCK", "PRAGMA", "NOTIFY", "COPY", "BEGIN", "COMMIT", "END", "SAVEPOINT", "RELEASE"}
_NO_HARM_DROPPED = {"INDEX", "TRIGGER", "STATISTICS", "RULE", "POLICY"}
_KINDS = ("MATERIALIZED", "FOREIGN")


class _Words:
    """The statement from left to right."""

    def __init__(self, tokens: Sequence[Token], words: Sequence[str] | None = None) -> None:
        self._tokens = tokens
        self._words = [token.word for token in tokens] if words is None else words
        self._at = 0

    def take(self, *words: str) -> bool:
        """Step over these keywords, if they come next."""
        if self._at >= len(self._words) or self._words[self._at] != words[0]:
            return False  # nearly always, and cheaply
        end = self._at + len(words)
        if len(words) > 1 and tuple(self._words[self._at : end]) != words:
            return False
        self._at = end
        return True

    def word(self) -> str:
        """Whatever comes next, as a keyword."""
        if self._at >= len(self._tokens):
            return ""
        self._at += 1
        return self._words[self._at - 1]

    def name(self) -> Name:
        """A name, with its schema if that is given."""
        parts = []
        while self._at < len(self._tokens) and self._tokens[self._at].sort in {Sort.WORD, Sort.QUOTED}:
            parts.append(self._tokens[self._at].name)
            self._at += 1
            if not self.take("."):
                break
        return tuple(parts)

    @property
    def rest(self) -> tuple[Token, ...]:
        return tuple(self._tokens[self._at :])


def _rebuilt(all_of_it: Sequence[Statement]) -> set[Name]:
    """Tables that are dropped and whose name another one then takes: rebuilt, not lost."""
    if not any(one.begins("DROP", "TABLE") for one in all_of_it):
        return set()
    taken: set[Name] = set()
    for one in all_of_it:
        words = _Words(one.tokens, one.words)
        if words.take("ALTER", "TABLE"):
            table = words.name()
            if words.take("RENAME", "TO"):
                taken.add((*table[:-1], *words.name()))
    dropped = {_Words(one.tokens[2:]).name() for one in all_of_it if one.begins("DROP", "TABLE")}
    return taken & dropped


@dataclass
class _Reader:
    """Reads statements one after the other, and remembers the tables that they create."""

    created: set[Name]
    rebuilt: set[Name]
    renamed_away: set[Name] = field(default_factory=set)

    def read(self, statement: Statement) -> Iterator[Change]:
        words = _Words(statement.tokens, statement.words)
        first = words.word()
        readers: dict[str, Callable[[_Words, int], Iterator[Change]]] = {
            "ALTER": self._alter,
            "CREATE": self._create,
            "DROP": self._drop,
            "TRUNCATE": self._truncate,
            "DELETE": self._delete,
            "REVOKE": lambda _words, line: iter((Change(line, "revokes a right", breaks=True),)),
        }
        if first in readers:
            yield from readers[first](words, statement.line)
        elif first not in _DATA_ONLY:
            yield Change(statement.line, f"runs {first or 'something'}, whose effect cannot be read from the file", unclear=True)

    # -- create

    def _create(self, words: _Words, line: int) -> Iterator[Change]:
        replaces = words.take("OR", "REPLACE")
        for adjective in ("GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "CONSTRAINT", "RECURSIVE", *_KINDS):
            words.take(adjective)
        unique = words.take("UNIQUE")
        what = words.word()
        words.take("CONCURRENTLY")
        words.take("IF", "NOT", "EXISTS")
        name = words.name()
        if what == "TABLE":
            self.created.add(name)
        elif what == "TRIGGER" and self._table_after("ON", words) not in self.created:
            yield Change(line, f"adds the trigger {'.'.join(name)}", breaks=True)
        elif what == "INDEX" and unique:
            table = self._table_after("ON", words, skip=name == ("on",))
            if table not in self.created:
                yield Change(line, f"adds the unique index {'.'.join(name)} on {'.'.join(table)}", breaks=True)
        elif replaces:
            yield Change(line, f"replaces {what.lower()} {'.'.join(name)}", unclear=True)
        elif what in {"RULE", "POLICY"}:
            yield Change(line, f"adds the {what.lower()} {'.'.join(name)}", breaks=True)

    @staticmethod
    def _table_after(word: str, words: _Words, *, skip: bool = False) -> Name:
        rest = words.rest
        at = 0 if skip else next((index + 1 for index, one in enumerate(rest) if one.word == word), len(rest))
        found = _Words(rest[at:])
        found.take("ONLY")
        return found.name()

    # -- drop, empty

    def _drop(self, words: _Words, line: int) -> Iterator[Change]:
        for adjective in _KINDS:
            words.take(adjective)
        what = words.word()
        words.take("CONCURRENTLY")
        words.take("IF", "EXISTS")
        while name := words.name():
            yield from self._dropped(what, name, line)
            if not words.take(","):
                break

    def _dropped(self, what: str, name: Name, line: int) -> Iterator[Change]:
        if what in _NO_HARM_DROPPED:
            return
        if what == "TABLE" and name in self.created:
            self.created.discard(name)
        elif what == "TABLE" and name in self.rebuilt:
            yield Change(line, f"rebuilds {'.'.join(name)}", breaks=True)
        else:
            yield Change(line, f"drops {what.lower()} {'.'.join(name)}", breaks=True, loss=Loss(name) if what == "TABLE" else None)

    def _truncate(self, words: _Words, line: int) -> Iterator[Change]:
        words.take("TABLE")
        while True:
            words.take("ONLY")
            name = words.name()
            if not name:
                return
            yield Change(line, f"empties {'.'.join(name)}", loss=Loss(name))
            words.take("*")
            if not words.take(","):
                return

    def _delete(self, words: _Words, line: int) -> Iterator[Change]:
        words.take("FROM")
        words.take("ONLY")
        name = words.name()
        if name not in self.created:
            yield Change(line, f"deletes rows of {'.'.join(name)}", loss=Loss(name))

    # -- alter

    def _alter(self, words: _Words, line: int) -> Iterator[Change]:
        for adjective in _KINDS:
            words.take(adjective)
        what = words.word()
        words.take("IF", "EXISTS")
        words.take("ONLY")
        name = words.name()
        words.take("*")
        if what != "TABLE":
            yield from self._altered_other(what, name, words, line)
            return
        if name in self.created:
            if words.take("RENAME", "TO"):
                self.created.add((*name[:-1], *words.name()))
            return
        for action in _split(words.rest):
            yield from self._action(name, _Words(action), line)

    def _altered_other(self, what: str, name: Name, words: _Words, line: int) -> Iterator[Change]:
        title = f"{what.lower()} {'.'.join(name)}"
        rest = {one.word for one in words.rest}
        if what == "TYPE" and words.take("ADD", "VALUE"):
            return
        if what == "INDEX":
            return
        if rest & {"RENAME", "DROP"} or words.take("SET", "SCHEMA"):
            yield Change(line, f"changes or renames {title}", breaks=True)
        elif what not in {"SEQUENCE", "TYPE", "DEFAULT", "EXTENSION"}:
            yield Change(line, f"alters {title}", unclear=True)

    def _action(self, table: Name, words: _Words, line: int) -> Iterator[Change]:
        title = ".".join(table)
        first = words.word()
        if first == "ADD":
            yield from self._added(table, words, line)
        elif first == "DROP":
            if words.take("CONSTRAINT"):
                return
            words.take("COLUMN")
            words.take("IF", "EXISTS")
            column = ".".join(words.name())
            yield Change(line, f"drops {title}.{column}", breaks=True, loss=Loss(table, column))
        elif first == "ALTER":
            yield from self._altered_column(title, words, line)
        elif first == "RENAME":
            yield from self._renamed(title, words, line)
        elif first == "SET" and words.take("SCHEMA"):
            yield Change(line, f"moves {title} to another schema", breaks=True)
        elif first in {"ENABLE", "FORCE", "DETACH", "INHERIT", "NO"}:
            yield Change(line, f"changes how {title} behaves ({first.lower()} {words.word().lower()})", breaks=True)
        elif first not in {"VALIDATE", "SET", "RESET", "OWNER", "CLUSTER", "REPLICA", "DISABLE", "ATTACH"}:
            yield Change(line, f"alters {title} in a way that cannot be read from the file", unclear=True)

    def _added(self, table: Name, words: _Words, line: int) -> Iterator[Change]:
        title = ".".join(table)
        if words.take("CONSTRAINT"):
            words.name()
        for constraint in (("CHECK",), ("UNIQUE",), ("PRIMARY", "KEY"), ("FOREIGN", "KEY"), ("EXCLUDE",), ("NOT", "NULL")):
            if words.take(*constraint):
                yield Change(line, f"adds {' '.join(constraint).lower()} to {title}", breaks=True)
                return
        words.take("COLUMN")
        words.take("IF", "NOT", "EXISTS")
        column = ".".join(words.name())
        rest = " ".join(one.word for one in words.rest)
        filled = any(word in rest for word in ("DEFAULT", "GENERATED", "SERIAL"))
        if ("NOT NULL" in rest or "PRIMARY KEY" in rest) and not filled:
            yield Change(line, f"adds {title}.{column}, not null and without a default", breaks=True)

    @staticmethod
    def _altered_column(title: str, words: _Words, line: int) -> Iterator[Change]:
        if words.take("CONSTRAINT"):
            return
        words.take("COLUMN")
        column = f"{title}.{'.'.join(words.name())}"
        if words.take("TYPE") or words.take("SET", "DATA", "TYPE"):
            yield Change(line, f"changes the type of {column}", breaks=True)
        elif words.take("SET", "NOT", "NULL"):
            yield Change(line, f"makes {column} not null", breaks=True)
        elif words.take("DROP", "DEFAULT"):
            yield Change(line, f"drops the default of {column}", breaks=True)

    @staticmethod
    def _renamed(title: str, words: _Words, line: int) -> Iterator[Change]:
        if words.take("CONSTRAINT"):
            return
        if words.take("TO"):
            yield Change(line, f"renames {title}", breaks=True)
            return
        words.take("COLUMN")
        yield Change(line, f"renames {title}.{'.'.join(words.name())}", breaks=True)


def _split(tokens: Sequence[Token]) -> Iterator[tuple[Token, ...]]:
    """At commas that stand in no parentheses."""
    depth, current = 0, list[Token]()
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.sort is Sort.MARK else 0
        if depth == 0 and token.sort is Sort.MARK and token.text == ",":
            yield tuple(current)
            current = []
        else:
            current.append(token)
    yield tuple(current)
