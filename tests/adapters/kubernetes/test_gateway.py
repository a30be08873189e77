"""What several Envoys of one gateway counted is one number; what one of them does not know, nobody knows."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headway.adapters.kubernetes.gateway import measure, members
from headway.errors import Unavailable

SERVICES = {"shop-1-0-0": "v1", "shop-1-1-0": "v2"}


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
        arms = measure((one, other), "prod", SERVICES)
    assert {name: (counters.completed, counters.failures) for name, counters in arms.items()} == {"v1": (100, 1), "v2": (7, 0)}


def test_an_envoy_that_does_not_answer_makes_the_sum_no_answer() -> None:
    with envoy(ONE) as one:
        with envoy(OTHER) as gone:
            pass
        with pytest.raises(Unavailable, match=gone.replace(".", r"\.")):
            measure((one, gone), "prod", SERVICES)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"stats": 3}'])
def test_what_is_no_statistics_is_no_answer(body: bytes) -> None:
    with serving(body) as url, pytest.raises(Unavailable, match="no usable answer"):
        measure((url,), "prod", SERVICES)


def test_pods_are_known_when_every_envoy_knows_them() -> None:
    knows = {"shop-1-0-0_80.membership_healthy": 3, "shop-1-1-0_80.membership_healthy": 2}
    with envoy(knows) as one, envoy({"shop-1-0-0_80.membership_healthy": 1}) as other:
        assert members((one,), "prod", SERVICES) == {"v1": 3, "v2": 2}
        assert members((one, other), "prod", SERVICES) == {"v1": 1, "v2": 0}
