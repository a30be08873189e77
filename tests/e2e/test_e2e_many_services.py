"""Thirty services in one server, most of them waiting: the measurement of a hundred, in small. Figures are in docs/benchmarks.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told() -> str:
    """What `python -m bench hundred` says of three repositories with ten services each."""
    words = ("hundred", "--repositories", "3", "--services", "10", "--live", "2", "--seconds", "4")
    ran = subprocess.run((sys.executable, "-m", "bench", *words), cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def figure(told: str, line: str, pattern: str) -> float:
    found = re.search(rf"^{line}.*?{pattern}", told, re.MULTILINE)
    assert found, told
    return float(found[1])


def test_every_service_is_released_and_waits_and_those_approved_go_live(told: str) -> None:
    assert "30 services released and waiting" in told
    assert "2 of them live" in told
    assert "its 10 services wait" in told


def test_a_server_that_has_nothing_to_do_starts_no_process_and_hardly_turns(told: str) -> None:
    # Of processor time, which a busy machine does not stretch; before refs were remembered it was more than a whole core.
    assert figure(told, "at rest", r"git (-?[\d.]+) %") < 1
    assert figure(told, "at rest", r" ([\d.]+) %") < 15
    assert figure(told, "memory", r" ([\d.]+) MiB") < 200
