"""What is dangerous in a migration before anybody runs it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from headway.migration.changes import Name, changes
from headway.migration.lexer import Statement, statements
from headway.migration.model import Dialect, Migration, Script


class Grade(Enum):
    """How bad, in order of gravity."""

    WARNING = "warning"
    DANGER = "danger"
    """Blocks where there is traffic."""
    WRONG = "wrong"
    """Blocks everywhere: it cannot work, or not as it reads."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about one line, with the way out."""

    rule: str
    grade: Grade
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text} [{self.rule}]"


def lint(migrations: Sequence[Migration], dialect: Dialect) -> tuple[Finding, ...]:
    """Every finding in these pending migrations, file by file."""
    created: set[Name] = set()
    found: list[Finding] = []
    for one in migrations:
        before = frozenset(created)
        found += _shape(one, dialect, created)
        for script in (one.up, one.down):
            if script is not None:
                found += _statements(one, script, dialect, before)
        if one.backfill is not None:
            found += _statements(one, Script(one.backfill.sql, one.backfill.line), dialect, before)
    return tuple(found)


def blocking(findings: Sequence[Finding], *, traffic: bool) -> tuple[Finding, ...]:
    """The findings that stop a migration: what is wrong always, what is dangerous where there is traffic."""
    return tuple(one for one in findings if one.grade is Grade.WRONG or (traffic and one.grade is Grade.DANGER))


def _shape(one: Migration, dialect: Dialect, created: set[Name]) -> Iterator[Finding]:
    start = one.up.line if one.up else 1
    found = changes(one.up, dialect, created)
    breaking = [change for change in found if change.breaks]
    for change in breaking:
        yield Finding(
            "contract",
            Grade.WARNING,
            one.file,
            change.line,
            f"{change.what}: the release before may need it; this file waits as a contract",
        )
    for change in found:
        if change.unclear:
            yield Finding("unclear", Grade.WARNING, one.file, change.line, f"{change.what}; rehearse it with the old release's checks")
    if breaking and one.up is not None and _adds(one.up, dialect):
        text = "adds and takes away in one file; two files let the first go out with the release and the second wait"
        yield Finding("mixed", Grade.DANGER, one.file, breaking[0].line, text)
    if one.up is not None and one.down is None:
        yield Finding("no-down", Grade.WARNING, one.file, start, "has no `-- migrate:down`; the only way back would be a restore")


def _adds(script: Script, dialect: Dialect) -> bool:
    return any(one.begins("CREATE", "TABLE") or {"ADD", "COLUMN"} <= set(one.words[:8]) for one in statements(script.sql, dialect))


_TRANSACTION = {"BEGIN", "COMMIT", "ROLLBACK", "ABORT", "END", "SAVEPOINT", "RELEASE"}


def transaction_control(script: Script, dialect: Dialect) -> Statement | None:
    """The first statement that would end or begin a transaction behind the runner's back."""
    for one in statements(script.sql, dialect, script.line):
        begins_one = one.words[0] in _TRANSACTION or one.begins("START", "TRANSACTION") or one.begins("PREPARE", "TRANSACTION")
        if begins_one:
            return one
    return None


def _statements(migration: Migration, script: Script, dialect: Dialect, existing: frozenset[Name]) -> Iterator[Finding]:
    created: set[Name] = set(existing)
    if (control := transaction_control(script, dialect)) is not None:
        text = f"{control.words[0]} in a file: the transaction is the runner's, and a file that ends it is half applied when it fails"
        yield Finding("transaction-control", Grade.WRONG, migration.file, control.line, text)
    for one in statements(script.sql, dialect, script.line):
        for rule, grade, text in _of(one, script, dialect, created):
            yield Finding(rule, grade, migration.file, one.line, text)
        changes(Script(one.text, one.line), dialect, created)


_Remark = tuple[str, Grade, str]


def _of(one: Statement, script: Script, dialect: Dialect, created: set[Name]) -> Iterator[_Remark]:
    words = set(one.words)
    if one.words[0] in {"UPDATE", "DELETE"} and "WHERE" not in words:
        yield (
            f"{one.words[0].lower()}-without-where",
            Grade.DANGER,
            f"{one.words[0]} without WHERE touches every row at once; use a backfill",
        )
    if dialect is Dialect.SQLITE:
        yield from _sqlite(one, script)
        return
    if one.begins("VACUUM") and "FULL" in words:
        yield "vacuum-full", Grade.DANGER, "VACUUM FULL locks the table against reads until it is rewritten"
    if one.begins("LOCK"):
        yield "lock-table", Grade.DANGER, "LOCK TABLE stops the traffic until the transaction ends"
    if one.begins("COPY") and "STDIN" in words:
        yield "copy-stdin", Grade.WRONG, "COPY FROM STDIN is psql's; use INSERT"
    if "CONCURRENTLY" in words:
        yield from _concurrently(one, script)
    elif one.begins("CREATE", "INDEX") or one.begins("CREATE", "UNIQUE", "INDEX"):
        yield from _plain_index(one, created)


def _concurrently(one: Statement, script: Script) -> Iterator[_Remark]:
    if script.transaction and not one.begins("REFRESH"):
        yield (
            "concurrently-in-transaction",
            Grade.WRONG,
            "CONCURRENTLY cannot run in a transaction; write `transaction:false` on the section's header",
        )
    if {"IF", "NOT", "EXISTS"} <= set(one.words) and one.begins("CREATE"):
        text = "IF NOT EXISTS with CONCURRENTLY keeps an invalid index that an earlier try left behind; leave it out"
        yield "concurrently-if-not-exists", Grade.DANGER, text


def _plain_index(one: Statement, created: set[Name]) -> Iterator[_Remark]:
    after = next((index for index, word in enumerate(one.words) if word == "ON"), None)
    names = [token.name for token in one.tokens[after + 1 : after + 4] if token.text != "."] if after is not None else []
    known = any(table[-1] in names[:2] for table in created if table)
    if not known:
        yield "index-locks-writes", Grade.DANGER, "CREATE INDEX stops writes while it builds; use CONCURRENTLY with `transaction:false`"


def _sqlite(one: Statement, script: Script) -> Iterator[_Remark]:
    if (
        one.begins("PRAGMA")
        and "FOREIGN_KEYS" in one.words
        and one.words[-1] in {"ON", "TRUE", "1", "YES"}
        and "DROP" in script.sql.upper()
    ):
        text = "foreign keys on while a table is dropped: its children's rows go with it; leave the PRAGMA out, the runner checks the keys"
        yield "rebuild-with-foreign-keys", Grade.DANGER, text
    if one.begins("VACUUM") and script.transaction:
        yield "vacuum-in-transaction", Grade.WRONG, "VACUUM cannot run in a transaction; write `transaction:false` on the section's header"
    if one.begins("ATTACH") or one.begins("DETACH"):
        yield "attach", Grade.DANGER, "a second database is not in the backup, and its commit is not this one's"
