"""The local stage: one service from the working tree, its mocked neighbours beside it, started again when a file changes.

Nothing here survives: every process is a child in a group of its own, and all groups are ended when this ends.

A real platform is for releases.
"""

import http.client
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from headway.adapters.folders import disk
from headway.adapters.local import listening
from headway.adapters.local.envoy_config import LOOPBACK
from headway.environments.local import Local, address_name
from headway.errors import Failed, InvalidSpec
from headway.releases.model import RunSpec

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
MOCK_READY = 15.0
LONGEST_GRACE = 5.0
"""Nobody waits longer for a reload."""
SEEDED = "seeded"

Tell = Callable[[str, str], None]
"""Who says it (`headway`, the service, a mock) and a line of text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stage."""

    name: str
    argv: tuple[str, ...]
    port: int
    env: Mapping[str, str]


@dataclass
class Running:
    """A part that was started."""

    part: Part
    process: "subprocess.Popen[bytes]"
    reader: threading.Thread


@dataclass
class LocalStage:
    """Runs one service's working tree. `start` and `stop` may alternate as often as files change; `close` ends all."""

    service: str
    folder: Path
    home: Path
    """Where its state is kept: outside of the working tree, so that nothing of it is ever committed."""
    tell: Tell
    mock_ports: dict[str, int] = field(default_factory=dict)
    _running: list[Running] = field(default_factory=list)
    _told_end: bool = False

    @property
    def state(self) -> Path:
        """`$HEADWAY_STATE` of the service, the mocks and the seed."""
        return self.home / "state"

    def reset(self) -> None:
        """Forget the state; the next start seeds again."""
        with disk(f"reset {self.home}"):
            (self.home / SEEDED).unlink(missing_ok=True)
            if self.state.exists():
                shutil.rmtree(self.state)

    def start(self, run: RunSpec, local: Local, values: Mapping[str, str], port: int) -> None:
        """Mocks first, then the seed if there never was one, then the service. What did not come up is told; a wrong command is raised."""
        listening.demand(port, f"{self.service} (services.{self.service}.local.port)")
        with disk(f"keep state in {self.home}"):
            self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._told_end = False
        addresses = self._start_mocks(local, values)
        env = self._environment({**values, **addresses}, self.service, port)
        self._seed(local.seed, env)
        self.tell("headway", f"starting {self.service} at http://{LOOPBACK}:{port}")
        self._begin(Part(self.service, local.argv or run.argv, port, env))

    def _start_mocks(self, local: Local, values: Mapping[str, str]) -> dict[str, str]:
        parts = []
        for name, argv in local.mocks.items():
            # Drawn once: an address that a browser or a debugger was given stays good.
            port = self.mock_ports.setdefault(name, 0) or listening.draw(listening.REPLICAS, self.mock_ports.values())
            self.mock_ports[name] = port
            parts.append(Part(name, argv, port, self._environment(values, name, port)))
        for part in parts:
            self._begin(part)
        for part in parts:
            self._await_mock(part)
        return {address_name(part.name): f"http://{LOOPBACK}:{part.port}" for part in parts}

    def _await_mock(self, part: Part) -> None:
        until = time.monotonic() + MOCK_READY
        mine = next(one for one in self._running if one.part is part)
        while listening.is_free(part.port):
            if mine.process.poll() is not None:
                self.tell("headway", f"the mock {part.name} ended with {_status(mine.process.returncode)} before it listened at $PORT")
                return
            if time.monotonic() > until:
                self.tell("headway", f"the mock {part.name} does not listen at $PORT ({part.port}) after {MOCK_READY:.0f} s")
                return
            time.sleep(0.02)

    def _seed(self, argv: tuple[str, ...], env: Mapping[str, str]) -> None:
        mark = self.home / SEEDED
        if not argv or mark.exists():
            return
        self.tell("headway", f"seeding: {' '.join(argv)}")
        with self._lasting(Part("seed", argv, 0, env)) as seed:
            seed.process.wait()
        if seed.process.returncode:
            raise Failed(f"the seed of {self.service} ended with {_status(seed.process.returncode)}; its state is in {self.state}")
        mark.touch(mode=0o600)

    @contextmanager
    def _lasting(self, part: Part) -> Iterator[Running]:
        running = self._begin(part)
        try:
            yield running
        finally:
            _end([running], 1.0)
            self._running.remove(running)

    def _begin(self, part: Part) -> Running:
        argv = [word.replace("${PORT}", str(part.port)).replace("$PORT", str(part.port)) for word in part.argv]
        try:
            process = subprocess.Popen(
                argv, cwd=self.folder, env=dict(part.env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                process_group=0,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise InvalidSpec(
                f"{part.name}: {argv[0]} cannot be started in {self.folder}: {getattr(error, 'strerror', None) or error}"
            ) from error
        reader = threading.Thread(target=self._read, args=(part.name, process), daemon=True)
        reader.start()
        running = Running(part, process, reader)
        self._running.append(running)
        return running

    def _read(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self.tell(name, line.decode(errors="replace").rstrip("\r\n"))

    def _environment(self, values: Mapping[str, str], name: str, port: int) -> Mapping[str, str]:
        """As a platform would give it, so that nothing works here by accident; only the way to the developer's tools is ours."""
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            **values,
            "PORT": str(port),
            "HEADWAY_VERSION": "0.0.0-local",
            "HEADWAY_SERVICE": name,
            "HEADWAY_ENVIRONMENT": "local",
            "HEADWAY_RELEASE": "working-tree",
            "HEADWAY_STATE": str(self.state),
        }

    def ended(self) -> str | None:
        """How the service ended, told once; None while it runs."""
        mine = next((one for one in self._running if one.part.name == self.service), None)
        if self._told_end or mine is None or mine.process.poll() is None:
            return None
        self._told_end = True
        return f"{self.service} ended with {_status(mine.process.returncode)}"

    def answers(self, path: str) -> bool:
        """Whether the service answers this path with success, itself."""
        mine = next((one for one in self._running if one.part.name == self.service), None)
        if mine is None or mine.process.poll() is not None:
            return False
        connection = http.client.HTTPConnection(LOOPBACK, mine.part.port, timeout=1)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, grace: float) -> None:
        """End everything that runs."""
        running, self._running = self._running, []
        _end(running, min(grace, LONGEST_GRACE))


def _end(running: Sequence[Running], grace: float) -> None:
    """Ask every group to end, wait, then insist. A group may outlive its first process, so the group is what is ended."""
    for one in running:
        _signal(one, signal.SIGTERM)
    until = time.monotonic() + grace
    for one in running:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(timeout=max(0.0, until - time.monotonic()))
        _signal(one, signal.SIGKILL)
        one.process.wait()
        # What it printed last is told before anything that comes next; a grandchild elsewhere may hold the pipe, so not for ever.
        one.reader.join(timeout=0.5)


def _signal(one: Running, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(one.process.pid, number)


def _status(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
