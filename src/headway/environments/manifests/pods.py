"""What pods need to take part in a rollout: a word when they are ready, time to end, resources, an image that stays the same."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headway.environments.manifests.model import SERVING, Container, Finding, Manifest, containers, error, inside, kind_of, several, warning

GRACE = 30
"""Seconds that Kubernetes gives a pod to end, unless it says otherwise."""

SLEEP = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
PROBE = "readinessProbe: {httpGet: {path: /health, port: http}}"

TELLING = re.compile(r"(?:^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)$")
"""How variables are called whose values are nobody's business."""


def findings(manifests: Sequence[Manifest], service: str) -> Iterator[Finding]:
    """Everything that one object's pods show alone."""
    own = own_container(manifests, service)
    for thing in manifests:
        for container in containers(thing):
            yield from _image(container, ours=container.name == own, sure=own is not None)
            yield from _resources(container)
            yield from _secrets(container)
        if kind_of(thing) in SERVING:
            for container in _answering(thing, manifests):
                yield from _probes(container)
                yield from _ending(container)


def own_container(manifests: Sequence[Manifest], service: str) -> str | None:
    """The container whose image is the release's, as far as names tell: the service's, or the Deployment's only one."""
    deployments = [one for one in manifests if kind_of(one) == "Deployment"]
    named = [one for one in deployments if inside(one, "metadata").get("name") == service] or deployments
    alive = [container for one in named for container in containers(one) if not container.first]
    fits = [one for one in alive if service in {one.name, _repository(one).rpartition("/")[2]}]
    found = {one.name for one in fits or alive}
    return found.pop() if len(found) == 1 else None


def _repository(container: Container) -> str:
    bare = str(container.spec.get("image") or "").partition("@")[0]
    head, colon, tail = bare.rpartition(":")
    return head if colon and "/" not in tail else bare


def _answering(thing: Manifest, manifests: Sequence[Manifest]) -> Iterator[Container]:
    """The containers that a Service leads to."""
    labels = inside(thing, "spec", "template", "metadata", "labels")
    leading = [one for one in manifests if kind_of(one) == "Service" and _selects(inside(one, "spec", "selector"), labels)]
    targets = {str(port.get("targetPort", port.get("port"))) for one in leading for port in several(one, "spec", "ports")}
    alive = [container for container in containers(thing) if not container.first]
    for container in alive:
        ports = {str(value) for port in several(container.spec, "ports") for value in (port.get("name"), port.get("containerPort"))}
        if leading and (targets & ports or len(alive) == 1):
            yield container


def _selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def _probes(container: Container) -> Iterator[Finding]:
    where = f"container {container.name}"
    if not (inside(container.spec, "readinessProbe") or inside(container.spec, "startupProbe")):
        says = f"{where} has no readinessProbe, so it gets requests before it can answer them; write {PROBE}"
        yield error(container.owner, container.path, says)
    if not inside(container.spec, "livenessProbe"):
        says = f"{where} has no livenessProbe, so it stays when it hangs; write livenessProbe with the path that only tells that it lives"
        yield warning(container.owner, container.path, says)


def _ending(container: Container) -> Iterator[Finding]:
    where, hook = f"container {container.name}", inside(container.spec, "lifecycle", "preStop")
    if not hook:
        says = f"{where} has no preStop: requests that are on their way when it is told to go are lost; write {SLEEP}"
        yield warning(container.owner, container.path, says)
        return
    asleep = inside(hook, "sleep").get("seconds")
    grace = inside(container.owner, "spec", "template", "spec").get("terminationGracePeriodSeconds", GRACE)
    if isinstance(asleep, int) and isinstance(grace, int) and asleep >= grace:
        says = (
            f"{where} sleeps {asleep} s before it ends and is killed after {grace} s; "
            f"write terminationGracePeriodSeconds: {asleep + GRACE} in the pod's spec"
        )
        yield error(container.owner, (*container.path, "lifecycle", "preStop"), says)


def _resources(container: Container) -> Iterator[Finding]:
    asked, limit = inside(container.spec, "resources", "requests"), inside(container.spec, "resources", "limits")
    missing = [name for name in ("cpu", "memory") if name not in asked and name not in limit]  # a limit alone is a request, too
    where = f"container {container.name}"
    path = (*container.path, "resources")
    if missing:
        says = f"{where} requests no {' and no '.join(missing)}, so its node may have none left; write resources: requests:"
        yield warning(container.owner, path, says)
    if "memory" not in limit:
        says = f"{where} has no limit of memory, so a leak takes its neighbours along; write resources: limits: {{memory: 256Mi}}"
        yield warning(container.owner, path, says)


def _image(container: Container, *, ours: bool, sure: bool) -> Iterator[Finding]:
    image, path = str(container.spec.get("image") or ""), (*container.path, "image")
    if not image:
        yield error(container.owner, container.path, f"container {container.name} has no image; write image: REPOSITORY")
        return
    if "@sha256:" in image:
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if ours:
        if tag == "latest":
            says = f"the tag of {image} means nothing, since each release's digest takes its place; write the repository alone"
            yield warning(container.owner, path, says)
        return
    if tag in {"", "latest"}:
        says = f"{image} is another image tomorrow, so what passed here is not what comes next; write its digest, or a tag that stays"
        # Where no name tells which container is the release's, it may be this one, and its image is replaced by a digest.
        yield (error if sure else warning)(container.owner, path, says)


def _secrets(container: Container) -> Iterator[Finding]:
    for number, variable in enumerate(several(container.spec, "env")):
        name, value = str(variable.get("name") or ""), str(variable.get("value") or "")
        if TELLING.search(name.upper()) and value and not value.startswith("$("):
            says = f"{name} has its value in plain sight; write valueFrom: {{secretKeyRef: {{name: …, key: {name}}}}}"
            yield warning(container.owner, (*container.path, "env", number), says)
