"""The cluster's life: up, down, and cleaning up after a run that crashed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import cgroups, gateway, images, network, ourselves, papers, parts, programs
from lab.layout import KUBECONFIG, NAME, STATE
from lab.packages import demand
from lab.processes import end, ended, gone, start
from lab.trouble import Trouble


def up() -> None:
    """Start the whole cluster. What a crashed run left goes first."""
    demand()
    programs.build()
    ourselves.prepare()
    if running():
        return
    down()
    began = time.monotonic()
    STATE.mkdir(parents=True, mode=0o700)
    try:
        network.make()
        cgroups.make()
        papers.write()
        start(parts.registry())
        start(parts.containers())
        images.pause()
        for part in (*parts.control(), *parts.node()):
            start(part)
        gateway.open_gateway()
    except BaseException:
        _save_logs()
        down()
        raise
    sys.stderr.write(f"the cluster {NAME} is up after {time.monotonic() - began:.0f} s; KUBECONFIG={KUBECONFIG}\n")


@contextmanager
def without(name: str) -> Iterator[None]:
    """A part of the running cluster is killed for a while, and started again."""
    part = next(one for one in (*parts.control(), *parts.node(), *gateway.both()) if one.name == name)
    end(name, patience=0.0)
    try:
        yield
    finally:
        start(part)
        if dead := ended():
            raise Trouble(f"these parts of the cluster {NAME} ended by themselves: {', '.join(dead)}; see {STATE / 'logs'}")


def running() -> bool:
    """Does it run, as far as its namespace tells?"""
    return KUBECONFIG.exists() and (STATE / "pids" / "envoy").exists() and bool(network.members())


def down() -> None:
    """End everything and remove every trace; twice is as good as once, and after a crash it is the same."""
    for name in ("envoy", "contour", "kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager"):
        end(name)
    left = sorted({*cgroups.members(), *network.members()} - {os.getpid()})
    pods = network.of_pods(left)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not gone(left, 20.0):
        raise Trouble(f"these processes of the cluster {NAME} do not end: {left}")
    _unmount()
    cgroups.remove()
    for name in (*pods, NAME):
        network.remove(name)
    _forget_logs()
    shutil.rmtree(STATE, ignore_errors=True)


def _forget_logs() -> None:
    """The kubelet links every container's log in one folder that cannot be chosen."""
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(STATE):
            link.unlink()


def _unmount() -> None:
    for _ in range(3):  # mounts lie upon mounts
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        ours = sorted((path for path in mounted if path.startswith(f"{STATE}/")), key=len, reverse=True)
        if not ours:
            return
        for path in ours:
            subprocess.run(["umount", "--lazy", path.replace("\\040", " ")], capture_output=True, check=False)


def _save_logs() -> None:
    kept = STATE.with_name(f"{NAME}-logs")
    shutil.rmtree(kept, ignore_errors=True)
    with suppress(OSError):
        shutil.copytree(STATE / "logs", kept)
        sys.stderr.write(f"the logs of the parts are in {kept}\n")
