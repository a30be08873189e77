"""One changed line makes a version bad, each in its own way, and health does not give it away."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from running_tally import TALLY, Replica, bad

Start = Callable[..., Replica]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    replicas: list[Replica] = []

    def start(fault: str, **environ: str) -> Replica:
        replicas.append(Replica(bad(tmp_path, fault), tmp_path, **environ))
        return replicas[-1].ready()

    yield start
    for replica in replicas:
        replica.end()


def statuses(replica: Replica, requests: int = 100) -> list[int]:
    return [replica.ask("GET", "/")[0] for _ in range(requests)]


def memory(replica: Replica) -> int:
    return int(psutil.Process(replica.process.pid).memory_info().rss)


def test_errors_answers_three_of_ten_with_500(start: Start) -> None:
    replica = start("errors")
    assert statuses(replica).count(500) == 30
    assert replica.ask("GET", "/health")[0] == 200


def test_slow_takes_longer_for_users_and_not_for_health(start: Start) -> None:
    replica = start("slow")
    began = time.monotonic()
    assert replica.ask("GET", "/")[0] == 200
    assert time.monotonic() - began >= 0.6
    began = time.monotonic()
    replica.ask("GET", "/health")
    assert time.monotonic() - began < 0.6


def test_hang_never_answers_a_user_and_still_stops_when_the_users_gave_up(start: Start) -> None:
    replica = start("hang")
    with pytest.raises(TimeoutError):
        replica.ask("GET", "/votes", timeout=0.5)
    assert replica.ask("GET", "/health")[0] == 200
    replica.process.terminate()
    assert replica.process.wait(3) == 0


def test_crash_ends_at_the_start_and_says_why(tmp_path: Path) -> None:
    replica = Replica(bad(tmp_path, "crash"), tmp_path)
    assert replica.process.wait(10) == 1
    assert replica.complaint().startswith("tally: cannot start")


def test_leak_gets_slower_then_sick(start: Start) -> None:
    replica = start("leak")
    before = memory(replica)
    first = statuses(replica, 20)
    assert set(first) == {200}
    began = time.monotonic()
    later = statuses(replica, 110)
    assert time.monotonic() - began > 1
    assert 500 in later
    assert memory(replica) > before + 8_000_000
    assert replica.ask("GET", "/health")[0] == 200


def test_leak_is_good_at_first(tmp_path: Path) -> None:
    source = bad(tmp_path, "leak")
    path = source / "tally" / "fault.py"
    path.write_text(path.read_text().replace("LEAKS_AFTER = 0.0", "LEAKS_AFTER = 1000.0"))
    replica = Replica(source, tmp_path).ready()
    try:
        assert set(statuses(replica, 150)) == {200}
    finally:
        replica.end()


def test_a_fault_can_be_for_one_environment_only(start: Start) -> None:
    assert 500 in statuses(start("errors@production", HEADWAY_ENVIRONMENT="production"), 10)


def test_elsewhere_that_fault_sleeps(start: Start) -> None:
    assert set(statuses(start("errors@production", HEADWAY_ENVIRONMENT="staging"), 10)) == {200}


def test_a_fault_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    replica = Replica(bad(tmp_path, "sneezing"), tmp_path)
    assert replica.process.wait(10) == 1
    assert "FAULT must be one of" in replica.complaint()


def test_a_bad_version_passes_its_own_tests_as_real_bugs_do(tmp_path: Path) -> None:
    source = bad(tmp_path, "errors")
    shutil.copytree(TALLY / "tests", source / "tests")
    modules = ("tests.test_unit", "tests.test_together")
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "-q", *modules],
        cwd=source,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
