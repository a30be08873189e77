"""What the tests on a cluster stand on: kubectl in words, the patterns of a little team, and a client of the gateway."""

import json
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = dict[str, Any]
PATIENCE = 120.0


@dataclass(frozen=True)
class Namespace:
    """One test's own namespace, through kubectl."""

    name: str

    def kubectl(self, *argv: str, text: str | None = None) -> str:
        done = subprocess.run(["kubectl", "--namespace", self.name, *argv], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: Object) -> None:
        whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--filename=-", text=json.dumps(whole))

    def shell(self, command: str) -> None:
        """A command as a person would paste it."""
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def get_from(self, address: str, path: str) -> str:
        """What the little service answers at a pod's own address."""
        with urllib.request.urlopen(f"http://{address}:8080{path}", timeout=10) as answer:
            said: str = answer.read().decode().strip()
            return said

    def get(self, kind: str, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return found

    def evict(self, pod: str) -> None:
        """As `kubectl drain` does."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.name}}
        where = f"/api/v1/namespaces/{self.name}/pods/{pod}/eviction"
        self.kubectl("create", f"--raw={where}", "--filename=-", text=json.dumps(eviction))

    def all(self, kind: str, *labels: str) -> list[Object]:
        selector = [f"--selector={','.join(labels)}"] if labels else []
        found: list[Object] = json.loads(self.kubectl("get", kind, "--output=json", *selector))["items"]
        return found


def as_the_account(namespace: Namespace, folder: Path) -> Path:
    """The same cluster, as the service account."""
    file = folder / "kubeconfig"
    whole = json.loads(namespace.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json"))
    whole["users"][0]["user"] = {"token": namespace.kubectl("create", "token", "headway").strip()}
    file.write_text(json.dumps(whole))
    return file


def until(what: str, true: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Wait until something is true, and say what was waited for when it never is."""
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        time.sleep(0.1)
    return found


def deployment(name: str, image: str, replicas: int = 1, **labels: str) -> Object:
    """As a careful team writes it: probes, limits, and pods that outlive their endpoint."""
    own = {"app": name, **labels}
    container = {
        "name": "little",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": own}, "spec": {"terminationGracePeriodSeconds": 10, "containers": [container]}},
        },
    }


def service(name: str, **selector: str) -> Object:
    """A Service on port 80 in front of the little service."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": selector or {"app": name}, "ports": ports},
    }


def scaler(least: int, most: int = 6, name: str = "shop") -> Object:
    """By a metric that this cluster does not have: such an autoscaler keeps its bounds, and no more."""
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": [metric]},
    }


def route(name: str, host: str, weights: Mapping[str, int]) -> Object:
    """An HTTPRoute of the test gateway."""
    backends = [{"name": backend, "port": 80, "weight": weight} for backend, weight in weights.items()]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": "edge", "namespace": "gateways"}],
            "hostnames": [host],
            "rules": [{"backendRefs": backends}],
        },
    }


def ask(gateway: str, host: str, path: str = "/", **headers: str) -> str:
    """One request through the gateway."""
    request = urllib.request.Request(f"http://{gateway}{path}", headers={"Host": host, **headers})
    with urllib.request.urlopen(request, timeout=10) as answer:
        said: str = answer.read().decode().strip()
        return said


@dataclass
class Load:
    """A steady trickle of requests through the gateway, within bounds, that remembers every answer."""

    gateway: str
    host: str
    rate: float = 50.0
    most: int = 20_000
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    first: dict[str, float] = field(default_factory=dict)
    """When each answer came first, by the clock of this machine."""

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for _ in range(self.most):
            if self._stop.wait(1 / self.rate):
                return
            try:
                answer = ask(self.gateway, self.host)
                self.answers[answer] += 1
                self.first.setdefault(answer, time.time())  # noqa: TID251 - compared with the record, which has this clock
            except Exception as error:
                self.failures.append(repr(error))
