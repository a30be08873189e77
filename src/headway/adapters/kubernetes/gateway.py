"""What the gateway's Envoys counted, by release: each has a Service of its own, so each has its own cluster in Envoy."""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2

from headway.adapters.asking import client
from headway.adapters.kubernetes.names import GATEWAYS
from headway.adapters.local.envoy_admin import readings
from headway.analysis.model import Counters
from headway.environments.model import Cluster
from headway.errors import Unavailable

_COUNTED = "upstream_rq_completed|upstream_rq_5xx|upstream_rq_retry|upstream_rq_active|upstream_cx_connect_fail"
_COUNTED += "|upstream_rq_pending_overflow|upstream_rq_retry_overflow|upstream_rq_time"

TIMEOUT = 5.0


def measure(cluster: Cluster, services: Mapping[str, str]) -> Mapping[str, Mapping[str, Counters]]:
    """Counters by workload and by Envoy; `services` maps a Service's name to its workload.

    One Envoy that does not answer makes the sum a lie, so it counts as no answer at all.
    """
    named = _named(cluster)
    arms: dict[str, dict[str, Counters]] = {}
    for url, answer in zip(cluster.stats, _ask_all(cluster.stats, named, _COUNTED), strict=True):
        for service, counters in readings(answer, named).items():
            workload = services.get(service)
            if workload is not None:
                arms.setdefault(workload, {})[url] = arms.get(workload, {}).get(url, Counters()) + counters
    return arms


def members(cluster: Cluster, services: Mapping[str, str]) -> Mapping[str, int]:
    """How many instances of each workload the proxies know and hold for healthy; of several Envoys, the one that knows least counts."""
    named = _named(cluster)
    known: dict[str, list[int]] = {workload: [] for workload in services.values()}
    answers = _ask_all(cluster.stats, named, "membership_healthy")
    for answer in answers:
        for one in answer["stats"]:
            found = re.fullmatch(rf"cluster\.{named}\.membership_healthy", str(one.get("name", "")))
            workload = services.get(found["service"]) if found else None
            if workload is not None:
                known[workload].append(int(one.get("value", 0)))
    return {workload: min(counts) if len(counts) >= len(answers) else 0 for workload, counts in known.items()}


def _named(cluster: Cluster) -> str:
    """How this gateway calls a release's cluster in Envoy's statistics."""
    named = GATEWAYS[cluster.gateway].cluster
    if named is None:
        raise Unavailable(f"the statistics of {cluster.gateway} do not tell releases apart; use kubernetes: prometheus: {{counts: pods}}")
    return named.replace("{namespace}", re.escape(cluster.namespace))


def _ask_all(stats: tuple[str, ...], named: str, names: str) -> list[Mapping[str, Any]]:
    if len(stats) == 1:
        return [_ask(stats[0], named, names)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda url: _ask(url, named, names), stats))


def _ask(url: str, named: str, names: str) -> Mapping[str, Any]:
    pattern = rf"^cluster\.{named}\.({names})$"
    whole = f"{url.rstrip('/')}/stats?format=json&histogram_buckets=detailed&filter={quote(pattern)}"
    try:
        answer = client(TIMEOUT).get(whole)
        answer.raise_for_status()
        told = json.loads(answer.content)
        if not isinstance(told, dict) or not isinstance(told.get("stats"), list):
            raise TypeError("no list of statistics")
    except (httpx2.HTTPError, ValueError, TypeError) as error:
        raise Unavailable(f"the gateway's Envoy at {url} gave no usable answer: {error or type(error).__name__}") from error
    return told
