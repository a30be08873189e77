"""The commands that move traffic while no Headway runs: data, printed before anything starts."""

import json
import shlex
from collections.abc import Mapping, Sequence

from headway.environments.model import Cluster


def scale(cluster: Cluster, name: str, replicas: int) -> str:
    """Have so many replicas, ready."""
    size = _kubectl(cluster, "scale", f"deployment/{name}", f"--replicas={replicas}")
    return settled(f"{size} && {_kubectl(cluster, 'rollout', 'status', f'deployment/{name}')}")


def settled(command: str) -> str:
    """And not the next before the proxies know it too: ready is what the cluster says, and nobody says when they have heard."""
    return f"{command} && sleep 3"


def route(cluster: Cluster, name: str, rules: Sequence[Mapping[str, object]]) -> str:
    """These rules for an HTTPRoute, all of them: printed before a rollout, they hold whatever it does to them meanwhile."""
    patch = [{"op": "replace", "path": "/spec/rules", "value": rules}]
    return _kubectl(cluster, "patch", "httproute", name, "--type=json", f"--patch={json.dumps(patch, separators=(',', ':'))}")


def selector(cluster: Cluster, name: str, wanted: Mapping[str, str]) -> str:
    """A Service to whoever has these labels, all of them: what it selected besides is gone."""
    patch = [{"op": "replace", "path": "/spec/selector", "value": wanted}]
    return _kubectl(cluster, "patch", "service", name, "--type=json", f"--patch={json.dumps(patch, separators=(',', ':'))}")


def _kubectl(cluster: Cluster, *argv: str) -> str:
    context = ("--context", cluster.context) if cluster.context else ()
    return shlex.join(("kubectl", *context, "--namespace", cluster.namespace, *argv))
