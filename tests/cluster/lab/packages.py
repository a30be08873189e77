"""What Debian has ready-made: installed where that is possible, asked for where it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.trouble import Trouble

NEEDED = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "nft": "nftables",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "docker-registry": "docker-registry",
    "prometheus": "prometheus",
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def demand() -> None:
    """Have everything, or say what is missing."""
    if os.geteuid():
        raise Trouble(
            "the test cluster has a network namespace, cgroups and containers of its own, so it needs root; "
            "or name a cluster of yours: HEADWAY_TEST_KUBECONFIG=/path/to/kubeconfig make test-cluster"
        )
    missing = sorted({package for program, package in NEEDED.items() if not shutil.which(program)})
    if missing and not shutil.which("apt-get"):
        raise Trouble(
            f"the test cluster needs what Debian calls {' '.join(missing)}, and there is no apt-get here; install these your way, "
            "or name a cluster of yours: HEADWAY_TEST_KUBECONFIG=/path/to/kubeconfig make test-cluster"
        )
    if missing:
        _install(missing)


def _install(packages: list[str]) -> None:
    sys.stderr.write(f"installing {' '.join(packages)}\n")
    quiet = not _POLICY.exists()
    if quiet:  # installed, not started: containerd, the registry and prometheus would otherwise run as services of this machine
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        for argv in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *packages]):
            done = subprocess.run(argv, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Trouble(f"{' '.join(argv)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    finally:
        if quiet:
            _POLICY.unlink()
