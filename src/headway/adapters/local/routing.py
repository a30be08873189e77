"""Moves of Envoy and replicas that take several steps in order."""

import time
from collections.abc import Sequence

from headway.adapters.local import envoy_config, envoy_routes
from headway.adapters.local.crew import Crew
from headway.adapters.local.envoy import Envoy
from headway.errors import Unavailable


def put_route(envoy: Envoy, service: envoy_config.Service) -> None:
    """Tell Envoy who answers for a service; before it listens there, the file alone is told."""
    name = f"rds-{service.name}.json"
    route, counter = envoy_routes.rds(service), envoy_config.route_counter(service)
    if envoy.took(name, route) or envoy.reads(counter):
        envoy.put(name, route, counter)
    else:
        envoy.write(name, route)


def shut_down(envoy: Envoy, crews: Sequence[Crew]) -> None:
    """No new connections, requests finished, processes ended, then Envoy."""
    if envoy.identity is not None:
        _close_doors(envoy, within=max((crew.workload.run.request_timeout for crew in crews), default=0) + 3)
    for crew in crews:
        crew.end()
    until = time.monotonic() + max((crew.workload.run.grace for crew in crews), default=0) + 10
    while any(crew.replicas for crew in crews) and time.monotonic() < until:
        for crew in crews:
            crew.wanted = 0
            crew.step({}, time.monotonic())
        time.sleep(0.02)
    envoy.stop()


def _close_doors(envoy: Envoy, within: float) -> None:
    try:
        envoy.put("lds.json", {"resources": []}, "listener_manager.lds")
        until = time.monotonic() + within
        while time.monotonic() < until:
            active = sum(member.active for members in envoy.admin.members().values() for member in members.values())
            if not active and not envoy.lives.handing_over:
                return
            time.sleep(0.02)
    except Unavailable:
        return  # it is to end anyway
