"""Headway against a hand-written script with the guides' steps (start, sleep, curl, patch, sleep, ask, patch back): one story, two ways.

The same service behind the same proxy under the same users: a good release takes over from the first one, then a dead one (every answer
to a user is a 500, health is good). The script is bench/script/deploy.sh, blue-green, and watches for five minutes as guides have it;
Headway goes by canary 10, 50, 100 and soaks as long.

    python -m bench against_script [--monitor 300] [--rate 100]
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import _stage
from bench._stage import Counts, File, Scene, light, load, machine, say, stage
from headway.adapters.local import envoy_binary
from headway.adapters.traffic import Traffic

HERE = Path(__file__).parent
BLUE, GREEN = "blue", "green"


@dataclass(frozen=True)
class Told:
    """How one release went: seconds until the end, requests and failures meanwhile."""

    seconds: float
    requests: int
    failed: int


@contextmanager
def users(url: str, rate: float) -> Iterator[Traffic]:
    """Users who never stop coming."""
    with Traffic(url, rate=rate) as traffic:
        yield traffic


def told(traffic: Traffic, before: Counts, began: float) -> Told:
    """What became of the requests since then."""
    took = time.monotonic() - began
    time.sleep(1.5)  # the client reports once a second
    now = traffic.snapshot().total
    return Told(took, now.requests - before.requests, now.failed + now.skipped - before.failed - before.skipped)


# -- by hand


def by_script(monitor: float, rate: float) -> list[Told]:
    """The good release, then the dead one."""
    with tempfile.TemporaryDirectory(prefix="hw-") as made:
        folder = Path(made)
        ports = dict(zip(("door", BLUE, GREEN), free(3), strict=True))
        for name in ("first", "good", "dead"):
            (folder / name).mkdir()
            shutil.copy(HERE / "light" / "light.py", folder / name)
        (folder / "dead" / "dead").touch()
        envoy = subprocess.Popen(
            (str(envoy_binary.find()), "--config-path", str(_envoy(folder, ports)), "--disable-hot-restart", "--log-level", "off")
        )
        try:
            if deploy(folder, "first", "none", (BLUE, ports[BLUE]), monitor):
                raise SystemExit("the script did not get its first release up: is the machine too busy?")
            with users(f"http://127.0.0.1:{ports['door']}", rate) as traffic:
                time.sleep(2)
                found = []
                for name, old, new in (("good", BLUE, GREEN), ("dead", GREEN, BLUE)):
                    before, began = traffic.snapshot().total, time.monotonic()
                    deploy(folder, name, f"{old}:{ports[old]}", (new, ports[new]), monitor)
                    found.append(told(traffic, before, began))
            return found
        finally:
            for pid in folder.glob("*.pid"):
                with suppress(ProcessLookupError, ValueError):
                    os.kill(int(pid.read_text()), 15)
            envoy.terminate()
            envoy.wait()


def free(many: int) -> list[int]:
    """So many ports that nobody has just now."""
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(many)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


def deploy(folder: Path, service: str, old: str, new: tuple[str, int], monitor: float) -> int:
    """Run the script; its exit status."""
    words = (str(HERE / "script" / "deploy.sh"), str(folder), str(folder / service), old, f"{new[0]}:{new[1]}")
    return subprocess.run(words, env={**os.environ, "MONITOR": f"{monitor:g}"}, check=False, stdout=subprocess.DEVNULL).returncode


def _envoy(folder: Path, ports: dict[str, int]) -> Path:
    """A proxy whose one route is a file that the script replaces."""
    version = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "all"}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "@CLUSTER@"}}
    routes = {"resources": [{**version, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}]}
    (folder / "route.json.in").write_text(json.dumps(routes))
    (folder / "route.json").write_text(json.dumps(routes).replace("@CLUSTER@", BLUE))
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "door",
        "rds": {
            "route_config_name": "all",
            "config_source": {"path_config_source": {"path": str(folder / "route.json")}, "resource_api_version": "V3"},
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    door = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    bootstrap = {
        "node": {"id": "door", "cluster": "door"},
        "admin": {"address": {"pipe": {"path": str(folder / "admin.sock")}}},
        "static_resources": {
            "listeners": [{"name": "door", "address": _at(ports["door"]), "filter_chains": [{"filters": [door]}]}],
            "clusters": [_cluster(side, ports[side]) for side in (BLUE, GREEN)],
        },
    }
    path = folder / "bootstrap.json"
    path.write_text(json.dumps(bootstrap))
    return path


def _at(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _at(port)}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


# -- with Headway


def canary(file: File, *, soak: float) -> None:
    """Ten percent, half, all of it; then a soak as long as the script's look."""
    light(file)
    file["environments"]["production"] |= {
        "replicas": 1,
        "strategy": {"canary": [10, 50, 100]},
        "analysis": {"min_time": "5s"},
        "soak": f"{soak:g}s",
    }


def with_headway(monitor: float, rate: float) -> list[Told]:
    """The same two releases."""
    with stage(partial(canary, soak=monitor)) as scene:
        with scene.users(rate=rate):
            first = scene.rollout("1.0.0")
            scene.ask("tell", word="advance", target=first["rollout"], by="alice")  # nothing ran before it
            scene.ended("1.0.0")
        with users(scene.place()["url"], rate) as traffic:
            time.sleep(2)
            found = [_release(scene, traffic, "1.1.0", "completed")]
            (scene.repo.folder / "light" / "dead").touch()
            found.append(_release(scene, traffic, "1.2.0", "rolled back"))
        return found


def _release(scene: Scene, traffic: Traffic, version: str, phase: str) -> Told:
    before, began = traffic.snapshot().total, time.monotonic()
    scene.repo.release(version)
    scene.push()
    scene.ended(version, phase=phase)
    return told(traffic, before, began)


def lines(path: Path) -> int:
    """Those that say something."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in path.read_text().splitlines())


def main() -> None:
    """Both, and a table."""
    parser = argparse.ArgumentParser(prog="python -m bench against_script")
    parser.add_argument("--monitor", type=float, default=300.0, help="seconds for which the script watches, and Headway soaks")
    parser.add_argument("--rate", type=float, default=100.0)
    chosen = parser.parse_args()
    say(machine())
    _stage.scene.PATIENCE += chosen.monitor  # a soak is as long as the script's look
    script, headway = by_script(chosen.monitor, chosen.rate), with_headway(chosen.monitor, chosen.rate)
    say("| | script | Headway |\n|---|---|---|")
    for what, ours, theirs in zip(("good release", "dead release"), headway, script, strict=True):
        say(f"| {what}: seconds to its end | {theirs.seconds:.0f} | {ours.seconds:.0f} |")
        say(f"| {what}: requests failed | {theirs.failed:,} of {theirs.requests:,} | {ours.failed:,} of {ours.requests:,} |")
    say(f"| lines to write and keep | {lines(HERE / 'script' / 'deploy.sh')} of bash, and the proxy's configuration | about 20 of YAML |")
    say(f"watching and soaking for {chosen.monitor:g} s, {chosen.rate:g} requests a second, {load()}")


if __name__ == "__main__":
    main()
