"""Where everything is: addresses inside the cluster's own network, folders outside the checkout."""

import hashlib
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CHECKOUT = HERE.parent.parent
PROGRAMS = HERE / "programs"
IMAGES = HERE / "images"

NAME = "headway-" + hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:6]
"""One cluster per checkout: the name of its network namespace, its cgroup and its node."""
STATE = Path("/var/lib/headway-test-cluster") / NAME
LOGS = STATE / "logs"
KUBECONFIG = STATE / "kubeconfig"

NODE = "10.77.0.2"
PODS = "10.88.0.0/16"
SERVICES = "10.96.0.0/16"
API = f"https://{NODE}:6443"
REGISTRY = os.environ.get("HEADWAY_TEST_REGISTRY", "127.0.0.1:5000")
"""Ours, or with a cluster of your own one that its nodes pull from."""
GATEWAY = "127.0.0.1:8080"
STATS = "127.0.0.1:8002"
PAUSE = f"{REGISTRY}/pause:1"


def key() -> str:
    """Names what the pinned sources build: another version, another folder."""
    parts = sorted([*PROGRAMS.glob("*/go.mod"), *PROGRAMS.glob("*/go.sum")])
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]


def cache() -> Path:
    """Where what was built stays from run to run."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "headway" / f"cluster-{key()}"


def program(name: str) -> str:
    """A program that we built."""
    return str(cache() / name)
