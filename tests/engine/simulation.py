"""Servers that turn rollouts in virtual time, and die, stop and go on at every durable point."""

# ruff: noqa: TID251 - chance with a seed

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from laws import Laws
from simulated import Data, People, stages
from watched import Broken, Watch, WatchedChecks, WatchedMigrations, WatchedPlatform

from headway.engine import controller
from headway.errors import Contradiction, Fenced, HeadwayError, Unavailable
from headway.ports import Held, World
from headway.rollout.phases import ENDED, Phase
from headway.testing import FakeWorld, MemoryLedger
from headway.testing.clock import FakeClock

STOPS = frozenset(
    {
        "before save",
        "after save",
        "before the target heard of it",
        "done, and nobody told",
        "before the check started",
        "before the run started",
    }
)
"""Where a server may also stop for longer than its lease and then go on. Inside an effect the target's own supervisor writes alone."""


class Crash(BaseException):
    """kill -9. No `except` of the engine's may catch it."""


@dataclass
class Item:
    held: Held
    saved: datetime
    again: datetime
    taken: int


@dataclass(eq=False)
class Server:
    token: str
    items: dict[str, Item] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a simulated world went through."""

    seed: int
    started: int
    crashes: int
    stops: int
    days: float
    phases: frozenset[Phase]
    """Those that its rollouts went through."""


class Simulation:
    """One world with its servers and its bad luck, all from one seed."""

    def __init__(self, seed: int, *, crashes: int = 40, ledger: Callable[[FakeClock], Any] = MemoryLedger) -> None:
        self.chance = Random(seed)
        self.seed, self.luck = seed, crashes
        self.fakes = FakeWorld(clock=FakeClock())
        self.fakes.ledger = ledger(self.fakes.clock)
        self.tables = self.fakes.ledger.tables
        self.watch = Watch(lambda: self.tables)
        clock = self.fakes.clock
        self.platform = WatchedPlatform(clock, watch=self.watch, interrupt=self.point)
        self.checks = WatchedChecks(clock, watch=self.watch, interrupt=self.point)
        self.migrations = WatchedMigrations(clock, watch=self.watch, platform=self.platform, interrupt=self.point)
        self.platform.migrations = self.migrations
        self.world = self._world()
        self.fakes.pipelines.declared += stages(self.chance)
        self.people = People(self.chance, self.fakes, self.platform, self.checks)
        self.data = Data(seed, self.fakes, self.migrations, self.people.releases)
        self.people.repair = self.data.repair
        self.laws = Laws(self.fakes, self.platform, self.people.told)
        self.tables.interrupt = self.point
        self.tokens = count(1)
        self.servers = [self.server() for _ in range(self.chance.choice([1, 1, 2]))]
        self.crashes = self.stops = self.depth = 0
        self.turning = False
        self.often = self.chance.choice([0.02, 0.1, 0.25])

    def _world(self) -> World:
        ledger = self.fakes.ledger
        self.fakes.world = replace(
            self.fakes.world,
            platform=self.platform,
            checks=self.checks,
            migrations=self.migrations,
            rollouts=ledger.rollouts,
            records=ledger.records,
            releases=ledger.releases,
            words=ledger.words,
            outbox=ledger.outbox,
            refs=ledger.refs,
        )
        return self.fakes.world

    def server(self) -> Server:
        return Server(f"server {next(self.tokens)}")

    # -- bad luck

    def point(self, name: str) -> None:
        """A durable point: here anything may happen to the server that turns."""
        match name:
            case "after save" | "after add" | "after claim":
                self.laws.after_a_write()
            case "done, and nobody told":
                self.platform.report()
            case "the check started, and nobody was told":
                self.checks.report()
            case "the run started, and nobody was told":
                self.migrations.report()
        if not self.turning or self.fakes.clock.now() > self.people.over:
            return
        if self.crashes < self.luck and self.chance.random() < self.often:
            self.crashes += 1
            raise Crash
        if self.depth == 0 and name in STOPS and self.chance.random() < 0.01:
            self._stop()

    def _stop(self) -> None:
        """The server stops for longer than its lease lasts; others go on; then it goes on too, and knows nothing of it."""
        self.stops += 1
        self.depth, self.turning, taken = 1, False, self.watch.taken
        others, self.servers = self.servers, [self.server()]
        self.fakes.clock.pass_time(controller.LEASE.total_seconds() + 1)
        for _ in range(self.chance.randint(1, 40)):
            self._people()
            self.step()
        self.servers += others
        self.depth, self.watch.taken, self.turning = 0, taken, True

    def _outage(self) -> None:
        until = self.fakes.clock.now() + timedelta(seconds=self.chance.choice([0.3, 2.0, 12.0]))
        match self.chance.choice(["platform", "checks", "ledger", "memory"]):
            case "platform":
                self.platform.down_until = until
            case "memory":
                self.platform.forgetful = not self.platform.forgetful
            case "checks":
                self.checks.down_until = until
            case _:
                self.tables.down_until = until

    # -- the servers

    def step(self) -> None:
        """One server claims, and turns what is most due; or time goes by."""
        server = self.chance.choice(self.servers)
        self.turning = True
        try:
            busy = self._work(server)
        except Crash:
            self.servers[self.servers.index(server)] = self.server()
            busy = True
        finally:
            self.turning = False
        if not busy:
            self._let_time_pass()

    def _work(self, server: Server) -> bool:
        now = self.fakes.clock.now()
        try:
            claimed = self.world.rollouts.claim(now, now + controller.LEASE, server.token, 5)
        except Unavailable:
            claimed = ()
        for held in claimed:
            server.items[held.rollout.id] = Item(held, now, now, self.watch.tick())
        item = min(server.items.values(), key=lambda one: one.again, default=None)
        if item is None or item.again > now:
            return False
        self._turn(server, item)
        return True

    def _turn(self, server: Server, item: Item) -> None:
        name = item.held.rollout.id
        self.watch.taken = item.taken
        try:
            turned = controller.turn(item.held, item.saved, self.world)
        except Fenced:
            server.items.pop(name, None)
        except Contradiction:
            # Two who start at once: the ledger lets one through.
            if len(self.servers) == 1 and not self.stops:
                raise
            server.items.pop(name, None)
        except HeadwayError:
            server.items.pop(name, None)  # its lease runs out, and somebody takes it up again
        else:
            if turned.held is None:
                server.items.pop(name, None)
            else:
                item.held, item.saved, item.again = turned.held, turned.saved, turned.again

    def _let_time_pass(self) -> None:
        now = self.fakes.clock.now()
        times = [self.people.next, *(item.again for server in self.servers for item in server.items.values())]
        times += [max(row.due, row.lease_until or row.due) for row in self.tables.rows.values() if row.due is not None]
        later = [time for time in times if time > now]
        self.fakes.clock.go_to(max(min(later, default=now), now + timedelta(seconds=0.05)))

    # -- the story

    def run(self, most: int = 30_000) -> Outcome:
        """The whole story; raises Broken when a law does not hold."""
        try:
            for _ in range(most):
                if self._finished():
                    break
                self._people()
                self.step()
            self.laws.at_the_end(calm=self.people.calm and not self.stops)
        except Broken as broken:
            raise Broken(f"seed {self.seed} at {self.fakes.clock.now():%H:%M:%S}: {broken}") from broken
        days = (self.fakes.clock.now() - FakeClock().at).total_seconds() / 86400
        started = sum(row.rollout.plan is not None for row in self.tables.rows.values())
        return Outcome(self.seed, started, self.crashes, self.stops, days, frozenset(self.laws.phases))

    def _people(self) -> None:
        now = self.fakes.clock.now()
        if now < self.people.next:
            return
        self.laws.at_rest()
        if now < self.people.over:
            self.people.act()
            self.data.act()
            if self.chance.random() < 0.05:
                self._outage()
            return
        self.platform.forgetful = False
        self.data.calm()
        if self.tables.down_until is not None and now < self.tables.down_until:
            self.people.next = self.tables.down_until
        else:
            self.people.tidy_up(now)

    def _finished(self) -> bool:
        now = self.fakes.clock.now()
        if now < self.people.over:
            return False
        ended = all(row.rollout.phase in ENDED for row in self.tables.rows.values())
        return ended or now > self.people.over + timedelta(minutes=30)
