"""Every database where the file wants it migrated, behind one port: from where Headway runs, or by a Job beside the release."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from headway.adapters.migrating.port import DatabaseMigrations
from headway.environments.model import Database, Place
from headway.errors import Contradiction
from headway.migration.shipping import Anew, Outlook
from headway.releases.model import Release
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe


class Jobs(Protocol):
    """Databases that only pods of a cluster reach."""

    def outlook(self, database: Database, release: Release, running: Sequence[Release]) -> Outlook: ...

    def taken(self, database: Database, release: Release) -> tuple[str, ...]: ...

    def start(self, place: Place, intent: Intent) -> None: ...

    def probe(self, intent: Intent, effect: RunMigration) -> Probe: ...

    def look(self, key: str, effect: RunMigration) -> MigrationRun: ...

    def stop(self, key: str, effect: RunMigration) -> None: ...


class PlacedMigrations:
    """Implements ports.Migrations; hands each question on to whoever reaches the database."""

    def __init__(self, here: DatabaseMigrations, jobs: Callable[[], Jobs]) -> None:
        """`jobs` makes the migrations on clusters when the first is needed."""
        self._here = here
        self._make = jobs

    def outlook(self, database: Database, release: Release, running: Sequence[Release], anew: Anew | None = None) -> Outlook:
        if database.inside is None:
            return self._here.outlook(database, release, running, anew)
        if anew is not None and anew.why:
            why = f"{database.url} is migrated by a Job, and only what Headway itself reaches can be made anew"
            return Outlook(refusals=(f"{why}: {'; '.join(anew.why)}",))
        return self._jobs.outlook(database, release, running)

    def taken(self, database: Database, release: Release) -> tuple[str, ...]:
        return (self._here if database.inside is None else self._jobs).taken(database, release)

    def start(self, place: Place, intent: Intent) -> None:
        (self._here if _run(intent).shipping.database.inside is None else self._jobs).start(place, intent)

    def probe(self, place: Place, intent: Intent) -> Probe:
        effect = _run(intent)
        return self._here.probe(place, intent) if effect.shipping.database.inside is None else self._jobs.probe(intent, effect)

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        return (self._here if effect.shipping.database.inside is None else self._jobs).look(key, effect)

    def stop(self, key: str, effect: RunMigration) -> None:
        (self._here if effect.shipping.database.inside is None else self._jobs).stop(key, effect)

    def remove(self, database: Database) -> tuple[str, ...]:
        return self._here.remove(database)  # only a branch has one of its own, and no Job migrates that

    @cached_property
    def _jobs(self) -> Jobs:
        return self._make()


def _run(intent: Intent) -> RunMigration:
    if not isinstance(intent.effect, RunMigration):
        raise Contradiction(f"{intent.key} is to {intent.effect.kind}, and no run on a database")
    return intent.effect
