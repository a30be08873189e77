"""The ledger's tables, for both stores: their columns, and rows back from them."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from headway.errors import Refused
from headway.migration.model import Kind, Progress, Row, State

LEDGER = "schema_migrations"
BACKFILLS = "schema_backfills"
COLUMNS = ("version", "name", "sha256", "state", "down", "kind", "release", "rollout", "applied_by", "applied_at", "seconds", "took")
PROGRESS = ("version", "cursor", "rows", "done")


def create(table: str, name: str) -> str:
    """The DDL of one of the two; both stores read it."""
    if name == LEDGER:
        return (
            f"CREATE TABLE {table} (version bigint PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, state text NOT NULL,"
            " down text, kind text NOT NULL, release text NOT NULL, rollout text NOT NULL, applied_by text NOT NULL,"
            " applied_at text NOT NULL, seconds double precision NOT NULL, took text NOT NULL)"
        )
    return f"CREATE TABLE {table} (version bigint PRIMARY KEY, cursor text NOT NULL, rows bigint NOT NULL, done bigint NOT NULL)"


def values(row: Row) -> tuple[Any, ...]:
    """A row as the columns hold it; time as text, so that both stores keep the same."""
    at = row.at.astimezone(UTC).isoformat(timespec="milliseconds")
    state, kind = row.state.value, row.kind.value
    return (row.version, row.name, row.sha256, state, row.down, kind, row.release, row.rollout, row.who, at, row.seconds, row.took)


def row(found: Sequence[Any]) -> Row:
    """A row as the columns held it."""
    version, name, sha256, state, down, kind, release, rollout, who, at, seconds, took = found
    return Row(
        *(int(version), name, sha256, State(state), down, Kind(kind), release, rollout, who),
        at=datetime.fromisoformat(at),
        seconds=float(seconds),
        took=took,
    )


def progress_values(one: Progress) -> tuple[Any, ...]:
    return (one.version, json.dumps(one.cursor), one.rows, int(one.done))


def progress(found: Sequence[Any]) -> Progress:
    version, cursor, rows, done = found
    return Progress(int(version), json.loads(cursor), int(rows), bool(done))


def check_shape(columns: Iterable[str], where: str) -> None:
    """Is the table ours? Others use its name too."""
    missing = sorted(set(COLUMNS) - set(columns))
    if missing:
        raise Refused(
            f"{where} has a table {LEDGER} that another tool made",
            (f"it has no column {', '.join(missing)}", "use that tool's adapter, or rename the table once you have moved over"),
        )
