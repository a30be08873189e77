"""Do the verify queries hold?"""

from collections.abc import Sequence

from headway.adapters.databases.store import Session, Store
from headway.errors import Failed
from headway.migration.lexer import statements
from headway.migration.model import Dialect, Migration, Row, Script


def check(session: Session, scripts: Sequence[Script], file: str, dialect: Dialect) -> list[str]:
    """Every query gives exactly one value, and it is true. No rows is no evidence."""
    found = []
    for script in scripts:
        for one in statements(script.sql, dialect, script.line):
            query = " ".join(one.text.split())
            rows = session.ask(one.text)
            if len(rows) != 1 or len(rows[0]) != 1 or not (isinstance(rows[0][0], int) and rows[0][0]):
                raise Failed(f"{file}:{one.line}: verify says {_said(rows)}, expected one true value: {query}")
            found.append(f"{file}:{one.line}: {query}")
    return found


def _said(rows: Sequence[tuple[object, ...]]) -> str:
    if len(rows) != 1:
        return f"{len(rows)} rows" if rows else "nothing"
    return repr(rows[0][0]).lower() if len(rows[0]) == 1 else f"{len(rows[0])} values"


def verify(store: Store, migrations: Sequence[Migration], *, everything: bool = False) -> tuple[str, ...]:
    """Ask again what the newest run (or every one) promised, in a session that cannot write. Answers with what was found true."""
    found: list[str] = []
    with store.reading() as session:
        wanted = _wanted(session.rows(), everything=everything)
        progress = session.progress()
        for one in migrations:
            if one.version in wanted:
                state = progress.get(one.version)
                filled = one.filled if state is not None and state.done else ()
                found += check(session, (*one.verify, *filled), one.file, store.address.dialect)
        if broken := session.broken():
            raise Failed("\n".join(broken))
    return tuple(found)


def _wanted(rows: Sequence[Row], *, everything: bool) -> set[int]:
    newest = max(rows, key=lambda row: row.at, default=None)
    return {row.version for row in rows if everything or (newest is not None and row.rollout == newest.rollout)}
