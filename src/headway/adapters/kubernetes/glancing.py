"""Of a place where nothing moves one short question is asked instead of four long ones.

The short one is the table that kubectl shows of pods: names, how many of their containers are ready, restarts, a word for their state. As
long as that is the same the rest is taken to be as it was, for a few seconds; what anybody changed besides is seen at the end of these. A
look that is to follow something that we did is always a whole one.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway.adapters.kubernetes import adopting, autoscaling, traffic
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import DEPLOYMENT, POD, ROUTE, SERVICE, Object, by_workload, hash_of, labels
from headway.environments.model import Place

WHOLE = 5.0
"""Seconds after which a place is looked at as a whole again: a node that went takes its pods out of service without a word in the table."""
BRIEF = 0.4
"""Seconds for which not even the short question is asked: a new weight is looked at four times a second for what is measured."""
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Things:
    """What a place consists of on its cluster."""

    deployments: Mapping[str, dict[str, Any]]
    """By workload."""
    pods: Sequence[Object]
    wanted: Mapping[str, int]
    services: Sequence[dict[str, Any]]
    routes: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Seen:
    things: Things
    rows: Rows
    whole: float
    """When all of it was looked at."""
    last: float
    """When the pods were last seen to be the same."""


class Glances:
    """What was seen lately of each place; `forget` after everything that is done there."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        """`elapsed` are seconds since whenever."""
        self._elapsed = elapsed
        self._seen: dict[Place, _Seen] = {}
        self._forgotten: Counter[Place] = Counter()
        self._untold: set[Place] = set()
        """Places of which the table told too little when they were looked at last."""
        self._lock = threading.Lock()

    def look(self, api: Api, place: Place) -> Things:
        """What is there, for who looks every moment."""
        now = self._elapsed()
        with self._lock:
            seen, forgotten = self._seen.get(place), self._forgotten[place]
        known = seen is not None and now - seen.whole < WHOLE
        if seen is not None and known and now - seen.last < BRIEF:
            return seen.things
        # Taken first: what changes while the rest is read is another table the next time.
        rows = api.table(POD, labels(place)) if place not in self._untold else None
        if seen is not None and known and rows == seen.rows:
            self._keep(place, _Seen(seen.things, seen.rows, seen.whole, now), forgotten)
            return seen.things
        things = whole(api, place)
        told = _told_by_pods(things)
        with self._lock:
            (self._untold.discard if told else self._untold.add)(place)
        if rows is not None and told:
            self._keep(place, _Seen(things, rows, now, now), forgotten)
        else:
            self.forget(place)
        return things

    def lately(self, place: Place) -> Things | None:
        """What was seen of it in the last seconds, if nothing was done there since."""
        with self._lock:
            seen = self._seen.get(place)
        return seen.things if seen is not None and self._elapsed() - seen.whole < WHOLE else None

    def forget(self, place: Place) -> None:
        """Something changed, or may have."""
        with self._lock:
            self._seen.pop(place, None)
            self._forgotten[place] += 1

    def _keep(self, place: Place, seen: _Seen, forgotten: int) -> None:
        with self._lock:
            # What somebody changed while we asked may not be in the answer.
            if forgotten == self._forgotten[place]:
                self._seen = {one: kept for one, kept in self._seen.items() if self._elapsed() - kept.whole < WHOLE}
                self._seen[place] = seen


def whole(api: Api, place: Place) -> Things:
    """All of it, as it is now."""
    deployments = by_workload(api.list(DEPLOYMENT, labels(place)))
    pods, wanted = adopting.pods(api, place, deployments), autoscaling.wanted(api, place, deployments)
    return Things(deployments, pods, wanted, api.list(SERVICE, labels(place)), api.list(ROUTE, labels(place)))


def _told_by_pods(things: Things) -> bool:
    """Whether pods with our labels tell of every change that is on its way: not of those that were adopted, nor of a gateway's answer."""
    return not any(map(hash_of, things.deployments)) and all(map(traffic.accepted, things.routes))
