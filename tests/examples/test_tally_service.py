"""The sample service stands what a rollout does to it: load, neighbours on one database, a stop at any moment, bad input."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_tally import TALLY, Replica, bad


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    replica = Replica(TALLY, tmp_path, GREETING="good day", HEADWAY_VERSION="1.2.3", HEADWAY_ENVIRONMENT="dev").ready()
    yield replica
    replica.end()


def test_it_is_up_quickly(replica: Replica) -> None:
    # 0.1 s on an idle machine; the rest is for a busy one.
    assert time.monotonic() - replica.started < 2


def test_it_says_who_it_is(replica: Replica) -> None:
    assert replica.ask("GET", "/") == (200, {"greeting": "good day", "version": "1.2.3"})
    assert replica.ask("GET", "/health") == (200, {"status": "ok", "environment": "dev", "version": "1.2.3"})


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"POST /votes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntea", 400, id="no JSON"),
        pytest.param(b"POST /votes HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n", 400, id="a negative length"),
        pytest.param(b"POST /votes HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413, id="too large"),
        pytest.param(b"POST /votes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, id="no length"),
        pytest.param(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n", 404, id="an unknown path"),
        pytest.param(b"DELETE /votes HTTP/1.1\r\nHost: x\r\n\r\n", 405, id="a method that the path has not"),
        pytest.param(b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501, id="a method that nobody has"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431, id="too many headers"),
        pytest.param(b"what is this\r\n\r\n", 400, id="no HTTP"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_service_goes_on(replica: Replica, sent: bytes, status: int) -> None:
    head, _, body = replica.raw(sent).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body)["error"]
    assert f"Content-Length: {len(body)}".encode() in head
    assert replica.ask("GET", "/health")[0] == 200


def test_several_requests_in_one_packet_are_all_answered(replica: Replica) -> None:
    assert replica.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5).count(b"HTTP/1.1 200") == 5


def test_replicas_that_start_together_on_a_new_database_all_get_ready(tmp_path: Path) -> None:
    replicas = [Replica(TALLY, tmp_path) for _ in range(4)]
    try:
        for replica in replicas:
            replica.ready().ask("POST", "/votes", b'{"choice": "tea"}')
        assert [replica.ask("GET", "/votes")[1] for replica in replicas] == [{"votes": {"tea": 4}, "total": 4}] * 4
    finally:
        for replica in replicas:
            replica.end()


def test_a_request_in_flight_is_finished_when_it_is_told_to_stop(tmp_path: Path) -> None:
    replica = Replica(bad(tmp_path, "slow"), tmp_path).ready()
    answers: list[tuple[int, dict[str, object]]] = []
    try:
        user = threading.Thread(target=lambda: answers.append(replica.ask("GET", "/")))
        user.start()
        time.sleep(0.2)  # slow answers after 0.6 s, so now is the middle of it
        replica.process.terminate()
        user.join()
        assert answers[0][0] == 200
        assert replica.process.wait(10) == 0
    finally:
        replica.end()


def test_idle_connections_do_not_hold_up_the_stop(replica: Replica) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", replica.port)
    idle.request("GET", "/")
    idle.getresponse().read()
    told = time.monotonic()
    replica.process.terminate()
    assert replica.process.wait(10) == 0
    assert time.monotonic() - told < 3
    idle.close()


def test_a_taken_port_is_a_sentence(replica: Replica, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "-B", "-m", "tally"],
        cwd=TALLY,
        env={**os.environ, "PORT": str(replica.port), "HEADWAY_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.startswith("tally: cannot start:")
    assert "Traceback" not in second.stderr
