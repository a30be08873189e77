"""The commands that move traffic while no Headway runs: data, printed before anything starts."""

import json
import shlex
from collections.abc import Mapping, Sequence

from headway.adapters.kubernetes.kinds import WORKLOAD_LABEL
from headway.environments.model import Cluster


def scale(cluster: Cluster, name: str, replicas: int) -> str:
    """Have so many replicas, ready."""
    size = _kubectl(cluster, "scale", f"deployment/{name}", f"--replicas={replicas}")
    return f"{size} && {_kubectl(cluster, 'rollout', 'status', f'deployment/{name}')}"


def route(cluster: Cluster, name: str, rules: Sequence[Mapping[str, object]]) -> str:
    """These rules for an HTTPRoute, all of them: printed before a rollout, they hold whatever it does to them meanwhile."""
    patch = [{"op": "replace", "path": "/spec/rules", "value": rules}]
    return _kubectl(cluster, "patch", "httproute", name, "--type=json", f"--patch={json.dumps(patch, separators=(',', ':'))}")


def front(cluster: Cluster, name: str, workload: str) -> str:
    """All traffic of a Service to one release."""
    patch = {"spec": {"selector": {WORKLOAD_LABEL: workload}}}
    return _kubectl(cluster, "patch", "service", name, f"--patch={json.dumps(patch, separators=(',', ':'))}")


def _kubectl(cluster: Cluster, *argv: str) -> str:
    context = ("--context", cluster.context) if cluster.context else ()
    return shlex.join(("kubectl", *context, "--namespace", cluster.namespace, *argv))
