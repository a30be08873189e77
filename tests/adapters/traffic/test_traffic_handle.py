"""The load as a process of its own: its totals are what the service saw, to the request."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.adapters.traffic import Counts, Traffic
from headway.errors import InvalidSpec, Unavailable

TALLY = Path(__file__).parents[3] / "examples" / "tally"


class Tally:
    """The sample service, logging every request."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log"
        environ = {**os.environ, "PORT": str(self.port), "HEADWAY_STATE": str(folder), "LOG_LEVEL": "debug"}
        with self._log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, "-B", "-m", "tally"], cwd=TALLY, env=environ, stderr=log)
        until(lambda: "listens" in self._log.read_text())

    def saw(self) -> list[str]:
        """Method and path of every request it has answered."""
        return re.findall(r'"(\w+ /\w*) HTTP', self._log.read_text())


def until(true: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def tally(tmp_path: Path) -> Iterator[Tally]:
    tally = Tally(tmp_path)
    yield tally
    tally.process.kill()
    tally.process.wait()


def test_the_totals_are_what_the_service_saw_to_the_request(tally: Tally) -> None:
    with Traffic(tally.url, rate=200, connections=8) as traffic:
        until(lambda: traffic.snapshot().total.requests > 200)
        total = traffic.stop()
    saw = tally.saw()
    assert total.requests == total.ok == len(saw)
    assert total.statuses == {"201": saw.count("POST /votes"), "200": saw.count("GET /") + saw.count("GET /votes")}


def test_the_seconds_add_up_to_the_totals(tally: Tally) -> None:
    traffic = Traffic(tally.url, rate=200, connections=8)
    traffic.start()
    until(lambda: len(traffic.snapshot().seconds) > 2)
    total = traffic.stop()
    snapshot = traffic.snapshot()
    added = Counts()
    for second in snapshot.seconds:
        added.add(second.counts)
    assert added == snapshot.total == total
    assert traffic.stop() == total, "stopping twice changes nothing"


def test_a_service_killed_under_load_costs_failures_that_are_all_counted(tally: Tally) -> None:
    with Traffic(tally.url, rate=200, connections=8) as traffic:
        until(lambda: traffic.snapshot().total.ok > 50)
        tally.process.kill()
        tally.process.wait()
        until(lambda: traffic.snapshot().total.failed > 50)
        total = traffic.stop()
    # One that was being answered at that instant may be in the log and yet lost to its user.
    assert 0 <= len(tally.saw()) - total.ok <= 8
    assert total.unattributed == total.failed > 50
    assert total.ok + total.failed == total.requests == sum(total.statuses.values())
    assert total.failures[0].request.split()[0] in {"GET", "POST"}


def test_a_service_told_to_stop_under_load_finishes_what_it_has_begun(tally: Tally) -> None:
    with Traffic(tally.url, rate=200, connections=8) as traffic:
        until(lambda: traffic.snapshot().total.ok > 50)
        tally.process.terminate()
        assert tally.process.wait(10) == 0
        total = traffic.stop()
    assert len(tally.saw()) == total.ok


def test_a_client_that_died_gives_no_totals_rather_than_too_good_ones(tally: Tally) -> None:
    traffic = Traffic(tally.url)
    traffic.start()
    assert traffic._process is not None
    traffic._process.kill()
    with pytest.raises(Unavailable, match="its totals are lost"):
        traffic.stop()


def test_what_never_started_saw_nothing() -> None:
    assert Traffic("http://127.0.0.1:1").stop() == Counts()


@pytest.mark.parametrize(
    ("rate", "connections"),
    [pytest.param(0, 1, id="no rate"), pytest.param(1e6, 1, id="more than one process can send"), pytest.param(1, 0, id="no connection")],
)
def test_a_load_that_cannot_be_made_is_refused(rate: float, connections: int) -> None:
    with pytest.raises(InvalidSpec):
        Traffic("http://127.0.0.1:1", rate, connections)


@pytest.mark.parametrize("how", ["the parent is gone", "SIGTERM", "its time is up"])
def test_it_ends_with_its_totals_when(how: str, tally: Tally) -> None:
    limit = ["--seconds", "0.5"] if how == "its time is up" else ["--while-stdin"]
    command = [sys.executable, "-m", "headway.adapters.traffic", tally.url, "--rate", "100", *limit]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["second"]
        if how == "the parent is gone":
            process.stdin.close()
        elif how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        *_, last = process.stdout
        assert process.wait(10) == 0
    assert Counts.from_json(json.loads(last)["total"]).requests == len(tally.saw())


def test_it_ends_when_nobody_listens_any_more(tally: Tally) -> None:
    command = [sys.executable, "-m", "headway.adapters.traffic", tally.url, "--rate", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(10) == 1
