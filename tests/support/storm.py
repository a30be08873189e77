"""Real rollouts through processes that are killed, or stopped and continued, at any instant; what must always hold is looked at after each.

The engine, the worker, the ledger and the migrations of databases are the product's; so is time. Only what runs and serves is on
paper, where every effect leaves its trace: a process is there again in milliseconds, so that a thousand deaths take minutes. Deaths
among real Envoys are bench/chaos.py's other half.
"""

import json
import os
import random  # noqa: TID251 - any instant will do
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from headway.adapters.ledger import Ledger, open_ledger
from headway.adapters.system import SystemClock, new_id, token
from headway.analysis.model import Thresholds
from headway.engine import controller, worker
from headway.engine.commands import Commands
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Commit, World
from headway.promotion.model import Stage
from headway.releases.model import CheckSpec, MigrationSpec
from headway.rollout.phases import ENDED, Phase
from headway.testing import FakeWorld, sample_release, sample_stage
from headway.testing.scripts import CRASHES, ERRORS, GOOD, Script
from support.always import Always, Broken
from support.paper import Entry, PaperChecks, PaperPlatform
from support.stormdata import StormData
from support.stormgates import AFTER, ASKS, BEFORE, StormGates, stages

SERVICES = tuple(f"s{number}" for number in range(12))
STRATEGIES: tuple[Mapping[str, object], ...] = (
    {"strategy": "canary", "weights": (10, 50)},
    {"strategy": "canary", "weights": (20,), "checks": ("smoke",)},
    {"strategy": "rolling"},
    {"strategy": "blue-green", "checks": ("smoke",)},
)
GUARDED, STORED = SERVICES[6:9], SERVICES[9:]
"""Those that have a stage before and people to ask; those that keep data. All others go straight in."""
SECRET = "STORM_TOKEN"
SMOKE = CheckSpec("smoke", ("smoke",))
QUICK = {"ready_after": 0.05, "stops_after": 0.05}
LEASE = timedelta(seconds=0.6)
"""Where nobody can tell that a server died but by its lease; the product's is 15 s, and would make a storm of hours."""
MEAN_LIFE = 0.25
LONGER = 0.3
GROWN = 64 * 1024
"""More than a place has on paper, less than a ledger in use."""
CALM = 60.0


class Fates(dict[str, Script]):
    """What becomes of a version: of five in a row, the fourth errs and the fifth crashes."""

    def get(self, key: str, default: Script = GOOD) -> Script:  # type: ignore[override]
        last = key.rpartition(".")[2]
        if not last.isdigit():
            return default
        return replace({3: ERRORS, 4: CRASHES}.get(int(last) % 5, GOOD), **QUICK)


def world_on(ledger: Ledger, folder: Path, life: str, host: str) -> World:
    """The world as one process sees it."""
    fake = FakeWorld()
    data = StormData(folder / "data", STORED)
    for number, service in enumerate(SERVICES):
        rules = {"soak": 0.1, "keep_warm": 0.3, "thresholds": Thresholds(needs=1, min_time=0.2), **STRATEGIES[number % len(STRATEGIES)]}
        if service in GUARDED:
            fake.pipelines.declared += map(_told, stages(service, **rules))
            continue
        stage = _told(sample_stage("production", service=service, **rules))
        if service in STORED:
            stage = replace(stage, environment=replace(stage.environment, database=data.database(service)))
        fake.pipelines.declared.append(stage)
    for number in range(200):
        release = sample_release(f"1.0.{number}")
        # Each on a branch of its own: a bad one must not keep the good ones after it out.
        fake.repository.commit(Commit(release.commit, release.author, release.cut_at, release.version), branch=release.version)
    clock = SystemClock()
    return replace(
        fake.world,
        clock=clock,
        platform=PaperPlatform(folder, clock, Fates(), life),
        checks=PaperChecks(folder, clock),
        migrations=data.port(),
        rollouts=ledger.rollouts,
        records=ledger.records,
        releases=ledger.releases,
        words=ledger.words,
        statements=ledger.statements,
        trains=ledger.trains,
        outbox=ledger.outbox,
        refs=ledger.registry,
        new_id=new_id,
        host=host,
    )


def _told(stage: Stage) -> Stage:
    """It is told a secret, by reference."""
    told = replace(stage.environment.configuration, secrets={"TOKEN": f"env:{SECRET}"})
    return replace(stage, environment=replace(stage.environment, configuration=told))


def live(url: str, folder: Path, life: str, host: str) -> None:
    """A server's worker, until it is killed."""
    if not host:
        controller.LEASE = worker.LEASE = LEASE
        controller.RENEW = LEASE / 5
    worker.Worker(world_on(open_ledger(url), folder, life, host), token, threads=4).run()


@dataclass
class Storm:
    """One ledger, some servers, a conductor who keeps them busy. `host`: they are lives of one home; none: replicas of one another."""

    url: str
    folder: Path
    seed: int
    servers: int = 1
    lives: dict[str, int] = field(default_factory=dict)
    """Process ids by name."""
    asked: list[str] = field(default_factory=list)
    killed: int = 0
    stopped: int = 0
    filled: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chance = random.Random(self.seed)
        self.host = "here" if self.servers == 1 else ""
        self.ledger = open_ledger(self.url)
        self.world = world_on(self.ledger, self.folder, "conductor", self.host)
        self.commands = Commands(self.world)
        self.secret = secrets.token_hex(16)
        self.always = Always(self.ledger, secret=self.secret)
        self.gates = StormGates(self.world, self.commands, self.chance, GUARDED)
        self.data = StormData(self.folder / "data", STORED)
        self.next = dict.fromkeys(SERVICES, 0)
        self._born = 0
        nursery = (sys.executable, "-m", "support.nursery")
        seen = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), SECRET: self.secret}
        self._nursery = subprocess.Popen(nursery, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=seen)
        self._heard()

    def start(self) -> None:
        """As many servers as there should be."""
        while len(self.lives) < self.servers:
            self._born += 1
            name = f"life {self._born}"
            self.lives[name] = self._told("life", self.url, str(self.folder), name, self.host)

    def kill(self) -> None:
        """kill -9 of one of them at any instant; its successor starts when all was looked at."""
        self._live()
        self._end(self.chance.choice(sorted(self.lives)))
        self.killed += 1
        self.look()
        self.start()

    def _live(self) -> None:
        """Mostly too short for anything to be measured; now and then long enough for a rollout to get on."""
        time.sleep(self.chance.uniform(0.0, (4 if self.chance.random() < LONGER else 2) * MEAN_LIFE))

    def stop_and_go(self) -> None:
        """SIGSTOP of one for longer than its leases last, then SIGCONT: it does not know that it was away."""
        self._live()
        victim = self.chance.choice(sorted(self.lives))
        self.always.stopped.add(victim)
        os.kill(self.lives[victim], signal.SIGSTOP)
        time.sleep(LEASE.total_seconds() * self.chance.uniform(0.5, 2.5))
        os.kill(self.lives[victim], signal.SIGCONT)
        self.stopped += 1
        self.look()

    def fill_the_disk(self, seconds: float) -> None:
        """No file of theirs may grow for so long: the ledger cannot be written, and everything else goes on."""
        for pid in self.lives.values():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (GROWN, resource.RLIM_INFINITY))
        time.sleep(seconds)
        self.look()
        for pid in self.lives.values():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.filled += 1

    @property
    def log(self) -> str:
        """What the lives said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self) -> None:
        """Whoever has nothing to do gets the next release; now and then somebody speaks."""
        waiting = self.ledger.records.standings(ended=False)
        busy = {
            one.rollout.place.service
            for one in waiting
            if one.rollout.place.service not in GUARDED or one.rollout.place.environment == BEFORE
        }
        for service in SERVICES:
            if service not in busy:
                self._promote(service)
        self.gates.speak()
        self.data.write()
        if waiting and self.chance.random() < 0.2:
            word = self.chance.choice(["abort", "retry", "advance", "pause"])
            target = self.chance.choice(waiting).rollout.id
            with suppress(Refused):  # it ended meanwhile
                self.commands.tell(word, target, "ada")
                if word == "pause":
                    self.commands.tell("resume", target, "ada")

    def _promote(self, service: str) -> None:
        version = f"1.0.{self.next[service]}"
        self.next[service] += 1
        release = sample_release(version, service=service, checks=(SMOKE,))
        if service in STORED:
            release = replace(release, migrations=MigrationSpec("migrations"))
        try:
            self.ledger.releases.add(release, ())
            self.gates.cut[release.name] = release
            for environment in (BEFORE, AFTER) if service in GUARDED else (AFTER,):
                self.asked.append(self.commands.promote(release.name, environment, ASKS)["rollout"])
        except HeadwayError as error:
            if "disk" not in str(error):
                raise

    def look(self) -> None:
        """What must always hold."""
        try:
            self.always.look(self.journals())
            self.gates.look()
            self.data.look()
            if self.secret in self.log:
                raise Broken("a secret is in what the servers said")
        except Broken as broken:
            raise Broken(f"{broken} (seed {self.seed}, {self.killed} killed, {self.stopped} stopped)") from broken

    def end(self) -> None:
        """Nobody dies any more: everything that was asked for comes to its end, and that end is what is there."""
        end = time.monotonic() + CALM
        called_off = set(self.gates.waiting())  # for words that nobody will say any more
        while waiting := [one for one in self.ledger.records.standings(ended=False) if one.rollout.phase not in ENDED]:
            for one in waiting:
                if one.rollout.phase in {Phase.HELD, Phase.PAUSED, Phase.PARKED} or one.rollout.id in called_off:
                    with suppress(Refused):  # it ended meanwhile
                        self.commands.tell("abort", one.rollout.id, "ada", "the storm is over")
            if time.monotonic() > end:
                break  # at_the_end says who
            time.sleep(0.2)
        weights = {place: self.world.platform.look(place).weights for place in self.places()}
        self.always.at_the_end(self.journals(), weights, self.asked)
        self.look()
        checks = self.world.checks
        assert isinstance(checks, PaperChecks)
        if not self.stopped and (twice := [name for name, starts in checks.starts().items() if starts > 1]):
            raise Broken(f"{twice[0]} was started twice")

    def close(self) -> None:
        for name in list(self.lives):
            self._end(name)
        self._nursery.communicate()
        self.data.end()
        self.ledger.close()

    def _end(self, name: str) -> None:
        pid = self.lives.pop(name)
        os.kill(pid, signal.SIGKILL)
        self._told("dead", pid)

    def _told(self, *words: object) -> int:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(words) + "\n")
        self._nursery.stdin.flush()
        return self._heard()

    def _heard(self) -> int:
        assert self._nursery.stdout is not None
        heard = json.loads(self._nursery.stdout.readline() or "null")
        assert heard is not None, "the nursery died"
        return heard

    def __enter__(self) -> "Storm":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def places(self) -> Sequence[Place]:
        return [*(Place(service, AFTER) for service in SERVICES), *(Place(service, BEFORE) for service in GUARDED)]

    def journals(self) -> dict[Place, list[Entry]]:
        platform = self.world.platform
        assert isinstance(platform, PaperPlatform)
        return {place: platform.page(place).journal for place in self.places()}

    @property
    def effects(self) -> int:
        return sum(len(journal) for journal in self.journals().values())

    def outcomes(self) -> dict[str, int]:
        """How many rollouts ended how."""
        found: dict[str, int] = {}
        for one in self.ledger.records.standings(most=100_000):
            found[one.rollout.phase.value] = found.get(one.rollout.phase.value, 0) + 1
        return found
