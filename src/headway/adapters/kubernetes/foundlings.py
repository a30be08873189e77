"""What serves behind the team's Service although Headway did not make it, and whether it can be adopted as it is."""

from collections.abc import Iterable, Iterator, Sequence

from headway.adapters.kubernetes import news, traffic
from headway.adapters.kubernetes.adopting import commands
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import (
    ADOPTER,
    DEPLOYMENT,
    HASH,
    MANAGER,
    POD,
    ROUTE,
    SERVICE,
    SIZER,
    WORKLOAD_LABEL,
    Kind,
    Object,
    hash_of,
    label_of,
    name_of,
    replicas_of,
    workload_of,
)
from headway.adapters.kubernetes.pattern import Pattern, selects
from headway.adapters.kubernetes.render import container_for
from headway.adapters.kubernetes.templates import labels_of, pods_of, settled
from headway.environments.model import Cluster, Place
from headway.errors import InvalidSpec
from headway.rollout.adoption import Foundling
from headway.rollout.model import Adopted

SAYS = "app.kubernetes.io/version"
WRITTEN = {"Deployment": ("replicas", "paused"), "Service": ("selector",), "HTTPRoute": ("rules",)}
"""What Headway is going to write in objects that others made, by kind."""


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
    if not labels_of(deployment):
        return Foundling("", what, Adopted("", name_of(front)), unfit="it selects its pods by expressions, and a Service needs matchLabels")
    pods = pods_of(api, deployment)
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
    if not settled(deployment) or len(hashes) != 1:
        return f"it is in the middle of a rollout of its own; wait for its end: kubectl rollout status deployment/{name}"
    if narrowed not in {None, hashes[0]}:
        why = "it was adopted, and paused when a release came; somebody gave it another template since, whose pods nobody is sent to"
        return f"{why}: kubectl rollout undo deployment/{name}"
    if len(images) != 1 or "@sha256:" not in images[0]:
        return f"its pods should all run one image that has a digest; found {', '.join(images) or 'none'}"
    return ""


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
    return label_of(template, SAYS) or label_of(deployment, SAYS)


def _others(things: Iterable[tuple[Kind, Object]]) -> Iterator[str]:
    """Who has the fields that Headway is going to write."""
    for kind, thing in things:
        for field in WRITTEN[kind.name]:
            written = (
                str(entry.get("manager"))
                for entry in thing["metadata"].get("managedFields") or ()
                if f"f:{field}" in (entry.get("fieldsV1") or {}).get("f:spec", {}) and not entry.get("subresource")
            )
            if names := sorted(set(written) - {MANAGER, SIZER, ADOPTER}):
                what = f"spec.{field} of {kind.name} {name_of(thing)}"
                yield f"{what} was written by {' and '.join(names)} so far; Headway writes it from then on"


def _ours(deployment: Object) -> bool:
    workload = label_of(deployment, WORKLOAD_LABEL)
    return bool(workload) and not hash_of(workload)
