"""Does an environment's Prometheus understand what it will be asked? Found out before a rollout, and not at its first weight."""

import threading
import time
from collections.abc import Callable, Sequence

from headway.environments.manifests.model import Grade, Told
from headway.environments.model import Cluster
from headway.errors import HeadwayError, InvalidSpec

KEPT = 30.0
"""Seconds for which an answer is good: who waits for approvals asks every moment."""


class Trying:
    """What to say of each cluster's Prometheus; nothing, where there is none or all is well."""

    def __init__(self, check: Callable[[Cluster], None]) -> None:
        """`check` raises what is wrong."""
        self._check = check
        self._known: dict[Cluster, tuple[float, tuple[Told, ...]]] = {}
        self._lock = threading.Lock()

    def __call__(self, cluster: Cluster) -> Sequence[Told]:
        if cluster.prometheus is None:
            return ()
        with self._lock:
            until, told = self._known.get(cluster, (0.0, ()))
        if time.monotonic() >= until:
            told = self._told(cluster)
            with self._lock:
                self._known[cluster] = (time.monotonic() + KEPT, told)
        return told

    def _told(self, cluster: Cluster) -> tuple[Told, ...]:
        try:
            self._check(cluster)
        except InvalidSpec as wrong:
            return tuple(Told(Grade.ERROR, fault) for fault in wrong.faults)
        except HeadwayError as trouble:
            # It may be back by the time that it is needed; if not, the rollout holds, and says so.
            return (Told(Grade.WARNING, f"nothing could be judged just now: {trouble}"),)
        return ()
