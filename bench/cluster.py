"""Headway on Kubernetes: a dead canary, what a rollout asks of the API server, many services at once, and kubectl with a script beside it.

One cluster, one gateway (Contour), one run. `dead`: weight 10, every answer of the new release a 500, judged by the gateway's counters
(`stats`) and then by a Prometheus that scrapes them every 5 s. `script`: the guides' steps with kubectl (bench/script/kubectl.sh), a good
release and a dead one. `calls`: what the API server was asked for during whole rollouts, counted by a proxy before it. `fleet`: the memory
and processor of a server with many services idle, and with many rollouts at once; its pods are on a node that is none.

    scripts/cluster run .venv/bin/python -m bench cluster [--only dead,script,calls,fleet] [--times 3] [--monitor 60]
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench._counting import Counted, counting
from bench._fakenode import fake_node
from bench._stage import TESTS, load, machine, say
from bench.against_script import lines
from headway.adapters.remote import Remote
from headway.adapters.traffic import Traffic
from headway.wiring import socket_path

sys.path.insert(0, str(TESTS / "cluster"))

import cluster_scene  # type: ignore[import-not-found]
from lab import images  # type: ignore[import-not-found]
from scraping import scraping  # type: ignore[import-not-found]
from stand import Namespace, deployment, route, service, until  # type: ignore[import-not-found]

RATE = 100.0
CANARY = "{canary: [10, 50, 100]}"
PATIENT = 300.0
PARTS = ("dead", "script", "calls", "fleet")
SCRIPT = Path(__file__).parent / "script" / "kubectl.sh"


# -- one shop behind the gateway


@dataclass
class Shop:
    """A service in a namespace of its own, with a server of Headway and users."""

    scene: Any
    namespace: Any
    gateway: str
    stats: str
    number: int = 0

    @property
    def host(self) -> str:
        return f"shop.{self.namespace.name}.test"

    @contextmanager
    def users(self, host: str = "") -> Iterator[Traffic]:
        with Traffic(f"http://{self.gateway}", rate=RATE, paths=("/",), host=host or self.host) as traffic:
            yield traffic

    def rewrite(self, *changes: tuple[str, str]) -> None:
        """Another headway.yaml, committed."""
        file = self.scene.repo.folder / "headway.yaml"
        text = file.read_text()
        for old, new in changes:
            assert old in text, f"{old} is not in {text}"
            text = text.replace(old, new)
        file.write_text(text)
        self.scene.repo.commit("feat: another way")

    def release(self, image: str, phase: str) -> Any:
        """Bring it to production, and wait for how it ends, looking once a second as a board does."""
        self.number += 1
        asked = self.scene.promote(f"1.{self.number}.0", image)
        while not self.scene.ask("rollout", target=asked["rollout"])["ended"]:
            time.sleep(1.0)
        return self.scene.end_of(asked, phase)


@contextmanager
def shop(gateway: str, stats: str, analysis: str, **environment: str) -> Iterator[Shop]:
    """With a first release that serves."""
    with namespace() as made, tempfile.TemporaryDirectory(prefix="hw-") as folder:
        scene = cluster_scene.ClusterScene(Path(folder) / "scene", environment=environment)
        scene.folder.mkdir()
        one = Shop(scene, made, gateway, stats)
        try:
            scene.found(made, gateway, stats, one.host, image("1.0.0"))
            one.rewrite((f"strategy: {cluster_scene.CANARY}", f"strategy: {CANARY}"), (cluster_scene.JUDGED, analysis))
            scene.start()
            with one.users():
                one.release(image("1.0.0"), "completed")
            yield one
        finally:
            scene.end()


@contextmanager
def namespace() -> Iterator[Any]:
    name = f"bench-{secrets.token_hex(4)}"
    subprocess.run(["kubectl", "create", "namespace", name], check=True, capture_output=True)
    try:
        yield Namespace(name)
    finally:
        subprocess.run(["kubectl", "delete", "namespace", name, "--wait=false"], check=True, capture_output=True)


def image(version: str, **behaviour: object) -> str:
    """The little service of the tests; `FAIL=100` is dead, and ready."""
    reference: str = images.little(version, behaviour)
    return reference


# -- a dead canary


@dataclass(frozen=True)
class Death:
    """Requests that failed, and seconds from the first share to the verdict, and until it had none."""

    failed: int
    verdict: float
    off: float


def die(one: Shop, users: Traffic) -> Death:
    """A dead release, from its start until it is gone."""
    time.sleep(1.5)  # the client reports once a second
    before = users.snapshot().total.failed
    view = one.release(image("2.0.0-dead", FAIL=100), "rolled back")
    at = [(datetime.fromisoformat(event["at"]), event["what"]) for event in view["events"]]
    shares = [number for number, (_, what) in enumerate(at) if what.startswith("route 90 %") or what.startswith("route 10 %")]
    given = at[shares[0]][0]
    verdict = next((number for number, (_, what) in enumerate(at) if what == "failed verdict"), None)
    if verdict is None:
        raise SystemExit(f"the dead release went back for another reason: {view['reasons']}")
    back = next(number for number, (_, what) in enumerate(at) if number > verdict and what.startswith("route"))
    why = "the next one is measured too"
    one.scene.headway("release", "clear", view["release"], "--why", why)  # else its commits keep the next release out
    time.sleep(1.5)
    # Each event is written before its deed, so the one after the last route says that the route was confirmed.
    failed = users.snapshot().total.failed - before
    return Death(failed, (at[verdict][0] - given).total_seconds(), (at[back + 1][0] - given).total_seconds())


def dead(gateway: str, stats: str, times: int) -> None:
    """By the gateway's counters, then by Prometheus."""
    with shop(gateway, stats, "{}") as one, tempfile.TemporaryDirectory(prefix="hw-") as folder:
        say("| a dead canary, judged by | requests failed | seconds to the verdict | seconds until it was off |\n|---|---|---|---|")
        with one.users() as users:
            tell("the gateway's counters", [die(one, users) for _ in range(times)])
        with scraping(Path(folder), stats, "5s") as scraped:
            counted = f"prometheus: {{url: {scraped.url}, scraped_every: 5s}}"
            one.rewrite((f"stats: http://{stats}", f"stats: http://{stats}\n      {counted}"))
            with one.users() as users:
                tell("Prometheus, every 5 s", [die(one, users) for _ in range(times)])
    say(f"{times} times each, weight 10, {RATE:g} requests a second, medians (least to most); {load()}\n")


def tell(how: str, deaths: list[Death]) -> None:
    """Medians, and least to most."""
    cells = ([getattr(death, one.name) for death in deaths] for one in fields(Death))
    say(f"| {how} | {' | '.join(f'{median(cell):.4g} ({min(cell):.4g} to {max(cell):.4g})' for cell in cells)} |")


# -- a script


def script(gateway: str, stats: str, monitor: float) -> None:
    """A good release, then a dead one, both ways: the script looks, and Headway soaks, equally long."""
    told = {"script": by_kubectl(gateway, stats, monitor), "Headway": by_headway(gateway, stats, monitor)}
    say("| | kubectl and a script | Headway |\n|---|---|---|")
    for number, what in enumerate(("good release", "dead release")):
        (theirs, missed, of), (ours, lost, out_of) = told["script"][number], told["Headway"][number]
        say(f"| {what}: seconds to its end | {theirs:.0f} | {ours:.0f} |")
        say(f"| {what}: requests failed | {missed:,} of {of:,} | {lost:,} of {out_of:,} |")
    say(f"| lines to write and keep | {lines(SCRIPT)} of bash | {len(cluster_scene.FILE.splitlines())} of YAML |")
    say(f"watching and soaking for {monitor:g} s, {RATE:g} requests a second; {load()}\n")


def by_kubectl(gateway: str, stats: str, monitor: float) -> list[tuple[float, int, int]]:
    with namespace() as made, tempfile.TemporaryDirectory(prefix="hw-") as folder:
        host, file = f"plain.{made.name}.test", Path(folder) / "deployment.json"
        made.apply(deployment("plain", image("1.0.0"), replicas=2), service("plain"), route("plain", host, {"plain": 1}))
        made.kubectl("rollout", "status", "deployment/plain", "--timeout=120s")
        found = []
        with Traffic(f"http://{gateway}", rate=RATE, paths=("/",), host=host) as users:
            time.sleep(3.0)
            for which in (image("1.1.0"), image("2.0.0-dead", FAIL=100)):
                file.write_text(json.dumps(deployment("plain", which, replicas=2)))
                before, began = users.snapshot().total, time.monotonic()
                words = (str(SCRIPT), made.name, "plain", str(file), gateway, host, stats)
                environment = {**os.environ, "MONITOR": f"{monitor:g}"}
                subprocess.run(words, env=environment, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                found.append(since(users, before.failed, before.requests, began))
        return found


def by_headway(gateway: str, stats: str, monitor: float) -> list[tuple[float, int, int]]:
    with shop(gateway, stats, "{min_time: 5s}") as one:
        one.rewrite(("soak: 2s", f"soak: {monitor:g}s"))
        found = []
        with one.users() as users:
            time.sleep(3.0)
            for which, phase in ((image("1.1.0"), "completed"), (image("2.0.0-dead", FAIL=100), "rolled back")):
                before, began = users.snapshot().total, time.monotonic()
                one.release(which, phase)
                found.append(since(users, before.failed, before.requests, began))
        return found


def since(users: Traffic, failed: int, requests: int, began: float) -> tuple[float, int, int]:
    """Seconds, requests that failed, requests, since then."""
    took = time.monotonic() - began
    time.sleep(1.5)  # the client reports once a second
    total = users.snapshot().total
    return took, total.failed - failed, total.requests - requests


# -- what the API server is asked for


def calls(gateway: str, stats: str) -> None:
    """Whole rollouts of two replicas behind the gateway."""
    with (
        tempfile.TemporaryDirectory(prefix="hw-") as folder,
        counting(Path(os.environ["KUBECONFIG"]), Path(folder)) as (counted, told),
        shop(gateway, stats, "{min_time: 5s}", KUBECONFIG=str(told)) as one,
        one.users(),
    ):
        say("| a rollout of 2 replicas | seconds | calls | KiB sent | KiB that came | most asked for |\n|---|---|---|---|---|---|")
        count(one, counted, "canary 10, 50, 100, watched for 5 s each")
        one.scene.switch("rolling")
        count(one, counted, "rolling, judged by health")
    say(f"bodies as sent, without headers; soak 2 s, the old release's end included; {load()}\n")


def count(one: Shop, counted: Counted, what: str) -> None:
    time.sleep(3.0)  # the end of the rollout before
    counted.clear()
    began = time.monotonic()
    one.release(image("1.1.0" if "canary" in what else "1.2.0"), "completed")
    until("the old release to be stopped", lambda: len({pod["metadata"]["labels"]["headway/workload"] for pod in pods(one)}) == 1)
    took = time.monotonic() - began
    number, sent, came = counted.whole()
    most = ", ".join(f"{times} {name}" for name, times in counted.calls.most_common(6))
    say(f"| {what} | {took:.0f} | {number} | {sent / 1024:.0f} | {came / 1024:.0f} | {most} |")


def pods(one: Shop) -> list[Any]:
    found: list[Any] = one.namespace.all("pods", "headway/service=shop")
    return found


# -- many at once

REPOSITORIES, EACH = 10, 50
FLEET = """\
  production:
    platform: kubernetes
    kubernetes: {{manifests: k8s/{first}, namespace: {namespace}}}
    strategy: rolling
    analysis: health
    soak: 1s
    keep_warm: 0s
    services:
{overrides}
"""


@dataclass
class Fleet:
    """Ten repositories of fifty services, one server."""

    folder: Path
    namespace: str
    node: str

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.remote = Remote(socket_path(self.home))
        self.names = [[f"s{number}-{index}" for index in range(EACH)] for number in range(REPOSITORIES)]

    def found(self, reference: str) -> None:
        for number, names in enumerate(self.names):
            repo = self.folder / f"team-{number}"
            for name in names:
                made = repo / "k8s" / name
                made.mkdir(parents=True)
                pattern = deployment(name, f"{reference.partition('@')[0]}:1")
                pattern["spec"]["template"]["spec"] |= {"nodeName": self.node}
                (made / "deployment.json").write_text(json.dumps(pattern))
                (made / "service.json").write_text(json.dumps(service(name)))
            services = "".join(f"  {name}: {{}}\n" for name in names)
            overrides = "\n".join(f"      {name}: {{manifests: k8s/{name}}}" for name in names)
            file = FLEET.format(first=names[0], namespace=self.namespace, overrides=overrides)
            (repo / "headway.yaml").write_text(f"headway: 1\nservices:\n{services}environments:\n{file}")
            who = ("-c", "user.name=alice", "-c", "user.email=alice@example.org")
            for words in (
                ("init", "--quiet", "--initial-branch=main"),
                ("add", "--all"),
                (*who, "commit", "--quiet", "--message", "feat: all"),
            ):
                subprocess.run(("git", "-C", str(repo), *words), check=True, capture_output=True)

    def serve(self) -> "subprocess.Popen[bytes]":
        self.home.mkdir(mode=0o700)
        repos = [word for number in range(REPOSITORIES) for word in ("--repo", str(self.folder / f"team-{number}"))]
        with (self.folder / "serve.log").open("ab") as log:
            words = (sys.executable, "-m", "headway", "--home", str(self.home), "--as", "ops", "serve", *repos)
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until("the server to answer", self.remote.answers)
        return process

    def live(self) -> int:
        places: Any = self.remote.call("status")["places"]
        return sum(bool(one["live"]) for one in places)


class Watch:
    """Processor and memory of a process while something goes on."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most = 0

    def __enter__(self) -> "Watch":
        self._before, self._began = self._process.cpu_times(), time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        after, self.seconds = self._process.cpu_times(), time.monotonic() - self._began
        self.cpu = sum(after[:4]) - sum(self._before[:4])  # with its children

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self.most = max(self.most, self._process.memory_info().rss)

    def row(self, what: str, more: str = "") -> str:
        share = 100 * self.cpu / self.seconds
        return f"| {what} | {self.seconds:.0f} | {self.cpu:.1f} ({share:.0f} % of one) | {self.most / 2**20:.0f} | {more} |"


def fleet(rollouts: int, seconds: float) -> None:
    """All of them idle; so many rollouts at once; idle again."""
    told = json.loads(Path(os.environ["KUBECONFIG"]).read_text())
    with (
        namespace() as made,
        tempfile.TemporaryDirectory(prefix="hw-") as folder,
        fake_node(told, f"fake-{secrets.token_hex(3)}", made.name) as node,
    ):
        all_ = Fleet(Path(folder), made.name, node)
        reference = image("1.0.0")
        all_.found(reference)
        process = all_.serve()
        try:
            rows = []
            time.sleep(10.0)
            with Watch(process.pid) as watch:
                time.sleep(seconds)
            rows.append(watch.row(f"{REPOSITORIES * EACH} services, nothing live"))
            chosen = [names[index] for index in range(rollouts // REPOSITORIES) for names in all_.names]
            for name in chosen:
                all_.remote.call("cut", revision="HEAD", service=name, version="1.0.0", image=reference, by="ops")
            with Watch(process.pid) as watch:
                for name in chosen:
                    all_.remote.call("promote", release=f"{name}@1.0.0", environment="production", by="ops")
                asked = time.monotonic() - watch._began
                until("all to be live", lambda: all_.live() >= len(chosen), within=PATIENT)
            rows.append(watch.row(f"{len(chosen)} first rollouts at once", f"asked for in {asked:.0f} s"))
            time.sleep(5.0)
            with Watch(process.pid) as watch:
                time.sleep(seconds)
            rows.append(watch.row(f"{REPOSITORIES * EACH} services, {len(chosen)} live, nothing rolls"))
        finally:
            process.terminate()
            process.wait(60)
    say("| one server, SQLite; pods on a fake node | seconds | processor, s | most memory, MiB | |\n|---|---|---|---|---|")
    for row in rows:
        say(row)
    say(f"{load()}\n")


def main() -> None:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench cluster")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--times", type=int, default=3, help="how many dead canaries of each kind")
    parser.add_argument("--monitor", type=float, default=60.0, help="seconds for which the script watches, and Headway soaks")
    parser.add_argument("--rollouts", type=int, default=100, help="at once, of 500 services")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the server is watched at rest")
    chosen = parser.parse_args()
    named = chosen.only.split(",")
    if unknown := [name for name in named if name not in PARTS]:
        parser.error(f"there is no {unknown[0]}; choose of {', '.join(PARTS)}")
    try:
        gateway, stats = os.environ["HEADWAY_TEST_GATEWAY"], os.environ["HEADWAY_TEST_STATS"]
    except KeyError as missing:
        raise SystemExit(f"{missing.args[0]} is not set; run this by `scripts/cluster run .venv/bin/python -m bench cluster`") from None
    say(machine())
    if "dead" in named:
        dead(gateway, stats, chosen.times)
    if "script" in named:
        script(gateway, stats, chosen.monitor)
    if "calls" in named:
        calls(gateway, stats)
    if "fleet" in named:
        fleet(chosen.rollouts, chosen.seconds)


if __name__ == "__main__":
    main()
