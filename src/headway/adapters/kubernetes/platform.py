"""The Kubernetes platform: one Deployment and one Service per release, and the team's own routes to move traffic between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, assert_never

from headway.adapters.kubernetes import (
    adopting,
    autoscaling,
    by_hand,
    foundlings,
    gateway,
    hands,
    moving,
    news,
    prometheus,
    reaching,
    record,
    traffic,
    writing,
)
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.glancing import Glances, Things, whole
from headway.adapters.kubernetes.kinds import (
    AUTOSCALER,
    CONFIG,
    DEPLOYMENT,
    ENVIRONMENT_LABEL,
    ROUTE,
    SECRET,
    SERVICE,
    SERVICE_LABEL,
    SHARED,
    WORKLOAD_LABEL,
    Object,
    by_workload,
    hash_of,
    label_of,
    labels,
    name_of,
    replicas_of,
    service_of,
)
from headway.adapters.kubernetes.lately import Lately
from headway.adapters.kubernetes.moving import Site
from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.adapters.kubernetes.render import autoscaler, opened, own_name, render
from headway.adapters.secrets import in_cluster
from headway.analysis.model import Readings, together
from headway.environments.model import Cluster, Place
from headway.errors import Contradiction, Refused, Unavailable
from headway.ports import Clock
from headway.rollout.adoption import Foundling
from headway.rollout.model import Fence, Intent, RunMigration, SetReplicas, SetWeights, StartCheck, Workload
from headway.rollout.seen import Group, Probe, Sight

LINES = 5
"""Of the log of an instance that failed."""


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
        self._clients = Clients()
        self._glances = Glances()
        self._owners: Lately[Place, Mapping[str, str]] = Lately(3.0)
        self._fronts: Lately[tuple[str, str], Mapping[tuple[str, str], str]] = Lately(3.0)
        self._commands: Lately[tuple[Place, str, str], tuple[str, ...]] = Lately(3.0)

    def act(self, place: Place, intent: Intent) -> None:
        """Do SetReplicas or SetWeights."""
        api = self._api(place)
        # Before anything else: whoever was stopped between here and there finds every object written by somebody newer.
        entered = record.enter(api, place, intent.fence)
        try:
            self._do(api, place, intent)
        finally:  # what was half done changed something, too
            self._glances.forget(place)
            for kept in (self._owners, self._commands, self._fronts):
                kept.forget()
        record.done(api, place, intent.fence, intent.key, entered)

    def _do(self, api: Api, place: Place, intent: Intent) -> None:
        match intent.effect:
            case SetReplicas(workload, 0):
                self._stop(api, place, workload.name, intent.fence)
            case SetReplicas(workload, replicas, mend):
                self._start(api, place, workload, replicas, intent.fence, mend=mend)
            case SetWeights() as effect:
                there = by_workload(api.list(DEPLOYMENT, labels(place)))
                with suppress(Refused, Unavailable):  # somebody's hand on an autoscaler is never what keeps traffic on a bad release
                    autoscaling.hold(api, there, "", intent.fence)
                moving.route(self._site(place), effect, intent.fence, there)
            case StartCheck() | RunMigration():
                raise TypeError("checks and migrations are started through ports of their own")
            case unknown:
                assert_never(unknown)

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this intent done? The record in the place knows, whoever wrote it."""
        return Probe.DONE if intent.key in record.read(self._api(place), place).done else Probe.NOT_DONE

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        """What runs there now, and the weights that the gateway has taken."""
        api = self._api(place)
        seen = self._glances.look(api, place) if lately else whole(api, place)
        groups = {name: replace(self._group(api, one, name, seen.pods), wanted=seen.wanted[name]) for name, one in seen.deployments.items()}
        edits = [edit for kind, things in _seen(seen) for one in things for edit in hands.of(kind, one)]
        edits.extend(hands.gone(seen.deployments.values(), seen.services, seen.routes))
        return Sight(groups, moving.weights_of(seen.services, seen.routes), edits=tuple(edits))

    def measure(self, place: Place) -> Readings:
        """The counters of each release, by Prometheus or by the gateway's own Envoys; none where the file names neither."""
        cluster, api = self._clusters(place), self._api(place)
        if not cluster.stats and cluster.prometheus is None:
            raise Unavailable(f"nothing is measured in {place.environment}: its kubernetes: names neither stats: nor prometheus:")
        lately = self._glances.lately(place)
        services = owners(lately.services) if lately else self._owners.get(place, lambda: owners(api.list(SERVICE, labels(place))))
        if cluster.prometheus is not None:
            return prometheus.measure(cluster, services, self._clock.now, self._secrets)
        return together(self._clock.now(), gateway.measure(cluster, services))

    def url(self, place: Place, workload: str | None = None) -> str:
        """Where users reach the place; or one release's own Service, which only the cluster knows."""
        cluster, api = self._clusters(place), self._api(place)
        if workload is None and cluster.url:
            return cluster.url
        if workload is None:
            # Whoever asks for one place's most often asks for them all: a status of hundreds would be as many questions.
            known = self._fronts.get((cluster.context, cluster.namespace), lambda: _fronts(api))
            address = known.get((place.service, place.environment))
        else:
            address = next(map(_address, api.list(SERVICE, labels(place, workload))), None)
        if address is None:
            raise Unavailable(f"{workload or place} has no Service yet")
        if workload is not None:  # it is asked for by who sends a check there next, and its pods are ready since a moment ago
            reaching.until_heard(address)
        return address

    def find(self, place: Place, commit: str) -> Foundling | None:
        """What serves there already, by the manifests of that commit, although Headway did not make it."""
        return foundlings.find(self._api(place), place, self._clusters(place), self._pattern(place, commit))

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        """Size first, then the routes: kubectl and nothing else. None while the cluster cannot be asked what they would be."""
        try:
            return self._commands.get((place, bad, good), lambda: self._by_hand(place, bad, good))
        except (Unavailable, Contradiction):
            return ()

    def _by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        cluster, api, seen = self._clusters(place), self._api(place), self._glances.lately(place)
        deployments = seen.deployments if seen else by_workload(api.list(DEPLOYMENT, labels(place)))
        if good not in deployments:
            return ()
        if hash_of(good):
            return adopting.way_back(api, place, cluster, deployments[good])
        name, wanted = name_of(deployments[good]), replicas_of(deployments[good])
        size = max(wanted, replicas_of(deployments[bad]) if bad in deployments else 0)
        first = (by_hand.scale(cluster, name, size),) if size > wanted else ()
        if routes := seen.routes if seen else api.list(ROUTE, labels(place)):
            ours = {service_of(one) for one in deployments.values()}
            return (*first, *(by_hand.route(cluster, name_of(one), traffic.all_to(one, name, ours)) for one in routes))
        services = seen.services if seen else api.list(SERVICE, labels(place))
        fronts = [one for one in services if not label_of(one, WORKLOAD_LABEL)]
        return (*first, *(by_hand.selector(cluster, name_of(one), traffic.alone(one, good)) for one in fronts))

    def close(self) -> None:
        """Let go of the connections; everything on the cluster stays as it is."""
        self._clients.close()

    # -- effects

    def _start(self, api: Api, place: Place, workload: Workload, replicas: int, fence: Fence, *, mend: bool) -> None:
        if workload.adopted is not None:
            adopting.start(api, place, workload, replicas, fence)
            return
        if not workload.image:
            raise Refused(
                f"{workload.version} has no image, and {place.environment} is on Kubernetes", ("cut it with --image REF@sha256:…",)
            )
        theirs = self._pattern(place, workload.commit)
        deployments = by_workload(api.list(DEPLOYMENT, labels(place)))
        autoscaling.hold(api, deployments, workload.name, fence)
        own = own_name(theirs, workload)
        there = api.get(DEPLOYMENT, own)
        new = there is None
        if there is None:
            adopting.told_apart(api, place, deployments, fence)
            self._make(api, place, workload, theirs, fence)
            there = api.get(DEPLOYMENT, own)
        elif mend:
            self._mend(api, place, workload, theirs, there, fence)
        if (scaler := autoscaler(theirs, place, workload)) is not None and there is not None and autoscaling.scaled(there):
            autoscaling.start(api, there, scaler, replicas, fence, new=new)
        else:
            writing.size(api, own, replicas, fence, force=mend)
        self._collect(api, place, workload.name, fence)

    def _make(self, api: Api, place: Place, workload: Workload, theirs: Pattern, fence: Fence) -> None:
        """Everything that a release is, its Deployment last: where that is, all is. A release is made once and never changed."""
        told = {name: self._secrets(reference) for name, reference in workload.configuration.secrets.items() if not in_cluster(reference)}
        made = render(opened(theirs), place, workload, told, self._keyed)
        for thing in theirs.shared:
            adopting.share(api, _kind(thing), thing)
        for thing in made.settings:
            api.apply(_kind(thing), thing)
        writing.apply(api, SERVICE, made.service, fence)
        writing.apply(api, DEPLOYMENT, made.deployment, fence)

    def _mend(self, api: Api, place: Place, workload: Workload, theirs: Pattern, deployment: Object, fence: Fence) -> None:
        """Take somebody else's hand off what a release is. What it is told stays as it was made: no secret is asked for again."""
        if any(not one.size for one in hands.of(DEPLOYMENT.name, deployment)):
            writing.restore(api, deployment, fence)
        writing.apply(api, SERVICE, render(theirs, place, workload, {}, self._keyed).service, fence, force=True)

    def _stop(self, api: Api, place: Place, workload: str, fence: Fence) -> None:
        deployment = by_workload(api.list(DEPLOYMENT, labels(place, workload))).get(workload)
        if deployment is not None and replicas_of(deployment):
            self._demand_as_seen(api, place, workload)
            moving.until_quiet(self._site(place), workload)
            autoscaling.let_go(api, deployment)
            writing.size(api, name_of(deployment), 0, fence)
        autoscaling.settle(api, place, workload, fence)

    def _demand_as_seen(self, api: Api, place: Place, workload: str) -> None:
        """Nobody's pods go by a look of some seconds ago, if somebody moved the traffic since."""
        seen = self._glances.lately(place)
        if seen is not None and moving.weights(api, place) != moving.weights_of(seen.services, seen.routes):
            raise Unavailable(f"somebody moved the traffic of {place} just now; {workload} stays until that has been looked at")

    def _collect(self, api: Api, place: Place, but: str, fence: Fence) -> None:
        """Remove what older generations left behind at size 0. Its configuration goes with it."""
        named = {name for route in api.list(ROUTE, labels(place)) for name in traffic.backends(route)}
        deployments, services = (by_workload(api.list(kind, labels(place))) for kind in (DEPLOYMENT, SERVICE))
        for workload in dict.fromkeys((*deployments, *services)):
            deployment = deployments.get(workload)
            seen = deployment if deployment is not None else services[workload]
            service = service_of(deployment) if deployment is not None else name_of(seen)
            old = writing.fence_of(seen).generation < fence.generation
            # A route that names a Service which is gone is taken by no gateway; the next change of weights drops the name first.
            if workload == but or service in named or not old or (deployment is not None and _runs(deployment)):
                continue
            # The team's own Deployment stays, at size 0: who made it may take it away.
            scaler = (AUTOSCALER,) if deployment is not None and autoscaling.scaled(deployment) else ()
            # The Service last: by it the rest is found again, should we be killed, or refused, before all of it is gone. Not the
            # Deployment: where that is all is, and somebody may go back to it.
            for kind in (SERVICE,) if hash_of(workload) else (*scaler, DEPLOYMENT, CONFIG, SECRET, SERVICE):
                for thing in api.list(kind, labels(place, workload)):
                    api.delete(kind, name_of(thing))

    # -- inside

    def _api(self, place: Place) -> Api:
        return self._clients.of(self._clusters(place))

    def _site(self, place: Place) -> Site:
        return Site(self._api(place), place, self._clusters(place), lambda commit: self._pattern(place, commit))

    def _pattern(self, place: Place, commit: str) -> Pattern:
        cluster = self._clusters(place)
        return pattern(self._manifests(place, commit, cluster.manifests), place.service, cluster.namespace, cluster.manifests)

    def _group(self, api: Api, deployment: Object, workload: str, pods: Sequence[Object]) -> Group:
        own = [pod for pod in pods if label_of(pod, WORKLOAD_LABEL) == workload]
        seen = news.group(deployment, own, self._clock.now(), lambda pod, container: api.log(pod, container, LINES))
        # What served before we came is not ours to judge as long as it answers.
        return replace(seen, bad_news=(), log=()) if hash_of(workload) and seen.ready else seen


def _runs(deployment: Object) -> bool:
    return bool(replicas_of(deployment) or deployment.get("status", {}).get("replicas"))


def owners(services: Sequence[dict[str, Any]]) -> Mapping[str, str]:
    """Workloads by the name of their Service."""
    return {name_of(one): workload for workload, one in by_workload(services).items()}


def _fronts(api: Api) -> Mapping[tuple[str, str], str]:
    """Where each place of a namespace is reached, by service and environment."""
    services = api.list(SERVICE, {SERVICE_LABEL: None})
    fronts = (one for one in services if not label_of(one, WORKLOAD_LABEL) and one["spec"].get("clusterIP") and one["spec"].get("ports"))
    return {(label_of(one, SERVICE_LABEL), label_of(one, ENVIRONMENT_LABEL)): _address(one) for one in fronts}


def _address(service: Object) -> str:
    return f"http://{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}"


def _kind(thing: Object) -> Any:
    return next(kind for kind in (CONFIG, SECRET, *SHARED) if kind.name == thing["kind"])


def _seen(things: Things) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    yield DEPLOYMENT.name, tuple(things.deployments.values())
    yield SERVICE.name, things.services
    yield ROUTE.name, things.routes
