"""What a cluster says of a release before it is sent: asked at once for a person, and now and then for who waits."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headway.adapters.kubernetes.kinds import Object
from headway.adapters.secrets import in_cluster
from headway.environments.manifests.changes import Preview
from headway.environments.model import Place
from headway.errors import InvalidSpec, Unavailable
from headway.rollout.model import Workload

if TYPE_CHECKING:
    from headway.adapters.kubernetes.clients import Clients

YES, NO = 60.0, 15.0
"""For so many seconds an answer is believed: a good one, and one that somebody may just be mending."""
KEPT = 256


class Previews:
    """The Previews port: one question in flight per release and place, and its answer kept for a while."""

    def __init__(
        self,
        *,
        manifests: Callable[[Place, str, str], Sequence[Object]],
        secrets: Callable[[str], str],
        keyed: Callable[[str], str],
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`manifests` reads a path of the place's repository at a commit; `elapsed` are seconds since whenever."""
        self._manifests = manifests
        self._secrets = secrets
        self._keyed = keyed
        self._elapsed = elapsed
        self._kept: dict[object, tuple[float, Preview | Unavailable]] = {}
        self._clients: Clients | None = None
        self._lock = threading.Lock()

    def preview(self, place: Place, new: Workload, live: Workload | None, *, anew: bool = False) -> Preview:
        """What sending it would meet and change; `anew`: as of now, not as of a moment ago."""
        key = (place, new.name, new.cluster, live.name if live else None)
        with self._lock:
            self._kept = {one: kept for one, kept in self._kept.items() if kept[0] > self._elapsed()}
            answer = None if anew or key not in self._kept else self._kept[key][1]
        if answer is None:
            try:
                answer = self._ask(place, new, live)
            except Unavailable as trouble:
                answer = trouble
            good = isinstance(answer, Preview) and not (answer.waits or answer.refusals)
            with self._lock:
                if len(self._kept) < KEPT:
                    self._kept[key] = (self._elapsed() + (YES if good else NO), answer)
        if isinstance(answer, Unavailable):
            raise Unavailable(str(answer))
        return answer

    def _ask(self, place: Place, new: Workload, live: Workload | None) -> Preview:
        cluster = new.cluster
        if cluster is None:
            return Preview()
        try:
            from headway.adapters.kubernetes.clients import Clients
            from headway.adapters.kubernetes.dryrun import attempt
        except ModuleNotFoundError as missing:
            raise Unavailable(f"environments on Kubernetes need the client {missing.name}: pip install 'headway[kubernetes]'") from missing
        from headway.adapters.kubernetes.pattern import pattern
        from headway.adapters.kubernetes.render import opened, render

        try:
            theirs = pattern(self._manifests(place, new.commit, cluster.manifests), place.service, cluster.namespace, cluster.manifests)
            told = {name: self._secrets(one) for name, one in new.configuration.secrets.items() if not in_cluster(one)}
            made = render(opened(theirs), place, new, told, self._keyed)
        except InvalidSpec:
            return Preview()  # whoever looks at the manifests themselves says what is wrong, with file and line
        with self._lock:
            self._clients = self._clients or Clients()
        return attempt(self._clients.of(cluster), place, theirs, made, new, live)
