"""The one that keeps an environment as declared: sole writer of its Envoy's files, starter and ender of its processes.

A level-triggered loop: each pass compares what was declared (on disk) with what runs and moves it one step closer. Nothing depends on
the memory of the Headway that began; kill -9 at any point leaves the next one with the same loop over the same files.

The order in which Envoy is told is what loses no request: members, then the cluster, then (when Envoy found them healthy) the route;
and back: no route, draining, idle, SIGTERM, gone, no cluster.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from headway.adapters.local import declared, envoy_config, listening, routing
from headway.adapters.local.counting import added
from headway.adapters.local.crew import Crew
from headway.adapters.local.declared import Declared, EnvironmentState, PlaceState, Shifting
from headway.adapters.local.envoy import Envoy
from headway.adapters.local.envoy_admin import Member
from headway.adapters.local.waking import Waker
from headway.analysis.model import Counters
from headway.environments.model import Place
from headway.errors import Contradiction, Fenced, HeadwayError, Unavailable
from headway.rollout.model import Intent, SetReplicas, SetWeights
from headway.rollout.seen import Group, Sight

log = structlog.get_logger()

QUIET, BUSY, AFTER_TROUBLE = 0.5, 0.05, 1.0
STALE_AFTER = 15.0
KEPT_COUNTS = 20
NOBODY = Group(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a supervisor needs from beyond its folder."""

    secrets: Callable[[str], str]
    artifacts: Callable[[str], Path]
    binary: Callable[[], Path]
    helpers: Executor


class Supervisor:
    """One environment. Whoever makes it holds the lock of its folder."""

    def __init__(self, environment: str, folder: Path, outside: Outside) -> None:
        self.environment = environment
        self._folder = folder
        self._outside = outside
        self._lock = threading.RLock()
        self._record = folder / "environment.json"
        self._state = declared.load(self._record)
        self._envoy = Envoy(environment, folder / "envoy", outside.binary())
        self._crews: dict[tuple[str, str], Crew] = {}
        self._groups: Mapping[tuple[str, str], Group] = {}
        self._trouble = "it has just started"
        self._looked = time.monotonic()
        self._waker = Waker()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"headway-{environment}", daemon=True)

    # What the platform asks.

    def start(self) -> None:
        """Adopt what runs, and keep it from now on."""
        with self._lock:
            if self._state.places:
                self._attempt()
        self._thread.start()

    def ports(self) -> frozenset[int]:
        """The ports that this environment keeps."""
        return frozenset(place.port for place in self._state.places.values())

    def reserve(self, service: str, port: int | None, taken: frozenset[int]) -> int:
        """Give the service its port and listen there."""
        with self._lock:
            was = self._state
            known = was.places.get(service)
            if known is not None and port in (None, known.port):
                return known.port
            if port is None:
                port = listening.draw(listening.PLACES, taken)
            listening.demand(port, f"{service} in {self.environment}")
            self._save(service, replace(known, port=port) if known else PlaceState(port))
            try:
                self._tell_envoy()
                self._open_doors()
            except HeadwayError:
                self._state = was
                declared.save(self._record, was)
                raise
            self._waker.wake()
            return port

    def knows(self, service: str) -> bool:
        """Whether the service has a port here."""
        return service in self._state.places

    def port(self, service: str) -> int:
        """Where users reach the service."""
        place = self._state.places.get(service)
        if place is None:
            raise Unavailable(f"{service} in {self.environment} has no port yet; nothing was ever asked for there")
        return place.port

    def act(self, service: str, intent: Intent) -> None:
        """Do it, unless somebody newer was here."""
        with self._lock:
            place = self._place(service)
            if intent.fence < place.fence:
                seen = f"generation {place.fence.generation}, turn {place.fence.turn}"
                raise Fenced(
                    f"{service} in {self.environment} was last written by {seen}; "
                    f"{intent.key} comes with generation {intent.fence.generation}, turn {intent.fence.turn}"
                )
            if intent.fence > place.fence:
                # Kept even if what follows fails: whoever is older must not act after this.
                place = replace(place, fence=intent.fence)
                self._save(service, place)
            match intent.effect:
                case SetReplicas():
                    self._set_replicas(service, place, intent.key, intent.effect)
                case SetWeights(weights):
                    self._set_weights(service, place, intent.key, weights)
                case _:
                    raise Contradiction(f"the local platform does not do {intent.effect.kind}")
            self._waker.wake()

    def was_done(self, service: str, key: str) -> bool:
        """Whether the effect with this key was done here, by us or by a Headway before us."""
        with self._lock:
            place = self._state.places.get(service)
            if place is not None and place.shifting is not None and place.shifting.key == key:
                self._settle_shift(service)
                place = self._state.places[service]
            return place is not None and key in place.done

    def look(self, service: str) -> Sight:
        """What runs, as of the last pass; never waits for one."""
        place = self._state.places.get(service)
        if place is None:
            return Sight()
        if time.monotonic() - self._looked > STALE_AFTER:
            raise Unavailable(f"the supervisor of {self.environment} has not got through for {STALE_AFTER:g} s: {self._trouble}")
        groups: dict[str, Group] = {}
        for name, wanted in place.workloads.items():
            groups[name] = replace(self._groups.get((service, name), NOBODY), wanted=wanted.replicas)
        return Sight(groups, {name: weight for name, weight in place.weights.items() if weight})

    def measure(self, service: str) -> Mapping[str, Counters]:
        """Counters by workload, all from one scrape; those of workloads that went stay as they were last."""
        with self._lock:
            place = self._place(service)
            return self._measured(service, place)

    def close(self) -> None:
        """Stop keeping; everything goes on running."""
        self._closing = True
        self._waker.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout=30)
        self._waker.close()

    def shut_down(self) -> None:
        """End everything in order: no new connections, requests finished, processes, Envoy. What was declared stays declared."""
        self.close()
        with self._lock:
            routing.shut_down(self._envoy, list(self._crews.values()))

    # Effects.

    def _set_replicas(self, service: str, place: PlaceState, key: str, effect: SetReplicas) -> None:
        name = effect.workload.name
        if not effect.replicas and name in place.serving:
            raise Contradiction(f"{name} still gets {place.weights.get(name, 0)} % of {service}'s traffic; move that first")
        workloads = dict(place.workloads)
        if effect.replicas or name in workloads:
            workloads[name] = Declared(effect.workload, effect.replicas)
        self._save(service, replace(place, workloads=workloads).did(key))

    def _set_weights(self, service: str, place: PlaceState, key: str, weights: Mapping[str, int]) -> None:
        wanted = {name: weight for name, weight in weights.items() if weight}
        if wanted and sum(wanted.values()) != 100:
            raise Contradiction(f"weights must sum to 100, not {sum(wanted.values())}: {wanted}")
        for name in wanted:
            self._demand_ready(service, name)
        self._save(service, replace(place, shifting=Shifting(key, wanted)))
        self._finish_shift(service)
        if key not in self._state.places[service].done:
            raise Unavailable(f"the weights of {service} in {self.environment} were not set: {self._trouble}")

    def _demand_ready(self, service: str, name: str) -> None:
        crew = self._crews.get((service, name))
        if crew is None or not crew.group().ready:
            raise Unavailable(f"{name} has no ready replica in {self.environment}; it gets no traffic before it has one")

    def _finish_shift(self, service: str) -> None:
        """Set the weights that were written down; confirmed or forgotten (and Envoy as it was) when this returns."""
        place = self._state.places[service]
        if place.shifting is None:
            return
        shifted = replace(place, weights=place.shifting.weights, shifting=None)
        try:
            self._tell_route(service, shifted)
        except Unavailable as error:
            self._trouble = str(error)
            self._save(service, replace(place, shifting=None))
            return
        self._save(service, shifted.did(place.shifting.key))

    def _settle_shift(self, service: str) -> None:
        """A Headway before us died while it set weights: what Envoy's file says already is confirmed, the rest never happened.

        Not simply finished: the release may have lost its replicas meanwhile, and whoever asks again has that looked at.
        """
        place = self._state.places[service]
        if place.shifting is None:
            return
        shifted = replace(place, weights=place.shifting.weights, shifting=None)
        if self._envoy.document(f"rds-{service}.json") == envoy_config.rds(self._route(service, shifted)):
            self._finish_shift(service)
        else:
            self._save(service, replace(place, shifting=None))
            self._tell_route(service, self._state.places[service])

    # The loop.

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                good = self._attempt() if self._state.places else True
                busy = any(crew.moving for crew in self._crews.values())
                watched = [self._envoy.identity, *(one.identity for crew in self._crews.values() for one in crew.replicas)]
            self._waker.wait((BUSY if busy else QUIET) if good else AFTER_TROUBLE, [one for one in watched if one is not None])

    def _attempt(self) -> bool:
        try:
            return self._tried()
        finally:
            self._groups = {key: crew.group() for key, crew in self._crews.items()}

    def _tried(self) -> bool:
        try:
            self._pass()
        except HeadwayError as error:
            if str(error) != self._trouble:
                log.warning("environment not as declared", environment=self.environment, why=str(error))
            self._trouble = str(error)
            return False
        except Exception as error:
            log.exception("the supervisor stumbled", environment=self.environment)
            self._trouble = repr(error)
            return False
        self._looked = time.monotonic()
        return True

    def _pass(self) -> None:
        self._tell_envoy()
        members = self._envoy.admin.members()
        troubles: list[Exception] = []
        for (service, name), crew in tuple(self._crews.items()):
            try:
                self._move(service, name, crew, members.get(crew.cluster().name, {}))
            except Exception as error:  # of one release; the others are not to suffer
                troubles.append(error)
        self._open_doors()
        if troubles:
            raise troubles[0]

    def _move(self, service: str, name: str, crew: Crew, members: Mapping[int, Member]) -> None:
        crew.wanted = self._state.places[service].workloads[name].replicas
        crew.step(members, time.monotonic())
        cluster = crew.cluster()
        self._envoy.put(f"eds-{cluster.name}.json", envoy_config.eds(cluster), f"cluster.{cluster.name}")
        if crew.gone and name not in self._state.places[service].serving:
            self._retire(service, name)

    def _tell_envoy(self) -> None:
        """Have Envoy run with the clusters, routes and listeners that were declared; costs nothing when it has."""
        if self._envoy.identity is None:
            self._envoy.start()
            self._forget_counts()
        self._man_crews()
        crews = self._crews.values()
        self._envoy.put("cds.json", envoy_config.cds([crew.cluster() for crew in crews], self._envoy.folder), "cluster_manager.cds")
        for service, place in self._state.places.items():
            if place.shifting is None:
                self._tell_route(service, place)
            else:
                self._settle_shift(service)

    def _open_doors(self) -> None:
        services = [envoy_config.Service(name, place.port) for name, place in self._state.places.items()]
        self._envoy.put("lds.json", envoy_config.lds(services, self._envoy.folder), "listener_manager.lds")

    def _tell_route(self, service: str, place: PlaceState) -> None:
        routing.put_route(self._envoy, self._route(service, place))

    def _route(self, service: str, place: PlaceState) -> envoy_config.Service:
        times = [place.workloads[name].workload.run.request_timeout for name in place.weights if name in place.workloads]
        return envoy_config.Service(service, place.port, place.weights, max(times, default=15.0))

    def _man_crews(self) -> None:
        for service, place in self._state.places.items():
            for name, wanted in place.workloads.items():
                if (service, name) in self._crews:
                    continue
                crew = Crew(
                    Place(service, self.environment),
                    wanted.workload,
                    self._folder / service,
                    secrets=self._outside.secrets,
                    artifacts=self._outside.artifacts,
                    helpers=self._outside.helpers,
                )
                crew.wanted = wanted.replicas
                file = f"eds-{crew.cluster().name}.json"
                known = self._envoy.document(file)
                crew.adopt(envoy_config.endpoints_in(known) if known else (), time.monotonic())
                if known is None:
                    self._envoy.write(file, envoy_config.eds(crew.cluster()))
                self._crews[service, name] = crew

    def _retire(self, service: str, name: str) -> None:
        """Nothing is left of it: keep its counts, forget its cluster."""
        place = self._state.places[service]
        counts = self._measured(service, place)[name]
        crew = self._crews.pop((service, name))
        others = [one.cluster() for one in self._crews.values()]
        self._envoy.put("cds.json", envoy_config.cds(others, self._envoy.folder), "cluster_manager.cds")
        self._envoy.remove(f"eds-{crew.cluster().name}.json")
        workloads = {key: value for key, value in place.workloads.items() if key != name}
        carried = {**{key: value for key, value in place.carried.items() if key != name}, name: replace(counts, active=0)}
        kept = dict(list(carried.items())[-KEPT_COUNTS:])
        self._save(service, replace(place, workloads=workloads, carried=kept))
        crew.forget()

    def _measured(self, service: str, place: PlaceState) -> Mapping[str, Counters]:
        raw = self._envoy.admin.measure()
        names = {*place.workloads, *place.carried}
        present = {name: raw.get(envoy_config.cluster_name(service, name), Counters()) for name in place.workloads}
        return {name: added(present.get(name, Counters()), place.carried.get(name, Counters())) for name in sorted(names)}

    def _forget_counts(self) -> None:
        """A new Envoy counts from 0; so do we, and whoever reads sees a decrease."""
        for service, place in self._state.places.items():
            if place.carried:
                self._save(service, replace(place, carried={}))

    # The record.

    def _place(self, service: str) -> PlaceState:
        place = self._state.places.get(service)
        if place is None:
            raise Unavailable(f"{service} in {self.environment} has no port; reserve one first")
        return place

    def _save(self, service: str, place: PlaceState) -> None:
        state = EnvironmentState(places={**self._state.places, service: place})
        declared.save(self._record, state)
        self._state = state
