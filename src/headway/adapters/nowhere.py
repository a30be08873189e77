"""Stands in for a platform where no server runs."""

from headway.analysis.model import Readings
from headway.environments.model import Place
from headway.errors import Unavailable
from headway.rollout.adoption import Foundling
from headway.rollout.model import Intent
from headway.rollout.news import News
from headway.rollout.seen import Probe, Sight


class Silent:
    """Nobody is told: where no server runs nothing is decided either."""

    def tell(self, news: News) -> None:
        pass


class NoPlatform:
    """The record can be read and spoken to; the world cannot."""

    _why = "no Headway runs here; start it: headway serve"

    def rest(self, environment: str) -> None:
        raise Unavailable(self._why)

    def clear(self, place: Place) -> None:
        raise Unavailable(self._why)

    def act(self, place: Place, intent: Intent) -> None:
        raise Unavailable(self._why)

    def probe(self, place: Place, intent: Intent) -> Probe:
        raise Unavailable(self._why)

    def look(self, place: Place) -> Sight:
        raise Unavailable(self._why)

    def measure(self, place: Place) -> Readings:
        raise Unavailable(self._why)

    def find(self, place: Place, commit: str) -> Foundling | None:
        raise Unavailable(self._why)

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        return ()

    def url(self, place: Place, workload: str | None = None) -> str:
        raise Unavailable(self._why)
