"""Who answers a user's request, as Envoy is told it: by weights, by match, sticky, mirrored. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from headway.adapters.local.envoy_config import RELEASE_HEADER, TYPE, Json, Service, cluster_name, mirror_name, resources
from headway.rollout.model import Match

USER_COOKIE = "headway-user"
"""Who a user is, for sticky routes: a random value that says nothing about anybody."""
REMEMBERED = 30 * 24 * 3600

NEVER_SENT = "connect-failure,refused-stream,reset-before-request"
"""Retried for every method: the replica cannot have acted on it. After that only reads are asked again."""


def rds(service: Service) -> Json:
    """Who answers for one service."""
    return resources(
        [
            {
                "@type": TYPE + "config.route.v3.RouteConfiguration",
                "name": service.name,
                # Else a route to a cluster that Envoy does not know is accepted, and answers 503.
                "validate_clusters": True,
                "virtual_hosts": [{"name": service.name, "domains": ["*"], "routes": _routes(service)}],
            }
        ]
    )


def _routes(service: Service) -> list[Json]:
    matched = [route for match in service.extras.matches for route in _matched(service, match)]
    if not any(service.weights.values()):
        nobody = {"status": 503, "body": {"inline_string": f"no release of {service.name} gets traffic here yet\n"}}
        return [*matched, {"match": {"prefix": "/"}, "direct_response": nobody}]
    action, mirrored = _divided(service, service.weights), _mirrored(service)
    return [*matched, *(_sticky(action, mirrored) if service.extras.sticky else _by_method({}, action, mirrored))]


def _matched(service: Service, match: Match) -> list[Json]:
    carries = {f"{match.by}s": [{"name": match.name, "string_match": {"exact": match.value}}]}
    return _by_method(carries, _divided(service, {match.workload: 100}))


def _sticky(action: Json, mirrored: Json) -> list[Json]:
    """A user's place from 0 to 100 is the hash of a random value; the shares lie there in one order, so growing moves one border.

    Known users: the value is in their cookie. New ones: the id of this request is the value, and becomes the cookie with the answer.
    (Envoy's own cookie for hashing is only set by ring hash balancing; here a user would be drawn anew with each request.)
    """
    known = {"cookies": [{"name": USER_COOKIE, "string_match": {"safe_regex": {"regex": ".+"}}}]}
    cookie = f"{USER_COOKIE}=%REQ(X-REQUEST-ID)%; Path=/; Max-Age={REMEMBERED}; HttpOnly; SameSite=Lax"
    introduce = {
        "response_headers_to_add": [{"header": {"key": "set-cookie", "value": cookie}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}]
    }
    by_cookie = {**_hashed(action), "hash_policy": [{"cookie": {"name": USER_COOKIE}}]}
    by_request = {**_hashed(action), "hash_policy": [{"header": {"header_name": "x-request-id"}}]}
    return [*_by_method(known, by_cookie, mirrored), *({**route, **introduce} for route in _by_method({}, by_request, mirrored))]


def _hashed(action: Json) -> Json:
    return {**action, "weighted_clusters": {**action["weighted_clusters"], "use_hash_policy": True}}


def _divided(service: Service, weights: Mapping[str, int]) -> Json:
    shares = [
        {
            "name": cluster_name(service.name, workload),
            "weight": weight,
            "response_headers_to_add": [
                {"header": {"key": RELEASE_HEADER, "value": workload}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            ],
        }
        for workload, weight in sorted(weights.items())  # always in the same order: sticky users depend on it
        if weight
    ]
    return {"weighted_clusters": {"clusters": shares}, "timeout": f"{service.request_timeout}s"}


def _mirrored(service: Service) -> Json:
    policies = [
        {
            "cluster": mirror_name(cluster_name(service.name, workload)),
            "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
        }
        for workload, percent in sorted(service.extras.mirrors.items())
        if percent
    ]
    return {"request_mirror_policies": policies} if policies else {}


def _by_method(match: Json, action: Json, for_reads_only: Mapping[str, Any] = MappingProxyType({})) -> list[Json]:
    """A read may be asked twice, of the same release or, as a copy, of another; what writes may not."""
    reads = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}
    for_reads = {"prefix": "/", **match, "headers": [*match.get("headers", ()), reads]}
    return [
        {"match": for_reads, "route": {**action, **for_reads_only, "retry_policy": _retries(f"{NEVER_SENT},reset")}},
        {"match": {"prefix": "/", **match}, "route": {**action, "retry_policy": _retries(NEVER_SENT)}},
    ]


def _retries(on: str) -> Json:
    predicate = "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": on,
        "num_retries": 2,
        "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": TYPE + predicate}}],
        "host_selection_retry_max_attempts": 5,
    }
