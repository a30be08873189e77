"""What the gateway's Envoys counted, by release: each has a Service of its own, so each has its own cluster in Envoy."""

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
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
    arms: dict[str, Counters] = {}
    for answer in _ask_all(tuple(stats), namespace, _COUNTED):
        for cluster, counters in readings(answer).items():
            workload = services.get(_service(cluster, namespace))
            if workload is not None:
                arms[workload] = _plus(arms.get(workload, Counters()), counters)
    return arms


def members(stats: Iterable[str], namespace: str, services: Mapping[str, str]) -> Mapping[str, int]:
    """How many instances of each workload the proxies know and hold for healthy; of several Envoys, the one that knows least counts."""
    known: dict[str, list[int]] = {workload: [] for workload in services.values()}
    answers = _ask_all(tuple(stats), namespace, "membership_healthy")
    for answer in answers:
        for one in answer["stats"]:
            workload = services.get(_service(str(one.get("name", "")).removeprefix("cluster.").partition(".")[0], namespace))
            if workload is not None:
                known[workload].append(int(one.get("value", 0)))
    return {workload: min(counts) if len(counts) >= len(answers) else 0 for workload, counts in known.items()}


def _ask_all(stats: tuple[str, ...], namespace: str, names: str) -> list[Mapping[str, Any]]:
    if len(stats) == 1:
        return [_ask(stats[0], namespace, names)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda url: _ask(url, namespace, names), stats))


def _ask(url: str, namespace: str, names: str) -> Mapping[str, Any]:
    pattern = rf"^cluster\.{re.escape(namespace)}_[^.]+\.({names})$"
    whole = f"{url.rstrip('/')}/stats?format=json&histogram_buckets=detailed&filter={quote(pattern)}"
    try:
        answer = httpx2.get(whole, timeout=5.0)
        answer.raise_for_status()
        told = json.loads(answer.content)
        if not isinstance(told, dict) or not isinstance(told.get("stats"), list):
            raise TypeError("no list of statistics")
    except (httpx2.HTTPError, ValueError, TypeError) as error:
        raise Unavailable(f"the gateway's Envoy at {url} gave no usable answer: {error or type(error).__name__}") from error
    return told


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
