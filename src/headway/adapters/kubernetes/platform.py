"""The Kubernetes platform: one Deployment and one Service per release, and the team's own routes to move traffic between them."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from headway.adapters.kubernetes import by_hand, gateway, news, record, traffic, writing
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import (
    COMMIT,
    CONFIG,
    DEPLOYMENT,
    FENCE,
    POD,
    ROUTE,
    SECRET,
    SERVICE,
    SHARED,
    WORKLOAD_LABEL,
    Object,
    annotation_of,
    label_of,
    labels,
    name_of,
)
from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.adapters.kubernetes.render import render
from headway.analysis.model import Readings
from headway.environments.model import Cluster, Place
from headway.errors import Refused, Unavailable
from headway.ports import Clock
from headway.rollout.model import Fence, Intent, RunMigration, SetReplicas, SetWeights, StartCheck, Workload
from headway.rollout.seen import Group, Probe, Sight

LINES = 5
"""Of the log of an instance that failed."""
TAKEN = 5.0
"""Seconds that a gateway may take to accept a route before that is called trouble."""
KNOWN = 3.0
"""Seconds that the proxies may take to learn of pods. Where none can be asked a new release waits this long, for want of a better sign."""
QUIET = 5.0
"""Seconds that the last requests may take to leave a release without weight before its pods are told to go."""


class KubernetesPlatform:
    """The Platform port on a cluster. It keeps nothing: what it must know again is in the cluster."""

    def __init__(
        self,
        *,
        clusters: Callable[[Place], Cluster],
        manifests: Callable[[Place, str, str], Sequence[Object]],
        secrets: Callable[[str], str],
        keyed: Callable[[str], str],
        clock: Clock,
    ) -> None:
        """`clusters` says where a place is, `manifests` reads a path of its repository at a commit.

        `secrets` gives the value of a reference, `keyed` hashes a text under this server's key.
        """
        self._clusters = clusters
        self._manifests = manifests
        self._secrets = secrets
        self._keyed = keyed
        self._clock = clock
        self._apis: dict[tuple[str, str], Api] = {}
        self._lock = threading.Lock()

    def act(self, place: Place, intent: Intent) -> None:
        """Do SetReplicas or SetWeights."""
        api = self._api(place)
        # Before anything else: whoever was stopped between here and there finds every object written by somebody newer.
        record.enter(api, place, intent.fence)
        match intent.effect:
            case SetReplicas(workload, 0):
                self._stop(api, place, workload.name, intent.fence)
            case SetReplicas(workload, replicas):
                self._start(api, place, workload, replicas, intent.fence)
            case SetWeights() as effect:
                self._route(api, place, effect, intent.fence)
            case StartCheck() | RunMigration():
                raise TypeError("checks and migrations are started through ports of their own")
            case unknown:
                assert_never(unknown)
        record.done(api, place, intent.fence, intent.key)

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this intent done? The record in the place knows, whoever wrote it."""
        return Probe.DONE if intent.key in record.read(self._api(place), place).done else Probe.NOT_DONE

    def look(self, place: Place) -> Sight:
        """What runs there now, and the weights that the gateway has taken."""
        api = self._api(place)
        deployments, pods = _by_workload(api.list(DEPLOYMENT, labels(place))), api.list(POD, labels(place))
        groups = {workload: self._group(api, deployment, workload, pods) for workload, deployment in deployments.items()}
        return Sight(groups, _weights(api, place))

    def measure(self, place: Place) -> Readings:
        """The gateway's counters of each release; none where the file names no gateway's statistics."""
        cluster, api = self._clusters(place), self._api(place)
        if not cluster.stats:
            raise Unavailable(f"nothing is measured in {place.environment}: its kubernetes: stats: names no Envoy")
        services = {name_of(one): workload for workload, one in _by_workload(api.list(SERVICE, labels(place))).items()}
        arms = gateway.measure(cluster.stats, cluster.namespace, services)
        return Readings(self._clock.now(), arms)

    def url(self, place: Place, workload: str | None = None) -> str:
        """Where users reach the place; or one release's own Service, which only the cluster knows."""
        cluster, api = self._clusters(place), self._api(place)
        if workload is None and cluster.url:
            return cluster.url
        services = api.list(SERVICE, labels(place, workload))
        found = next((one for one in services if workload or not label_of(one, WORKLOAD_LABEL)), None)
        if found is None:
            raise Unavailable(f"{workload or place} has no Service yet")
        return f"http://{found['spec']['clusterIP']}:{found['spec']['ports'][0]['port']}"

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        """Size first, then the routes: kubectl and nothing else. None while the cluster cannot be asked what they would be."""
        try:
            return self._by_hand(place, bad, good)
        except Unavailable:
            return ()

    def _by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        cluster, api = self._clusters(place), self._api(place)
        deployments = _by_workload(api.list(DEPLOYMENT, labels(place)))
        if good not in deployments:
            return ()
        name, wanted = name_of(deployments[good]), _replicas(deployments[good])
        size = max(wanted, _replicas(deployments[bad]) if bad in deployments else 0)
        first = (by_hand.scale(cluster, name, size),) if size > wanted else ()
        if routes := api.list(ROUTE, labels(place)):
            ours = {name_of(one) for one in deployments.values()}
            return (*first, *(by_hand.route(cluster, name_of(one), traffic.all_to(one, name, ours)) for one in routes))
        fronts = [one for one in api.list(SERVICE, labels(place)) if not label_of(one, WORKLOAD_LABEL)]
        return (*first, *(by_hand.front(cluster, name_of(one), good) for one in fronts))

    def close(self) -> None:
        """Let go of the connections; everything on the cluster stays as it is."""
        with self._lock:
            for api in self._apis.values():
                api.close()
            self._apis.clear()

    # -- effects

    def _start(self, api: Api, place: Place, workload: Workload, replicas: int, fence: Fence) -> None:
        if not workload.image:
            raise Refused(
                f"{workload.version} has no image, and {place.environment} is on Kubernetes", ("cut it with --image REF@sha256:…",)
            )
        theirs = self._pattern(place, workload.commit)
        told = {name: self._secrets(reference) for name, reference in workload.configuration.secrets.items()}
        made = render(theirs, place, workload, told, self._keyed)
        for thing in (*theirs.shared, *made.settings):
            api.apply(_kind(thing), thing)
        writing.apply(api, SERVICE, made.service, fence)
        writing.apply(api, DEPLOYMENT, made.deployment, fence)
        writing.size(api, name_of(made.deployment), replicas, fence)
        self._collect(api, place, workload.name, fence)

    def _stop(self, api: Api, place: Place, workload: str, fence: Fence) -> None:
        deployment = _by_workload(api.list(DEPLOYMENT, labels(place, workload))).get(workload)
        if deployment is None or _replicas(deployment) == 0:
            return
        self._until_quiet(place, workload)
        writing.size(api, name_of(deployment), 0, fence)

    def _route(self, api: Api, place: Place, effect: SetWeights, fence: Fence) -> None:
        deployments = _by_workload(api.list(DEPLOYMENT, labels(place)))
        wanted = {name: percent for name, percent in effect.weights.items() if percent}
        pods = api.list(POD, labels(place))
        ready = {name: self._group(api, deployments[name], name, pods).ready if name in deployments else 0 for name in wanted}
        if missing := next((name for name, count in ready.items() if not count), None):
            raise Unavailable(f"{missing} has no ready instance that {wanted[missing]} % of the traffic could go to")
        # Whoever has most of the traffic says what the routes look like; with nobody, whoever was there last.
        main = max(wanted or deployments, key=lambda name: (wanted.get(name, 0), annotation_of(deployments[name], FENCE)), default=None)
        if main is None:
            return
        theirs = self._pattern(place, annotation_of(deployments[main], COMMIT))
        asked = {*wanted, *(match.workload for match in effect.matches)}
        names = {workload: name_of(one) for workload, one in deployments.items() if workload in asked or _replicas(one)}
        unheard = {names[name] for name in asked} - self._named(api, place) if theirs.routes else set()
        if unheard:
            self._introduce(api, place, theirs, effect, names, unheard, fence)
        if theirs.routes:
            self._until_known(api, place, ready, patient=bool(unheard))
        for route in traffic.routes(theirs, place, effect, names):
            writing.apply(api, ROUTE, route, fence)
        writing.apply(api, SERVICE, traffic.front(theirs, place, effect), fence)
        self._until_taken(api, place)

    def _introduce(
        self, api: Api, place: Place, theirs: Pattern, effect: SetWeights, names: Mapping[str, str], unheard: set[str], fence: Fence
    ) -> None:
        """Name new releases at weight 0: a proxy that has not heard of a release, or of its pods, answers 503 for it."""
        there, weights = api.list(ROUTE, labels(place)), _weights(api, place)
        if there and not weights:
            return  # nobody can tell the weights just now, and writing none would send everybody nowhere
        matches = tuple(one for one in effect.matches if names[one.workload] not in unheard)
        for route in traffic.routes(theirs, place, replace(effect, weights=weights, matches=matches), names):
            writing.apply(api, ROUTE, route, fence)

    def _named(self, api: Api, place: Place) -> set[str]:
        """The Services that every route of the place names."""
        routes = [traffic.backends(one) for one in api.list(ROUTE, labels(place))]
        return set.intersection(*routes) if routes else set()

    def _until_known(self, api: Api, place: Place, ready: Mapping[str, int], *, patient: bool) -> None:
        """No weight before the proxies know the pods that carry it."""
        cluster = self._clusters(place)
        if not cluster.stats:
            time.sleep(KNOWN if patient else 0.0)
            return
        services = {name_of(one): workload for workload, one in _by_workload(api.list(SERVICE, labels(place))).items()}
        until = time.monotonic() + KNOWN
        while True:
            try:
                known = gateway.members(cluster.stats, cluster.namespace, services)
            except Unavailable:
                return  # counting is one thing, the way of the traffic another: a way back waits for no statistics
            if all(known.get(name, 0) >= count for name, count in ready.items()):
                return
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        if unknown := [name for name in ready if not known.get(name)]:
            raise Unavailable(f"the gateway knows no instance of {unknown[0]} yet, {KNOWN:g} s after it was told")

    def _until_taken(self, api: Api, place: Place) -> None:
        until = time.monotonic() + TAKEN
        while waiting := [one for one in api.list(ROUTE, labels(place)) if not traffic.accepted(one)]:
            if time.monotonic() > until:
                why = traffic.refused_because(waiting[0]) or "it has said nothing yet"
                raise Unavailable(f"no gateway has taken the HTTPRoute {name_of(waiting[0])}: {why}")
            time.sleep(0.05)

    def _until_quiet(self, place: Place, workload: str) -> None:
        """A gateway's word is not its proxies': no pod goes while requests still arrive at it."""
        if not self._clusters(place).stats:
            return
        until, before = time.monotonic() + QUIET, self._asked(place, workload)
        while True:
            time.sleep(0.25)
            after = self._asked(place, workload)
            if after == before:
                return
            if time.monotonic() > until:
                raise Unavailable(f"requests still arrive at {workload}, which has no weight any more; its pods stay until they do not")
            before = after

    def _asked(self, place: Place, workload: str) -> int:
        counted = self.measure(place).arms.get(workload)
        return counted.completed + counted.active if counted else 0

    def _collect(self, api: Api, place: Place, but: str, fence: Fence) -> None:
        """Remove what older generations left behind at size 0. Its configuration goes with it."""
        named = {name for route in api.list(ROUTE, labels(place)) for name in traffic.backends(route)}
        for workload, deployment in _by_workload(api.list(DEPLOYMENT, labels(place))).items():
            old = writing.fence_of(deployment).generation < fence.generation
            # A route that names a Service which is gone is taken by no gateway; the next change of weights drops the name first.
            if (
                workload == but
                or name_of(deployment) in named
                or _replicas(deployment)
                or not old
                or deployment.get("status", {}).get("replicas")
            ):
                continue
            for kind in (DEPLOYMENT, SERVICE, CONFIG, SECRET):
                for thing in api.list(kind, labels(place, workload)):
                    api.delete(kind, name_of(thing))

    # -- inside

    def _api(self, place: Place) -> Api:
        cluster = self._clusters(place)
        key = (cluster.context, cluster.namespace)
        with self._lock:
            return self._apis.setdefault(key, Api(*key))

    def _pattern(self, place: Place, commit: str) -> Pattern:
        cluster = self._clusters(place)
        return pattern(self._manifests(place, commit, cluster.manifests), place.service, cluster.namespace, cluster.manifests)

    def _group(self, api: Api, deployment: Object, workload: str, pods: Sequence[Object]) -> Group:
        own = [pod for pod in pods if label_of(pod, WORKLOAD_LABEL) == workload]
        return news.group(deployment, own, self._clock.now(), lambda pod, container: api.log(pod, container, LINES))


def _weights(api: Api, place: Place) -> Mapping[str, int]:
    services = api.list(SERVICE, labels(place))
    if routes := api.list(ROUTE, labels(place)):
        owners = {name_of(one): workload for workload, one in _by_workload(services).items()}
        told = [traffic.told_by_route(one, owners) for one in routes]
        first = told[0]
        return first if first is not None and all(one == first for one in told) else {}
    return next((traffic.told_by_front(one) for one in services if not label_of(one, WORKLOAD_LABEL)), {})


def _by_workload(things: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {workload: one for one in things if (workload := label_of(one, WORKLOAD_LABEL))}


def _replicas(deployment: Object) -> int:
    return int(deployment.get("spec", {}).get("replicas", 0))


def _kind(thing: Object) -> Any:
    return next(kind for kind in (CONFIG, SECRET, *SHARED) if kind.name == thing["kind"])
