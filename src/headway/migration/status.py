"""How the files and the ledger compare, and what must not go on because of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headway.migration.model import UNFINISHED, Migration, Progress, Row


@dataclass(frozen=True, slots=True)
class Status:
    """Every migration in the list it belongs to; `out_of_order` are pending too, `ahead` are unknown too."""

    applied: tuple[Row, ...]
    pending: tuple[Migration, ...]
    changed: tuple[Migration, ...]
    duplicate: tuple[tuple[Migration, ...], ...]
    out_of_order: tuple[Migration, ...]
    unknown: tuple[Row, ...]
    running: tuple[Row, ...]
    ahead: tuple[Row, ...]
    unfilled: tuple[Migration, ...]
    """Applied, with a backfill that is not through."""
    files: tuple[Migration, ...] = ()
    """All that was compared."""


def compare(files: Sequence[Migration], ledger: Sequence[Row], progress: Mapping[int, Progress] | None = None) -> Status:
    """Hold the files against the ledger. Versions are numbers: 1, 01 and 001 are one."""
    rows = {row.version: row for row in ledger}
    counts = Counter(one.version for one in files)
    known = {one.version: one for one in files}
    newest_row = max(rows, default=-1)
    newest_file = max(known, default=-1)
    pending = tuple(one for one in files if one.version not in rows)
    unknown = tuple(row for row in ledger if row.version not in known)
    done = {version for version, one in (progress or {}).items() if one.done}
    return Status(
        applied=tuple(row for row in ledger if row.state not in UNFINISHED),
        pending=pending,
        changed=tuple(one for one in files if one.version in rows and one.sha256 != rows[one.version].sha256),
        duplicate=tuple(tuple(one for one in files if one.version == twice) for twice, count in sorted(counts.items()) if count > 1),
        out_of_order=tuple(one for one in pending if one.version < newest_row),
        unknown=unknown,
        running=tuple(row for row in ledger if row.state in UNFINISHED),
        ahead=tuple(row for row in unknown if row.version > newest_file),
        unfilled=tuple(one for one in files if one.backfill and one.version in rows and one.version not in done),
        files=tuple(files),
    )


def objections(status: Status) -> tuple[str, ...]:
    """Why nothing may be applied; empty when it may. Gravest first."""
    return (
        *(
            f"{row.title} was begun at {row.at:%Y-%m-%d %H:%M} by {row.who} and not finished: look at `headway migrate repair`"
            for row in status.running
        ),
        *(f"{one[0].version} is there more than once: {', '.join(each.file for each in one)}; renumber one" for one in status.duplicate),
        *contradictions(status),
    )


def contradictions(status: Status) -> tuple[str, ...]:
    """Where the ledger has another history than the files: no other files than its own fit on this database."""
    return (
        *(f"{one.file} changed after it was applied; put it back as it was, and make the change a new file" for one in status.changed),
        *(f"the database is ahead of these files: it has {row.title}; use the files of that release, or newer" for row in status.ahead),
        *(f"the ledger has {row.title}, and its file is gone; bring it back" for row in status.unknown if row not in status.ahead),
        *(f"{one.file} comes before what is applied already; give it a number above the highest" for one in status.out_of_order),
    )
