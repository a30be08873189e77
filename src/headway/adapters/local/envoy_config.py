"""What Envoy is told, as plain values: one Envoy per environment, one listener per service, one cluster per workload.
The routes are in envoy_routes.py.

Pure. The order in which these files are written is not here but in supervisor.py; each setting that looks odd was a failure first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway.rollout.model import Match

Json = dict[str, Any]

RELEASE_HEADER = "x-headway-release"
"""On every answer: the workload that gave it, or that failed to."""

TYPE = "type.googleapis.com/envoy."
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One replica. Draining: it finishes what it has and gets nothing new."""

    port: int
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """One workload of one service, as Envoy sees it."""

    service: str
    workload: str
    health: str
    request_timeout: float
    endpoints: tuple[Endpoint, ...] = ()
    mirrored: bool = False

    @property
    def name(self) -> str:
        """The name in Envoy's files and statistics; a dot would break the statistics."""
        return cluster_name(self.service, self.workload)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a route does besides dividing by weights; see SetWeights."""

    sticky: bool = False
    matches: tuple[Match, ...] = ()
    mirrors: Mapping[str, int] = field(default_factory=dict)

    @property
    def workloads(self) -> frozenset[str]:
        """Who may be asked though it has no weight."""
        return frozenset({*(match.workload for match in self.matches), *self.mirrors})


@dataclass(frozen=True, slots=True)
class Service:
    """One service: where users reach it and who answers, by percentages that sum to 100 (or nobody)."""

    name: str
    port: int
    weights: Mapping[str, int] = field(default_factory=dict)
    request_timeout: float = 15.0
    extras: Extras = Extras()


def cluster_name(service: str, workload: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", f"{service}--{workload}".lower())


def mirror_name(cluster: str) -> str:
    """The cluster for copies: the same replicas under another name, so that their answers are counted apart from those that users got."""
    return f"{cluster}__mirror"


def route_counter(service: Service) -> str:
    """Where Envoy counts what it made of a service's routes."""
    return f"http.in-{service.name}.rds.{service.name}"


def bootstrap(environment: str, *, files: Path, admin: Path, connections: int = 10_000) -> Json:
    """What Envoy starts with; all the rest it reads from the files beside it, also when Headway is down."""
    return {
        "node": {"id": f"headway-{environment}", "cluster": "headway"},
        "admin": {
            "address": {"pipe": {"path": str(admin), "mode": 0o600}},
            "allow_paths": [{"exact": "/ready"}, {"exact": "/clusters"}, {"prefix": "/clusters?"}, {"prefix": "/stats?"}],
        },
        "dynamic_resources": {"lds_config": _file(files / "lds.json"), "cds_config": _file(files / "cds.json")},
        "stats_flush_on_admin": True,
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": TYPE + "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": connections,
                    },
                }
            ]
        },
    }


def lds(services: Sequence[Service], files: Path) -> Json:
    """The listeners: one per service, on loopback only."""
    return resources(_listener(service, files) for service in services)


def cds(clusters: Sequence[Cluster], files: Path) -> Json:
    """The clusters: one per workload."""
    mirrors = (_mirror(cluster, files) for cluster in clusters if cluster.mirrored)
    return resources([*(_cluster(cluster, files) for cluster in clusters), *mirrors])


def eds(cluster: Cluster) -> Json:
    """The replicas of one workload."""
    endpoints = [
        {
            "endpoint": {"address": _address(endpoint.port)},
            "health_status": "DRAINING" if endpoint.draining else "HEALTHY",
        }
        for endpoint in cluster.endpoints
    ]
    assignment = {
        "@type": TYPE + "config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster.name,
        "endpoints": [{"lb_endpoints": endpoints}] if endpoints else [],
    }
    return resources([assignment])


def endpoints_in(document: Json) -> tuple[Endpoint, ...]:
    """What an eds() said: the membership, as Envoy has it, survives us on disk."""
    return tuple(
        Endpoint(one["endpoint"]["address"]["socket_address"]["port_value"], one["health_status"] == "DRAINING")
        for resource in document["resources"]
        for locality in resource["endpoints"]
        for one in locality["lb_endpoints"]
    )


def resources(all_of_them: Iterable[Json]) -> Json:
    """A file as Envoy reads it."""
    return {"resources": list(all_of_them)}


def _file(path: Path) -> Json:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _address(port: int) -> Json:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _listener(service: Service, files: Path) -> Json:
    manager = {
        "@type": TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": f"in-{service.name}",
        "rds": {"config_source": _file(files / f"rds-{service.name}.json"), "route_config_name": service.name},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": _router()}],
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        # Nobody outside may set x-envoy-* headers, and so change timeouts and retries.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "common_http_protocol_options": {"idle_timeout": "300s"},
        "request_headers_timeout": "30s",
        "stream_idle_timeout": "300s",
    }
    return {
        "@type": TYPE + "config.listener.v3.Listener",
        # The port is in the name: a listener cannot change its address.
        "name": f"{service.name}-{service.port}",
        "address": _address(service.port),
        # A port that somebody else already listens on must be refused, not shared.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }


def _router() -> Json:
    return {"@type": TYPE + "extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}


def _cluster(cluster: Cluster, files: Path) -> Json:
    most = {"max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000, "max_retries": 1_000}
    return {
        "@type": TYPE + "config.cluster.v3.Cluster",
        "name": cluster.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _file(files / f"eds-{cluster.name}.json")},
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [most]},
        "health_checks": [
            {
                "timeout": "1s",
                "interval": "1s",
                # 60 s by default: a release without traffic would stay unseen for a minute.
                "no_traffic_interval": "1s",
                "unhealthy_interval": "0.5s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                # By default the name of the cluster, which a service that knows its hosts (Django, for one) answers with 400.
                "http_health_check": {"path": cluster.health, "host": "127.0.0.1"},
            }
        ],
        # A replica that we take out goes at once, whatever its health checks still say.
        "ignore_health_on_host_removal": True,
        "common_lb_config": {
            # No panic: when all replicas are sick, say so with a 503 rather than asking the sick.
            "healthy_panic_threshold": {"value": 0.0},
            # 1 s by default: the admin interface then says healthy up to a second before the workers know, and they answer 503.
            "update_merge_window": "0s",
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions",
                # Below the keep-alive of common servers (uvicorn: 5 s); else a POST races a connection that is just closing.
                "common_http_protocol_options": {"idle_timeout": "4s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _mirror(cluster: Cluster, files: Path) -> Json:
    eds = {"eds_config": _file(files / f"eds-{cluster.name}.json"), "service_name": cluster.name}
    # Not checked by itself: its replicas are those that the cluster for users checks.
    mirror = {key: value for key, value in _cluster(cluster, files).items() if key != "health_checks"}
    return {**mirror, "name": mirror_name(cluster.name), "eds_cluster_config": eds}
