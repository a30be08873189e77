"""A platform in virtual time: instances become ready, traffic flows by the weights, and the place keeps its fence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headway.analysis.model import Readings
from headway.environments.model import Place
from headway.errors import Contradiction, Fenced, Unavailable
from headway.ports import Clock
from headway.rollout.model import Fence, Intent, RunMigration, SetReplicas, SetWeights, StartCheck, Workload
from headway.rollout.seen import Edit, Group, Probe, Sight
from headway.testing.scripts import GOOD, Script
from headway.testing.traffic import Instances, Traffic


@dataclass(frozen=True, slots=True)
class Done:
    """One effect that reached its target. `again` when its key had been done before."""

    at: datetime
    place: Place
    intent: Intent
    again: bool = False


@dataclass
class Site:
    """One place: what runs there, how it is routed, who wrote last."""

    groups: dict[str, Instances] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    routes: SetWeights = SetWeights({})
    """Set last: whom testers reach, and who gets copies, besides the weights."""
    fence: Fence = Fence(0, 0)
    done: set[str] = field(default_factory=set)
    traffic: Traffic = field(default_factory=Traffic)
    copies: Traffic = field(default_factory=Traffic)


@dataclass
class FakePlatform:
    """Behaves by `scripts`, looked up by a workload's name, then by its version; what is not named there is good.

    `down_until` makes it not answer; `forgetful` makes every probe unknown. `interrupt` is called at each durable point inside an
    effect, so that a test can raise there what a crash would. `requests` a second flow wherever something is routed;
    so many `testers` ask for what they are routed to; `outage` is the share of all requests that fails, whatever answers them.
    """

    clock: Clock
    scripts: dict[str, Script] = field(default_factory=dict)
    requests: float = 20.0
    testers: float = 0.0
    outage: float = 0.0
    down_until: datetime | None = None
    forgetful: bool = False
    interrupt: Callable[[str], None] = lambda _: None
    sites: dict[Place, Site] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    edits: dict[Place, tuple[Edit, ...]] = field(default_factory=dict)
    """What somebody else did there; an effect that sets a release right takes its own away."""
    rested: dict[str, dict[Place, Site]] = field(default_factory=dict)
    """What was declared in the environments that rest."""

    def rest(self, environment: str) -> None:
        if environment not in self.rested:
            self.rested[environment] = {place: self.sites.pop(place) for place in tuple(self.sites) if place.environment == environment}

    def clear(self, place: Place) -> None:
        self._site(place)
        del self.sites[place]
        self.rested.get(place.environment, {}).pop(place, None)

    def act(self, place: Place, intent: Intent) -> None:
        self.sites.update(self.rested.pop(place.environment, {}))
        site = self._site(place)
        self.interrupt("before the target heard of it")
        if intent.fence < site.fence:
            raise Fenced(f"{place} was written by {site.fence}, so {intent.fence} is too late")
        match intent.effect:
            case SetWeights(weights) as routes:
                self._routable(site, routes)
                site.fence = intent.fence
                self.interrupt("between the fence and the weights")
                site.weights = {name: percent for name, percent in weights.items() if percent}
                site.routes = routes
            case SetReplicas(workload, replicas, mend):
                site.fence = intent.fence
                if mend:
                    self.edits[place] = tuple(one for one in self.edits.get(place, ()) if one.workload != workload.name)
                self.interrupt("between the fence and the instances")
                self._scale(site, workload, replicas)
            case StartCheck() | RunMigration():
                raise TypeError(f"a platform does not {intent.effect.kind}; there is a port for that")
        self.done.append(Done(self.clock.now(), place, intent, again=intent.key in site.done))
        site.done.add(intent.key)
        self.interrupt("done, and nobody told")

    def probe(self, place: Place, intent: Intent) -> Probe:
        if self.forgetful:
            return Probe.UNKNOWN
        return Probe.DONE if intent.key in self._site(place).done else Probe.NOT_DONE

    def look(self, place: Place, *, lately: bool = False) -> Sight:  # noqa: ARG002 - as the port has it
        site, now = self._site(place), self.clock.now()
        groups = {name: _group(instances, now) for name, instances in site.groups.items() if instances.known(now)}
        edits = self.edits.get(place, ())
        return Sight(groups, dict(site.weights), site.routes.sticky, site.routes.matches, dict(site.routes.mirrors), edits)

    def measure(self, place: Place) -> Readings:
        site = self._site(place)
        heard = {name: counters for name, counters in site.traffic.counters().items() if not self._script_of(site, name).silent}
        copies = {name: counters for name, counters in site.copies.counters().items() if not self._script_of(site, name).silent}
        return Readings(self.clock.now(), heard, copies)

    def by_hand(self, place: Place, bad: str, good: str) -> tuple[str, ...]:
        return (f"route {place} from {bad} to {good}",)

    def url(self, place: Place, workload: str | None = None) -> str:
        alone = f"{workload}." if workload else ""
        return f"http://{alone}{place.environment}.{place.service}.test"

    def unanswered(self, place: Place) -> int:
        """Requests that found nobody at the release they were routed to."""
        return self._site(place).traffic.unanswered

    def install(self, place: Place, workload: Workload, replicas: int) -> None:
        """Have it running and ready with all the traffic, as if an earlier rollout had completed long ago."""
        site = self.sites.setdefault(place, Site())
        self._scale(site, workload, replicas)
        instances = site.groups[workload.name]
        instances.started = [at - timedelta(hours=1) for at in instances.started]
        site.weights = {workload.name: 100}

    # -- inside

    def _site(self, place: Place) -> Site:
        now = self.clock.now()
        if self.down_until is not None and now < self.down_until:
            raise Unavailable(f"the fake platform does not answer before {self.down_until:%H:%M:%S}")
        site = self.sites.setdefault(place, Site(traffic=Traffic(flowed=now), copies=Traffic(flowed=now)))
        site.copies.flow(now, self.requests, site.routes.mirrors, site.groups, outage=self.outage)
        asking = {match.workload: 100 for match in site.routes.matches}
        site.traffic.flow(now, self.testers, asking, site.groups, outage=self.outage, passed=False)
        site.traffic.flow(now, self.requests, site.weights, site.groups, outage=self.outage)
        return site

    def _routable(self, site: Site, routes: SetWeights) -> None:
        now = self.clock.now()
        for name in {*(name for name, percent in routes.weights.items() if percent), *_besides(routes)}:
            if not (name in site.groups and site.groups[name].ready(now)):
                raise Unavailable(f"{name} has no ready instance that traffic could go to")

    def _scale(self, site: Site, workload: Workload, replicas: int) -> None:
        if not replicas and workload.name in _besides(site.routes):
            raise Contradiction(f"{workload.name} still gets testers or copies; move those first")
        script = self.scripts.get(workload.name, self.scripts.get(workload.version, GOOD))
        site.groups.setdefault(workload.name, Instances(script)).scale(replicas, self.clock.now())

    def _script_of(self, site: Site, name: str) -> Script:
        return site.groups[name].script if name in site.groups else GOOD


def _besides(routes: SetWeights) -> frozenset[str]:
    return frozenset({*(match.workload for match in routes.matches), *routes.mirrors})


def _group(instances: Instances, now: datetime) -> Group:
    crashed = instances.script.crashes and instances.started
    return Group(
        wanted=len(instances.started),
        running=instances.running(now),
        ready=instances.ready(now),
        bad_news=("exited at once with status 1, three times in a row",) if crashed else (),
        log=("Traceback (most recent call last):", "KeyError: 'DATABASE'") if crashed else (),
    )
