"""What objects say of each other: selectors that must find pods, ports that must be listened at, names that are taken once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headway.environments.manifests.model import (
    SERVING,
    Finding,
    Manifest,
    containers,
    error,
    inside,
    kind_of,
    name_of,
    several,
    warning,
)

GLOBAL = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass"})
"""Kinds that are in no namespace."""


def findings(manifests: Sequence[Manifest], namespace: str) -> Iterator[Finding]:
    """Everything that no object shows alone."""
    yield from _twice(manifests)
    workloads = [one for one in manifests if kind_of(one) in SERVING]
    for thing in manifests:
        yield from _elsewhere(thing, namespace)
        yield from _in_plain_sight(thing)
        match kind_of(thing):
            case kind if kind in SERVING:
                yield from _own_pods(thing)
            case "Service":
                yield from _service(thing, workloads)
            case "HorizontalPodAutoscaler":
                yield from _autoscaler(thing, workloads)
            case "PodDisruptionBudget":
                yield from _budget(thing, workloads)
            case "HTTPRoute":
                yield from _route(thing, manifests)
            case _:
                pass


def _twice(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    keys = [(kind_of(one), name_of(one), inside(one, "metadata").get("namespace")) for one in manifests]
    times = Counter(keys)
    for thing, key in zip(manifests, keys, strict=True):
        if times.pop(key, 1) > 1:
            yield error(thing, (), f"{key[0]} {key[1]} is there more than once, and the last one wins; keep one")


def _elsewhere(thing: Manifest, namespace: str) -> Iterator[Finding]:
    found = inside(thing, "metadata").get("namespace")
    if found and found != namespace and kind_of(thing) not in GLOBAL:
        says = f"{kind_of(thing)} {name_of(thing)} is in the namespace {found}, expected {namespace}, the environment's own; leave it out"
        yield error(thing, ("metadata", "namespace"), says)


def _in_plain_sight(thing: Manifest) -> Iterator[Finding]:
    if kind_of(thing) != "Secret" or thing.get("sops"):
        return
    for key in ("data", "stringData"):
        if told := sorted(name for name, value in inside(thing, key).items() if value and not str(value).startswith("ENC[")):
            says = (
                f"Secret {name_of(thing)} has {', '.join(told)} in plain sight of everybody who can read the repository (base64 hides "
                "nothing); make it in the cluster and refer to it by name, or write secrets: in headway.yaml"
            )
            yield error(thing, (key,), says)


def _own_pods(thing: Manifest) -> Iterator[Finding]:
    selector, labels = inside(thing, "spec", "selector", "matchLabels"), inside(thing, "spec", "template", "metadata", "labels")
    if strays := _strays(selector, labels):
        says = f"{name_of(thing)}'s selector wants {strays}, which its own pods do not have; give the same labels to both"
        yield error(thing, ("spec", "selector", "matchLabels"), says)


def _service(thing: Manifest, workloads: Sequence[Manifest]) -> Iterator[Finding]:
    selector = inside(thing, "spec", "selector")
    if not selector or not workloads:
        return  # it leads out of the cluster, or to pods that somebody else writes
    behind = [one for one in workloads if not _strays(selector, inside(one, "spec", "template", "metadata", "labels"))]
    if not behind:
        has = "; ".join(f"{name_of(one)}'s have {_told(inside(one, 'spec', 'template', 'metadata', 'labels'))}" for one in workloads)
        says = f"Service {name_of(thing)} wants pods with {_told(selector)}, and none are here: {has}"
        yield error(thing, ("spec", "selector"), says)
        return
    open_at = {str(value) for one in behind for port in _ports(one) for value in (port.get("name"), port.get("containerPort"))} - {"None"}
    for number, port in enumerate(several(thing, "spec", "ports")):
        target = str(port.get("targetPort", port.get("port")))
        if target in open_at:
            continue
        path, here = ("spec", "ports", number), f"{', '.join(sorted(open_at)) or 'none at all'}"
        says = f"Service {name_of(thing)} leads to port {target}, which no container of {name_of(behind[0])} names; there is {here}"
        # A port may be listened at without being declared. A name that nobody declares leads nowhere.
        yield warning(thing, path, says) if target.isdigit() else error(thing, path, says)


def _ports(thing: Manifest) -> Iterator[Mapping[str, Any]]:
    for container in containers(thing):
        yield from several(container.spec, "ports")


def _autoscaler(thing: Manifest, workloads: Sequence[Manifest]) -> Iterator[Finding]:
    target = inside(thing, "spec", "scaleTargetRef")
    scaled = [one for one in workloads if (kind_of(one), name_of(one)) == (target.get("kind"), target.get("name"))]
    if not scaled and workloads:
        says = f"{name_of(thing)} scales {target.get('kind')} {target.get('name')}, which is not here; name one that is"
        yield error(thing, ("spec", "scaleTargetRef"), says)
    for one in scaled:
        if "replicas" in inside(one, "spec"):
            says = f"{name_of(one)} says replicas, and its autoscaler says otherwise: each undoes the other; leave replicas out"
            yield error(one, ("spec", "replicas"), says)
        by_share = [
            str(inside(metric, "resource").get("name"))
            for metric in several(thing, "spec", "metrics")
            if inside(metric, "resource", "target").get("type") == "Utilization"
        ]
        for container in containers(one):
            for name in by_share:
                if not container.first and name not in {**inside(container.spec, "resources", "requests"), **_limits(container.spec)}:
                    says = f"{name_of(thing)} scales by the share of {name} that is used, and container {container.name} requests no {name}"
                    yield error(one, (*container.path, "resources"), f"{says}; write resources: requests: {{{name}: …}}")


def _limits(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return inside(spec, "resources", "limits")


def _budget(thing: Manifest, workloads: Sequence[Manifest]) -> Iterator[Finding]:
    selector = inside(thing, "spec", "selector", "matchLabels")
    if selector and workloads and all(_strays(selector, inside(one, "spec", "template", "metadata", "labels")) for one in workloads):
        says = f"PodDisruptionBudget {name_of(thing)} wants pods with {_told(selector)}, and none are here: it protects nobody"
        yield error(thing, ("spec", "selector", "matchLabels"), says)
    if str(inside(thing, "spec").get("maxUnavailable")) in {"0", "0%"} or inside(thing, "spec").get("minAvailable") == "100%":
        says = f"PodDisruptionBudget {name_of(thing)} lets no pod go, so no node can be emptied; write maxUnavailable: 1"
        yield warning(thing, ("spec",), says)


def _route(thing: Manifest, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    services = {name_of(one): one for one in manifests if kind_of(one) == "Service"}
    for rule_number, rule in enumerate(several(thing, "spec", "rules")):
        for number, backend in enumerate(several(rule, "backendRefs")):
            path = ("spec", "rules", rule_number, "backendRefs", number)
            name = str(backend.get("name"))
            if backend.get("kind", "Service") != "Service" or backend.get("namespace"):
                continue
            if name not in services:
                # Another team's Service may share the namespace.
                there = ", ".join(sorted(services)) or "none"
                says = f"HTTPRoute {name_of(thing)} leads to the Service {name}, which is not here; there is {there}"
                yield warning(thing, path, says)
            elif backend.get("port") not in (ports := [port.get("port") for port in several(services[name], "spec", "ports")]):
                there = ", ".join(map(str, ports)) or "none"
                says = f"HTTPRoute {name_of(thing)} leads to port {backend.get('port')} of the Service {name}, which has {there}"
                yield error(thing, (*path, "port"), says)


def _strays(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> str:
    """What a selector wants and these labels are not."""
    return _told({name: value for name, value in selector.items() if labels.get(name) != value})


def _told(labels: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
