"""What Envoy is told. Each of these settings was a failure first."""

import json
from pathlib import Path
from typing import Any

import pytest

from headway.adapters.local import envoy_config, envoy_routes
from headway.adapters.local.envoy_config import Cluster, Endpoint, Service

FILES = Path("/files")
CLUSTER = Cluster("web", "web-1.4.0", "/health", 2.0, (Endpoint(4711), Endpoint(4712, draining=True)))


def routes(**weights: int) -> list[Any]:
    document = envoy_routes.rds(Service("web", 8000, weights, 2.0))
    return list(document["resources"][0]["virtual_hosts"][0]["routes"])


def cluster() -> dict[str, Any]:
    return dict(envoy_config.cds([CLUSTER], FILES)["resources"][0])


def test_names_in_statistics_have_no_dots() -> None:
    assert CLUSTER.name == "web--web-1_4_0"
    assert cluster()["name"] == "web--web-1_4_0"


def test_members_survive_the_way_to_disk() -> None:
    document = json.loads(json.dumps(envoy_config.eds(CLUSTER)))
    assert envoy_config.endpoints_in(document) == CLUSTER.endpoints
    assert envoy_config.endpoints_in(envoy_config.eds(Cluster("web", "none", "/", 1.0))) == ()


def test_reads_are_asked_again_after_a_reset_and_writes_only_if_never_sent() -> None:
    reads, rest = routes(a=100)
    assert reads["match"]["headers"] == [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}]
    assert reads["route"]["retry_policy"]["retry_on"] == "connect-failure,refused-stream,reset-before-request,reset"
    assert "headers" not in rest["match"]
    assert rest["route"]["retry_policy"]["retry_on"] == "connect-failure,refused-stream,reset-before-request"


def test_weights_become_shares_and_nothing_is_not_a_share() -> None:
    shares = routes(a=90, b=10, c=0)[0]["route"]["weighted_clusters"]["clusters"]
    assert [(share["name"], share["weight"]) for share in shares] == [("web--a", 90), ("web--b", 10)]
    headers = [share["response_headers_to_add"][0]["header"] for share in shares]
    assert headers == [{"key": "x-headway-release", "value": "a"}, {"key": "x-headway-release", "value": "b"}]


def test_without_a_release_users_are_told_so() -> None:
    nobody = {"status": 503, "body": {"inline_string": "no release of web gets traffic here yet\n"}}
    assert routes() == [{"match": {"prefix": "/"}, "direct_response": nobody}]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param(("ignore_health_on_host_removal",), True, id="a replica that is taken out goes at once"),
        pytest.param(("common_lb_config", "healthy_panic_threshold"), {"value": 0.0}, id="the sick are not asked because all are"),
        pytest.param(("common_lb_config", "update_merge_window"), "0s", id="workers know what the admin interface says"),
        pytest.param(("health_checks", 0, "no_traffic_interval"), "1s", id="a release without traffic is looked at too"),
    ],
)
def test_clusters(setting: tuple[Any, ...], value: object) -> None:
    found: Any = cluster()
    for part in setting:
        found = found[part]
    assert found == value


def test_unknown_clusters_are_refused_and_idle_connections_closed_before_the_service_does() -> None:
    assert envoy_routes.rds(Service("web", 8000))["resources"][0]["validate_clusters"] is True
    assert '"idle_timeout": "4s"' in json.dumps(cluster())


def test_nobody_but_us_asks_envoy_and_nobody_but_this_machine_is_served() -> None:
    bootstrap = envoy_config.bootstrap("prod", files=FILES, admin=FILES / "admin.sock")
    assert bootstrap["admin"]["address"] == {"pipe": {"path": "/files/admin.sock", "mode": 0o600}}
    assert {"exact": "/quitquitquit"} not in bootstrap["admin"]["allow_paths"]
    listener = envoy_config.lds([Service("web", 8000)], FILES)["resources"][0]
    assert listener["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 8000}}
    assert listener["enable_reuse_port"] is False


def test_connections_are_capped() -> None:
    bootstrap = envoy_config.bootstrap("prod", files=FILES, admin=FILES / "admin.sock", connections=77)
    assert '"max_active_downstream_connections": 77' in json.dumps(bootstrap["overload_manager"])
