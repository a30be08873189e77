"""A release's own objects, made from the team's: manifests in, manifests out."""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headway.adapters import sops
from headway.adapters.kubernetes.kinds import COMMIT, FRONT, LEAST, VERSION, WORKLOAD_LABEL, Object, labels, name_of, scaling_of
from headway.adapters.kubernetes.pattern import Pattern
from headway.adapters.secrets import in_cluster
from headway.environments.model import Place
from headway.errors import InvalidSpec
from headway.rollout.model import Workload

_LONGEST = 63
"""Of a Service's name, and of a label."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one release is on the cluster, in the order in which it is applied."""

    settings: tuple[Object, ...]
    service: Object
    deployment: Object


def own_name(pattern: Pattern, workload: Workload) -> str:
    """How this release's Deployment and Service are called: `checkout-1-4-0-7f3a91c2`."""
    mark = workload.name.removeprefix("v")
    return f"{name_of(pattern.deployment)[: _LONGEST - 1 - len(mark)].rstrip('-')}-{mark}"


def opened(pattern: Pattern) -> Pattern:
    """The same with what SOPS encrypted in clear: only for the moment in which a release is made, or tried."""
    settings = tuple(sops.manifest(one) if sops.encrypted(one) else one for one in pattern.settings)
    return replace(pattern, settings=settings)


def render(pattern: Pattern, place: Place, workload: Workload, told: Mapping[str, str], keyed: Callable[[str], str]) -> Rendered:
    """The objects of one release; its size is set apart from them.

    `told` are the resolved secrets of its configuration, `keyed` hashes under our key.
    """
    settings = (*pattern.settings, *_configured(place, workload, told))
    renamed = {(one["kind"], name_of(one)): _settings_name(one, workload, keyed) for one in settings}
    marks = {VERSION: workload.version, COMMIT: workload.commit}
    own, known = own_name(pattern, workload), labels(place, workload.name)
    deployment = bare(pattern.deployment)
    pods = deployment["spec"]["template"]
    scaled = {LEAST: str(scaling_of(pattern.autoscaler).least)} if pattern.autoscaler is not None else {}
    _mark(deployment, own, known, marks | scaled | {FRONT: name_of(pattern.service)})
    _mark(pods, None, known, marks)
    deployment["spec"]["selector"].setdefault("matchLabels", {})[WORKLOAD_LABEL] = workload.name
    deployment["spec"].pop("replicas", None)
    container = container_for(pods["spec"], workload.image, place.service)
    container["image"] = workload.image
    told_by = [(kind, name) for kind, name in renamed if name == _configured_name(place)]
    if referred := _referred(workload):
        taken = {one["name"] for one in referred}
        container["env"] = [*(one for one in container.get("env") or () if one.get("name") not in taken), *referred]
    container.setdefault("envFrom", []).extend({_FROM[kind]: {"name": name}} for kind, name in told_by)
    pods["spec"] = led(pods["spec"], renamed)
    service = bare(pattern.service)
    _mark(service, own, known, marks)
    for drawn in ("clusterIP", "clusterIPs"):
        service["spec"].pop(drawn, None)
    service["spec"] |= {"type": "ClusterIP", "selector": {**service["spec"]["selector"], WORKLOAD_LABEL: workload.name}}
    service["spec"]["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in service["spec"]["ports"]]
    return Rendered(tuple(_own(one, renamed, known, marks) for one in settings), service, deployment)


def autoscaler(pattern: Pattern, place: Place, workload: Workload) -> Object | None:
    """The release's own autoscaler, if releases have any. Its minimum is set apart from it: a rollout has a higher one."""
    if pattern.autoscaler is None:
        return None
    own, scaler = own_name(pattern, workload), bare(pattern.autoscaler)
    least = str(scaling_of(pattern.autoscaler).least)
    _mark(scaler, own, labels(place, workload.name), {VERSION: workload.version, COMMIT: workload.commit, LEAST: least})
    scaler["spec"] |= {"scaleTargetRef": {**scaler["spec"]["scaleTargetRef"], "name": own}}
    scaler["spec"].pop("minReplicas", None)
    return scaler


def repository(image: str) -> str:
    """An image's name without its tag or digest."""
    bare = image.partition("@")[0]
    head, colon, tail = bare.rpartition(":")
    return head if colon and "/" not in tail else bare  # a colon before the last slash is a registry's port


def container_for(spec: Mapping[str, Any], image: str, service: str) -> dict[str, Any]:
    """The container that this release's image is for."""
    containers: list[dict[str, Any]] = spec["containers"]
    fits = [one for one in containers if repository(str(one.get("image", ""))) == repository(image)]
    named = [one for one in containers if one.get("name") == service]
    for found in (fits, named, containers):
        if len(found) == 1:
            return found[0]
    names = ", ".join(str(one.get("name")) for one in containers)
    raise InvalidSpec(f"none of the containers {names} is for {repository(image)}; name one {service}, or give it that image")


# -- configuration: a copy for every release, so that it goes back with it

_FROM = {"ConfigMap": "configMapRef", "Secret": "secretRef"}


def _configured_name(place: Place) -> str:
    return f"{place.service}-headway"


def _configured(place: Place, workload: Workload, told: Mapping[str, str]) -> tuple[Object, ...]:
    """What headway.yaml tells this service here, as objects."""
    values = dict(workload.configuration.values)
    found: list[Object] = []
    for kind, key, data in (("ConfigMap", "data", values), ("Secret", "stringData", dict(told))):
        if data:
            found.append({"apiVersion": "v1", "kind": kind, "metadata": {"name": _configured_name(place)}, key: data})
    return tuple(found)


def _referred(workload: Workload) -> list[dict[str, Any]]:
    """What is in the cluster already, as the kubelet gives it to the container. It does not go back with a release: it is not ours."""
    found = []
    for variable, reference in sorted(workload.configuration.secrets.items()):
        if in_cluster(reference):
            name, _, key = reference.partition(":")[2].partition("/")
            found.append({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
    return found


def _settings_name(thing: Object, workload: Workload, keyed: Callable[[str], str]) -> str:
    """Named by its content, and by the release. A Secret's hash is keyed: a plain one would give a weak secret away."""
    content = json.dumps([workload.name, *(thing.get(key) for key in ("data", "binaryData", "stringData", "type"))], sort_keys=True)
    hashed = keyed(content) if thing["kind"] == "Secret" else hashlib.sha256(content.encode()).hexdigest()
    stem = re.sub(r"-[a-z0-9]{10}$", "", name_of(thing)) if "-" in name_of(thing) else name_of(thing)  # kustomize's own hash
    return f"{stem[:200]}-{hashed[:10]}"


def _own(thing: Object, renamed: Mapping[tuple[str, str], str], known: Mapping[str, str], marks: Mapping[str, str]) -> Object:
    own = bare(thing)
    _mark(own, renamed[thing["kind"], name_of(thing)], known, marks)
    return own | {"immutable": True}


def led(value: Any, renamed: Mapping[tuple[str, str], str], under: str = "") -> Any:
    """The same with every reference to a ConfigMap or a Secret led to where these names lead."""
    if isinstance(value, list):
        return [led(one, renamed, under) for one in value]
    if not isinstance(value, dict):
        return value
    kind = _REFERENCES.get(under, "")
    out = {name: led(inner, renamed, name) for name, inner in value.items()}
    for key in ("name", "secretName"):
        if kind and key in value and (new := renamed.get((kind, str(value[key])))):
            out[key] = new
    return out


_REFERENCES = {
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "configMap": "ConfigMap",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
    "secret": "Secret",
    "imagePullSecrets": "Secret",
}
"""Under which key of a pod's description the name of which kind stands, as `name`, or as `secretName` in volumes."""


def bare(thing: Object) -> dict[str, Any]:
    """A copy with nothing in it that a cluster adds, nor what kubectl remembers (which may hold a secret)."""
    bare = {key: copy.deepcopy(value) for key, value in thing.items() if key != "status"}
    metadata = bare["metadata"]
    for added in ("creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "uid"):
        metadata.pop(added, None)
    (metadata.get("annotations") or {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return bare


def _mark(thing: dict[str, Any], name: str | None, known: Mapping[str, str], marks: Mapping[str, str]) -> None:
    metadata = thing.setdefault("metadata", {})
    if name is not None:
        metadata["name"] = name
    metadata["labels"] = {**(metadata.get("labels") or {}), **known}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **marks}
