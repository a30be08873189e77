"""What Prometheus scraped is evidence as long as it is young, whole and understood; anything else is no evidence, and says why."""

import math
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from little_prometheus import NOW, Little, prometheus

from headway.adapters.kubernetes.prometheus import check, measure
from headway.analysis.model import Counters, Readings
from headway.environments.model import Cluster, Prometheus
from headway.errors import InvalidSpec, Unavailable

SERVICES = {"shop-1-0-0-aa": "v1-0-0-aa", "shop-1-1-0-bb": "v1-1-0-bb"}
OLD, NEW = SERVICES.values()
THEN = datetime.fromtimestamp(NOW, tz=UTC)
RQ, XX, LE = "envoy_cluster_upstream_rq_completed", "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket"


@pytest.fixture
def little() -> Iterator[Little]:
    with prometheus() as made:
        yield made


def read(little: Little, gateway: str = "contour", now: datetime = THEN, secret: str = "", **more: object) -> Readings:
    asked = Prometheus(little.url, **({"every": 5.0} | more))  # type: ignore[arg-type]
    return measure(Cluster("k8s", "prod", gateway=gateway, prometheus=asked), SERVICES, lambda: now, lambda _: secret)


def cluster(service: str) -> str:
    return f"prod_{service}_80"


def by_envoy(little: Little, service: str, requests: float, failures: float = 0, age: float = 1.0, **labels: str) -> None:
    named = {"envoy_cluster_name": cluster(service), **labels}
    little.has(RQ, requests, age, **named)
    little.has(XX, requests - failures, age, envoy_response_code_class="2", **named)
    little.has(XX, failures, age, envoy_response_code_class="5", **named)


def both(little: Little, age: float = 1.0) -> None:
    by_envoy(little, "shop-1-0-0-aa", 900, 3, age)
    by_envoy(little, "shop-1-1-0-bb", 100, 50, age)


def test_each_release_has_the_counts_of_its_own_service(little: Little) -> None:
    both(little)
    by_envoy(little, "shop-1-1-0-bbb", 5000)
    named = {"envoy_cluster_name": cluster("shop-1-1-0-bb")}
    for name, value in (("rq_retry", 4), ("cx_connect_fail", 2), ("rq_pending_overflow", 1), ("rq_active", 7)):
        little.has(f"envoy_cluster_upstream_{name}", value, **named)
    for edge, below in (("0.5", 10), ("250", 60), ("500", 90), ("+Inf", 100)):
        little.has(LE, below, le=edge, **named)
    readings = read(little)
    assert little.queries == 1, "one reading is one instant"
    assert readings.at == THEN - timedelta(seconds=1)
    assert readings.arms == {
        OLD: Counters(900, 3),
        NEW: Counters(100, 50, 4, 3, 7, {0.5: 10, 250.0: 50, 500.0: 30, math.inf: 10}),
    }


def test_those_who_count_are_kept_apart_and_added_up(little: Little) -> None:
    by_envoy(little, "shop-1-1-0-bb", 10, 1, instance="10.0.0.7:8002")
    by_envoy(little, "shop-1-1-0-bb", 20, 2, age=4, instance="10.0.0.8:8002")
    readings = read(little)
    assert readings.arms == {NEW: Counters(30, 3)}
    assert {who: each.completed for who, each in readings.parts[NEW].items()} == {"10.0.0.7:8002": 10, "10.0.0.8:8002": 20}
    assert readings.at == THEN - timedelta(seconds=4), "as old as the oldest of them"


def test_two_that_scrape_the_same_do_not_double_it(little: Little) -> None:
    for job in ("envoy", "federated"):
        by_envoy(little, "shop-1-1-0-bb", 10, 1, job=job, prometheus_replica=job)
    assert read(little).arms == {NEW: Counters(10, 1)}


def test_what_was_scraped_too_long_ago_is_unknown(little: Little) -> None:
    both(little, age=12.9)
    assert read(little).arms
    little.clock += 0.2
    with pytest.raises(Unavailable, match=r"scraped these releases last 13 s ago, expected within 13 s \(scraped_every: 5s"):
        read(little, now=THEN + timedelta(seconds=0.2))


def test_what_a_restart_left_behind_does_not_make_the_rest_old(little: Little) -> None:
    both(little)
    by_envoy(little, "shop-1-1-0-bb", 70, age=200, instance="10.0.0.9:8002")
    assert read(little).arms[NEW].completed == 100
    little.series = [one for one in little.series if one[0]["envoy_cluster_name"] == cluster("shop-1-1-0-bb") and one[2] < NOW - 100]
    by_envoy(little, "shop-1-0-0-aa", 5)
    assert read(little).arms.keys() == {OLD}


@pytest.mark.parametrize(
    ("pods", "known"),
    [
        pytest.param({"a": 1.0, "b": 1.0}, 30, id="a pod that was asked for nothing yet counts none"),
        pytest.param({"a": 1.0, "b": 0.0}, None, id="of one that cannot be scraped nobody knows the worst"),
    ],
)
def test_pods_count_for_themselves(little: Little, pods: dict[str, float], known: int | None) -> None:
    for pod, up in pods.items():
        target = {"namespace": "prod", "pod": f"shop-1-1-0-bb-7d4f-{pod}", "instance": f"{pod}:8080"}
        little.has("up", up, **target)
    target = {"namespace": "prod", "pod": "shop-1-1-0-bb-7d4f-a", "instance": "a:8080"}
    for code, count in (("200", 20), ("404", 5), ("503", 5)):
        little.has("http_requests_total", count, code=code, **target)
        little.has("http_requests_total", 999, code=code, **(target | {"namespace": "dev"}))
    for edge, below in (("0.25", 20), ("+Inf", 30)):
        little.has("http_request_duration_seconds_bucket", below, le=edge, **target)
    if known is None:
        with pytest.raises(Unavailable, match="could not scrape b:8080 shop-1-1-0-bb-7d4f-b"):
            read(little, counts="pods")
        little.has("up", 1, namespace="prod", pod="shop-1-0-0-aa-7d4f-c", instance="c:8080")
        assert read(little, counts="pods").arms == {OLD: Counters()}
        return
    assert read(little, counts="pods").arms == {NEW: Counters(known, 5, latency={250.0: 20, math.inf: 10})}


def test_a_team_counts_by_its_own_names(little: Little) -> None:
    for status, count in (("ok", 40), ("error", 2)):
        little.has("shop_answers", count, result=status, space="prod", headway_workload=NEW)
    little.has("up", 1, namespace="prod", headway_workload=NEW)
    own = {"requests": 'shop_answers{space="$namespace"}', "failures": 'shop_answers{space="$namespace",result="error"}'}
    assert read(little, counts="pods", by="headway_workload", **own).arms == {NEW: Counters(42, 2)}


def test_istios_names_are_another_row(little: Little) -> None:
    named = {"reporter": "source", "destination_service_namespace": "prod", "destination_service_name": "shop-1-1-0-bb"}
    for code, count in (("200", 40), ("503", 2)):
        little.has("istio_requests_total", count, response_code=code, **named)
        little.has("istio_requests_total", count, response_code=code, **(named | {"reporter": "destination"}))
    little.has("istio_request_duration_milliseconds_bucket", 42, le="25", **named)
    assert read(little, gateway="istio").arms == {NEW: Counters(42, 2, latency={25.0: 42})}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"answers": (503, b"starting")}, "no usable answer: status 503", id="it starts"),
        pytest.param({"answers": (200, b"<html>")}, "no usable answer", id="it is something else"),
        pytest.param({"answers": (200, {"status": "success", "data": {"resultType": "scalar", "result": []}})}, "no usable", id="a scalar"),
        pytest.param({"series": []}, r"knows no envoy_cluster_upstream_rq_completed\{envoy_cluster_name=~", id="nothing of that name"),
        pytest.param({"token": "x"}, r"refuses Headway with 401; it came with no token \(prometheus: token: env:NAME\)", id="a door"),
        pytest.param({"histogram": True}, "native histogram", id="a histogram without buckets"),
        pytest.param({"clock": NOW + 60}, "differ by 60 s, expected at most 5 s", id="clocks that differ"),
    ],
)
def test_what_cannot_be_used_is_trouble_that_says_what_it_is(little: Little, wrong: dict[str, object], says: str) -> None:
    both(little)
    for name, value in wrong.items():
        setattr(little, name, value)
    with pytest.raises(Unavailable, match=says):
        read(little)


def test_not_a_number_is_no_number(little: Little) -> None:
    both(little)
    by_envoy(little, "shop-1-1-0-bb", 10, math.nan, instance="another")
    with pytest.raises(Unavailable, match=r'upstream_rq_xx\{envoy_response_code_class="5", .* is NaN, expected a count'):
        read(little)


def test_one_that_is_away_is_trouble() -> None:
    with prometheus() as gone:
        pass
    with pytest.raises(Unavailable, match=f"Prometheus at {gone.url} does not answer"):
        read(gone)


def test_a_wrong_query_is_named_with_what_prometheus_says_of_it(little: Little) -> None:
    little.broken = "shop_failures"
    own = Prometheus(little.url, requests="shop_answers", failures="shop_failures")
    where = Cluster("k8s", "prod", prometheus=own)
    with pytest.raises(InvalidSpec, match=r"its query for failures, shop_failures\{.*\}: Prometheus says: parse error: unexpected left"):
        check(where, lambda _: "")
    check(replace(where, prometheus=replace(own, failures="shop_answers")), lambda _: "")


def test_a_token_goes_to_prometheus_and_into_no_message(little: Little) -> None:
    both(little)
    little.token = "sesame"
    assert read(little, secret="sesame\n", token="env:TOKEN").arms
    with pytest.raises(Unavailable, match=r"came with the token env:TOKEN\Z"):
        read(little, secret="barley", token="env:TOKEN")
    with pytest.raises(Unavailable, match=r"the token env:TOKEN is not one word of plain characters, and no header can carry it\Z"):
        read(little, secret="bar\nley", token="env:TOKEN")


def test_it_is_trusted_by_the_certificate_that_was_named(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), tmp_path / "ca.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=little"]
    made = [*make, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    with prometheus((str(certificate), key)) as little:
        both(little)
        where = Cluster("k8s", "prod", prometheus=Prometheus(little.url, ca="file:ca.pem"))
        assert measure(where, SERVICES, lambda: THEN, lambda _: certificate.read_text()).arms
        with pytest.raises(Unavailable, match=r"does not answer.*certificate"):
            measure(replace(where, prometheus=Prometheus(little.url)), SERVICES, lambda: THEN, lambda _: "")
        with pytest.raises(Unavailable, match="no certificate in PEM"):
            measure(where, SERVICES, lambda: THEN, lambda _: "no certificate")
