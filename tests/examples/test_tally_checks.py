"""The sample's own tests, build and checks are real: they pass on a good release and fail on a bad one, with one line why."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_tally import TALLY, Replica, bad

CHECKS = ("smoke", "integration", "e2e", "performance", "security")


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    replica = Replica(TALLY, tmp_path).ready()
    yield replica
    replica.end()


def run(script: Path | str, *arguments: str, cwd: Path = TALLY, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(script), *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check(name: str, url: str, *, home: Path = TALLY, budget: str = "5000") -> subprocess.CompletedProcess[str]:
    return run(home / "checks" / f"{name}.py", HEADWAY_URL=url, BUDGET_MS=budget)


@pytest.mark.parametrize("name", CHECKS)
def test_a_good_release_passes(replica: Replica, name: str) -> None:
    ended = check(name, replica.url)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("good: ")


@pytest.mark.parametrize("name", CHECKS)
def test_no_answer_is_a_failure_with_one_line(name: str) -> None:
    ended = check(name, "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert ended.stdout.startswith("failed: ")
    assert "got no answer" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("name", ["integration", "e2e", "performance", "security"])
def test_a_release_with_errors_fails(tmp_path: Path, name: str) -> None:
    replica = Replica(bad(tmp_path, "errors"), tmp_path).ready()
    try:
        ended = check(name, replica.url)
        assert ended.returncode == 1
        assert ended.stdout.splitlines()[-1].startswith("failed: ")
    finally:
        replica.end()


def test_a_slow_answer_breaks_the_latency_budget_and_the_numbers_are_shown(replica: Replica) -> None:
    ended = check("performance", replica.url, budget="0.001")
    assert ended.returncode == 1
    assert "p95" in ended.stdout
    assert "over the budget of 0.001 ms" in ended.stdout


@pytest.mark.parametrize("budget", ["", "soon", "nan", "inf", "-1"])
def test_no_budget_is_not_a_pass(replica: Replica, budget: str) -> None:
    ended = check("performance", replica.url, budget=budget)
    assert ended.returncode == 1
    assert "BUDGET_MS must be" in ended.stdout


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        pytest.param("eval(text)", "runs text as code", id="eval"),
        pytest.param("subprocess.run(line, shell=True)", "through a shell", id="a shell"),
        pytest.param("os.system(line)", "through a shell", id="os.system"),
        pytest.param("import pickle", "can run code", id="pickle"),
        pytest.param("from shelve import open", "can run code", id="shelve"),
        pytest.param("db_password = 'x'", "a secret is written", id="a password"),
        pytest.param("connect(token='x')", "a secret is written", id="a token in a call"),
        pytest.param("db.execute(f'DELETE FROM votes WHERE choice = {choice}')", "SQL is put together", id="SQL by f-string"),
        pytest.param("db.execute('DELETE FROM ' + table)", "SQL is put together", id="SQL by addition"),
        pytest.param("db.execute('DELETE FROM {}'.format(table))", "SQL is put together", id="SQL by format"),
        pytest.param("get(url, verify=False)", "does not verify", id="no verification"),
        pytest.param("bind(('0.0.0.0', 80))", "every address", id="listens to all"),
    ],
)
def test_the_security_scan_finds(replica: Replica, tmp_path: Path, code: str, finding: str) -> None:
    home = tmp_path / "source"
    shutil.copytree(TALLY, home)
    (home / "tally" / "planted.py").write_text(f"{code}\n")
    ended = check("security", replica.url, home=home)
    assert ended.returncode == 1
    assert "tally/planted.py:1: " in ended.stdout
    assert finding in ended.stdout


def test_the_security_scan_says_which_tools_ran(replica: Replica) -> None:
    said = check("security", replica.url).stdout
    for tool in ("bandit", "pip_audit"):
        assert tool in said


def test_a_version_that_drops_the_limit_on_bodies_fails_security(tmp_path: Path) -> None:
    source = bad(tmp_path, "none")
    path = source / "tally" / "server.py"
    path.write_text(path.read_text().replace("LARGEST_BODY = 4096", "LARGEST_BODY = 1 << 30"))
    replica = Replica(source, tmp_path).ready()
    try:
        ended = check("security", replica.url)
        assert ended.returncode == 1
        assert "expected 413" in ended.stdout
    finally:
        replica.end()


def test_two_builds_of_the_same_sources_are_the_same_and_run(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        home = tmp_path / name
        shutil.copytree(TALLY, home, ignore=shutil.ignore_patterns("dist", "__pycache__"))
        assert run("build.py", cwd=home).returncode == 0
        assert run("build.py", cwd=home).returncode == 0, "building over an old build"
        trees.append({path.relative_to(home): path.read_bytes() for path in (home / "dist").rglob("*") if path.is_file()})
    assert trees[0] == trees[1]
    replica = Replica(tmp_path / "one" / "dist", tmp_path / "state").ready()
    replica.end()


def test_its_own_tests_pass() -> None:
    ended = run("-m", "unittest", "-q", "tests.test_unit", "tests.test_together")
    assert ended.returncode == 0, ended.stderr


def test_the_checks_leave_nothing_behind_in_the_build(tmp_path: Path) -> None:
    home = tmp_path / "source"
    shutil.copytree(TALLY, home, ignore=shutil.ignore_patterns("dist", "__pycache__"))
    run("build.py", cwd=home)
    dist = home / "dist"
    before = sorted(dist.rglob("*"))
    replica = Replica(dist, tmp_path / "state").ready()
    try:
        for name in CHECKS:
            # Without -B: a platform starts checks as the file says.
            subprocess.run(
                [sys.executable, f"checks/{name}.py"],
                cwd=dist,
                env={**os.environ, "HEADWAY_URL": replica.url, "BUDGET_MS": "5000"},
                capture_output=True,
                timeout=60,
                check=True,
            )
    finally:
        replica.end()
    assert sorted(dist.rglob("*")) == before
