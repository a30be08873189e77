"""Keeping an environment as declared, one pass at a time.

Each pass compares what was declared (on disk) with what runs and moves it one step closer. Nothing depends on the memory of the Headway
that began; kill -9 at any point leaves the next one with the same pass over the same files.

The order in which Envoy is told is what loses no request: members, then the cluster, then (when Envoy found them healthy) the route;
and back: no route, draining, idle, SIGTERM, gone, no cluster.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from headway.adapters.local import declared, envoy_config, envoy_routes, routing
from headway.adapters.local.crew import Crew
from headway.adapters.local.declared import EnvironmentState, PlaceState
from headway.adapters.local.envoy import Envoy
from headway.adapters.local.envoy_admin import Member
from headway.analysis.model import Counters
from headway.environments.model import Place
from headway.errors import HeadwayError, Unavailable

log = structlog.get_logger()

KEPT_COUNTS = 20
CLUSTERS_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Outside:
    """What keeping an environment needs from beyond its folder."""

    secrets: Callable[[str], str]
    artifacts: Callable[[str], Path]
    binary: Callable[[], Path]
    helpers: Executor
    sick_for: float = 30.0
    """Seconds that a replica may fail its health path before it is replaced."""


class Keeper:
    """One environment's record, Envoy and crews. Used under the supervisor's lock only."""

    def __init__(self, environment: str, folder: Path, outside: Outside) -> None:
        self._environment = environment
        self._folder = folder
        self._outside = outside
        self._record = folder / "environment.json"
        self.state = declared.load(self._record)
        self.envoy = Envoy(environment, folder / "envoy", outside.binary())
        self.crews: dict[tuple[str, str], Crew] = {}
        self._compared = False

    def keep(self) -> tuple[str, ...]:
        """One pass: everything one step closer to what was declared. Returns what is wrong with single releases."""
        self.tell_envoy()
        members, hidden = self.envoy.admin.members(), self.envoy.lives.handing_over
        troubles = []
        for (service, name), crew in tuple(self.crews.items()):
            try:
                self._move(service, name, crew, members.get(crew.cluster().name, {}), hidden)
            except HeadwayError as error:
                troubles.append(str(error))
            except Exception as error:  # of one release; its neighbours are not to suffer
                log.exception("a release could not be kept", environment=self._environment, release=name)
                troubles.append(f"{name}: {error!r}")
        for service, place in tuple(self.state.places.items()):
            if place.leaving and not place.workloads:
                self._depart(service, place)
        self.open_doors()
        return tuple(troubles)

    def tell_envoy(self) -> None:
        """Have Envoy run with the clusters, routes and listeners that were declared; costs nothing when it has."""
        if self.envoy.start():
            self._compared = True
            self._forget_counts()
        elif not self._compared:
            self._compare_envoy()
        self._man_crews()
        self._tell_clusters()
        for service, place in self.state.places.items():
            if place.shifting is None:
                self._tell_route(service, place)
            else:
                self.settle_shift(service)

    @property
    def moving(self) -> bool:
        """Whether something is under way that is worth looking at soon."""
        return any(crew.moving for crew in self.crews.values()) or any(place.leaving for place in self.state.places.values())

    def replace_envoy(self) -> None:
        """Have a new Envoy take over without a lost request; Unavailable, and the old one goes on, when that cannot be."""
        times = [one.workload.run.request_timeout for place in self.state.places.values() for one in place.workloads.values()]
        self.envoy.replace(finish_within=max(times, default=0))

    def open_doors(self) -> None:
        """Have Envoy listen where the places are."""
        services = [envoy_config.Service(name, place.port) for name, place in self.state.places.items()]
        self.envoy.put("lds.json", envoy_config.lds(services, self.envoy.folder), "listener_manager.lds")

    def measure(self, service: str, place: PlaceState) -> tuple[Mapping[str, Counters], Mapping[str, Counters]]:
        """Counters by workload, and apart those of copies, all from one scrape."""
        raw = self.envoy.counts()
        mirrors = {name: envoy_config.mirror_name(envoy_config.cluster_name(service, name)) for name in place.extras.mirrors}
        return self._measured(service, place, raw), {name: raw.get(mirror, Counters()) for name, mirror in mirrors.items()}

    def _measured(self, service: str, place: PlaceState, raw: Mapping[str, Counters]) -> Mapping[str, Counters]:
        """Those of workloads that went stay as they were last."""
        names = {*place.workloads, *place.carried}
        present = {name: raw.get(envoy_config.cluster_name(service, name), Counters()) for name in place.workloads}
        return {name: present.get(name, Counters()) + place.carried.get(name, Counters()) for name in sorted(names)}

    def finish_shift(self, service: str) -> str | None:
        """Set the weights that were written down. Confirmed, or forgotten and Envoy as it was: then why."""
        place = self.state.places[service]
        if place.shifting is None:
            return None
        shifted = replace(place, weights=place.shifting.weights, extras=place.shifting.extras, shifting=None)
        try:
            self._await_mirrors(service, place.shifting.extras)
            self._tell_route(service, shifted)
        except Unavailable as error:
            self.save(service, replace(place, shifting=None))
            return str(error)
        self.save(service, shifted.did(place.shifting.key))
        return None

    def settle_shift(self, service: str) -> None:
        """A Headway before us died while it set weights: what Envoy's file says already is confirmed, the rest never happened.

        Not simply finished: the release may have lost its replicas meanwhile, and whoever asks again has that looked at.
        """
        place = self.state.places[service]
        if place.shifting is None:
            return
        shifted = replace(place, weights=place.shifting.weights, extras=place.shifting.extras, shifting=None)
        if self.envoy.document(f"rds-{service}.json") == envoy_routes.rds(self._route(service, shifted)):
            self.finish_shift(service)
        else:
            self.save(service, replace(place, shifting=None))
            self._tell_route(service, self.state.places[service])

    def save(self, service: str, place: PlaceState) -> None:
        """Write the record, then believe it."""
        state = replace(self.state, places={**self.state.places, service: place})
        declared.save(self._record, state)
        self.state = state

    def restore(self, state: EnvironmentState) -> None:
        """Back to an earlier record: what it led to did not work."""
        declared.save(self._record, state)
        self.state = state

    def _move(self, service: str, name: str, crew: Crew, members: Mapping[int, Member], hidden: bool) -> None:
        crew.wanted = self.state.places[service].workloads[name].replicas
        crew.step(members, time.monotonic(), hidden=hidden)
        cluster = crew.cluster()
        self.envoy.put(f"eds-{cluster.name}.json", envoy_config.eds(cluster), f"cluster.{cluster.name}")
        if crew.gone and name not in self.state.places[service].serving:
            self._retire(service, name)

    def _man_crews(self) -> None:
        for service, place in self.state.places.items():
            for name, wanted in place.workloads.items():
                if (service, name) in self.crews:
                    continue
                crew = Crew(
                    Place(service, self._environment),
                    wanted.workload,
                    self._folder / service,
                    secrets=self._outside.secrets,
                    artifacts=self._outside.artifacts,
                    helpers=self._outside.helpers,
                    sick_for=self._outside.sick_for,
                )
                crew.wanted = wanted.replicas
                file = f"eds-{crew.cluster().name}.json"
                known = self.envoy.document(file)
                crew.adopt(envoy_config.endpoints_in(known) if known else (), time.monotonic())
                if known is None:
                    self.envoy.write(file, envoy_config.eds(crew.cluster()))
                self.crews[service, name] = crew

    def _retire(self, service: str, name: str) -> None:
        """Nothing is left of it: keep its counts, forget its cluster."""
        place = self.state.places[service]
        counts = self._measured(service, place, self.envoy.counts())[name]
        crew = self.crews.pop((service, name))
        self._tell_clusters()
        self.envoy.remove(f"eds-{crew.cluster().name}.json")
        workloads = {key: value for key, value in place.workloads.items() if key != name}
        carried = {**{key: value for key, value in place.carried.items() if key != name}, name: replace(counts, active=0)}
        kept = dict(list(carried.items())[-KEPT_COUNTS:])
        self.save(service, replace(place, workloads=workloads, carried=kept))
        self.envoy.lives.disinherit(crew.cluster().name)
        crew.forget()

    def _depart(self, service: str, place: PlaceState) -> None:
        """Nothing is left of the place: close its door, forget it, remove its files."""
        places = {name: other for name, other in self.state.places.items() if name != service}
        self.restore(replace(self.state, places=places, forgotten={**self.state.forgotten, service: place.fence}))
        self.open_doors()
        self.envoy.remove(f"rds-{service}.json")
        shutil.rmtree(self._folder / service, ignore_errors=True)

    def _compare_envoy(self) -> None:
        """An Envoy that was found is replaced when one started now would be another: after an upgrade, or with another bootstrap."""
        if self.envoy.lives.handing_over:
            return  # one at a time; the next pass looks again
        self._compared = True
        if why := self.envoy.outdated():
            log.info("replacing Envoy", environment=self._environment, why=why)
            try:
                self.replace_envoy()
            except Unavailable as error:
                log.warning("Envoy stays as it is", environment=self._environment, why=str(error))

    def _tell_clusters(self) -> None:
        clusters = [
            replace(crew.cluster(), mirrored=name in self.state.places[service].mirrored) for (service, name), crew in self.crews.items()
        ]
        self.envoy.put("cds.json", envoy_config.cds(clusters, self.envoy.folder), "cluster_manager.cds")

    def _await_mirrors(self, service: str, extras: envoy_config.Extras) -> None:
        """A route may only name clusters that Envoy has ready."""
        if not extras.mirrors:
            return
        self._tell_clusters()
        names = {envoy_config.mirror_name(envoy_config.cluster_name(service, name)) for name in extras.mirrors}
        until = time.monotonic() + CLUSTERS_WITHIN
        while not names <= self.envoy.admin.members().keys():
            if time.monotonic() > until:
                raise Unavailable(
                    f"Envoy of {self._environment} has no cluster for the copies of {service} {CLUSTERS_WITHIN:g} s after it was told"
                )
            time.sleep(0.005)

    def _tell_route(self, service: str, place: PlaceState) -> None:
        routing.put_route(self.envoy, self._route(service, place))

    def _route(self, service: str, place: PlaceState) -> envoy_config.Service:
        asked = {*place.weights, *place.extras.workloads}
        times = [place.workloads[name].workload.run.request_timeout for name in asked if name in place.workloads]
        return envoy_config.Service(service, place.port, place.weights, max(times, default=15.0), place.extras)

    def _forget_counts(self) -> None:
        """A new Envoy counts from 0; so do we, and whoever reads sees a decrease."""
        for service, place in self.state.places.items():
            if place.carried:
                self.save(service, replace(place, carried={}))
