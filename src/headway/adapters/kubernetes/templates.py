"""Which pods a Deployment has made from the template that it has now: what it is doing, by what it and they say of themselves."""

from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import HASH, POD, Object, label_of, name_of, replicas_of


def labels_of(deployment: Object) -> dict[str, str]:
    """By which labels it selects its pods; none if it does so by expressions."""
    selector = deployment["spec"]["selector"]
    return {} if selector.get("matchExpressions") else dict(selector.get("matchLabels") or {})


def pods_of(api: Api, deployment: Object) -> list[Object]:
    """The pods that its ReplicaSets made and that stay."""
    return [pod for pod in api.list(POD, labels_of(deployment)) if _made_by(deployment, pod) and _stays(pod)]


def settled(deployment: Object) -> bool:
    """Are all its pods made from the template that it has now?"""
    status, size = deployment.get("status", {}), replicas_of(deployment)
    seen = int(status.get("observedGeneration", 0)) >= int(deployment["metadata"].get("generation", 0))
    return seen and int(status.get("updatedReplicas", 0)) == int(status.get("replicas", 0)) == size


def _made_by(deployment: Object, pod: Object) -> bool:
    set_of = f"{name_of(deployment)}-{label_of(pod, HASH)}"
    return any(one.get("kind") == "ReplicaSet" and one.get("name") == set_of for one in pod["metadata"].get("ownerReferences") or ())


def _stays(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
