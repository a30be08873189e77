"""Where everything is: addresses inside the cluster's own network, folders outside the checkout."""

import hashlib
import os
import re
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


ROOTS = {"go.etcd.io/etcd/server/v3": "etcd"}
"""Packages whose last part is not the program's name."""


def cache() -> Path:
    """Where what was built stays from run to run."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "headway" / "cluster"


def folder(module: Path) -> Path:
    """Where the programs of one go.mod are: another version, another folder, and the other modules' programs stay as they are."""
    pinned = b"".join((module / name).read_bytes() for name in ("go.mod", "go.sum"))
    return cache() / f"{module.name}-{hashlib.sha256(pinned).hexdigest()[:12]}"


def modules() -> list[Path]:
    """The folders with a go.mod."""
    return sorted(file.parent for file in PROGRAMS.glob("*/go.mod"))


def tools(module: Path) -> dict[str, str]:
    """The programs that a go.mod names as its tools: the package of each."""
    text = (module / "go.mod").read_text()
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    packages = block[1].split() if block else re.findall(r"^tool (\S+)$", text, re.MULTILINE)
    return {ROOTS.get(package, package.rsplit("/", 1)[-1]): package for package in packages}


def program(name: str) -> str:
    """A program that we built."""
    return str(next(folder(module) / name for module in modules() if name in tools(module)))
