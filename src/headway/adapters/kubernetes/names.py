"""What the gateways call what they count. Another gateway is another row here.

Contour's row is run in the tests; Istio's and Envoy Gateway's are from their documents. Envoy Gateway counts by rule of a route: two
releases that share the traffic of one rule share one count, so that its own statistics cannot tell them apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """How the counts of releases are found in Prometheus: selectors of cumulative counters, and the label that tells the release.

    `release` is what that label holds, an expression with `{namespace}`, `{service}` (the release's own Service) and `{workload}`.
    `alive` tells of each that counts when it was last asked, and whether it answered; without it, its requests do.
    """

    by: str
    release: str
    requests: str
    failures: str
    latency: str
    retries: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    alive: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """One gateway: an Envoy cluster's name where Envoy itself is asked, and its series where Prometheus is. None: it tells no releases."""

    cluster: str | None
    series: Series | None


GATEWAYS: Mapping[str, Naming] = {
    "contour": Naming(
        cluster=r"{namespace}_(?P<service>[^._]+)_[^._]+",
        series=Series(
            by="envoy_cluster_name",
            release="{namespace}_{service}_[0-9]+",
            requests="envoy_cluster_upstream_rq_completed",
            failures='envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"}',
            latency="envoy_cluster_upstream_rq_time_bucket",
            retries=("envoy_cluster_upstream_rq_retry",),
            refused=(
                "envoy_cluster_upstream_cx_connect_fail",
                "envoy_cluster_upstream_rq_pending_overflow",
                "envoy_cluster_upstream_rq_retry_overflow",
            ),
            active=("envoy_cluster_upstream_rq_active",),
        ),
    ),
    "envoy-gateway": Naming(cluster=None, series=None),
    "istio": Naming(
        cluster=r"outbound\|[0-9]+\|[^|.]*\|(?P<service>[^|.]+)\.{namespace}\.svc\.cluster\.local;?",
        series=Series(
            by="destination_service_name",
            release="{service}",
            requests='istio_requests_total{reporter="source", destination_service_namespace="$namespace"}',
            failures='istio_requests_total{reporter="source", destination_service_namespace="$namespace", response_code=~"5.."}',
            latency='istio_request_duration_milliseconds_bucket{reporter="source", destination_service_namespace="$namespace"}',
        ),
    ),
}

PODS = Series(
    by="pod",
    release="{service}-[a-z0-9]+-[a-z0-9]+|{service}|{workload}",
    requests='http_requests_total{namespace="$namespace"}',
    failures='http_requests_total{namespace="$namespace", code=~"5.."}',
    latency='http_request_duration_seconds_bucket{namespace="$namespace"}',
    alive='up{namespace="$namespace"}',
)
"""The releases' own pods, as client libraries commonly name what they count. A pod is named after its release's Deployment, whose name its
Service has too."""
