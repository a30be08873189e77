"""Repair: settle what was begun and not finished, by looking where that is possible, else by a person's word."""

from collections.abc import Sequence
from dataclasses import replace

from headway.adapters.databases.store import Session, Store
from headway.errors import Refused
from headway.migration.changes import Name, index_of
from headway.migration.files import down_of
from headway.migration.lexer import statements
from headway.migration.model import UNFINISHED, Dialect, Migration, Row, Script, State


def repair(store: Store, migrations: Sequence[Migration], *, done: bool | None = None) -> tuple[str, ...]:
    """Every unfinished row becomes applied or goes. Under the lock, so that nothing is still at work when it looks."""
    files = {one.version: one for one in migrations}
    with store.session() as session:
        return tuple(
            _settled(session, row, files.get(row.version), store.address.dialect, done) for row in session.rows() if row.state in UNFINISHED
        )


def _settled(session: Session, row: Row, file: Migration | None, dialect: Dialect, done: bool | None) -> str:
    downwards = row.state is State.REVERTING
    if done is None:
        done = _was_done(session, _script(row, file, dialect), row, dialect)
    if done is downwards:
        session.forget(row.version)
        return f"{row.title} is not applied"
    session.mark(replace(row, state=State.APPLIED))
    return f"{row.title} is applied"


def _script(row: Row, file: Migration | None, dialect: Dialect) -> Script | None:
    if row.state is State.REVERTING:
        return down_of(row.down, row.title, dialect) if row.down else None
    # A file that changed since is not what was running.
    return file.up if file is not None and file.sha256 == row.sha256 else None


def _was_done(session: Session, script: Script | None, row: Row, dialect: Dialect) -> bool:
    found = index_of(statements(script.sql, dialect, script.line)[0]) if script is not None else None
    if found is None:
        raise Refused(
            f"{row.title} was begun at {row.at:%Y-%m-%d %H:%M} by {row.who}, and whether it was done cannot be told from outside",
            ("look, then say `headway migrate repair --done` or `headway migrate repair --not-done`",),
        )
    creating, name = found
    valid = session.index(name)
    if valid is False:
        _drop(session, name)
        valid = None
    return bool(valid) if creating else valid is None


def _drop(session: Session, name: Name) -> None:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name)
    session.alone(Script(f"DROP INDEX CONCURRENTLY {quoted}", 1, transaction=False), "repair")
