"""Every place on its own platform, behind one port: this machine or a cluster."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from headway.analysis.model import Readings
from headway.environments.model import Cluster, Place
from headway.ports import Adoptions, Herald, Platform
from headway.rollout.adoption import Foundling
from headway.rollout.model import Intent
from headway.rollout.news import News
from headway.rollout.seen import Probe, Sight


class Kubernetes(Platform, Adoptions, Protocol):
    """A platform on which something may run already."""


class Platforms:
    """Hands each question on to whoever has the place."""

    def __init__(self, local: Platform, kubernetes: Callable[[], "Kubernetes"], where: Callable[[Place], Cluster | None]) -> None:
        """`kubernetes` makes that platform when the first place needs it; `where` says which cluster a place is in, if it is in one."""
        self._local = local
        self._make = kubernetes
        self._where = where

    def act(self, place: Place, intent: Intent) -> None:
        self._of(place).act(place, intent)

    def probe(self, place: Place, intent: Intent) -> Probe:
        return self._of(place).probe(place, intent)

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        return self._of(place).look(place, lately=lately)

    def measure(self, place: Place) -> Readings:
        return self._of(place).measure(place)

    def url(self, place: Place, workload: str | None = None) -> str:
        return self._of(place).url(place, workload)

    def by_hand(self, place: Place, bad: str, good: str) -> Sequence[str]:
        return self._of(place).by_hand(place, bad, good)

    def find(self, place: Place, commit: str) -> Foundling | None:
        """What serves there and no Headway started; on this machine there is nothing of that kind."""
        return None if self._where(place) is None else self._kubernetes.find(place, commit)

    def _of(self, place: Place) -> Platform:
        return self._local if self._where(place) is None else self._kubernetes

    @cached_property
    def _kubernetes(self) -> "Kubernetes":
        return self._make()


class Heralds:
    """Tells where a release runs what becomes of it, if that is a place that can be told anything."""

    def __init__(self, kubernetes: Callable[[], Herald]) -> None:
        """`kubernetes` makes that herald when there is the first to tell."""
        self._make = kubernetes

    def tell(self, news: News) -> None:
        if news.workload.cluster is not None:
            self._kubernetes.tell(news)

    @cached_property
    def _kubernetes(self) -> Herald:
        return self._make()
