"""Kubernetes Events: what becomes of a release, for whoever does `kubectl describe` and knows nothing of Headway.

They are written by a thread of their own. Nothing waits for them, and when they cannot be written that is told once.
"""

import hashlib
import queue
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog

from headway.adapters.kubernetes.api import Api, Conflict, Forbidden
from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.kinds import (
    DEPLOYMENT,
    EVENT,
    ROUTE,
    SERVICE,
    WORKLOAD_LABEL,
    Kind,
    Object,
    by_workload,
    label_of,
    labels,
    name_of,
)
from headway.adapters.kubernetes.rights import Right
from headway.environments.model import Cluster
from headway.errors import HeadwayError
from headway.ports import Clock
from headway.rollout.news import News

log = structlog.get_logger()
TRIES, SOON = 10, 0.3
MOST = 500
"""So many wait to be written; what comes when a cluster is away for that long is not worth its memory."""


class Events:
    """The Herald port on clusters. What runs elsewhere has no such place to be told at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: queue.Queue[tuple[News, Cluster, datetime]] = queue.Queue(MOST)
        self._clients = Clients()
        self._silent: set[tuple[str, str, Right | None]] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, news: News) -> None:
        """Have it written, in the order in which it was told."""
        if (cluster := news.workload.cluster) is None:
            return
        try:
            self._waiting.put_nowait((news, cluster, self._clock.now()))
        except queue.Full:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            news, cluster, at = self._waiting.get()
            api = self._clients.of(cluster)
            try:
                for kind, thing in _awaited(api, news):
                    write(api, event(news, kind, thing, at))
                self._silent = {one for one in self._silent if one[:2] != (cluster.context, cluster.namespace)}
            except HeadwayError as error:
                key = (cluster.context, cluster.namespace, error.right if isinstance(error, Forbidden) else None)
                if key not in self._silent:  # once, until it goes again; another right that is missing is other news
                    self._silent.add(key)
                    log.warning("what becomes of releases cannot be told as Kubernetes Events", namespace=cluster.namespace, why=str(error))
            except Exception:  # a thread that dies would tell nobody anything any more
                log.exception("an Event broke", namespace=cluster.namespace)


def _awaited(api: Api, news: News) -> list[tuple[Kind, Object]]:
    """What they are about. A start is told before there is anything that has started."""
    for _ in range(TRIES):
        if found := list(about(api, news)):
            return found
        time.sleep(SOON)
    return []


def about(api: Api, news: News) -> Iterator[tuple[Kind, Object]]:
    """What the news are about: the release's Deployment and, if they are about traffic, what carries it."""
    place = news.place
    if deployment := by_workload(api.list(DEPLOYMENT, labels(place, news.workload.name))).get(news.workload.name):
        yield DEPLOYMENT, deployment
    if news.traffic:
        routes = api.list(ROUTE, labels(place))
        yield from ((ROUTE, one) for one in routes)
        if not routes:
            yield from ((SERVICE, one) for one in api.list(SERVICE, labels(place)) if not label_of(one, WORKLOAD_LABEL))


def event(news: News, kind: Kind, thing: Object, at: datetime) -> dict[str, Any]:
    """The same news of the same object always have the same name, so that they are counted and not heaped up."""
    metadata = thing["metadata"]
    mark = hashlib.sha256(f"{metadata['uid']} {news.reason} {news.text}".encode()).hexdigest()[:16]
    when = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    involved = {
        "apiVersion": kind.api,
        "kind": kind.name,
        "name": name_of(thing),
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    return {
        "metadata": {"name": f"{name_of(thing)}.{mark}", "namespace": metadata["namespace"]},
        "involvedObject": involved,
        "reason": news.reason,
        "message": news.text,
        "type": "Warning" if news.bad else "Normal",
        "source": {"component": "headway"},
        "reportingComponent": "headway",
        "reportingInstance": str(news.place),
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }


def write(api: Api, thing: dict[str, Any]) -> None:
    """A new one, or one more of those that are there."""
    try:
        api.put(EVENT, thing)
    except Conflict:
        there = api.get(EVENT, name_of(thing))
        if there is not None:
            api.put(EVENT, {**there, "count": int(there.get("count") or 1) + 1, "lastTimestamp": thing["lastTimestamp"]})
