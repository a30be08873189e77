"""A hundred services in one server: ten repositories, a few services live, the others waiting for a person; what that costs at rest.

Real git, a real `headway serve`, real processes behind a real Envoy for those that are live. Measured are the server's process alone, at
rest, and how long answers take: over the socket, and as a command.

    python -m bench hundred [--repositories 10] [--services 10] [--live 5] [--seconds 30]
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from headway.adapters.remote import Remote
from headway.wiring import socket_path

SERVICE = "  {name}: {{run: python3 -m http.server --bind 127.0.0.1 $PORT, health: /, build: {{checks: []}}}}\n"
ENVIRONMENTS = """\
environments:
  production:
    trigger: {merge: main}
    approvals: 1
    strategy: rolling
    analysis: health
    soak: 1s
    keep_warm: 0s
"""
PATIENCE = 600.0


@dataclass
class Hundred:
    """A home, a server, and repositories that hold several services each."""

    folder: Path
    repositories: int
    services: int
    process: "subprocess.Popen[bytes] | None" = None
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.remote = Remote(socket_path(self.home))

    def repository(self, number: int) -> Path:
        return self.folder / f"team-{number}"

    def commit(self, number: int, text: str) -> None:
        """The whole repository anew, as one commit of main."""
        folder = self.repository(number)
        folder.mkdir(exist_ok=True)
        names = [f"s{number}-{index}" for index in range(self.services)]
        if not (folder / ".git").exists():
            self.names += names
            self._git(folder, "init", "--quiet", "--initial-branch=main")
        services = "".join(SERVICE.format(name=name) for name in names)
        (folder / "headway.yaml").write_text(f"headway: 1\nservices:\n{services}{ENVIRONMENTS}")
        (folder / "index.html").write_text(f"{text}\n")
        self._git(folder, "add", "--all")
        self._git(folder, "-c", "user.name=alice", "-c", "user.email=alice@example.org", "commit", "--quiet", "--message", f"feat: {text}")

    def serve(self) -> int:
        """Start the server over all repositories; its process id once it answers."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        repos = [word for number in range(self.repositories) for word in ("--repo", str(self.repository(number)))]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", *repos), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until(self.remote.answers, "the server to answer")
        return self.process.pid

    def waiting(self) -> list[dict[str, Any]]:
        """The rollouts that wait for a yes."""
        rollouts: Any = self.remote.call("rollouts", most=5 * len(self.names))["rollouts"]
        return [one for one in rollouts if one["phase"] == "pending" and "approval" in one["why"]]

    def live(self) -> list[str]:
        """The services of which a release is live."""
        places: Any = self.remote.call("status")["places"]
        return [one["service"] for one in places if one["live"]]

    def command(self, *words: str, by: str = "ops") -> tuple[str, ...]:
        return (sys.executable, "-m", "headway", "--home", str(self.home), "--as", by, *words)

    def end(self) -> None:
        """Stop the server and what runs."""
        subprocess.run(self.command("down"), check=False, capture_output=True, timeout=180)
        if self.process is not None:
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _git(self, folder: Path, *words: str) -> None:
        subprocess.run(("git", "-C", str(folder), *words), check=True, timeout=60, capture_output=True)


@contextmanager
def hundred(repositories: int, services: int) -> Iterator[Hundred]:
    """All of them registered with a server that runs, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        made = Hundred(Path(folder), repositories, services)
        for number in range(repositories):
            made.commit(number, "the first release")
        try:
            made.serve()
            yield made
        finally:
            made.end()


@dataclass(frozen=True)
class Rest:
    """What a server costs that has nothing to do."""

    cpu: float
    """Share of one core, in percent."""
    children: float
    """Of that, processes that it started and that ended: git."""
    memory: float
    """MiB resident."""


def at_rest(pid: int, seconds: float) -> Rest:
    """Watch the server's own process for a while."""
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - began
    own = after.user + after.system - before.user - before.system
    children = after.children_user + after.children_system - before.children_user - before.children_system
    return Rest(100 * (own + children) / took, 100 * children / took, process.memory_info().rss / 2**20)


def timed(ask: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and worst of so many answers, in milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took), max(took)


def until(good: Callable[[], object], what: str) -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not good():
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.1)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench hundred", description=__doc__)
    parser.add_argument("--repositories", type=int, default=10)
    parser.add_argument("--services", type=int, default=10, help="in each of them")
    parser.add_argument("--live", type=int, default=5, help="how many are approved")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the server is watched at rest")
    given = parser.parse_args()
    with hundred(given.repositories, given.services) as made:
        everything = given.repositories * given.services
        assert made.process is not None
        pid = made.process.pid
        tell(f"{everything} services released and waiting", f"{until(lambda: len(made.waiting()) == everything, 'all to wait'):.1f} s")
        chosen = made.names[:: max(1, everything // given.live)][: given.live]
        for name in chosen:
            made.remote.call("approve", release=f"{name}@0.1.0", environment="production", by="bob")
        tell(f"{given.live} of them live", f"{until(lambda: len(made.live()) == given.live, 'some to be live'):.1f} s")
        time.sleep(3.0)
        rest = at_rest(pid, given.seconds)
        tell("at rest, share of one core", f"{rest.cpu:.1f} % (git {rest.children:.1f} %)")
        tell("memory of the server", f"{rest.memory:.0f} MiB")
        asked = {
            "status": lambda: made.remote.call("status"),
            "rollouts": lambda: made.remote.call("rollouts", most=everything),
            "plan": lambda: made.remote.call("plan", release=f"{made.names[-1]}@0.1.0", environment="production", by="ops"),
            "poke": lambda: made.remote.call("poke"),
        }
        for what, ask in asked.items():
            middle, worst = timed(ask, 20)
            tell(f"{what}, over the socket", f"{middle:.0f} ms (worst {worst:.0f})")
        middle, worst = timed(lambda: subprocess.run(made.command("status"), check=True, capture_output=True), 5)
        tell("headway status, the command", f"{middle:.0f} ms (worst {worst:.0f})")
        made.commit(given.repositories // 2, "a second release")
        new = until(lambda: sum(one["release"].endswith("@0.2.0") for one in made.waiting()) == given.services, "a push to arrive")
        tell(f"a push, until its {given.services} services wait", f"{new:.1f} s")


def tell(what: str, found: str) -> None:
    sys.stdout.write(f"{what:45} {found}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
