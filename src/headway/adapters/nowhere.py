"""Stands in for a platform where no server runs, and for a machine where a server runs on none."""

from headway.analysis.model import Readings
from headway.environments.model import Place
from headway.errors import Refused, Unavailable
from headway.ports import Built, Commit
from headway.releases.model import Recipe
from headway.rollout.adoption import Foundling
from headway.rollout.model import Intent
from headway.rollout.news import News
from headway.rollout.seen import Probe, Sight

NO_MACHINE = "this Headway runs in a cluster and has no machine for local environments; a Headway on a machine, on the same ledger, has one"


class NoBuilder:
    """Builds nothing."""

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        why = (
            "give what CI built and pushed: headway release cut COMMIT --image REPOSITORY@sha256:…",
            "local environments need a build too",
        )
        raise Refused(f"this Headway runs in a cluster and builds nothing, {service}@{version} neither", why)


class Silent:
    """Nobody is told: where no server runs nothing is decided either."""

    def tell(self, news: News) -> None:
        pass


class NoPlatform:
    """The record can be read and spoken to; the world cannot."""

    def __init__(self, why: str = "no Headway runs here; start it: headway serve") -> None:
        self._why = why

    def rest(self, environment: str) -> None:
        raise Unavailable(self._why)

    def clear(self, place: Place) -> None:
        raise Unavailable(self._why)

    def act(self, place: Place, intent: Intent) -> None:
        raise Unavailable(self._why)

    def probe(self, place: Place, intent: Intent) -> Probe:
        raise Unavailable(self._why)

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        raise Unavailable(self._why)

    def measure(self, place: Place) -> Readings:
        raise Unavailable(self._why)

    def find(self, place: Place, commit: str) -> Foundling | None:
        raise Unavailable(self._why)

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        return ()

    def url(self, place: Place, workload: str | None = None) -> str:
        raise Unavailable(self._why)
