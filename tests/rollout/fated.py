"""One place in virtual time: a release that serves well, one that comes after it with a fate of its own, and a server that may die."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.controller import LEASE, RENEW, turn
from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import Held
from headway.releases.model import CheckSpec
from headway.rollout.model import Rollout, SetWeights
from headway.rollout.phases import Phase
from headway.testing import FakeWorld, sample_release, sample_stage
from headway.testing.platform import Done, Site
from headway.testing.scripts import GOOD, Script

HERE = Place("tally", "production")
OLD, NEW = "1.0.0", "2.0.0"
REPLICAS = 4
THRESHOLDS = Thresholds(latency_ms=300.0, needs=20, min_time=3.0, max_wait=30.0, hold_for=8.0)


class Killed(BaseException):
    """kill -9. No `except` of the engine's may catch it."""


@dataclass
class Fated:
    """A production with four replicas, a hundred requests a second and one server."""

    rules: dict[str, object]
    deadly: bool = False
    """The server dies at every durable point, and the next one takes over."""
    fakes: FakeWorld = field(default_factory=FakeWorld)
    lawless: bool = False
    """Of two evils, one may be a release that is too small."""
    died: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        rules: dict[str, object] = {"thresholds": THRESHOLDS, "soak": 6.0, "keep_warm": 30.0, "checks": ("smoke",), "notify": ("ops",)}
        self.fakes.pipelines.declared = [sample_stage("production", replicas=REPLICAS, **{**rules, **self.rules})]
        self.platform = self.fakes.platform
        self.platform.requests = 100.0
        self.commands = Commands(self.fakes.world)
        self.seen = 0
        first = self.ask(OLD)
        self.until(lambda: self.rollout(first).phase is Phase.COMPLETED, within=600)
        self.platform.interrupt = self.fakes.ledger.tables.interrupt = self._point

    # -- what people do

    def ask(self, version: str, script: Script = GOOD) -> str:
        """Cut it and promote it; the rollout's id."""
        self.platform.scripts[version] = script
        name = f"tally@{version}"
        if self.fakes.world.releases.get(name) is None:
            self.fakes.release(sample_release(version, at=self.now, checks=(CheckSpec("smoke", ("smoke",)),)))
        return str(self.commands.promote(name, "production", "ada")["rollout"])

    def say(self, word: str, rollout: str) -> None:
        self.commands.tell(word, rollout, "bob", "")

    def back(self) -> str:
        return str(self.commands.rollback("production", "bob")["rollout"])

    def outage(self, seconds: float) -> None:
        """The platform does not answer for so long, from this very instant."""
        self.platform.down_until = self.now + timedelta(seconds=seconds)
        raise Unavailable("the platform went away")

    # -- what there is

    @property
    def now(self):  # type: ignore[no-untyped-def]
        return self.fakes.clock.now()

    @property
    def site(self) -> Site:
        return self.platform.sites[HERE]

    def rollout(self, name: str) -> Rollout:
        standing = self.fakes.world.records.standing(name)
        assert standing is not None
        return standing.rollout

    def why(self, name: str) -> str:
        standing = self.fakes.world.records.standing(name)
        assert standing is not None
        return standing.why

    def shares(self) -> dict[str, int]:
        """Who has the traffic, by version."""
        return {self.version(name): percent for name, percent in self.site.weights.items()}

    def version(self, name: str) -> str:
        """1.0.0 of v1-0-0-5f3c…"""
        return ".".join(name.removeprefix("v").split("-")[:3])

    def ready(self, version: str) -> int:
        return sum(group.ready(self.now) for name, group in self.site.groups.items() if self.version(name) == version)

    def started(self, version: str) -> int:
        return sum(len(group.started) for name, group in self.site.groups.items() if self.version(name) == version)

    def quarantined(self) -> set[str]:
        return {one.release.partition("@")[2] for one in self.fakes.ledger.tables.quarantines}

    def live(self) -> str:
        live = self.fakes.world.records.place(HERE).live
        assert live is not None
        return live.version

    def told(self) -> list[str]:
        """The titles of what people were sent."""
        return [letter.notice.title for letter in self.fakes.ledger.tables.letters.values()]

    def dropped(self) -> int:
        """Requests that nobody was there to answer."""
        return self.platform.unanswered(HERE)

    def weights_of(self, version: str) -> list[int]:
        """The shares it was given, one after the other."""
        effects = [done.intent.effect for done in self.platform.done if not done.again]
        told = [effect.weights for effect in effects if isinstance(effect, SetWeights)]
        return [sum(share for name, share in weights.items() if self.version(name) == version) for weights in told]

    # -- time

    def until(self, good: Callable[[], bool], within: float) -> None:
        """Turn what is due until it is so, in at most so many seconds of virtual time."""
        end = self.now + timedelta(seconds=within)
        while not good():
            standing = [(row.rollout.id, row.rollout.phase.value, row.why) for row in self.fakes.ledger.tables.rows.values()]
            assert self.now < end, f"not within {within:g} s: {standing}"
            self._work()
            self._look_at_the_law()

    def pass_time(self, seconds: float) -> None:
        """Let so much time go by."""
        end = self.now + timedelta(seconds=seconds)
        self.until(lambda: self.now >= end, within=seconds + 3 * LEASE.total_seconds())

    def _work(self) -> None:
        try:
            for held in self.fakes.world.rollouts.claim(self.now, self.now + LEASE, "server", 10):
                self._turn(held)
        except Killed:
            self._start_anew()
        self.fakes.clock.pass_time(0.1)

    def _start_anew(self) -> None:
        """The next server: it takes over what the dead one held."""
        self.deadly = False
        self.fakes.world.rollouts.take_over("", self.now)
        self.deadly = True

    def _turn(self, held: Held) -> None:
        turned = turn(held, self.now - RENEW, self.fakes.world)  # every look is saved, so that the record says what it waits for
        while turned.held is not None and turned.again <= self.now:
            turned = turn(turned.held, turned.saved, self.fakes.world)
        if turned.held is not None:  # given back, so that whoever is due is turned in every tenth of a second
            row = self.fakes.ledger.tables.rows[turned.held.rollout.id]
            row.rollout, row.due, row.lease_until = turned.held.rollout, turned.again, self.now

    def _point(self, what: str) -> None:
        """A durable point. The server dies at each of them once, as far as the record can tell them apart."""
        if not self.deadly:
            return
        rows = self.fakes.ledger.tables.rows.values()
        where = (what, *((row.rollout.phase, row.rollout.cursor, row.rollout.turn, row.rollout.intent is None) for row in rows))
        if where not in self.died:
            self.died.add(where)
            raise Killed

    # -- what must always hold

    def _look_at_the_law(self) -> None:
        fresh, self.seen = self.platform.done[self.seen :], len(self.platform.done)
        for done in fresh:
            if isinstance(done.intent.effect, SetWeights) and not done.again and not self.lawless:
                self._carried(done, done.intent.effect)

    def _carried(self, done: Done, effect: SetWeights) -> None:
        for name, percent in effect.weights.items():
            replicas = self.fakes.pipelines.declared[0].environment.replicas
            ready, needed = self.site.groups[name].ready(done.at), -(-replicas * percent // 100)
            # On the way back the old release may be smaller than it was once it had its time, but never nobody.
            least = needed if self.version(name) != OLD else 1
            assert ready >= least, f"{percent} % to {name} with {ready} of {needed} replicas ready"
