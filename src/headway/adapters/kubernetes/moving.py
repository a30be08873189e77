"""Moving traffic without losing a request: nobody is sent where the proxies know nobody, and nobody goes while requests still come."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headway.adapters.kubernetes import adopting, gateway, news, traffic, writing
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import (
    COMMIT,
    FENCE,
    ROUTE,
    SERVICE,
    WORKLOAD_LABEL,
    Object,
    annotation_of,
    by_workload,
    hash_of,
    label_of,
    labels,
    name_of,
    replicas_of,
    service_of,
)
from headway.adapters.kubernetes.pattern import Pattern
from headway.environments.model import Cluster, Place
from headway.errors import Unavailable
from headway.rollout.model import Fence, SetWeights

TAKEN = 5.0
"""Seconds that a gateway may take to accept a route before that is called trouble."""
KNOWN = 3.0
"""Seconds that the proxies may take to learn of pods. Where none can be asked a new release waits this long, for want of a better sign."""
QUIET = 5.0
"""Seconds that the last requests may take to leave a release without weight before its pods are told to go."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place on its cluster; `pattern` gives the team's manifests at a commit."""

    api: Api
    place: Place
    cluster: Cluster
    pattern: Callable[[str], Pattern]


def weights(api: Api, place: Place) -> Mapping[str, int]:
    """The weights that are in force; none while the gateway has not taken what is written, or two routes say different things."""
    return weights_of(api.list(SERVICE, labels(place)), api.list(ROUTE, labels(place)))


def weights_of(services: Sequence[dict[str, Any]], routes: Sequence[dict[str, Any]]) -> Mapping[str, int]:
    """The same, of what was read already."""
    if routes:
        # A route that still names the team's own Service leads to whoever that leads to: what was adopted.
        fronts = [one for one in services if not label_of(one, WORKLOAD_LABEL)]
        owners = {name_of(one): next(iter(leads)) for one in fronts if len(leads := traffic.told_by_front(one)) == 1}
        owners |= {name_of(one): workload for workload, one in by_workload(services).items()}
        told = [traffic.told_by_route(one, owners) for one in routes]
        first = told[0]
        return first if first is not None and all(one == first for one in told) else {}
    return next((traffic.told_by_front(one) for one in services if not label_of(one, WORKLOAD_LABEL)), {})


def route(site: Site, effect: SetWeights, fence: Fence, deployments: Mapping[str, Object]) -> None:
    """Have these weights, taken by the gateway when this returns. `deployments` are those that are there, by workload."""
    api, place = site.api, site.place
    wanted = {name: percent for name, percent in effect.weights.items() if percent}
    asked = {*wanted, *(match.workload for match in effect.matches)}
    ready = _ready(adopting.pods(api, place, deployments), asked)
    if missing := next((name for name in sorted(asked) if name not in deployments or not ready[name]), None):
        raise Unavailable(f"{missing} has no ready instance that {wanted.get(missing, 0)} % of the traffic could go to")
    # Whoever has most of the traffic says what the routes look like; with nobody, whoever was there last.
    main = max(wanted or deployments, key=lambda name: (wanted.get(name, 0), annotation_of(deployments[name], FENCE)), default=None)
    if main is None:
        return
    theirs = adopting.kept(api, place) if hash_of(main) else site.pattern(annotation_of(deployments[main], COMMIT))
    names = {workload: service_of(one) for workload, one in deployments.items() if workload in asked or replicas_of(one)}
    if any(map(hash_of, names)):
        names[traffic.FRONT] = name_of(theirs.service)  # by which a team goes back by hand: the proxies go on knowing it
    if theirs.routes:
        unheard = {names[name] for name in asked} - _named(api, place)
        if not unheard or _introduce(site, theirs, effect, names, unheard, fence):
            _until_known(site, ready, patient=bool(unheard))
    # By force: somebody's hand on the routing is seen and told (look), and must never be what keeps traffic on a bad release.
    for one in traffic.routes(theirs, place, effect, names):
        writing.apply(api, ROUTE, one, fence, force=True)
    before = {} if theirs.routes else weights(api, place)
    writing.apply(api, SERVICE, traffic.front(theirs, place, effect), fence, force=True)
    _until_taken(api, place)
    if not theirs.routes and weights(api, place) != before:
        time.sleep(KNOWN)  # until the nodes know too: a check that asks the Service next would meet the release before this one


def until_quiet(site: Site, workload: str) -> None:
    """A gateway's word is not its proxies': no pod goes while requests still arrive at it."""
    if not site.cluster.stats:
        return
    until, before = time.monotonic() + QUIET, _asked(site, workload)
    while True:
        time.sleep(0.25)
        after = _asked(site, workload)
        if after == before:
            return
        if time.monotonic() > until:
            raise Unavailable(f"requests still arrive at {workload}, which has no weight any more; its pods stay until they do not")
        before = after


def _ready(pods: Iterable[Object], workloads: set[str]) -> dict[str, int]:
    counts = dict.fromkeys(workloads, 0)
    for pod in pods:
        workload = label_of(pod, WORKLOAD_LABEL)
        if workload in counts and news.ready(pod):
            counts[workload] += 1
    return counts


def _introduce(site: Site, theirs: Pattern, effect: SetWeights, names: Mapping[str, str], unheard: set[str], fence: Fence) -> bool:
    """Name new releases at weight 0 beside those that have some: a proxy that has not heard of a release, or its pods, answers 503."""
    now = weights(site.api, site.place)
    if not now:
        return False  # the first of all; or nobody can tell the weights just now, and writing none would send everybody nowhere
    matches = tuple(one for one in effect.matches if names[one.workload] not in unheard)
    unheard_of = [workload for workload, name in names.items() if name in unheard]
    for adopted in filter(hash_of, unheard_of):
        # So far its users come by the team's Service, and stay there until the proxies know its own.
        names = {**names, adopted: names[traffic.FRONT], traffic.FRONT: names[adopted]}
    for one in traffic.routes(theirs, site.place, replace(effect, weights=now, matches=matches), names):
        writing.apply(site.api, ROUTE, one, fence, force=True)
    return True


def _named(api: Api, place: Place) -> set[str]:
    """The Services that every route of the place names."""
    named = [traffic.backends(one) for one in api.list(ROUTE, labels(place))]
    return set.intersection(*named) if named else set()


def _until_known(site: Site, ready: Mapping[str, int], *, patient: bool) -> None:
    """No weight before the proxies know the pods that carry it."""
    if not site.cluster.stats:
        time.sleep(KNOWN if patient else 0.0)
        return
    services = _services(site)
    until = time.monotonic() + KNOWN
    while True:
        try:
            known = gateway.members(site.cluster, services)
        except Unavailable:
            return  # counting is one thing, the way of the traffic another: a way back waits for no statistics
        if all(known.get(name, 0) >= count for name, count in ready.items()):
            return
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    if unknown := [name for name in ready if not known.get(name)]:
        raise Unavailable(f"the gateway knows no instance of {unknown[0]} yet, {KNOWN:g} s after it was told")


def _until_taken(api: Api, place: Place) -> None:
    until = time.monotonic() + TAKEN
    while waiting := [one for one in api.list(ROUTE, labels(place)) if not traffic.accepted(one)]:
        if time.monotonic() > until:
            why = traffic.refused_because(waiting[0]) or "it has said nothing yet"
            raise Unavailable(f"no gateway has taken the HTTPRoute {name_of(waiting[0])}: {why}")
        time.sleep(0.05)


def _asked(site: Site, workload: str) -> int:
    counted = gateway.measure(site.cluster, _services(site)).get(workload, {})
    return sum(one.completed + one.active for one in counted.values())


def _services(site: Site) -> dict[str, str]:
    """Workloads by the name of their Service."""
    return {name_of(one): workload for workload, one in by_workload(site.api.list(SERVICE, labels(site.place))).items()}
