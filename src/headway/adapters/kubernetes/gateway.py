"""What the gateway's Envoys counted, by release: each has a Service of its own, so each has its own cluster in Envoy."""

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx2

from headway.adapters.local.envoy_admin import readings
from headway.analysis.model import Counters
from headway.errors import Unavailable

CLUSTER = "{namespace}_{service}_{port}"
"""How Contour calls a Service's port in Envoy's statistics; other gateways name them otherwise."""
_COUNTED = "upstream_rq_completed|upstream_rq_5xx|upstream_rq_retry|upstream_rq_active|upstream_cx_connect_fail"
_COUNTED += "|upstream_rq_pending_overflow|upstream_rq_retry_overflow|upstream_rq_time"


def measure(stats: Iterable[str], namespace: str, services: Mapping[str, str]) -> Mapping[str, Counters]:
    """Counters by workload, added up over the Envoys; `services` maps a Service's name to its workload.

    One Envoy that does not answer makes the sum a lie, so it counts as no answer at all.
    """
    found = _ask_all(tuple(stats), namespace)
    arms: dict[str, Counters] = {}
    for clusters in found:
        for cluster, counters in clusters.items():
            workload = services.get(_service(cluster, namespace))
            if workload is not None:
                arms[workload] = _plus(arms.get(workload, Counters()), counters)
    return arms


def _ask_all(stats: tuple[str, ...], namespace: str) -> list[Mapping[str, Counters]]:
    if len(stats) == 1:
        return [_ask(stats[0], namespace)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda url: _ask(url, namespace), stats))


def _ask(url: str, namespace: str) -> Mapping[str, Counters]:
    pattern = rf"^cluster\.{re.escape(namespace)}_[^.]+\.({_COUNTED})$"
    whole = f"{url.rstrip('/')}/stats?format=json&histogram_buckets=detailed&filter={quote(pattern)}"
    try:
        answer = httpx2.get(whole, timeout=5.0)
        answer.raise_for_status()
        return readings(json.loads(answer.content))
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"the gateway's Envoy at {url} gave no usable answer: {error or type(error).__name__}") from error


def _service(cluster: str, namespace: str) -> str:
    inner = cluster.removeprefix(f"{namespace}_")
    return inner.rpartition("_")[0] if inner != cluster else ""


def _plus(one: Counters, other: Counters) -> Counters:
    return Counters(
        one.completed + other.completed,
        one.failures + other.failures,
        one.retries + other.retries,
        one.refused + other.refused,
        one.active + other.active,
        {edge: one.latency.get(edge, 0) + other.latency.get(edge, 0) for edge in (*one.latency, *other.latency)},
    )
