"""What a team ran before Headway came: found, marked, and told apart from what comes, without a restart and without a lost request.

Pods of a Deployment carry the hash of the template that they were made from. By that hash a Service can lead to exactly those that
serve now, whatever else gets the team's labels. Nothing of the Deployment's template changes, so nothing restarts. From the first new
release on it is paused: a template that somebody changes then would make pods with another hash, which nobody would be sent to.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headway.adapters.kubernetes import by_hand, news, traffic, writing
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
    SIZER,
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
from headway.adapters.kubernetes.pattern import Pattern, selects
from headway.adapters.kubernetes.render import bare, container_for
from headway.environments.model import Cluster, Place
from headway.errors import Contradiction, InvalidSpec, Unavailable
from headway.rollout.adoption import Foundling
from headway.rollout.model import Adopted, Fence, SetWeights, Workload

ADOPTED = "headway/adopted"
"""By which generation a Deployment, that Headway did not make, was adopted."""
_SAYS = "app.kubernetes.io/version"
_WRITTEN = {"Deployment": ("replicas", "paused"), "Service": ("selector",), "HTTPRoute": ("rules",)}
"""What Headway is going to write in objects that others made, by kind."""


# -- looking


def find(api: Api, place: Place, cluster: Cluster, theirs: Pattern) -> Foundling | None:
    """What serves behind the team's Service although Headway did not make it."""
    front = api.get(SERVICE, name_of(theirs.service))
    selector = dict((front or {}).get("spec", {}).get("selector") or {})
    if front is None or WORKLOAD_LABEL in selector:
        return None
    narrowed = selector.pop(HASH, None)
    candidates = [one for one in api.list(DEPLOYMENT, {}) if selects(selector, one) and not _ours(one) and replicas_of(one)]
    what = ", ".join(f"Deployment {name_of(one)}" for one in candidates)
    if not candidates:
        strangers = [name_of(pod) for pod in api.list(POD, selector) if news.ready(pod) and not label_of(pod, WORKLOAD_LABEL)]
        why = f"the Service {name_of(front)} leads to them and no Deployment has them; give them a Service of their own"
        return Foundling("", f"pods {', '.join(strangers)}", Adopted("", name_of(front)), unfit=why) if strangers else None
    if len(candidates) > 1:
        why = f"the Service {name_of(front)} leads to them all and one release is one Deployment; scale the others to 0"
        return Foundling("", what, Adopted("", name_of(front)), unfit=why)
    (deployment,) = candidates
    pods = [pod for pod in api.list(POD, _labels_of(deployment)) if _made_by(deployment, pod) and _stays(pod)]
    routes = [route for one in theirs.routes if (route := api.get(ROUTE, name_of(one))) and name_of(front) in traffic.backends(route)]
    where = Adopted(name_of(deployment), name_of(front), tuple(name_of(one) for one in routes))
    hashes = sorted({label_of(pod, HASH) for pod in pods})
    ready = sum(1 for pod in pods if news.ready(pod))
    try:
        container = container_for(deployment["spec"]["template"]["spec"], "", place.service)
    except InvalidSpec as fault:
        return Foundling("", what, where, unfit=str(fault))
    images = sorted({_image(container, pod) for pod in pods if news.ready(pod)})
    if unfit := _unfit(deployment, hashes, ready, images, narrowed):
        return Foundling("", what, where, unfit=unfit)
    return Foundling(
        workload=workload_of(hashes[0]),
        what=what,
        where=where,
        image=images[0],
        named=str(container.get("image", "")),
        says=_says(deployment),
        replicas=replicas_of(deployment),
        ready=ready,
        others=tuple(_others(((DEPLOYMENT, deployment), (SERVICE, front), *((ROUTE, one) for one in routes)))),
        by_hand=commands(cluster, front, routes, hashes[0]),
    )


def _unfit(deployment: Object, hashes: Sequence[str], ready: int, images: Sequence[str], narrowed: str | None) -> str:
    name = name_of(deployment)
    if not ready:
        return f"none of its {replicas_of(deployment)} pods is ready, and what answers nobody is nothing to go back to; scale it to 0 first"
    if not _settled(deployment) or len(hashes) != 1:
        return f"it is in the middle of a rollout of its own; wait for its end: kubectl rollout status deployment/{name}"
    if narrowed not in {None, hashes[0]}:
        why = "it was adopted, and paused when a release came; somebody gave it another template since, whose pods nobody is sent to"
        return f"{why}: kubectl rollout undo deployment/{name}"
    if len(images) != 1 or "@sha256:" not in images[0]:
        return f"its pods should all run one image that has a digest; found {', '.join(images) or 'none'}"
    return ""


def _settled(deployment: Object) -> bool:
    """Are all its pods made from the template that it has now?"""
    status, size = deployment.get("status", {}), replicas_of(deployment)
    seen = int(status.get("observedGeneration", 0)) >= int(deployment["metadata"].get("generation", 0))
    return seen and int(status.get("updatedReplicas", 0)) == int(status.get("replicas", 0)) == size


def _image(wanted: Object, pod: Object) -> str:
    """What a pod runs in that container, by digest."""
    for status in pod.get("status", {}).get("containerStatuses") or ():
        if status.get("name") == wanted.get("name"):
            found = str(status.get("imageID", "")).partition("://")[2] or str(status.get("imageID", ""))
            repository = str(wanted.get("image", "")).partition("@")[0]
            return found if "@" in found else f"{repository}@{found}"
    return ""


def _says(deployment: Object) -> str:
    template = deployment.get("spec", {}).get("template", {})
    return label_of(template, _SAYS) or label_of(deployment, _SAYS)


def _others(things: Iterable[tuple[Kind, Object]]) -> Iterator[str]:
    """Who has the fields that Headway is going to write."""
    for kind, thing in things:
        for field in _WRITTEN[kind.name]:
            written = (
                str(entry.get("manager"))
                for entry in thing["metadata"].get("managedFields") or ()
                if f"f:{field}" in (entry.get("fieldsV1") or {}).get("f:spec", {}) and not entry.get("subresource")
            )
            if names := sorted(set(written) - {MANAGER, SIZER, ADOPTER}):
                what = f"spec.{field} of {kind.name} {name_of(thing)}"
                yield f"{what} was written by {' and '.join(names)} so far; Headway writes it from then on"


# -- marking


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
    pods = [pod for pod in api.list(POD, _labels_of(deployment)) if _made_by(deployment, pod) and _stays(pod)]
    if not _settled(deployment) or {label_of(pod, HASH) for pod in pods} != {hashed}:
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


# -- afterwards


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
    return (own, *(by_hand.route(cluster, name_of(one), one["spec"]["rules"]) for one in routes))


def pods(api: Api, place: Place, deployments: Mapping[str, Object]) -> list[Object]:
    """Every pod of the place, each with the label of its release: those of an adopted one do not carry it."""
    found: list[Object] = list(api.list(POD, labels(place)))
    for workload, deployment in deployments.items():
        if hash_of(workload):
            for pod in api.list(POD, {**_labels_of(deployment), HASH: hash_of(workload)}):
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
    headless = own["spec"].get("clusterIP") == "None"
    for drawn in () if headless else ("clusterIP", "clusterIPs"):
        own["spec"].pop(drawn, None)
    return own


def _ours(deployment: Object) -> bool:
    workload = label_of(deployment, WORKLOAD_LABEL)
    return bool(workload) and not hash_of(workload)


def _labels_of(deployment: Object) -> dict[str, str]:
    found = deployment["spec"]["selector"].get("matchLabels") or {}
    if not found:
        raise InvalidSpec(f"Deployment {name_of(deployment)} selects its pods by expressions; expected matchLabels")
    return dict(found)


def _made_by(deployment: Object, pod: Object) -> bool:
    set_of = f"{name_of(deployment)}-{label_of(pod, HASH)}"
    return any(one.get("kind") == "ReplicaSet" and one.get("name") == set_of for one in pod["metadata"].get("ownerReferences") or ())


def _stays(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
