"""What the team wrote, sorted: the Deployment that releases are made from, its Service, its routes, and what belongs to all releases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headway.adapters.kubernetes.kinds import AUTOSCALER, CONFIG, DEPLOYMENT, ROUTE, SECRET, SERVICE, SHARED, Object, name_of
from headway.errors import InvalidSpec

_SHARED = {(kind.api, kind.name) for kind in SHARED}
_OURS = {(kind.api, kind.name) for kind in (DEPLOYMENT, SERVICE, ROUTE, CONFIG, SECRET, AUTOSCALER)}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One service as its manifests describe it."""

    deployment: Object
    service: Object
    routes: tuple[Object, ...] = ()
    settings: tuple[Object, ...] = ()
    """ConfigMaps and Secrets that the pods may name."""
    autoscaler: Object | None = None
    """Where there is one the number of replicas is its business; each release gets its own, made from it."""
    shared: tuple[Object, ...] = ()


def pattern(manifests: Iterable[Object], service: str, namespace: str, where: str) -> Pattern:
    """Sort manifests. InvalidSpec says all that is wrong with them at once."""
    faults: list[str] = []
    kept: list[Object] = []
    for manifest in manifests:
        kind = (str(manifest.get("apiVersion")), str(manifest.get("kind")))
        elsewhere = manifest.get("metadata", {}).get("namespace") or namespace
        if kind == ("v1", "Namespace") and name_of(manifest) == namespace:
            continue  # it has to be there before Headway may write into it
        if elsewhere != namespace:
            faults.append(f"{_the(manifest)} is in the namespace {elsewhere}, expected {namespace}, the environment's own")
        elif kind not in _SHARED | _OURS:
            faults.append(f"{_the(manifest)} is of no kind that Headway applies; take it out of {where} and apply it yourself")
        else:
            kept.append(manifest)
    deployment = _one(_of(kept, "Deployment"), service, "Deployment", where, faults)
    fronts = [
        one for one in _of(kept, "Service") if deployment is not None and selects(one.get("spec", {}).get("selector") or {}, deployment)
    ]
    front = _one(fronts, service, "Service whose selector matches that Deployment's pods", where, faults)
    if faults or deployment is None or front is None:
        raise InvalidSpec(*faults)
    scaler = _autoscaler(_of(kept, "HorizontalPodAutoscaler"), deployment, where)
    routes = tuple(one for one in _of(kept, "HTTPRoute") if name_of(front) in _backends(one))
    settings = (*_of(kept, "ConfigMap"), *_of(kept, "Secret"))
    mine = (deployment, front, *routes, *settings)
    others = tuple(one for one in kept if not any(one is own for own in mine) and one.get("kind") in {kind.name for kind in SHARED})
    return Pattern(deployment, front, routes, settings, scaler, others)


def _autoscaler(found: Sequence[Object], deployment: Object, where: str) -> Object | None:
    faults = []
    for one in found:
        target = one.get("spec", {}).get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) != ("Deployment", name_of(deployment)):
            scales = f"scales {target.get('kind')} {target.get('name')}, expected Deployment {name_of(deployment)}"
            faults.append(f"{_the(one)} {scales}, which releases are made from; take it out of {where} and apply it yourself")
    if len(found) > 1 and not faults:
        names = ", ".join(name_of(one) for one in found)
        faults.append(f"{where} has {names}, expected one HorizontalPodAutoscaler of Deployment {name_of(deployment)}: two undo each other")
    if faults:
        raise InvalidSpec(*faults)
    return found[0] if found else None


def _one(found: Sequence[Object], service: str, what: str, where: str, faults: list[str]) -> Object | None:
    if len(found) == 1:
        return found[0]
    if named := [one for one in found if name_of(one) == service]:
        return named[0]
    names = ", ".join(name_of(one) for one in found) or "none"
    faults.append(f"{where} has {names}, expected one {what}, or one that is named {service}")
    return None


def _of(manifests: Iterable[Object], kind: str) -> tuple[Object, ...]:
    return tuple(one for one in manifests if one.get("kind") == kind)


def selects(selector: Mapping[str, str], deployment: Object) -> bool:
    """Does a Service with this selector lead to its pods?"""
    pods = deployment.get("spec", {}).get("template", {}).get("metadata", {}).get("labels") or {}
    return bool(selector) and selector.items() <= pods.items()


def _backends(route: Object) -> set[str]:
    rules = route.get("spec", {}).get("rules") or ()
    return {str(backend.get("name")) for rule in rules for backend in rule.get("backendRefs") or ()}


def _the(manifest: Object) -> str:
    return f"{manifest.get('kind') or 'an object without a kind'} {name_of(manifest)}".strip()
