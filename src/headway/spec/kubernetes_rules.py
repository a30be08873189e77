"""What the keys of an environment on Kubernetes say of each other: a judge must be able to work with what is counted there."""

from headway.spec.faults import Faults
from headway.spec.keys import ANALYSIS
from headway.spec.records import default
from headway.spec.shapes import Found

BY_RULE = frozenset({"envoy-gateway"})
"""Gateways whose own statistics do not tell two releases behind one rule of a route apart."""


def counted(name: str, environment: Found, faults: Faults) -> None:
    """Tell where nothing could be measured, whatever happens."""
    own = environment["kubernetes"]
    where, scraped = f"environments.{name}.kubernetes", own["prometheus"]
    if own["gateway"].value in BY_RULE:
        by_rule = f"{where}: {own['gateway'].value} counts by rule and not by release"
        if own["stats"].given:
            faults.add(own["stats"].key, f"{by_rule}, expected prometheus: {{counts: pods}} instead of stats")
        if scraped.given and scraped["counts"].value == "gateway" and not scraped["queries"]["requests"].given:
            faults.add(scraped.key, f"{by_rule}, expected counts: pods in prometheus")
    queries = scraped["queries"]
    if queries["requests"].given != queries["failures"].given:
        has, lacks = ("requests", "failures") if queries["requests"].given else ("failures", "requests")
        faults.add(queries.key, f"{where}.prometheus.queries has {has} without {lacks}, expected both: one is a share of the other")
    _long_enough(name, environment, scraped["scraped_every"], faults)
    if own.given and environment["platform"].value == "kubernetes" and _judged(environment) and not (own["stats"].given or scraped.given):
        says = f"environments.{name} is judged by its requests and {where} names nobody who counts them"
        faults.add(own.key, f"{says}, expected stats or prometheus in it, or analysis: health")


def _judged(environment: Found) -> bool:
    analysis = environment["analysis"]
    return bool(analysis["mode"].value == "thresholds" if analysis.given else "canary" in (environment["strategy"].value or ()))


def _long_enough(name: str, environment: Found, every: Found, faults: Faults) -> None:
    analysis, judged = environment["analysis"], _judged(environment)
    least = analysis["min_time"]
    if least.value is None:
        least = default(next(key for key in ANALYSIS.keys if key.name == "min_time"))
    if judged and every.value is not None and least.value < 2 * every.value:
        says = f"environments.{name}.analysis.min_time is {least.value:g}s, expected at least {2 * every.value:g}s"
        node = analysis["min_time"].node if analysis["min_time"].given else every.key if every.given else environment["kubernetes"].key
        faults.add(node, f"{says}: two scrapes of its Prometheus (scraped_every: {every.value:g}s), or good news would come from one look")
