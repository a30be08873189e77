"""All replicas of one workload: as many as wanted, started, replaced when they die, drained before they go."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from signal import SIGKILL, SIGTERM

from headway.adapters.local import listening, processes, replica
from headway.adapters.local.envoy_admin import Member
from headway.adapters.local.envoy_config import Cluster, Endpoint
from headway.adapters.local.exits import WITHIN, Exits
from headway.adapters.local.replica import IN_ENVOY, STAYING, Replica, Stage
from headway.environments.model import Place
from headway.errors import Failed, HeadwayError, Unavailable
from headway.rollout.model import Workload
from headway.rollout.seen import Group

LOOK_AT_PORTS_EVERY = 15.0
KEPT_FOLDERS = 5
KEPT_RELEASES = 10
LOG_LINES = 20
AGAIN_AFTER = 1.0


class Crew:
    """The replicas of one workload in one place. Used under the supervisor's lock only."""

    def __init__(
        self,
        place: Place,
        workload: Workload,
        folder: Path,
        *,
        secrets: Callable[[str], str],
        artifacts: Callable[[str], Path],
        helpers: Executor,
        sick_for: float,
    ) -> None:
        self._sick_for = sick_for
        self.place, self.workload, self.wanted = place, workload, 0
        self._folder = folder / workload.name
        self._state = folder / "state"
        self._secrets, self._artifacts, self._helpers = secrets, artifacts, helpers
        self.replicas: list[Replica] = []
        self._exits = Exits()
        self._not_before = 0.0
        self._tree: Future[Path] | None = None
        self._numbers = 0
        self._hidden = False

    # What others see.

    def group(self) -> Group:
        """How it stands."""
        running = sum(one.identity is not None for one in self.replicas)
        return Group(self.wanted, running, sum(one.ready for one in self.replicas), self._exits.bad_news(time.monotonic()), self._exits.log)

    def cluster(self) -> Cluster:
        """What Envoy should know of it."""
        endpoints = tuple(Endpoint(one.port, one.stage is Stage.DRAINING) for one in self.replicas if one.stage in IN_ENVOY)
        run = self.workload.run
        return Cluster(self.place.service, self.workload.name, run.health, run.request_timeout, endpoints)

    @property
    def gone(self) -> bool:
        """Nothing is wanted, and nothing is left."""
        return self.wanted == 0 and not self.replicas

    @property
    def moving(self) -> bool:
        """Whether something is under way that is worth looking at soon."""
        waiting = sum(one.stage in STAYING for one in self.replicas) != self.wanted
        return waiting or any(one.stage is not Stage.SERVING for one in self.replicas)

    # What the supervisor does with it.

    def adopt(self, known: Sequence[Endpoint], now: float) -> None:
        """Find the replicas of an earlier Headway: the same processes go on, those that ended are counted."""
        draining = {endpoint.port: endpoint.draining for endpoint in known}
        for folder in self._folders():
            self._numbers = max(self._numbers, int(folder.name))
            port = replica.noted_port(folder)
            if port is None:
                continue  # it was not started: the port is noted first
            found = processes.state(folder)
            if isinstance(found, processes.Exited | processes.Lost):
                self._count_old_exit(folder, found, now)
                continue
            one = Replica(int(folder.name), folder, port, Stage.STARTING, now)
            # Never: we died while starting it. The same folder again, so that there are never two.
            one.identity = found.identity if isinstance(found, processes.Running) else None
            if port in draining:
                one.stage = Stage.DRAINING if draining[port] else Stage.JOINING
            elif replica.is_leaving(folder):
                one.stage = Stage.STOPPING
            self.replicas.append(one)

    def step(self, members: Mapping[int, Member], now: float, *, hidden: bool = False) -> None:
        """Move every replica on by what is known now. `hidden`: there may be requests under way that Envoy does not tell of."""
        self._hidden = hidden
        for one in tuple(self.replicas):
            self._notice_end(one, now)
        for one in self.replicas:
            self._move(one, members.get(one.port), now)
        staying = [one for one in self.replicas if one.stage in STAYING]
        for one in sorted(staying, key=lambda one: (one.ready, -one.number))[: max(0, len(staying) - self.wanted)]:
            self._let_go(one, now)
        if len(staying) < self.wanted:
            self._add(now)
        for one in self.replicas:
            if one.identity is None and one.stage in STAYING and now >= self._not_before:
                self._start(one, now)
        if sum(one.ready for one in self.replicas) >= self.wanted:
            self._exits.recover()

    def end(self) -> None:
        """Ask all to end now; for closing, when no traffic comes any more."""
        for one in self.replicas:
            replica.note_leaving(one.folder)
            if one.identity:
                processes.send(one.identity, SIGTERM)
                one.enter(Stage.STOPPING, time.monotonic())

    def forget(self) -> None:
        """Remove the release's files; its last logs stay, until ten later releases have gone too."""
        shutil.rmtree(self._folder / "tree", ignore_errors=True)
        gone = [one for one in self._folder.parent.iterdir() if (one / "replicas").exists() and not (one / "tree").exists()]
        for folder in sorted(gone, key=lambda one: one.stat().st_mtime)[:-KEPT_RELEASES]:
            shutil.rmtree(folder, ignore_errors=True)

    # One replica.

    def _notice_end(self, one: Replica, now: float) -> None:
        if one.identity is None:
            if one.stage not in STAYING:
                self.replicas.remove(one)  # it never ran
            return
        found = processes.state(one.folder)
        if isinstance(found, processes.Running):
            return
        self.replicas.remove(one)
        if not replica.is_leaving(one.folder):
            self._count_exit(one.folder, str(found), now)
            if isinstance(found, processes.Exited) and found.error:
                self._exits.despair(found.error)
        self._tidy()

    def _move(self, one: Replica, member: Member | None, now: float) -> None:
        one.healthy = member is not None and member.healthy
        match one.stage:
            case Stage.STARTING:
                self._await_ready(one, now)
            case Stage.JOINING:
                if one.healthy:
                    one.enter(Stage.SERVING, now)
                self._watch(one, now)
            case Stage.SERVING:
                self._watch(one, now)
            case Stage.DRAINING:
                self._await_idle(one, member, now)
            case Stage.STOPPING:
                if now - one.since > self.workload.run.grace and one.identity:
                    processes.send(one.identity, SIGKILL)

    def _await_ready(self, one: Replica, now: float) -> None:
        if one.identity is None:
            return
        if one.probe is not None and one.probe.done():
            one.answer = one.probe.result()
            one.probe = None
            if not one.answer:
                one.owned_at = now
                one.enter(Stage.JOINING, now)
                return
        within = self.workload.run.ready_within
        if now - one.since > within:
            self._give_up(one, f"not ready within {within:g} s: {one.answer}", now)
            self._exits.despair(f"not ready within {within:g} s: {one.answer}")
        elif one.probe is None:
            one.probe = self._helpers.submit(replica.ask, one.identity, one.port, self.workload.run.ready)

    def _watch(self, one: Replica, now: float) -> None:
        """A replica that hangs, or whose port somebody else has, is replaced."""
        if one.healthy:
            one.sick_since = None
        elif one.sick_since is None:
            one.sick_since = now
        elif now - one.sick_since > self._sick_for:
            self._give_up(one, f"{self.workload.run.health} did not answer well for {self._sick_for:g} s", now)
            return
        if one.identity and now - one.owned_at > LOOK_AT_PORTS_EVERY:
            one.owned_at = now
            if whose := replica.stranger(one.identity, one.port):
                self._give_up(one, whose, now)

    def _await_idle(self, one: Replica, member: Member | None, now: float) -> None:
        # Twice idle: a worker of Envoy may have chosen it just before it heard that it drains.
        idle = member is None or (member.draining and not member.active)
        one.idle = one.idle + 1 if idle and not self._hidden else 0
        bound = self.workload.run.request_timeout + self.workload.run.grace
        if one.idle < 2 and now - one.since < bound:
            return
        one.enter(Stage.STOPPING, now)
        if one.identity:
            processes.send(one.identity, SIGTERM)

    def _let_go(self, one: Replica, now: float) -> None:
        replica.note_leaving(one.folder)
        if one.stage in IN_ENVOY:
            one.enter(Stage.DRAINING, now)
            return
        one.enter(Stage.STOPPING, now)
        if one.identity is None:
            self.replicas.remove(one)
        else:
            processes.send(one.identity, SIGTERM)

    def _give_up(self, one: Replica, why: str, now: float) -> None:
        self._count_exit(one.folder, why, now)
        self._let_go(one, now)

    def _add(self, now: float) -> None:
        if now < max(self._exits.wait_until(), self._not_before):
            return
        self._numbers += 1
        folder = self._folder / "replicas" / str(self._numbers)
        try:
            port = listening.draw(listening.REPLICAS, (one.port for one in self.replicas))
            replica.note_port(folder, port)
        except (OSError, Unavailable) as error:
            self._postpone(f"no replica could be added: {error}", now)
            return
        self.replicas.append(Replica(self._numbers, folder, port, Stage.STARTING, now))

    def _start(self, one: Replica, now: float) -> None:
        try:
            tree = self._prepared()
            if tree is None:
                return
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            env = replica.environment(self.workload, self.place, one.port, self._state, self._secrets)
            one.identity = processes.start(
                one.folder,
                replica.command(self.workload, one.port),
                cwd=tree,
                env=env,
                limits=self.workload.run.limits,
                mask=tuple(self.workload.configuration.secrets),
            )
            one.since = now
        except Failed as error:
            self._exits.despair(str(error))
            self._not_before = now + AGAIN_AFTER
        except Exception as error:
            # Trouble on our side, whatever it is, is no evidence against the release: say it, and try again.
            self._postpone(str(error) if isinstance(error, HeadwayError) else repr(error), now)

    def _postpone(self, why: str, now: float) -> None:
        self._exits.log = (f"headway: {why}",)
        self._not_before = now + AGAIN_AFTER

    def _prepared(self) -> Path | None:
        """The release's files as a copy of our own, so that what runs cannot write into the store; None while it is being made."""
        if self._tree is None:
            self._tree = self._helpers.submit(_copy, self._artifacts, self.workload.digest, self._folder / "tree")
        if not self._tree.done():
            return None
        if self._tree.exception() is not None:
            failed, self._tree = self._tree, None
            return failed.result()
        return self._tree.result()

    # What is remembered of those that ended.

    def _count_exit(self, folder: Path, why: str, now: float) -> None:
        self._exits.count(now, why, (f"headway: replica {folder.name} {why}", *processes.tail(folder, LOG_LINES)))

    def _count_old_exit(self, folder: Path, found: processes.Exited | processes.Lost, now: float) -> None:
        if replica.is_leaving(folder) or isinstance(found, processes.Lost):
            return
        ago = time.time() - found.at.timestamp()
        if 0 <= ago < WITHIN:
            self._count_exit(folder, str(found), now - ago)

    def _folders(self) -> list[Path]:
        folder = self._folder / "replicas"
        return sorted(folder.iterdir(), key=lambda one: int(one.name)) if folder.exists() else []

    def _tidy(self) -> None:
        """Keep the logs of the last few that ended."""
        present = {one.folder for one in self.replicas}
        for folder in [folder for folder in self._folders() if folder not in present][:-KEPT_FOLDERS]:
            shutil.rmtree(folder, ignore_errors=True)


def _copy(artifacts: Callable[[str], Path], digest: str, tree: Path) -> Path:
    if tree.exists():
        return tree
    stored = artifacts(digest)
    half = tree.with_name("tree.half")
    try:
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(stored, half, symlinks=True)
        for folder in (half, *(one for one in half.rglob("*") if one.is_dir() and not one.is_symlink())):
            folder.chmod(0o700)  # a store's trees are read-only; ours can be removed again
        half.rename(tree)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(half, ignore_errors=True)
        raise Unavailable(f"the artifact {digest} could not be unpacked into {tree}: {error}") from error
    return tree
