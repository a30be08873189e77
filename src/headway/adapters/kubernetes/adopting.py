"""What a team ran before Headway came: found, marked, and told apart from what comes, without a restart and without a lost request.

Pods of a Deployment carry the hash of the template that they were made from. By that hash a Service can lead to exactly those that
serve now, whatever else gets the team's labels. Nothing of the Deployment's template changes, so nothing restarts. From the first new
release on it is paused: a template that somebody changes then would make pods with another hash, which nobody would be sent to.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headway.adapters.kubernetes import by_hand, traffic, writing
from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.kinds import (
    ADOPTER,
    COMMIT,
    CONFIG,
    DEPLOYMENT,
    HASH,
    MANAGER,
    POD,
    ROUTE,
    SERVICE,
    VERSION,
    WEIGHTS,
    WORKLOAD_LABEL,
    Kind,
    Object,
    annotation_of,
    hash_of,
    label_of,
    labels,
    name_of,
    replicas_of,
    service_of,
    workload_of,
)
from headway.adapters.kubernetes.pattern import Pattern
from headway.adapters.kubernetes.render import bare
from headway.adapters.kubernetes.templates import labels_of, pods_of, settled
from headway.environments.model import Cluster, Place
from headway.errors import Contradiction, Unavailable
from headway.rollout.model import Adopted, Fence, SetWeights, Workload

ADOPTED = "headway/adopted"
"""By which generation a Deployment, that Headway did not make, was adopted."""


def start(api: Api, place: Place, workload: Workload, replicas: int, fence: Fence) -> None:
    """Adopt it, in the rollout that does; later have so many replicas of it, as of any other, whoever set its size before."""
    assert workload.adopted is not None
    name = workload.adopted.deployment
    deployment = api.get(DEPLOYMENT, name)
    if deployment is None:
        raise Contradiction(f"Deployment {name} is {workload.version} in {place}, and is gone")
    if label_of(deployment, WORKLOAD_LABEL) == workload.name and annotation_of(deployment, ADOPTED) not in {"", str(fence.generation)}:
        writing.size(api, name, replicas, fence, force=True)
    else:
        _adopt(api, place, workload, deployment, workload.adopted, fence)


def _adopt(api: Api, place: Place, workload: Workload, deployment: Object, where: Adopted, fence: Fence) -> None:
    """Mark what was found as the release that it is from now on. Nothing that anybody runs, or is reached by, changes."""
    front = api.get(SERVICE, where.service)
    if front is None:
        raise Contradiction(f"Service {where.service} was there when {workload.version} was to be adopted, and is gone")
    _still(api, deployment, hash_of(workload.name))
    routes = [route for name in where.routes if (route := api.get(ROUTE, name)) is not None]
    api.apply(CONFIG, _kept(place, workload, deployment, front, routes), force=True)
    _mark(api, DEPLOYMENT, where.deployment, labels(place, workload.name), _marks(workload.version, workload.commit, fence), fence)
    _mark(api, SERVICE, where.service, labels(place), {WEIGHTS: json.dumps({workload.name: 100})}, fence)
    for one in routes:
        _mark(api, ROUTE, name_of(one), labels(place), {}, fence)


def _marks(version: str, commit: str, fence: Fence) -> dict[str, str]:
    return {VERSION: version, COMMIT: commit, ADOPTED: str(fence.generation)}


def _mark(api: Api, kind: Kind, name: str, known: Mapping[str, str], told: Mapping[str, str], fence: Fence) -> None:
    thing = {"metadata": {"name": name, "labels": dict(known), "annotations": dict(told)}}
    writing.apply(api, kind, thing, fence, force=True, manager=ADOPTER)


def told_apart(api: Api, place: Place, deployments: Mapping[str, Object], fence: Fence) -> None:
    """Before anybody else gets the team's labels: the team's Service leads to exactly the pods that it leads to now."""
    for workload, deployment in deployments.items():
        if not hash_of(workload) or not replicas_of(deployment):
            continue
        theirs = kept(api, place)
        front = api.get(SERVICE, name_of(theirs.service))
        selected = (front or {}).get("spec", {}).get("selector") or {}
        if front is None or traffic.told_by_front(front) != {workload: 100} or HASH in selected:
            continue
        _hold(api, place, workload, name_of(deployment))
        writing.apply(api, SERVICE, _own(theirs.service, place, service_of(deployment), workload), fence, force=True)
        writing.apply(api, SERVICE, traffic.front(theirs, place, SetWeights({workload: 100})), fence, force=True)


def _hold(api: Api, place: Place, workload: str, name: str) -> None:
    """No template that somebody gives it from now on makes pods. Only if it is as it was adopted, to the version that was read."""
    for _ in range(writing.TRIES):
        deployment = api.get(DEPLOYMENT, name)
        if deployment is None:
            raise Contradiction(f"Deployment {name} was adopted in {place}, and is gone")
        _still(api, deployment, hash_of(workload))
        marks = {key: annotation_of(deployment, key) for key in (VERSION, COMMIT, ADOPTED)}
        metadata = {"name": name, "labels": labels(place, workload), "annotations": marks}
        metadata["resourceVersion"] = deployment["metadata"]["resourceVersion"]
        try:
            api.apply(DEPLOYMENT, {"metadata": metadata, "spec": {"paused": True}}, ADOPTER, force=True)
        except Conflict:
            continue
        return
    raise Unavailable(f"Deployment {name} is written by somebody else all the time")


def _own(front: Object, place: Place, name: str, workload: str) -> dict[str, Any]:
    """A Service of its own, as every release has one."""
    own = bare(front)
    own["metadata"] = {"name": name, "labels": {**(own["metadata"].get("labels") or {}), **labels(place, workload)}}
    for drawn in (
        "clusterIP",
        "externalIPs",
        "loadBalancerIP",
        "loadBalancerClass",
        "externalTrafficPolicy",
        "allocateLoadBalancerNodePorts",
    ):
        own["spec"].pop(drawn, None)
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in own["spec"]["ports"]]
    own["spec"] |= {"type": "ClusterIP", "ports": ports, "selector": traffic.alone(front, workload)}
    return own


def _still(api: Api, deployment: Object, hashed: str) -> None:
    if not settled(deployment) or {label_of(pod, HASH) for pod in pods_of(api, deployment)} != {hashed}:
        changed = "is not as it was adopted: somebody gave it another template or size, and it is still at that, or was"
        todo = "if it settles as it was, this goes on; else abort, and promote again: that adopts what runs then"
        raise Unavailable(f"Deployment {name_of(deployment)} {changed}; {todo}")


def share(api: Api, kind: Kind, thing: Object) -> None:
    """Apply what belongs to all releases; the first time, whoever else wrote it before."""
    api.apply(kind, thing, force=foreign(api.get(kind, name_of(thing))))


def foreign(there: Object | None) -> bool:
    """Is this there, and did Headway never write it?"""
    managers = {str(one.get("manager")) for one in (there or {}).get("metadata", {}).get("managedFields") or ()}
    return there is not None and MANAGER not in managers


def kept(api: Api, place: Place) -> Pattern:
    """The team's Service and routes as they were when their Deployment was adopted: what its release's manifests are."""
    there = api.get(CONFIG, _kept_name(place))
    try:
        told = json.loads((there or {})["data"]["before"])
        return Pattern(told["deployment"], told["service"], tuple(told["routes"]))
    except (KeyError, ValueError, TypeError) as error:
        raise Contradiction(
            f"the ConfigMap {_kept_name(place)} does not hold what was adopted as Headway wrote it: {error!r}; who edited it?"
        ) from error


def way_back(api: Api, place: Place, cluster: Cluster, deployment: Object) -> tuple[str, ...]:
    """The commands that lead back to an adopted release, by what its team had."""
    theirs = kept(api, place)
    routes = [one for one in theirs.routes if api.get(ROUTE, name_of(one)) is not None]
    size = replicas_of(theirs.deployment)
    first = (by_hand.scale(cluster, name_of(deployment), size),) if replicas_of(deployment) < size else ()
    return (*first, *commands(cluster, theirs.service, routes, hash_of(label_of(deployment, WORKLOAD_LABEL))))


def commands(cluster: Cluster, front: Object, routes: Sequence[Object], hashed: str) -> tuple[str, ...]:
    """The Service to exactly its pods, then the routes as its team wrote them."""
    own = by_hand.selector(cluster, name_of(front), traffic.alone(front, workload_of(hashed)))
    return (by_hand.settled(own) if routes else own, *(by_hand.route(cluster, name_of(one), one["spec"]["rules"]) for one in routes))


def pods(api: Api, place: Place, deployments: Mapping[str, Object]) -> list[Object]:
    """Every pod of the place, each with the label of its release: those of an adopted one do not carry it."""
    found: list[Object] = list(api.list(POD, labels(place)))
    for workload, deployment in deployments.items():
        if hash_of(workload):
            for pod in api.list(POD, {**labels_of(deployment), HASH: hash_of(workload)}):
                known = {**(pod["metadata"].get("labels") or {}), WORKLOAD_LABEL: workload}
                found.append({**pod, "metadata": {**pod["metadata"], "labels": known}})
    return found


def _kept_name(place: Place) -> str:
    return f"headway-{place.service}-{place.environment}-adopted"


def _kept(place: Place, workload: Workload, deployment: Object, front: Object, routes: Iterable[Object]) -> dict[str, Any]:
    size = {"kind": "Deployment", "metadata": {"name": name_of(deployment)}, "spec": {"replicas": replicas_of(deployment)}}
    told = {"workload": workload.name, "deployment": size, "service": _unmarked(front), "routes": [_unmarked(one) for one in routes]}
    return {"metadata": {"name": _kept_name(place), "labels": labels(place)}, "data": {"before": json.dumps(told)}}


def _unmarked(thing: Object) -> dict[str, Any]:
    """As its team had it: an adoption that was begun before, and did not get to its end, has left its marks."""
    own = bare(thing)
    for part in ("labels", "annotations"):
        marked = own["metadata"].get(part) or {}
        own["metadata"][part] = {key: value for key, value in marked.items() if not key.startswith("headway/")}
    (own["spec"].get("selector") or {}).pop(HASH, None)
    headless = own["spec"].get("clusterIP") == "None"
    for drawn in () if headless else ("clusterIP", "clusterIPs"):
        own["spec"].pop(drawn, None)
    return own
