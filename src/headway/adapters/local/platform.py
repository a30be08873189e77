"""The local platform: real processes on loopback behind a real Envoy, one Envoy per environment."""

import fcntl
import os
import shlex
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headway.adapters.local import envoy_binary, files
from headway.adapters.local.keeper import Outside
from headway.adapters.local.supervisor import Supervisor
from headway.analysis.model import Readings
from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import Clock
from headway.rollout.model import Intent, SetReplicas
from headway.rollout.seen import Probe, Sight

AT_REST = b"at rest\n"
RESTING = "resting"
"""The file that says that an environment is stopped on purpose."""


class LocalPlatform:
    """The Platform port on this machine. One Headway at a time owns an environment; what it started outlives it."""

    def __init__(
        self,
        home: Path,
        *,
        secrets: Callable[[str], str],
        artifacts: Callable[[str], Path],
        clock: Clock,
        envoy: Path | None = None,
        sick_for: float = 30.0,
    ) -> None:
        """`home` is a folder of ours. `secrets` gives the value of a reference, `artifacts` the verified tree of a digest.

        `envoy` is another Envoy than the wheel's. A replica that fails its health path for `sick_for` seconds is replaced.
        """
        self._home = home
        self._clock = clock
        self._helpers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="headway-local")
        self._outside = Outside(secrets, artifacts, lambda: envoy_binary.find(envoy), self._helpers, sick_for)
        self._supervisors: dict[str, Supervisor] = {}
        self._locks: dict[str, int] = {}
        self._lock = threading.Lock()

    def adopt(self) -> tuple[str, ...]:
        """Take over every environment on disk, whatever still runs and whatever does not; returns their names."""
        if not self._home.exists():
            return ()
        folders = (folder for folder in self._home.iterdir() if (folder / "environment.json").exists())
        names = sorted(folder.name for folder in folders if not (folder / RESTING).exists())
        troubles = []
        for name in names:
            try:
                self._supervisor(name)
            except Unavailable as error:
                troubles.append(str(error))
        if troubles:  # told after the others were taken over: one held environment must not leave the rest alone
            raise Unavailable("\n".join(troubles))
        return tuple(names)

    def reserve(self, place: Place, port: int | None = None) -> int:
        """Give the place its port (a free one, kept from then on, when None) and listen there."""
        supervisor = self._awake(place.environment)
        with self._lock:
            taken = frozenset(port for one in self._supervisors.values() for port in one.ports())
        return supervisor.reserve(place.service, port, taken)

    def act(self, place: Place, intent: Intent) -> None:
        """Do SetReplicas or SetWeights."""
        supervisor = self._awake(place.environment)
        if not supervisor.knows(place.service):
            self.reserve(place, intent.effect.workload.port if isinstance(intent.effect, SetReplicas) else None)
        supervisor.act(place.service, intent)

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this intent done? The record on disk knows, whoever wrote it."""
        return Probe.DONE if self._supervisor(place.environment).was_done(place.service, intent.key) else Probe.NOT_DONE

    def look(self, place: Place, *, lately: bool = False) -> Sight:  # noqa: ARG002 - as the port has it
        """What runs there now, and the weights that Envoy confirmed. Where an environment rests, that is nothing."""
        if self._rests(place.environment):
            return Sight()
        return self._supervisor(place.environment).look(place.service)

    def measure(self, place: Place) -> Readings:
        """Envoy's cumulative counters of each workload."""
        arms, copies = self._supervisor(place.environment).measure(place.service)
        return Readings(self._clock.now(), arms, copies)

    def url(self, place: Place, workload: str | None = None) -> str:
        """Where users reach the place; or one ready replica of a workload, past Envoy, for a look before it has traffic."""
        supervisor = self._supervisor(place.environment)
        return f"http://127.0.0.1:{supervisor.alone(place.service, workload) if workload else supervisor.port(place.service)}"

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        """One edit of Envoy's own file, which Envoy takes up by itself; `sed -i` renames into place, which is what it looks for."""
        routes = self._home / place.environment / "envoy" / f"rds-{place.service}.json"
        return (f"sed -i 's/{bad}/{good}/g' {shlex.quote(str(routes))}",)

    def restart_envoy(self, environment: str) -> None:
        """Replace the environment's Envoy by one of the installed version, without a lost request.

        Unavailable, and the old one goes on, when that cannot be. After an upgrade adopt() does it by itself.
        """
        self._supervisor(environment).restart_envoy()

    def rest(self, environment: str) -> None:
        """End all that runs there, in order, and keep what was declared, ports and state; what is written there next starts it again."""
        mark = self._home / environment / RESTING
        if not self._exists(environment) or files.read(mark) == AT_REST:
            return
        supervisor = self._supervisor(environment, resting=True)
        with self._lock:
            del self._supervisors[environment]
            lock = self._locks.pop(environment)
        try:
            # Twice: whoever comes after a crash must not start it, and must know that not everything may have ended.
            files.write(mark, b"going to rest\n")
            supervisor.shut_down()
            files.write(mark, AT_REST)
        finally:
            os.close(lock)

    def clear(self, place: Place) -> None:
        """Remove a service from an environment and, with the last one, the environment."""
        if self._rests(place.environment):
            self._awake(place.environment)
        self.forget(place)
        if self._exists(place.environment) and not self._supervisor(place.environment).ports():
            self.forget_environment(place.environment)

    def _rests(self, environment: str) -> bool:
        return (self._home / environment / RESTING).exists()

    def _awake(self, environment: str) -> Supervisor:
        """The supervisor of an environment that is to run, also if it rested until now."""
        (self._home / environment / RESTING).unlink(missing_ok=True)
        return self._supervisor(environment)

    def forget(self, place: Place) -> None:
        """Remove a service from an environment, in order; returns when nothing is left of it. Twice is as good as once."""
        if self._exists(place.environment):
            self._supervisor(place.environment).forget(place.service)

    def forget_environment(self, environment: str) -> None:
        """End all of an environment in order, then remove its folder."""
        if not self._exists(environment):
            return
        supervisor = self._supervisor(environment)
        with self._lock:
            del self._supervisors[environment]
            lock = self._locks.pop(environment)
        try:
            supervisor.shut_down()
            # The record goes first: half a folder is no environment.
            (self._home / environment / "environment.json").unlink(missing_ok=True)
            shutil.rmtree(self._home / environment, ignore_errors=True)
        finally:
            os.close(lock)

    def _exists(self, environment: str) -> bool:
        return environment in self._supervisors or (self._home / environment / "environment.json").exists()

    def close(self, *, stop: bool = False) -> None:
        """Let go of everything and leave it running; or, with `stop`, end it in order."""
        with self._lock:
            for name, supervisor in self._supervisors.items():
                if stop:
                    supervisor.shut_down()
                else:
                    supervisor.close()
                os.close(self._locks.pop(name))
            self._supervisors.clear()
            self._helpers.shutdown(cancel_futures=True)

    def _supervisor(self, environment: str, *, resting: bool = False) -> Supervisor:
        with self._lock:
            if environment not in self._supervisors:
                if self._rests(environment) and not resting:
                    raise Unavailable(f"the environment {environment} is stopped; what is promoted there starts it again")
                folder = self._home / environment
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._locks[environment] = _hold(folder, environment)
                try:
                    supervisor = Supervisor(environment, folder, self._outside)
                    supervisor.start()
                except BaseException:
                    os.close(self._locks.pop(environment))
                    raise
                self._supervisors[environment] = supervisor
            return self._supervisors[environment]


def _hold(folder: Path, environment: str) -> int:
    """The lock that makes us the sole writer of an environment; it goes when we go, however we go."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise Unavailable(
            f"the environment {environment} belongs to another Headway (process {holder}); stop that one, or work through it"
        ) from error
    if not _is_there(lock, folder / "lock"):  # the environment was removed while we waited for it
        os.close(lock)
        raise Unavailable(f"the environment {environment} was just being removed; ask again")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _is_there(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
