"""Who answers a user's request, as Envoy is told it."""

from typing import Any

import pytest

from headway.adapters.local import envoy_config, envoy_routes
from headway.adapters.local.envoy_config import Cluster, Endpoint, Extras, Service
from headway.rollout.model import Match

COOKIE = Match("b", "cookie", "beta", "yes")
HEADER = Match("b", "header", "x-headway-release", "new")


def routes(extras: Extras, **weights: int) -> list[Any]:
    document = envoy_routes.rds(Service("web", 8000, weights, 2.0, extras))
    return list(document["resources"][0]["virtual_hosts"][0]["routes"])


def clusters(route: Any) -> list[str]:
    return [share["name"] for share in route["route"]["weighted_clusters"]["clusters"]]


def test_matches_come_before_weights_in_the_order_given() -> None:
    found = routes(Extras(matches=(HEADER, COOKIE)), a=100)
    assert [clusters(route) for route in found] == [["web--b"], ["web--b"], ["web--b"], ["web--b"], ["web--a"], ["web--a"]]
    assert found[1]["match"]["headers"] == [{"name": "x-headway-release", "string_match": {"exact": "new"}}]
    assert found[3]["match"]["cookies"] == [{"name": "beta", "string_match": {"exact": "yes"}}]


def test_matches_work_before_anybody_has_weight() -> None:
    found = routes(Extras(matches=(HEADER,)))
    assert clusters(found[0]) == ["web--b"]
    assert found[-1]["direct_response"]["status"] == 503


def test_a_match_asks_reads_again_after_a_reset_and_writes_only_if_never_sent() -> None:
    reads, rest, *_ = routes(Extras(matches=(HEADER,)), a=100)
    assert [one["name"] for one in reads["match"]["headers"]] == ["x-headway-release", ":method"]
    assert reads["route"]["retry_policy"]["retry_on"].endswith(",reset")
    assert not rest["route"]["retry_policy"]["retry_on"].endswith(",reset")


def test_sticky_users_are_placed_by_their_cookie_and_new_ones_by_what_becomes_it() -> None:
    known, _, new, _ = routes(Extras(sticky=True), a=90, b=10)
    assert known["route"]["hash_policy"] == [{"cookie": {"name": "headway-user"}}]
    assert new["route"]["hash_policy"] == [{"header": {"header_name": "x-request-id"}}]
    assert all(route["route"]["weighted_clusters"]["use_hash_policy"] for route in (known, new))
    assert "response_headers_to_add" not in known
    cookie = new["response_headers_to_add"][0]["header"]
    assert cookie["key"] == "set-cookie"
    assert cookie["value"].startswith("headway-user=%REQ(X-REQUEST-ID)%; Path=/; Max-Age=")


def test_shares_keep_their_order_while_weights_change() -> None:
    sticky = Extras(sticky=True)
    assert [clusters(routes(sticky, b=new, a=100 - new)[0]) for new in (10, 50, 99)] == [["web--a", "web--b"]] * 3


def test_copies_go_to_a_cluster_of_their_own_and_never_from_matches() -> None:
    matched, _, weighted, _ = routes(Extras(matches=(HEADER,), mirrors={"b": 20}), a=100)
    fraction = {"default_value": {"numerator": 20, "denominator": "HUNDRED"}}
    assert weighted["route"]["request_mirror_policies"] == [{"cluster": "web--b__mirror", "runtime_fraction": fraction}]
    assert "request_mirror_policies" not in matched["route"]


@pytest.mark.parametrize("extras", [Extras(), Extras(mirrors={"b": 0})], ids=["nothing asked", "zero percent"])
def test_no_copies_unless_asked(extras: Extras) -> None:
    assert all("request_mirror_policies" not in route["route"] for route in routes(extras, a=100))


def test_a_mirror_has_the_same_replicas_and_no_checks_of_its_own(tmp_path: Any) -> None:
    cluster = Cluster("web", "b", "/health", 2.0, (Endpoint(4711),), mirrored=True)
    users, copies = envoy_config.cds([cluster], tmp_path)["resources"]
    assert (users["name"], copies["name"]) == ("web--b", "web--b__mirror")
    assert copies["eds_cluster_config"] == {**users["eds_cluster_config"], "service_name": "web--b"}
    assert "health_checks" not in copies
