"""Weights become backends, and backends weights again; what the gateway has not taken is not so."""

import pytest
from kube_things import ALL, DEPLOYMENT, PLACE, ROUTE, SERVICE, changed

from headway.adapters.kubernetes import traffic
from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.errors import Refused
from headway.rollout.model import Match, SetWeights

PATTERN = pattern(ALL, "shop", "prod", "k8s")
NAMES = {"v1": "shop-1", "v2": "shop-2"}
OWNERS = {name: workload for workload, name in NAMES.items()}


def taken(route: dict[str, object], generation: int = 1, status: str = "True") -> dict[str, object]:
    conditions = [
        {"type": kind, "status": status, "observedGeneration": generation, "message": f"no {kind}"} for kind in ("Accepted", "ResolvedRefs")
    ]
    return changed(changed(dict(route), "metadata", "generation", to=1), "status", "parents", to=[{"conditions": conditions}])


def routed(effect: SetWeights) -> dict[str, object]:
    (route,) = traffic.routes(PATTERN, PLACE, effect, NAMES)
    return dict(route)


def test_only_the_services_own_backends_change() -> None:
    rules = routed(SetWeights({"v1": 90, "v2": 10}))["spec"]["rules"]
    assert rules[0] == ROUTE["spec"]["rules"][0]
    assert rules[1]["backendRefs"] == [
        {"name": "shop-1", "port": 80, "filters": [], "weight": 90},
        {"name": "shop-2", "port": 80, "filters": [], "weight": 10},
    ]


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param({"v1": 100}, id="all to one"),
        pytest.param({"v1": 90, "v2": 10}, id="a canary"),
        pytest.param({}, id="nothing to nobody"),
    ],
)
def test_what_was_set_is_what_is_read(weights: dict[str, int]) -> None:
    assert traffic.told_by_route(taken(routed(SetWeights(weights))), OWNERS) == weights
    assert traffic.told_by_front(traffic.front(Pattern(DEPLOYMENT, SERVICE), PLACE, SetWeights(weights))) == weights


def test_weights_that_somebody_else_wrote_are_read_as_percent() -> None:
    rule = {"backendRefs": [{"name": "shop-1", "weight": 3}, {"name": "shop-2"}]}
    assert traffic.told_by_route(taken(changed(ROUTE, "spec", "rules", to=[rule])), OWNERS) == {"v1": 75, "v2": 25}


def test_a_gateway_that_has_not_taken_it_has_nothing_to_tell_and_one_that_refuses_says_why() -> None:
    route = routed(SetWeights({"v1": 100}))
    assert traffic.told_by_route(route, OWNERS) is None
    assert traffic.told_by_route(taken(route, generation=0), OWNERS) is None
    refused = taken(route, status="False")
    assert traffic.told_by_route(refused, OWNERS) is None
    assert traffic.refused_because(refused) == "no Accepted"


def test_who_asks_for_a_release_has_a_rule_before_the_weights_that_is_nobodys_weight() -> None:
    matches = (Match("v2", "header", "x-release", "new"), Match("v2", "cookie", "beta", "yes"))
    route = routed(SetWeights({"v1": 100}, matches=matches))
    _static, header, cookie, weights = route["spec"]["rules"]
    assert header["matches"] == [{"path": {"value": "/"}, "headers": [{"type": "Exact", "name": "x-release", "value": "new"}]}]
    assert cookie["matches"][0]["headers"][0]["type"] == "RegularExpression"
    assert header["backendRefs"][0]["name"] == cookie["backendRefs"][0]["name"] == "shop-2"
    assert [(one["name"], one["weight"]) for one in weights["backendRefs"]] == [("shop-1", 100), ("shop-2", 0)]
    assert traffic.told_by_route(taken(route), OWNERS) == {"v1": 100}


def test_what_no_httproute_can_do_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="sticky"):
        routed(SetWeights({"v1": 100}, sticky=True))
    with pytest.raises(Refused, match="mirror"):
        routed(SetWeights({"v1": 100}, mirrors={"v2": 10}))


def test_without_a_gateway_two_releases_share_the_selector_of_the_place() -> None:
    bare = Pattern(DEPLOYMENT, SERVICE)
    both = traffic.front(bare, PLACE, SetWeights({"v1": 50, "v2": 50}))["spec"]["selector"]
    assert both == {"app": "shop", "headway/service": "shop", "headway/environment": "production"}
    one = traffic.front(bare, PLACE, SetWeights({"v2": 100}))["spec"]["selector"]
    assert one == {"app": "shop", "headway/workload": "v2"}
    nobody = traffic.front(bare, PLACE, SetWeights({}))["spec"]["selector"]
    assert nobody == {"app": "shop", "headway/workload": "none"}


def test_behind_a_gateway_the_service_leads_to_who_has_most_of_the_traffic() -> None:
    assert traffic.front(PATTERN, PLACE, SetWeights({"v1": 90, "v2": 10}))["spec"]["selector"]["headway/workload"] == "v1"


def test_the_way_by_hand_leads_every_rule_of_ours_to_one_release_and_no_other_rule() -> None:
    route = routed(SetWeights({"v1": 10, "v2": 90}, matches=(Match("v2", "header", "x-release", "new"),)))
    static, ours = traffic.all_to(route, "shop-1", set(OWNERS))
    assert static == ROUTE["spec"]["rules"][0]
    assert ours["backendRefs"] == [{"name": "shop-1", "port": 80, "filters": [], "weight": 100}]
    assert ours["matches"] == ROUTE["spec"]["rules"][1]["matches"]
