"""What a server keeps for itself: the repositories it watches, its settings, and the refs it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select, update

from headway.adapters.ledger.chain import append
from headway.adapters.ledger.database import Database, insert_new, put
from headway.adapters.ledger.schema import repositories, seen_refs, settings
from headway.ports import Event


@dataclass(frozen=True, slots=True)
class Registered:
    """A repository that this server watches, and the protected branch whose file governs."""

    path: str
    branch: str
    added_at: datetime


class LedgerRegistry:
    """Small things by name; none of it decides about a rollout."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_repository(self, path: str, branch: str) -> None:
        """Watch it; a repository that is there already keeps its date and gets this branch."""
        row = {"path": path, "branch": branch, "added_at": datetime.now(UTC)}
        with self._database.writing() as on:
            if not insert_new(on, repositories, row, "path"):
                on.execute(update(repositories).where(repositories.c.path == path).values(branch=branch))

    def repositories(self) -> Sequence[Registered]:
        """In the order they were added."""
        with self._database.reading() as on:
            rows = on.execute(select(repositories).order_by(repositories.c.added_at, repositories.c.path))
            return tuple(Registered(row.path, row.branch, row.added_at) for row in rows)

    def remove_repository(self, path: str) -> None:
        """Watch it no more. What was seen of it goes too, so that adding it again starts afresh."""
        with self._database.writing() as on:
            on.execute(delete(repositories).where(repositories.c.path == path))
            on.execute(delete(seen_refs).where(seen_refs.c.repository == path))

    def get(self, key: str) -> str | None:
        with self._database.reading() as on:
            return on.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()

    def put(self, key: str, value: str, event: Event | None = None) -> None:
        with self._database.writing() as on:
            append(on, f"setting:{key}", () if event is None else (event,))
            put(on, settings, {"key": key, "value": value}, "key")

    def seen_ref(self, repository: str, ref: str) -> str | None:
        """The commit at which this ref was last acted upon."""
        query = select(seen_refs.c.commit_id).where(seen_refs.c.repository == repository, seen_refs.c.ref == ref)
        with self._database.reading() as on:
            return on.execute(query).scalar_one_or_none()

    def note_ref(self, repository: str, ref: str, commit: str, event: Event | None = None) -> None:
        """Remember it; what came of it goes on the record of the repository, in the same transaction."""
        with self._database.writing() as on:
            append(on, f"repository:{repository}", () if event is None else (event,))
            put(on, seen_refs, {"repository": repository, "ref": ref, "commit_id": commit}, "repository", "ref")
