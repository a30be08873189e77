"""The kinds of objects that Headway reads and writes, and the labels by which it knows its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headway.environments.model import Place, Scaling

Object = Mapping[str, Any]
"""A manifest, or what the cluster made of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the API calls a kind."""

    group: str
    version: str
    name: str
    plural: str

    @property
    def api(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SERVICE = Kind("", "v1", "Service", "services")
POD = Kind("", "v1", "Pod", "pods")
CONFIG = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
EVENT = Kind("", "v1", "Event", "events")
JOB = Kind("batch", "v1", "Job", "jobs")
ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")

SHARED = (
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
)
"""Of the service, not of one release: applied as they are."""

MANAGER = "headway"
"""The field manager of everything we write, but for the one field that has a manager of its own:"""
SIZER = "headway-size"
ADOPTER = "headway-adopts"
"""Of the marks on what others made: whoever writes the rest of it later need not know them."""

_OWN = "headway"
SERVICE_LABEL = f"{_OWN}/service"
ENVIRONMENT_LABEL = f"{_OWN}/environment"
WORKLOAD_LABEL = f"{_OWN}/workload"
VERSION = f"{_OWN}/version"
COMMIT = f"{_OWN}/commit"
FENCE = f"{_OWN}/fence"
"""Who wrote last: the place's generation and the rollout's turn, as 12.3."""
LEAST = f"{_OWN}/least"
"""On a release's autoscaler: the minimum that the team wrote, while a rollout has a higher one. On its Deployment: that it has one."""
WRITTEN = f"{_OWN}/written"
"""The spec as we wrote it: what it was, when somebody else's hand is on it. Never on a Secret, nor on what a release is told."""
SIZE = f"{_OWN}/size"
FRONT = f"{_OWN}/front"
"""On a release's Deployment: the Service that everybody asks."""
ROUTES = f"{_OWN}/routes"
"""On that Service: the routes that lead to it."""
WEIGHTS = f"{_OWN}/weights"
"""Where a Service carries the traffic: what was asked for, which its selector alone cannot tell."""
HASH = "pod-template-hash"
"""By which a Deployment's own controller tells the pods of its present template from those of others."""
_ADOPTED = "adopted-"


def labels(place: Place, workload: str | None = None) -> dict[str, str]:
    """The labels of what belongs to a place, or to one workload in it."""
    own = {SERVICE_LABEL: place.service, ENVIRONMENT_LABEL: place.environment}
    return own | ({WORKLOAD_LABEL: workload} if workload else {})


def name_of(thing: Object) -> str:
    """An object's name."""
    return str(thing.get("metadata", {}).get("name", ""))


def label_of(thing: Object, label: str) -> str:
    """One label's value; empty if it has none of that name."""
    return str((thing.get("metadata", {}).get("labels") or {}).get(label, ""))


def annotation_of(thing: Object, annotation: str) -> str:
    """One annotation's value; empty if it has none of that name."""
    return str((thing.get("metadata", {}).get("annotations") or {}).get(annotation, ""))


def by_workload(things: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those that belong to a release, by its workload."""
    return {workload: one for one in things if (workload := label_of(one, WORKLOAD_LABEL))}


def replicas_of(deployment: Object) -> int:
    """The size that a Deployment was given."""
    return int(deployment.get("spec", {}).get("replicas", 0))


def scaling_of(autoscaler: Object) -> Scaling:
    """Between how many replicas it keeps what it scales."""
    spec = autoscaler.get("spec", {})
    least = int(spec.get("minReplicas", 1))
    return Scaling(least, max(least, int(spec.get("maxReplicas", least))))


def workload_of(hashed: str) -> str:
    """How a release that was adopted is called: its pods are known by the hash of their template, and so is it."""
    return f"{_ADOPTED}{hashed}"


def hash_of(workload: str) -> str:
    """By which hash the pods of an adopted release are known; empty for one that Headway made."""
    return workload.removeprefix(_ADOPTED) if workload.startswith(_ADOPTED) else ""


def selector_of(workload: str) -> dict[str, str]:
    """What, besides the team's labels, only this release's pods have."""
    return {HASH: hash_of(workload)} if hash_of(workload) else {WORKLOAD_LABEL: workload}


def service_of(deployment: Object) -> str:
    """How a release's own Service is called: like its Deployment, but for an adopted one, after which the team's may be called."""
    workload = label_of(deployment, WORKLOAD_LABEL)
    return f"{name_of(deployment)[: 62 - len(workload)]}-{workload}" if hash_of(workload) else name_of(deployment)
