"""What the tests of the local platform stand on: a platform in a folder, releases to run there, users that count every answer."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway.adapters.local import processes
from headway.adapters.local.platform import LocalPlatform
from headway.environments.model import Configuration, Place
from headway.releases.model import RunSpec
from headway.rollout.model import Effect, Fence, Intent, SetReplicas, SetWeights, Workload
from headway.rollout.seen import Group

PLACE = Place("web", "prod")
HERE = Path(__file__).parent


OPEN: list[LocalPlatform] = []
HEADWAYS: list[subprocess.Popen[str]] = []


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the tests of what is real live in real time


def platform(home: Path, artifacts: Callable[[str], Path] | None = None, **more: Any) -> LocalPlatform:
    """A LocalPlatform whose store has one artifact: the little service."""
    local = LocalPlatform(home, secrets=secret, artifacts=artifacts or (lambda _: tree(home)), clock=RealClock(), **more)
    OPEN.append(local)
    return local


def secret(reference: str) -> str:
    return {"env:PASSWORD": "the-value-of-" + "the-reference"}[reference]


def tree(home: Path) -> Path:
    folder = home.parent / f"{home.name}-artifact"
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / "little_service.py", folder)
    return folder


def release(
    version: str,
    *,
    sick: str = "",
    argv: tuple[str, ...] | None = None,
    secrets: Mapping[str, str] | None = None,
    **run: Any,
) -> Workload:
    """A release of the little service."""
    spec = RunSpec(
        argv or (sys.executable, "little_service.py", version, "$PORT"),
        **{"ready_within": 10.0, "grace": 3.0, "request_timeout": 2.0, **run},
    )
    configuration = Configuration({"SICK": sick, "GREETING": "hello"}, secrets or {})
    return Workload(f"web-{version}", version, "c0ffee", f"sha256:{version}", spec, configuration)


class Stand:
    """Says what is wanted of one place, and waits until it is so."""

    def __init__(self, local: LocalPlatform, place: Place = PLACE) -> None:
        self.local, self.place = local, place
        self._turns = itertools.count(1)

    def intent(self, effect: Effect, fence: Fence | None = None) -> Intent:
        turn = next(self._turns)
        return Intent(f"key-{turn}", fence or Fence(1, turn), effect, RealClock().now())

    def act(self, effect: Effect) -> Intent:
        intent = self.intent(effect)
        self.local.act(self.place, intent)
        return intent

    def scale(self, workload: Workload, replicas: int) -> None:
        self.act(SetReplicas(workload, replicas))
        eventually(lambda: self.settled(workload.name, replicas), lambda: f"{self.local.look(self.place)}")

    def settled(self, name: str, replicas: int) -> bool:
        if not replicas:
            return name not in self.local.look(self.place).groups
        group = self.group(name)
        return group.ready == group.running == replicas

    def weigh(self, **weights: int) -> None:
        self.act(SetWeights({name.replace("_", "-"): weight for name, weight in weights.items()}))

    def group(self, name: str) -> Group:
        return self.local.look(self.place).group(name)

    def get(self, path: str = "/") -> tuple[int, str | None, Any]:
        """Status, release and body of one request."""
        port = int(self.local.url(self.place).rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            return reply.status, reply.getheader("x-headway-release"), json.loads(body)
        return reply.status, reply.getheader("x-headway-release"), body

    def replicas(self, name: str) -> dict[str, processes.Identity]:
        """Folder to identity of what runs."""
        folders = (folder for folder in self.folder(name).iterdir())
        states = {folder.name: processes.state(folder) for folder in folders}
        return {number: state.identity for number, state in states.items() if isinstance(state, processes.Running)}

    def folder(self, name: str) -> Path:
        return self.local._home / self.place.environment / self.place.service / name / "replicas"

    def envoys(self) -> list[processes.Identity]:
        """Those that run, the newest first."""
        runs = sorted((self.local._home / self.place.environment / "envoy" / "runs").iterdir(), key=lambda run: -int(run.name))
        return [state.identity for run in runs if isinstance(state := processes.state(run), processes.Running)]

    def envoy(self) -> processes.Identity:
        return self.envoys()[0]


class Users:
    """Real requests on kept-alive connections, GET and POST, each tried once; every answer is counted by who gave it."""

    def __init__(self, port: int, *, many: int = 8, pause: float = 0.005) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self._port, self._pause = port, pause
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._use, args=(method,)) for method in ("GET", "POST") * (many // 2)]

    def __enter__(self) -> "Users":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> dict[tuple[str, str], int]:
        return {how: count for how, count in self.seen.items() if how[0] != "200"}

    def by(self, release: str) -> int:
        return sum(count for (_, who), count in self.seen.items() if who == release)

    def stay(self, requests: int) -> None:
        """Until so many more were answered."""
        until = self.seen.total() + requests
        eventually(lambda: self.seen.total() >= until)

    def _use(self, method: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._done.wait(self._pause):
            try:
                connection.request(method, "/", body=b"x" if method == "POST" else None)
                reply = connection.getresponse()
                reply.read()
                how = (str(reply.status), reply.getheader("x-headway-release") or "nobody")
            except (OSError, http.client.HTTPException) as error:
                how = (type(error).__name__, "nobody")
                connection.close()
            with self._lock:
                self.seen[how] += 1
        connection.close()


def eventually(true: Callable[[], bool], otherwise: Callable[[], str] = lambda: "", within: float = 20.0) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"not so within {within} s: {otherwise()}"
        time.sleep(0.01)


@contextlib.contextmanager
def nothing_left(home: Path) -> Iterator[None]:
    """Whatever happens, what was started under this folder ends with the test."""
    try:
        yield
    finally:
        while HEADWAYS:
            kill(HEADWAYS.pop())
        while OPEN:
            OPEN.pop().close()  # else they start again what ends
        for about in home.rglob("pid.json"):
            processes.stop(about.parent, grace=0.5)
        for base in home.rglob("base-id"):
            Path(f"/dev/shm/envoy_shared_memory_{int(base.read_text()) * 10}").unlink(missing_ok=True)


def host(home: Path, *then: str) -> subprocess.Popen[str]:
    """A Headway in a process of its own that serves web-1."""
    path = os.pathsep.join([str(HERE), *(part for part in sys.path if part)])
    argv = (sys.executable, HERE / "platform_host.py", home, *then)
    headway = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
    HEADWAYS.append(headway)
    assert headway.stdout is not None
    assert headway.stdout.readline() == "serving\n"
    return headway


def kill(headway: subprocess.Popen[str]) -> None:
    headway.kill()
    headway.wait()
    assert headway.stdout is not None
    headway.stdout.close()
