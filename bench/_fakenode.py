"""A node that is none: pods that are bound to it are ready at once, and gone at once. What is measured above it needs no machine."""

import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

PATCH = "application/strategic-merge-patch+json"


def now() -> str:
    """The time as the API has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 - a measurement lives in real time


@contextmanager
def fake_node(kubeconfig: dict[str, Any], name: str, namespace: str) -> Iterator[str]:
    """Its name, for `nodeName` in pods of this namespace."""
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    trusted = ssl.create_default_context(cafile=Path(cluster["certificate-authority"]))
    headers = {"authorization": f"Bearer {user['token']}"}
    api = httpx2.Client(base_url=cluster["server"], verify=trusted, headers=headers, timeout=30)
    stop = threading.Event()
    threads = [threading.Thread(target=each, args=(api, name, namespace, stop), daemon=True) for each in (_beat, _run)]
    node = {"metadata": {"name": name}, "spec": {"taints": [{"key": "fake", "effect": "NoSchedule"}]}}
    api.post("/api/v1/nodes", json=node).raise_for_status()
    try:
        for each in threads:
            each.start()
        yield name
    finally:
        stop.set()
        for each in threads:
            each.join()
        api.delete(f"/api/v1/nodes/{name}")
        api.close()


def _beat(api: httpx2.Client, name: str, _: str, stop: threading.Event) -> None:
    """It lives, and has room."""
    room = {"cpu": "1000", "memory": "1000Gi", "pods": "10000"}
    while not stop.is_set():
        ready = {"type": "Ready", "status": "True", "reason": "Fake", "lastHeartbeatTime": now(), "lastTransitionTime": now()}
        with suppress(httpx2.HTTPError):
            api.patch(
                f"/api/v1/nodes/{name}/status",
                json={"status": {"conditions": [ready], "capacity": room, "allocatable": room}},
                headers={"content-type": PATCH},
            )
        stop.wait(5)


def _run(api: httpx2.Client, name: str, namespace: str, stop: threading.Event) -> None:
    """What a kubelet says of pods that start in no time."""
    addresses = count(1)
    pods = f"/api/v1/namespaces/{namespace}/pods"

    def answer(pod: dict[str, Any]) -> None:
        path = f"{pods}/{pod['metadata']['name']}"
        with suppress(httpx2.HTTPError):
            if pod["metadata"].get("deletionTimestamp"):
                api.request("DELETE", path, json={"gracePeriodSeconds": 0})
            elif pod["status"].get("phase") == "Pending":
                number = next(addresses)
                api.patch(f"{path}/status", json={"status": _started(pod, number)}, headers={"content-type": PATCH})

    with ThreadPoolExecutor(4) as pool:
        while not stop.is_set():
            with suppress(httpx2.HTTPError):
                found = api.get(pods, params={"fieldSelector": f"spec.nodeName={name}"}).json().get("items") or []
                wanting = [one for one in found if one["metadata"].get("deletionTimestamp") or one["status"].get("phase") == "Pending"]
                list(pool.map(answer, wanting))
            time.sleep(0.3)


def _started(pod: dict[str, Any], number: int) -> dict[str, Any]:
    kinds = ("Initialized", "ContainersReady", "Ready", "PodScheduled")
    since = {"status": "True", "lastTransitionTime": now()}
    state = {"ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": now()}}}
    running = [{"name": one["name"], "image": one["image"], "imageID": one["image"], **state} for one in pod["spec"]["containers"]]
    address = f"10.99.{number // 250}.{number % 250 + 1}"
    where = {"podIP": address, "podIPs": [{"ip": address}], "startTime": now()}
    return {"phase": "Running", "conditions": [{"type": kind, **since} for kind in kinds], "containerStatuses": running, **where}
