"""A check runs once, sees what it was granted and nothing else, and outlives whoever started it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

from headway.adapters.checks import CommandChecks
from headway.adapters.local import processes
from headway.adapters.secrets import resolve
from headway.adapters.sources import Sources
from headway.environments.model import Configuration, Place
from headway.errors import Contradiction, InvalidSpec, Unavailable
from headway.releases.model import CheckSpec, RunSpec
from headway.rollout.model import Fence, Intent, SetWeights, StartCheck, Workload
from headway.rollout.seen import CheckRun, CheckState

PLACE = Place("tally", "staging")
URL = "http://127.0.0.1:4711"
COMMIT = "c" * 40
NOT_REAL = "a value for this test"
LONG = timedelta(seconds=20)
T = TypeVar("T")


class Exports:
    """A repository that holds one commit, of one file; export is all that is asked of it."""

    def export(self, commit: str, into: Path) -> None:
        (into / "hello.txt").write_text(f"hello from {commit[:3]}\n")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    for folder in (tmp_path / "home" / "checks").glob("*/process"):
        processes.stop(folder, grace=0)


@pytest.fixture
def checks(home: Path) -> CommandChecks:
    return fresh(home)


def fresh(home: Path) -> CommandChecks:
    """What a Headway that starts anew has."""
    return CommandChecks(home, Sources(home / "sources", {"tally": Exports()}), resolve)  # type: ignore[dict-item]


def intent(
    code: str | tuple[str, ...],
    key: str = "r1:1",
    *,
    timeout: float = 20.0,
    settings: tuple[str, ...] = (),
    values: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Intent:
    argv = code if isinstance(code, tuple) else (sys.executable, "-c", code)
    spec = CheckSpec("smoke", argv, timeout=timeout, settings=settings)
    workload = Workload("tally-1", "1.4.0", COMMIT, "sha256:" + "0" * 64, RunSpec(("true",)), Configuration(values or {}, secrets or {}))
    return Intent(key, Fence(1, 1), StartCheck(spec, workload, 1), datetime(2026, 3, 1, tzinfo=UTC))


def ended(checks: CommandChecks, key: str = "r1:1") -> CheckRun:
    return until(lambda: checks.look(PLACE, key), lambda run: run.state is not CheckState.RUNNING)


def until(look: Callable[[], T], good: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + LONG.total_seconds()
    while not good(found := look()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(
    ("code", "state", "says"),
    [
        pytest.param("", CheckState.PASSED, r"smoke passed in \d\.\d s", id="it passes"),
        pytest.param("print('a'); raise SystemExit('too slow')", CheckState.FAILED, r"exit 1 after \d\.\d s: too slow", id="it says no"),
        pytest.param("import os; os.abort()", CheckState.FAILED, r"smoke failed: killed by SIGABRT after", id="it crashes"),
        pytest.param("import os; os.kill(os.getpid(), 9)", CheckState.ERRORED, r"ended from outside .*SIGKILL", id="it is killed"),
        pytest.param(("no-such-program",), CheckState.ERRORED, r"smoke could not be started: .*no-such-program", id="it is not there"),
        pytest.param("print('\\x1b[31mred\\x1b[0m'); exit(2)", CheckState.FAILED, r"exit 2 after \d\.\d s: red", id="it prints colours"),
    ],
)
def test_how_it_went(checks: CommandChecks, code: str, state: CheckState, says: str) -> None:
    checks.start(PLACE, intent(code), URL)
    run = ended(checks)
    assert run.state is state
    assert re.search(says, run.text), run.text


def test_it_runs_in_the_release_s_own_source(checks: CommandChecks) -> None:
    checks.start(PLACE, intent("print(open('hello.txt').read()); exit(1)"), URL)
    assert ended(checks).text.endswith("hello from ccc")


def test_it_sees_what_it_was_granted_and_nothing_else(checks: CommandChecks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_TEST_SECRET", NOT_REAL)
    monkeypatch.setenv("HEADWAY_TEST_UNRELATED", "no")
    asked = intent(
        "import os, json; print(json.dumps(dict(os.environ)))",
        settings=("BUDGET_MS", "PASSWORD"),
        values={"BUDGET_MS": "150", "OTHER": "no", "HEADWAY_URL": "no"},
        secrets={"PASSWORD": "env:HEADWAY_TEST_SECRET", "OTHER_PASSWORD": "env:NOT_THERE"},
    )
    checks.start(PLACE, asked, URL)
    seen = json.loads(Path(ended(checks).log).read_text())
    home = seen.pop("HOME")
    assert Path(home).name == "home"
    assert set(seen) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        *("PATH", "LANG", "PYTHONUNBUFFERED", "TMPDIR", "GIT_CEILING_DIRECTORIES", "BUDGET_MS", "PASSWORD"),
        *("HEADWAY_URL", "HEADWAY_VERSION", "HEADWAY_SERVICE", "HEADWAY_ENVIRONMENT", "HEADWAY_INSTANCE"),
    }
    assert (seen["HEADWAY_URL"], seen["HEADWAY_VERSION"]) == (URL, "1.4.0")
    assert (seen["HEADWAY_SERVICE"], seen["HEADWAY_ENVIRONMENT"], seen["BUDGET_MS"]) == ("tally", "staging", "150")
    assert seen["PASSWORD"] == "***"


def test_a_secret_reaches_the_check_and_no_file_of_ours(checks: CommandChecks, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_TEST_SECRET", NOT_REAL)
    code = f"import os; print(os.environ['PASSWORD']); raise SystemExit(0 if os.environ['PASSWORD'] == {NOT_REAL!r} else 'wrong')"
    asked = intent(
        code.replace(NOT_REAL, "a value for ' 'this test"), settings=("PASSWORD",), secrets={"PASSWORD": "env:HEADWAY_TEST_SECRET"}
    )
    checks.start(PLACE, asked, URL)
    run = ended(checks)
    assert run.state is CheckState.PASSED, run.text
    assert Path(run.log).read_text() == "***\n"
    assert not [path for path in home.rglob("*") if path.is_file() and NOT_REAL.encode() in path.read_bytes()]


def test_a_secret_that_cannot_be_had_starts_nothing(checks: CommandChecks, home: Path) -> None:
    with pytest.raises(Unavailable, match="env:NOT_THERE_AT_ALL"):
        checks.start(PLACE, intent("", settings=("P",), secrets={"P": "env:NOT_THERE_AT_ALL"}), URL)
    assert checks.look(PLACE, "r1:1").state is CheckState.ERRORED


def test_a_setting_that_is_missing_here_is_told_when_the_check_fails(checks: CommandChecks) -> None:
    checks.start(PLACE, intent("import os; os.environ['BUDGET_MS']", settings=("BUDGET_MS",)), URL)
    assert ended(checks).text.endswith("KeyError: 'BUDGET_MS' (not set in staging: BUDGET_MS)")


def test_one_key_is_one_run(checks: CommandChecks, home: Path, tmp_path: Path) -> None:
    asked = intent(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')")
    checks.start(PLACE, asked, URL)
    checks.start(PLACE, asked, URL)
    fresh(home).start(PLACE, asked, URL)
    assert ended(checks).state is CheckState.PASSED
    checks.start(PLACE, asked, URL)
    assert ended(checks).state is CheckState.PASSED
    assert (tmp_path / "ran").read_text() == "x"


def test_another_key_is_another_run_whatever_is_in_it(checks: CommandChecks, tmp_path: Path) -> None:
    keys = ["r1:1", "r1/1", "r1 1", "../r1", "r" * 300, "ü"]
    for key in keys:
        checks.start(PLACE, intent(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')", key), URL)
    for key in keys:
        assert ended(checks, key).state is CheckState.PASSED
    assert (tmp_path / "ran").read_text() == "x" * len(keys)


def test_a_headway_that_was_killed_finds_the_run_again(home: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('done')"
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import test_checks as t\n"
        "t.fresh(Path(sys.argv[2])).start(t.PLACE, t.intent(sys.argv[3]), t.URL); os.kill(os.getpid(), 9)"
    )
    here = str(Path(__file__).parent)
    killed = subprocess.run([sys.executable, "-c", script, here, str(home), code], check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    checks = fresh(home)
    assert checks.look(PLACE, "r1:1").state is CheckState.RUNNING
    checks.start(PLACE, intent(code), URL)
    go.touch()
    run = ended(checks)
    assert run.state is CheckState.PASSED
    assert Path(run.log).read_text() == "done\n"


def test_a_crash_before_the_process_started_starts_it_next_time(checks: CommandChecks, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(processes, "start", crash)
        with pytest.raises(KeyboardInterrupt):
            checks.start(PLACE, intent(""), URL)
    assert checks.look(PLACE, "r1:1").text == "smoke was not started"
    fresh(home).start(PLACE, intent(""), URL)
    assert ended(checks).state is CheckState.PASSED


def test_time_runs_out_for_the_whole_group(checks: CommandChecks, tmp_path: Path) -> None:
    code = (
        "import subprocess, time; print('waiting', flush=True); child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    checks.start(PLACE, intent(code, timeout=0.7), URL)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), bool)
    run = ended(checks)
    assert (run.state, run.text) == (CheckState.FAILED, "smoke timed out after 0.7 s: waiting")
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(pid), bool)


def test_time_runs_out_even_while_nobody_looks(checks: CommandChecks, home: Path) -> None:
    checks.start(PLACE, intent("import time; time.sleep(0.6)", timeout=0.3), URL)
    until(lambda: isinstance(processes.state(next((home / "checks").glob("*")) / "process"), processes.Exited), bool)
    run = fresh(home).look(PLACE, "r1:1")
    assert (run.state, run.text) == (CheckState.FAILED, "smoke timed out after 0.3 s")


def test_a_run_that_nobody_saw_end_is_lost(checks: CommandChecks, home: Path) -> None:
    checks.start(PLACE, intent("import time; time.sleep(60)"), URL)
    state = processes.state(next((home / "checks").glob("*")) / "process")
    assert isinstance(state, processes.Running)
    os.kill(state.identity.shim, signal.SIGKILL)
    os.killpg(state.identity.pid, signal.SIGKILL)
    run = ended(checks)
    assert (run.state, run.text) == (CheckState.ERRORED, "smoke was lost (did the machine restart?)")


def test_stopping_ends_it_and_twice_is_as_good_as_once(checks: CommandChecks) -> None:
    checks.start(PLACE, intent("import time; time.sleep(60)"), URL)
    checks.stop(PLACE, "r1:1")
    checks.stop(PLACE, "r1:1")
    run = checks.look(PLACE, "r1:1")
    assert (run.state, run.text) == (CheckState.ERRORED, "smoke was stopped")


def test_stopping_what_had_ended_changes_nothing(checks: CommandChecks) -> None:
    checks.start(PLACE, intent(""), URL)
    run = ended(checks)
    checks.stop(PLACE, "r1:1")
    assert checks.look(PLACE, "r1:1") == run


def test_what_was_stopped_before_it_started_does_not_start(checks: CommandChecks, tmp_path: Path) -> None:
    checks.stop(PLACE, "r1:1")
    checks.start(PLACE, intent(f"open({str(tmp_path / 'ran')!r}, 'w')"), URL)
    assert checks.look(PLACE, "r1:1").state is CheckState.ERRORED
    assert not (tmp_path / "ran").exists()


def test_what_it_wrote_is_gone_and_its_log_stays(checks: CommandChecks, home: Path) -> None:
    code = "import os; open('hello.txt', 'w'); open(os.environ['HOME'] + '/x', 'w'); open(os.environ['TMPDIR'] + '/x', 'w'); print('said')"
    checks.start(PLACE, intent(code), URL)
    run = ended(checks)
    assert run.state is CheckState.PASSED, run.text
    assert not list((home / "checks").glob("*/scratch"))
    assert Path(run.log).read_text() == "said\n"
    assert (home / "sources" / COMMIT / "hello.txt").read_text() == "hello from ccc\n"


def test_old_runs_are_forgotten_and_running_ones_are_not(checks: CommandChecks) -> None:
    checks.start(PLACE, intent("", "old"), URL)
    ended(checks, "old")
    checks.start(PLACE, intent("import time; time.sleep(60)", "new"), URL)
    checks.collect(timedelta(days=1))
    assert checks.look(PLACE, "old").state is CheckState.PASSED
    checks.collect(timedelta(0))
    assert "no check was started" in checks.look(PLACE, "old").text
    assert checks.look(PLACE, "new").state is CheckState.RUNNING


def test_users_ask_where_the_release_answers_and_leave_the_judging_to_others(checks: CommandChecks, home: Path) -> None:
    asked: list[str] = []

    class Down(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

    with ThreadingHTTPServer(("127.0.0.1", 0), Down) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        wanted = replace(intent("").effect, check=checks.users("/votes", 20.0, 1.0))  # type: ignore[type-var]
        checks.start(PLACE, replace(intent(""), effect=wanted), f"http://127.0.0.1:{server.server_port}")
        run = ended(checks)
        server.shutdown()
    assert run.state is CheckState.PASSED, run.text
    assert set(asked) == {"/votes"}
    assert 5 <= len(asked) <= 25


def test_what_is_no_check_is_not_started(checks: CommandChecks) -> None:
    with pytest.raises(Contradiction, match="no check"):
        checks.start(PLACE, Intent("k", Fence(1, 1), SetWeights({}), datetime(2026, 3, 1, tzinfo=UTC)), URL)
    with pytest.raises(InvalidSpec, match="a person ticks it"):
        checks.start(PLACE, intent(()), URL)


def test_a_service_that_nobody_knows_is_said_so(checks: CommandChecks) -> None:
    with pytest.raises(InvalidSpec, match="no service 'talli'; there are: tally"):
        checks.start(Place("talli", "staging"), intent(""), URL)


def test_a_commit_is_exported_once(tmp_path: Path) -> None:
    exported: list[str] = []

    class Counting(Exports):
        def export(self, commit: str, into: Path) -> None:
            exported.append(commit)
            super().export(commit, into)

    sources = Sources(tmp_path, {"tally": Counting()})  # type: ignore[dict-item]
    assert sources("tally", COMMIT) == sources("tally", COMMIT)
    assert exported == [COMMIT]
    sources.collect([])
    sources("tally", COMMIT)
    assert len(exported) == 2
    with pytest.raises(InvalidSpec, match="full id"):
        sources("tally", "../x")


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Exports):
        def export(self, commit: str, into: Path) -> None:
            super().export(commit, into)
            raise Unavailable("the disk is full")

    with pytest.raises(Unavailable, match="full"):
        Sources(tmp_path, {"tally": Broken()})("tally", COMMIT)  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
