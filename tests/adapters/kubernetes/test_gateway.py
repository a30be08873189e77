"""Several Envoys of one gateway count the same releases; what one of them does not know, nobody knows."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headway.adapters.kubernetes.gateway import measure, members
from headway.environments.model import Cluster
from headway.errors import Unavailable

SERVICES = {"shop-1-0-0": "v1", "shop-1-1-0": "v2"}


def at(*stats: str, gateway: str = "contour") -> Cluster:
    return Cluster("k8s", "prod", stats=stats, gateway=gateway)


@contextmanager
def envoy(stats: dict[str, object]) -> Iterator[str]:
    """An Envoy that tells these statistics, named without the words that all have in common."""
    told = [{"name": f"cluster.prod_{name}", "value": value} for name, value in stats.items()]
    with serving(json.dumps({"stats": told}).encode()) as url:
        yield url


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    """Something that answers this, whatever it is asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


ONE = {"shop-1-0-0_80.upstream_rq_completed": 70, "shop-1-0-0_80.upstream_rq_5xx": 1, "shop-1-1-0_80.upstream_rq_completed": 7}
OTHER = {"shop-1-0-0_80.upstream_rq_completed": 30, "files_80.upstream_rq_completed": 500}


def test_counts_are_added_up_by_release_and_others_are_left_out() -> None:
    with envoy(ONE) as one, envoy(OTHER) as other:
        arms = measure(at(one, other), SERVICES)
    counted = {name: {url: (each.completed, each.failures) for url, each in parts.items()} for name, parts in arms.items()}
    assert counted == {"v1": {one: (70, 1), other: (30, 0)}, "v2": {one: (7, 0)}}


def test_an_envoy_that_does_not_answer_makes_the_sum_no_answer() -> None:
    with envoy(ONE) as one:
        with envoy(OTHER) as gone:
            pass
        with pytest.raises(Unavailable, match=gone.replace(".", r"\.")):
            measure(at(one, gone), SERVICES)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"stats": 3}'])
def test_what_is_no_statistics_is_no_answer(body: bytes) -> None:
    with serving(body) as url, pytest.raises(Unavailable, match="no usable answer"):
        measure(at(url), SERVICES)


def test_pods_are_known_when_every_envoy_knows_them() -> None:
    knows = {"shop-1-0-0_80.membership_healthy": 3, "shop-1-1-0_80.membership_healthy": 2}
    with envoy(knows) as one, envoy({"shop-1-0-0_80.membership_healthy": 1}) as other:
        assert members(at(one), SERVICES) == {"v1": 3, "v2": 2}
        assert members(at(one, other), SERVICES) == {"v1": 1, "v2": 0}


def test_istios_names_are_another_row() -> None:
    name = "cluster.outbound|80||shop-1-1-0.prod.svc.cluster.local"
    told = {f"{name};.upstream_rq_completed": 9, f"{name}.upstream_rq_5xx": 2, f"{name};.membership_healthy": 3}
    elsewhere = {"cluster.outbound|80||shop-1-1-0.dev.svc.cluster.local.upstream_rq_completed": 500}
    with serving(json.dumps({"stats": [{"name": one, "value": value} for one, value in (told | elsewhere).items()]}).encode()) as url:
        ((workload, counted),) = measure(at(url, gateway="istio"), SERVICES).items()
        assert members(at(url, gateway="istio"), SERVICES)["v2"] == 3
    assert (workload, counted[url].completed, counted[url].failures) == ("v2", 9, 2)


def test_a_gateway_that_counts_by_rule_is_no_judge_of_releases() -> None:
    with pytest.raises(Unavailable, match=r"do not tell releases apart; use kubernetes: prometheus: \{counts: pods\}"):
        measure(at("http://127.0.0.1:1", gateway="envoy-gateway"), SERVICES)
