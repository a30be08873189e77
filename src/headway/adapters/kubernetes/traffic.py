"""How traffic moves: the backends of the team's routes by weight, or, where there is no gateway, the selector of its Service."""

import copy
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from headway.adapters.kubernetes.kinds import (
    ENVIRONMENT_LABEL,
    HASH,
    ROUTES,
    SERVICE_LABEL,
    WEIGHTS,
    WORKLOAD_LABEL,
    Object,
    annotation_of,
    hash_of,
    labels,
    name_of,
    selector_of,
    workload_of,
)
from headway.adapters.kubernetes.pattern import Pattern
from headway.adapters.kubernetes.render import bare
from headway.environments.model import Place
from headway.errors import Refused
from headway.rollout.model import Match, SetWeights

FRONT = ""
"""The team's own Service among those that a route names: as a release it is nobody's, and has no weight."""
NOBODY = "none"
"""What a Service selects that shall reach nobody."""


def routes(pattern: Pattern, place: Place, effect: SetWeights, names: Mapping[str, str]) -> tuple[Object, ...]:
    """The team's routes with these weights. `names` maps what runs to its Services: those without weight stay known to the proxies."""
    if effect.mirrors or effect.sticky:
        what = "copies of the traffic (mirror)" if effect.mirrors else "users staying with one release (sticky)"
        raise Refused(f"{what} cannot be had from a gateway by HTTPRoute yet; take it out of this environment's strategy")
    return tuple(_route(one, name_of(pattern.service), place, effect, names) for one in pattern.routes)


def front(pattern: Pattern, place: Place, effect: SetWeights) -> Object:
    """The team's Service: who asks it directly reaches the release with the traffic, or, while two share it, the pods of both."""
    service = bare(pattern.service)
    metadata = service["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels(place)}
    weights = {name: percent for name, percent in effect.weights.items() if percent}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), WEIGHTS: json.dumps(weights, sort_keys=True)}
    if pattern.routes:
        metadata["annotations"][ROUTES] = ",".join(sorted(name_of(one) for one in pattern.routes))
    service["spec"]["selector"] = {**service["spec"]["selector"], **_further(pattern, place, weights)}
    return service


def _further(pattern: Pattern, place: Place, weights: Mapping[str, int]) -> Mapping[str, str]:
    """What the pods that the team's Service leads to have besides the team's labels."""
    if pattern.routes or len(weights) < 2:
        # Behind a gateway only those inside ask it. A canary is not their release before it has most of the traffic.
        return selector_of(max(weights, key=lambda name: weights[name], default=NOBODY))
    return {} if any(map(hash_of, weights)) else labels(place)  # the pods of an adopted release have no label of ours


def alone(service: Object, workload: str) -> dict[str, str]:
    """A selector of the team's Service for one release, whatever it selects now."""
    ours = {HASH, WORKLOAD_LABEL, SERVICE_LABEL, ENVIRONMENT_LABEL}
    theirs = {key: value for key, value in (service.get("spec", {}).get("selector") or {}).items() if key not in ours}
    return theirs | selector_of(workload)


def told_by_route(route: Object, workloads: Mapping[str, str]) -> dict[str, int] | None:
    """The weights a route has by workload, in percent, once its gateway has taken them; None before. `workloads` are by Service."""
    if not accepted(route):
        return None
    for rule in route.get("spec", {}).get("rules") or ():
        backends = [one for one in rule.get("backendRefs") or () if one.get("name") in workloads]
        if backends and not _picked(rule):
            whole = sum(int(one.get("weight", 1)) for one in backends) or 1
            shares: Counter[str] = Counter()  # what was adopted has two Services: its own, and the team's
            for one in backends:
                shares[workloads[one["name"]]] += int(one.get("weight", 1))
            return {name: round(100 * weight / whole) for name, weight in shares.items() if weight}
    return {}


def told_by_front(service: Object) -> dict[str, int]:
    """The weights a Service has: its selector is the truth, and what was asked for explains a selector that takes both."""
    selector = service.get("spec", {}).get("selector") or {}
    one = selector.get(WORKLOAD_LABEL)
    if one == NOBODY:
        return {}
    if one:
        return {one: 100}
    if hashed := selector.get(HASH):
        return {workload_of(hashed): 100}
    try:
        return {str(name): int(percent) for name, percent in json.loads(annotation_of(service, WEIGHTS) or "{}").items()}
    except (ValueError, AttributeError):
        return {}


def all_to(route: Object, service: str, ours: Collection[str]) -> list[dict[str, Any]]:
    """The rules of a route with everything that leads to a release of ours leading to this Service; rules for the curious are left out."""
    rules: list[dict[str, Any]] = []
    for rule in route.get("spec", {}).get("rules") or ():
        chosen = [one for one in rule.get("backendRefs") or () if one.get("name") in ours]
        others = [one for one in rule.get("backendRefs") or () if one.get("name") not in ours]
        if not chosen:
            rules.append(rule)
        elif not _picked(rule):
            rules.append({**rule, "backendRefs": [{**chosen[0], "name": service, "weight": 100}, *others]})
    return rules


def backends(route: Object) -> set[str]:
    """The Services that a route names."""
    rules = route.get("spec", {}).get("rules") or ()
    return {str(one.get("name")) for rule in rules for one in rule.get("backendRefs") or ()}


def accepted(route: Object) -> bool:
    """Has every gateway that it names taken exactly this version of it, with all its backends?"""
    generation = int(route.get("metadata", {}).get("generation", 0))
    parents = route.get("status", {}).get("parents") or ()
    return bool(parents) and all(_has(parent, kind, generation) for parent in parents for kind in ("Accepted", "ResolvedRefs"))


def refused_because(route: Object) -> str | None:
    """Why a gateway does not take a route, in its own words."""
    for parent in route.get("status", {}).get("parents") or ():
        for condition in parent.get("conditions") or ():
            if condition.get("type") in {"Accepted", "ResolvedRefs"} and condition.get("status") == "False":
                return str(condition.get("message") or condition.get("reason"))
    return None


def _has(parent: Mapping[str, Any], kind: str, generation: int) -> bool:
    return any(
        one.get("type") == kind and one.get("status") == "True" and int(one.get("observedGeneration", 0)) >= generation
        for one in parent.get("conditions") or ()
    )


_BY_HEADWAY = "headway"


def _route(route: Object, service: str, place: Place, effect: SetWeights, names: Mapping[str, str]) -> Object:
    ours = bare(route)
    metadata = ours["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels(place)}
    rules: list[dict[str, Any]] = []
    for rule in ours["spec"]["rules"]:
        chosen = [one for one in rule.get("backendRefs") or () if one.get("name") == service]
        if not chosen:
            rules.append(rule)
            continue
        rules.extend(
            _matched(rule, match, _backends(chosen[0], {match.workload: 100}, {match.workload: names[match.workload]}))
            for match in effect.matches
        )
        others = [one for one in rule["backendRefs"] if one.get("name") != service]
        rules.append(rule | {"backendRefs": [*_backends(chosen[0], effect.weights, names), *others]})
    ours["spec"]["rules"] = rules
    return ours


def _backends(pattern: Mapping[str, Any], weights: Mapping[str, int], names: Mapping[str, str]) -> list[dict[str, Any]]:
    # At weight 0 too: a release that a proxy has never heard of is neither counted nor warm when its first request comes.
    return [{**copy.deepcopy(dict(pattern)), "name": name, "weight": weights.get(workload, 0)} for workload, name in sorted(names.items())]


def _matched(rule: Mapping[str, Any], match: Match, backends: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A rule of its own for those who ask for one release; a more exact match wins over the rule it was made from."""
    header = (
        {"type": "Exact", "name": match.name, "value": match.value}
        if match.by == "header"
        else {"type": "RegularExpression", "name": "Cookie", "value": rf"(.*;\s*)?{re.escape(match.name)}={re.escape(match.value)}(;.*)?"}
    )
    conditions: Iterable[Mapping[str, Any]] = rule.get("matches") or ({},)
    matches = [{**condition, "headers": [*condition.get("headers", ()), header]} for condition in conditions]
    return {
        **copy.deepcopy(dict(rule)),
        "matches": matches,
        "backendRefs": list(backends),
        "name": f"{_BY_HEADWAY}-{match.by}-{match.workload}"[:63],
    }


def _picked(rule: Mapping[str, Any]) -> bool:
    """A rule for those who ask for one release by name: its backends are nobody's weights."""
    return str(rule.get("name", "")).startswith(f"{_BY_HEADWAY}-")
