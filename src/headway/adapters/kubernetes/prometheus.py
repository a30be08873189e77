"""What Prometheus scraped of each release: cumulative counts, with the time at which they were counted.

Everything is asked in one query, so that it is one instant: several would straddle a scrape. Nothing is computed there. Each series comes
with who counted it, since each of those restarts by itself, and with the age of its scrape by Prometheus' own clock, since old news is no
news.
"""

import math
import re
import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import httpx2

from headway.adapters.asking import client
from headway.adapters.kubernetes.names import GATEWAYS, PODS, Series
from headway.analysis.model import Counters, Readings, together
from headway.environments.model import Cluster, Prometheus
from headway.environments.selectors import narrowed
from headway.errors import InvalidSpec, Unavailable

TIMEOUT = 5.0
SKEW = 5.0
"""Seconds by which its clock and ours may differ: what was counted is held against when the weight changed."""
SCRAPED_BY = frozenset({"job", "prometheus", "prometheus_replica", "replica", "receive", "tenant_id"})
"""Labels that say who scraped. Two that scrape the same count the same requests twice."""
PART = "headway_part"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is asked: `noun` is a field of Counters, or `latency`, `alive`, `at`."""

    noun: str
    key: str
    """How the file calls it, for people."""
    selector: str

    @property
    def query(self) -> str:
        return f"timestamp({self.selector})" if self.noun == "at" else self.selector


@dataclass
class Counting:
    """One that counts for one release: an Envoy, a pod."""

    at: float | None = None
    alive: bool = True
    counts: dict[str, dict[Any, float]] = field(default_factory=dict)
    latency: dict[Any, dict[float, float]] = field(default_factory=dict)


def measure(cluster: Cluster, services: Mapping[str, str], now: Callable[[], datetime], secrets: Callable[[str], str]) -> Readings:
    """Everything that was counted of these releases; `services` maps a release's Service to its workload.

    Readings are as old as the oldest scrape in them. Unavailable where that is too old, and wherever something does not add up.
    """
    asked = cluster.prometheus
    assert asked is not None
    series = _series(cluster, asked)
    parts = _parts(series, cluster.namespace, services)
    began = now()
    found, clock = _ask(asked, parts, secrets)
    here = began + (now() - began) / 2
    if found and abs(clock - here.timestamp()) > SKEW:
        raise Unavailable(
            f"the clock of Prometheus at {asked.url} and Headway's differ by {abs(clock - here.timestamp()):.0f} s, expected at most "
            f"{SKEW:g} s: nobody can tell what was counted before the weight changed and what after; let both keep the time"
        )
    counted = _sorted(found, parts, series, _owners(series, cluster.namespace, services))
    if not counted:
        raise Unavailable(f"Prometheus at {asked.url} knows no {parts[0].selector}")
    fresh = {workload: young for workload, each in counted.items() if (young := _fresh(each, clock - asked.stale))}
    if not fresh:
        raise Unavailable(f"Prometheus at {asked.url} {_why_none(counted.values(), clock, asked)}")
    at = datetime.fromtimestamp(min(one.at for each in fresh.values() for one in each.values() if one.at is not None), tz=here.tzinfo)
    return together(at, {workload: {who: _counters(one) for who, one in each.items()} for workload, each in fresh.items()})


def _fresh(each: Mapping[str, "Counting"], since: float) -> Mapping[str, "Counting"]:
    """Those that were scraped lately. None at all if one could not be: what it does not tell may be the worst of it."""
    if not all(one.alive for one in each.values()):
        return {}
    return {who: one for who, one in each.items() if one.at is not None and one.at >= since}


def _why_none(counted: Collection[Mapping[str, "Counting"]], clock: float, asked: Prometheus) -> str:
    if dead := sorted({who for each in counted for who, one in each.items() if not one.alive}):
        return f"could not scrape {', '.join(dead)}"
    last = max((one.at for each in counted for one in each.values() if one.at is not None), default=None)
    ago = "never" if last is None else f"last {clock - last:.0f} s ago"
    return f"scraped these releases {ago}, expected within {asked.stale:g} s (scraped_every: {asked.every:g}s, and one may be missed)"


def check(cluster: Cluster, secrets: Callable[[str], str]) -> None:
    """Unavailable if it does not answer; InvalidSpec, with its own words, if it does not understand what it would be asked."""
    asked = cluster.prometheus
    assert asked is not None
    _ask(asked, _parts(_series(cluster, asked), cluster.namespace, {"nothing": "nothing"}), secrets)


# -- what is asked


def _series(cluster: Cluster, asked: Prometheus) -> Series:
    named = PODS if asked.counts == "pods" else GATEWAYS[cluster.gateway].series
    if named is None:
        raise Unavailable(f"{cluster.gateway} does not count by release; count by the releases' own pods: prometheus: {{counts: pods}}")
    own = {key: value for key in ("requests", "failures", "latency", "by") if (value := getattr(asked, key))}
    if not own:
        return named
    # Another metric has no retries of its own, and no other label that the gateway's names would be found in.
    alike = {} if "requests" not in own else {"retries": (), "refused": (), "active": ()}
    kept = {name: getattr(named, name) for name in Series.__slots__}
    return Series(**{**kept, **alike, **own})


def _parts(series: Series, namespace: str, services: Mapping[str, str]) -> tuple[Part, ...]:
    pattern = "|".join(_release(series, namespace, service, workload) for service, workload in sorted(services.items()))
    several = {"retries": series.retries, "refused": series.refused, "active": series.active}
    wanted = [
        ("at", "requests", series.alive or series.requests),
        *([("alive", "up", series.alive)] if series.alive else []),
        ("completed", "requests", series.requests),
        ("failures", "failures", series.failures),
        ("latency", "latency", series.latency),
        *((noun, noun, one) for noun, selectors in several.items() for one in selectors),
    ]
    words = {"namespace": namespace}
    return tuple(Part(noun, key, narrowed(selector, series.by, pattern, words)) for noun, key, selector in wanted)


def _release(series: Series, namespace: str, service: str, workload: str) -> str:
    return series.release.format(namespace=namespace, service=service, workload=workload)


def _owners(series: Series, namespace: str, services: Mapping[str, str]) -> Callable[[str], str | None]:
    patterns = {workload: re.compile(_release(series, namespace, service, workload)) for service, workload in services.items()}
    return lambda value: next((workload for workload, pattern in patterns.items() if pattern.fullmatch(value)), None)


def _whole(parts: Iterable[Part]) -> str:
    return " or ".join(f'label_replace({part.query}, "{PART}", "{number}", "", "")' for number, part in enumerate(parts))


def _ask(asked: Prometheus, parts: tuple[Part, ...], secrets: Callable[[str], str]) -> tuple[list[Mapping[str, Any]], float]:
    """What it found, and when by its own clock that was."""
    try:
        found = _query(asked, _whole(parts), secrets)
    except InvalidSpec as whole:
        for part in parts:  # one of them is at fault; which, it says when each is asked alone
            try:
                _query(asked, part.query, secrets)
            except InvalidSpec as error:
                raise InvalidSpec(f"kubernetes.prometheus: its query for {part.key}, {part.selector}: {error}") from error
        raise InvalidSpec(f"kubernetes.prometheus: {whole}") from whole
    try:
        return found, max((float(one["value"][0]) for one in found), default=math.nan)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        native = next((one for one in found if "histogram" in one), None)
        if native is not None:
            name = native.get("metric", {}).get("__name__", "latency")
            raise Unavailable(f"{name} is a native histogram in Prometheus at {asked.url}, expected one with buckets (le)") from error
        raise Unavailable(f"Prometheus at {asked.url} gave no usable answer: {error!r}") from error


def _query(asked: Prometheus, query: str, secrets: Callable[[str], str]) -> list[Mapping[str, Any]]:
    headers = {"Authorization": f"Bearer {_token(asked.token, secrets)}"} if asked.token else {}
    trusted = _trusting(secrets(asked.ca)) if asked.ca else None
    try:
        whole = f"{asked.url.rstrip('/')}/api/v1/query"
        answer = client(TIMEOUT, trusted).post(whole, data={"query": query}, headers=headers)
    except httpx2.HTTPError as error:
        raise Unavailable(f"Prometheus at {asked.url} does not answer: {error or type(error).__name__}") from error
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if answer.status_code in {400, 422} and isinstance(told, dict) and told.get("error"):
        raise InvalidSpec(f"Prometheus says: {told['error']}")
    if answer.status_code in {401, 403}:
        named = f"the token {asked.token}" if asked.token else "no token (prometheus: token: env:NAME)"
        raise Unavailable(f"Prometheus at {asked.url} refuses Headway with {answer.status_code}; it came with {named}")
    try:
        if answer.status_code != 200 or told["status"] != "success" or told["data"]["resultType"] != "vector":
            raise TypeError(f"status {answer.status_code}, {told.get('error') or answer.text[:200]!r}")
        return list(told["data"]["result"])
    except (AttributeError, KeyError, TypeError) as error:
        raise Unavailable(f"Prometheus at {asked.url} gave no usable answer: {error}") from error


def _token(reference: str, secrets: Callable[[str], str]) -> str:
    token = secrets(reference).strip()
    if not re.fullmatch(r"[!-~]+", token):  # asked here: who sends it quotes what they cannot send
        raise Unavailable(f"the token {reference} is not one word of plain characters, and no header can carry it")
    return token


@lru_cache(maxsize=8)
def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca)
    except ssl.SSLError as error:
        raise Unavailable("what prometheus: ca: refers to is no certificate in PEM") from error


# -- what came back


def _sorted(
    found: Iterable[Mapping[str, Any]], parts: tuple[Part, ...], series: Series, owner: Callable[[str], str | None]
) -> dict[str, dict[str, Counting]]:
    """By release, by who counted."""
    counted: dict[str, dict[str, Counting]] = {}
    for one in found:
        labels = dict(one["metric"])
        part = parts[int(labels.pop(PART))]
        workload = owner(str(labels.get(series.by, "")))
        if workload is None:
            continue
        value = float(one["value"][1])
        if not math.isfinite(value) or value < 0:
            raise Unavailable(f"Prometheus says {part.selector} is {one['value'][1]}, expected a count")
        who = counted.setdefault(workload, {}).setdefault(f"{labels.get('instance', '')} {labels.get('pod', '')}".strip(), Counting())
        _note(who, part.noun, labels, value)
    return counted


def _note(who: Counting, noun: str, labels: dict[str, str], value: float) -> None:
    if noun == "at":
        who.at = value if who.at is None else max(who.at, value)
    elif noun == "alive":
        who.alive = who.alive and value > 0
    elif noun == "latency":
        edge = float(labels.pop("le", "nan").replace("+Inf", "inf"))
        name = labels.get("__name__", "")
        if not math.isnan(edge):
            buckets = who.latency.setdefault((name, _identity(labels)), {})
            buckets[edge] = max(value, buckets.get(edge, 0.0))
    else:
        counts = who.counts.setdefault(noun, {})
        counts[_identity(labels)] = max(value, counts.get(_identity(labels), 0.0))


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in labels.items() if name not in SCRAPED_BY)


def _counters(one: Counting) -> Counters:
    latency: dict[float, int] = {}
    for (name, _), buckets in one.latency.items():
        unit = 1000.0 if "second" in name and "milli" not in name else 1.0
        below = 0.0
        for edge in sorted(buckets):
            key = edge if math.isinf(edge) else round(edge * unit, 6)
            latency[key] = latency.get(key, 0) + max(0, int(buckets[edge] - below))
            below = max(below, buckets[edge])
    return Counters(**{noun: int(sum(each.values())) for noun, each in one.counts.items()}, latency=latency)
