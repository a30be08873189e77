"""The one that minds an environment: sole writer of its Envoy's files, starter and ender of its processes.

It refuses whoever is older than the last who wrote, writes down what was asked, and turns keeper.py's pass until it is so.
"""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from headway.adapters.local import listening, processes, routing, watches
from headway.adapters.local.declared import Declared, PlaceState, Shifting
from headway.adapters.local.envoy_config import Extras
from headway.adapters.local.keeper import Keeper, Outside
from headway.adapters.local.replica import Stage
from headway.adapters.local.waking import Waker
from headway.analysis.model import Counters
from headway.errors import Contradiction, Fenced, HeadwayError, Unavailable
from headway.rollout.model import Fence, Intent, SetReplicas, SetWeights
from headway.rollout.seen import Group, Sight

log = structlog.get_logger()

# Calm: nothing is under way. Who ends is seen at once (see waking.py), who falls ill at the next pass, and who asks gets it fresh.
CALM, BUSY, AFTER_TROUBLE = (2.0 if hasattr(os, "pidfd_open") else 0.5), 0.05, 1.0
FRESH, WAIT_FOR_FRESH = 0.5, 0.25
STALE_AFTER = 15.0
LEAVING_TAKES = 15.0
NOBODY = Group(0, 0, 0)


class Supervisor:
    """One environment. Whoever makes it holds the lock of its folder."""

    def __init__(self, environment: str, folder: Path, outside: Outside) -> None:
        self.environment = environment
        self._lock = threading.RLock()
        self._keeper = Keeper(environment, folder, outside)
        self._groups: Mapping[tuple[str, str], Group] = {}
        self._trouble = "it has just started"
        self._looked = self._tried = time.monotonic()
        self._passes, self._passed = 0, threading.Condition()
        self._waker = Waker()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"headway-{environment}", daemon=True)

    # What the platform asks.

    def start(self) -> None:
        """Adopt what runs, and keep it from now on."""
        with self._lock:
            if self._keeper.state.places:
                self._attempt()
        self._thread.start()

    def ports(self) -> frozenset[int]:
        """The ports that this environment keeps."""
        return frozenset(place.port for place in self._keeper.state.places.values())

    def reserve(self, service: str, port: int | None, taken: frozenset[int]) -> int:
        """Give the service its port and listen there."""
        with self._lock:
            known = self._keeper.state.places.get(service)
            if known is not None and port in (None, known.port):
                return known.port
            if known is None:
                watches.demand(f"the routes of {service}")
            if port is not None:
                listening.demand(port, f"{service} in {self.environment}")
                self._listen(service, port)
            else:
                port = self._listen_anywhere(service, taken)
            self._waker.wake()
            return port

    def _listen_anywhere(self, service: str, taken: frozenset[int]) -> int:
        """At a free port; whoever takes it in the moment before we do may have it, for we promised it to nobody."""
        for _ in range(3):
            port = listening.draw(listening.PLACES, taken)
            try:
                self._listen(service, port)
            except HeadwayError:
                if listening.is_free(port):
                    raise  # for another reason
                taken |= {port}
            else:
                return port
        raise Unavailable(f"{service} in {self.environment} found three free ports, and each was taken in the next moment; try again")

    def _listen(self, service: str, port: int) -> None:
        """There, or nothing has changed."""
        was = self._keeper.state
        known = was.places.get(service)
        fence = was.forgotten.get(service, Fence(0, 0))
        self._keeper.save(service, replace(known, port=port) if known else PlaceState(port, fence))
        try:
            self._keeper.tell_envoy()
            self._keeper.open_doors()
        except HeadwayError:
            self._keeper.restore(was)
            raise

    def knows(self, service: str) -> bool:
        """Whether the service has a port here."""
        return service in self._keeper.state.places

    def port(self, service: str) -> int:
        """Where users reach the service."""
        place = self._keeper.state.places.get(service)
        if place is None:
            raise Unavailable(f"{service} in {self.environment} has no port yet; nothing was ever asked for there")
        return place.port

    def alone(self, service: str, workload: str) -> int:
        """Where one ready replica of this workload listens by itself, whatever the weights."""
        with self._lock:
            crew = self._keeper.crews.get((service, workload))
            port = next((one.port for one in crew.replicas if one.stage is Stage.SERVING), None) if crew else None
        if port is None:
            raise Unavailable(f"{workload} of {service} in {self.environment} has no ready replica to look at")
        return port

    def act(self, service: str, intent: Intent) -> None:
        """Do it, unless somebody newer was here."""
        with self._lock:
            place = self._place(service)
            if place.leaving:
                raise Unavailable(f"{service} is being removed from {self.environment}; ask again when that is done")
            if intent.fence < place.fence:
                seen = f"generation {place.fence.generation}, turn {place.fence.turn}"
                raise Fenced(
                    f"{service} in {self.environment} was last written by {seen}; "
                    f"{intent.key} comes with generation {intent.fence.generation}, turn {intent.fence.turn}"
                )
            if intent.fence > place.fence:
                # Kept even if what follows fails: whoever is older must not act after this.
                place = replace(place, fence=intent.fence)
                self._keeper.save(service, place)
            match intent.effect:
                case SetReplicas():
                    self._set_replicas(service, place, intent.key, intent.effect)
                case SetWeights():
                    self._set_weights(service, place, intent.key, intent.effect)
                case _:
                    raise Contradiction(f"the local platform does not do {intent.effect.kind}")
            self._waker.wake()

    def was_done(self, service: str, key: str) -> bool:
        """Whether the effect with this key was done here, by us or by a Headway before us."""
        with self._lock:
            place = self._keeper.state.places.get(service)
            if place is not None and place.shifting is not None and place.shifting.key == key:
                self._keeper.settle_shift(service)
                place = self._keeper.state.places[service]
            return place is not None and key in place.done

    def look(self, service: str) -> Sight:
        """What runs, as of the last pass, which is not long ago; waits a moment for the next one if it must, never longer."""
        place = self._keeper.state.places.get(service)
        if place is None:
            return Sight()
        self._freshen()
        place = self._keeper.state.places.get(service, place)
        if time.monotonic() - self._looked > STALE_AFTER:
            raise Unavailable(f"the supervisor of {self.environment} has not got through for {STALE_AFTER:g} s: {self._trouble}")
        groups: dict[str, Group] = {}
        for name, wanted in place.workloads.items():
            groups[name] = replace(self._groups.get((service, name), NOBODY), wanted=wanted.replicas)
        weights = {name: weight for name, weight in place.weights.items() if weight}
        return Sight(groups, weights, place.extras.sticky, place.extras.matches, place.extras.mirrors)

    def measure(self, service: str) -> tuple[Mapping[str, Counters], Mapping[str, Counters]]:
        """Counters by workload, and apart those of copies, all from one scrape; those of workloads that went stay as they were last."""
        with self._lock:
            return self._keeper.measure(service, self._place(service))

    def restart_envoy(self) -> None:
        """Replace Envoy by a new one of the installed version without a lost request; Unavailable when that cannot be."""
        with self._lock:
            self._keeper.replace_envoy()
            self._attempt()
            self._waker.wake()

    def forget(self, service: str) -> None:
        """Remove the service: no new requests, those under way finished, processes ended, files gone."""
        with self._lock:
            place = self._keeper.state.places.get(service)
            if place is None:
                return
            self._keeper.save(service, place.emptied())
            self._waker.wake()
        runs = [one.workload.run for one in place.workloads.values()]
        within = max((run.request_timeout + 2 * run.grace for run in runs), default=0) + LEAVING_TAKES
        until = time.monotonic() + within
        while service in self._keeper.state.places:
            if time.monotonic() > until:
                raise Unavailable(f"{service} has not left {self.environment} within {within:g} s: {self._trouble or 'it goes on'}")
            time.sleep(0.01)

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
            routing.shut_down(self._keeper.envoy, list(self._keeper.crews.values()))

    # Effects.

    def _set_replicas(self, service: str, place: PlaceState, key: str, effect: SetReplicas) -> None:
        name = effect.workload.name
        if not effect.replicas and name in place.serving:
            raise Contradiction(f"{name} still gets {_traffic(place, name)} of {service}'s traffic; move that first")
        workloads = dict(place.workloads)
        if effect.replicas and name not in workloads:  # before it is declared, so that no release is to blame for it
            watches.demand(f"the replicas of {name}")
        if effect.replicas or name in workloads:
            workloads[name] = Declared(effect.workload, effect.replicas)
        self._keeper.save(service, replace(place, workloads=workloads).did(key))

    def _set_weights(self, service: str, place: PlaceState, key: str, effect: SetWeights) -> None:
        wanted = {name: weight for name, weight in effect.weights.items() if weight}
        extras = Extras(effect.sticky, effect.matches, {name: percent for name, percent in effect.mirrors.items() if percent})
        if wanted and sum(wanted.values()) != 100:
            raise Contradiction(f"weights must sum to 100, not {sum(wanted.values())}: {wanted}")
        if wrong := [f"{name}: {percent} %" for name, percent in extras.mirrors.items() if not 0 < percent <= 100]:
            raise Contradiction(f"a mirror gets 0 to 100 % of the traffic, not {', '.join(wrong)}")
        for name in sorted({*wanted, *extras.workloads}):
            self._demand_ready(service, name)
        self._keeper.save(service, replace(place, shifting=Shifting(key, wanted, extras)))
        if trouble := self._keeper.finish_shift(service):
            raise Unavailable(f"the weights of {service} in {self.environment} were not set: {trouble}")

    def _demand_ready(self, service: str, name: str) -> None:
        crew = self._keeper.crews.get((service, name))
        if crew is None or not crew.group().ready:
            raise Unavailable(f"{name} has no ready replica in {self.environment}; it gets no traffic before it has one")

    # The loop.

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                pause = self._attempt() if self._keeper.state.places else CALM
                watched = self._watched() if pause != AFTER_TROUBLE else []
            self._waker.wait(pause, watched)

    def _attempt(self) -> float:
        """One pass; how long until the next, unless something happens."""
        try:
            trouble = "; ".join(self._keeper.keep())
            self._looked = time.monotonic()
        except HeadwayError as error:
            trouble = str(error)
        except Exception as error:  # a bug of ours must not end the minding: the next pass may get through
            log.exception("the supervisor stumbled", environment=self.environment)
            trouble = repr(error)
        self._groups = {key: crew.group() for key, crew in self._keeper.crews.items()}
        if trouble and trouble != self._trouble:
            log.warning("environment not as declared", environment=self.environment, why=trouble)
        self._trouble = trouble
        with self._passed:
            self._tried = time.monotonic()
            self._passes += 1
            self._passed.notify_all()
        if trouble:
            return AFTER_TROUBLE
        return BUSY if self._keeper.moving else CALM

    def _freshen(self) -> None:
        if self._closing or time.monotonic() - self._tried < FRESH:
            return
        with self._passed:
            before = self._passes
            self._waker.wake()
            self._passed.wait_for(lambda: self._passes != before, WAIT_FOR_FRESH)

    def _watched(self) -> list[processes.Identity]:
        """The processes whose end is a reason to look at once."""
        replicas = [one.identity for crew in self._keeper.crews.values() for one in crew.replicas]
        try:
            envoy = self._keeper.envoy.identity
        except Unavailable:
            envoy = None
        return [one for one in (envoy, *replicas) if one is not None]

    def _place(self, service: str) -> PlaceState:
        place = self._keeper.state.places.get(service)
        if place is None:
            raise Unavailable(f"{service} in {self.environment} has no port; reserve one first")
        return place


def _traffic(place: PlaceState, name: str) -> str:
    weight = place.weights.get(name, 0)
    return f"{weight} %" if weight else "some (matched, mirrored, or about to)"
