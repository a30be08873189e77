"""A network of the cluster's own: no firewall, bridge or port of this machine is touched."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.layout import NAME, NODE

BRIDGE = "node0"
_NAMED = Path("/run/netns")


def inside(argv: Sequence[str]) -> list[str]:
    """A command as it runs in the cluster's network; from inside of it too, where the tests are."""
    # Not `ip netns exec`: it mounts another /sys, in which the kubelet finds no cgroups.
    return ["nsenter", f"--net=/run/netns/{NAME}", *argv]


def make() -> None:
    """The namespace, the node's address on a bridge, and forwarding."""
    _run("ip", "netns", "add", NAME)
    for argv in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "link", "add", BRIDGE, "type", "bridge"),
        ("ip", "address", "add", f"{NODE}/24", "dev", BRIDGE),
        ("ip", "link", "set", BRIDGE, "up"),
        ("ip", "route", "add", "default", "dev", BRIDGE),  # kube-proxy and the kubelet look for one; it leads nowhere
        ("sysctl", "-qw", "net.ipv4.ip_forward=1"),
    ):
        _run(*inside(argv))
    # Without it a pod that asks a Service on its own bridge gets its answer from the wrong address.
    subprocess.run(inside(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"]), capture_output=True, check=False)


def members() -> list[int]:
    """The processes that live in it."""
    if not (_NAMED / NAME).exists():
        return []
    found = subprocess.run(["ip", "netns", "pids", NAME], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def of_pods(pids: Sequence[int]) -> list[str]:
    """The namespaces that containerd named for the pods of these processes; others on this machine are none of our business."""
    theirs = {inode for pid in pids if (inode := _inode(Path(f"/proc/{pid}/ns/net"))) is not None}
    return [path.name for path in sorted(_NAMED.glob("cni-*")) if _inode(path) in theirs]


def remove(name: str) -> None:
    """Give one back; twice is as good as once."""
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)
