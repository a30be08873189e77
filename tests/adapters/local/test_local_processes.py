"""Processes outlive whoever started them, are started once, and keep a log that neither leaks nor grows."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_stand import eventually, nothing_left

from headway.adapters.local import listening, processes
from headway.adapters.local.processes import Exited, Lost, Never, Running
from headway.releases.model import Limits

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with nothing_left(tmp_path):
        yield tmp_path / "process"


def run(folder: Path, script: str, **more: object) -> processes.Identity:
    """A shell script as the process."""
    return processes.start(folder, ("sh", "-c", script), cwd=folder.parent, env={**ENV, **more.pop("env", {})}, **more)  # type: ignore[dict-item, arg-type]


def ended(folder: Path) -> Exited:
    eventually(lambda: isinstance(processes.state(folder), Exited))
    state = processes.state(folder)
    assert isinstance(state, Exited)
    return state


def test_nothing_was_started_yet(folder: Path) -> None:
    assert processes.state(folder) == Never()


def test_how_it_ended_is_written_down(folder: Path) -> None:
    run(folder, "echo last words; exit 3")
    state = ended(folder)
    assert (state.code, state.signal, str(state)) == (3, None, "exited with status 3")
    assert processes.tail(folder) == ("last words",)


def test_a_signal_that_ended_it_is_named(folder: Path) -> None:
    identity = run(folder, "kill -SEGV $$")
    assert str(ended(folder)) == "killed by SIGSEGV"
    assert not processes.lives(identity)


def test_a_program_that_does_not_exist_is_an_end_too(folder: Path) -> None:
    processes.start(folder, ("no-such-program",), cwd=folder.parent, env=ENV)
    assert str(ended(folder)).startswith("cannot start no-such-program: [Errno 2]")


def test_it_is_started_once_however_often_it_is_asked_for(folder: Path) -> None:
    found: list[processes.Identity] = []
    starters = [threading.Thread(target=lambda: found.append(run(folder, "echo started; sleep 60"))) for _ in range(6)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert len(set(found)) == 1
    eventually(lambda: processes.tail(folder) == ("started",))
    processes.stop(folder, grace=1)
    assert run(folder, "echo again") == found[0]
    assert processes.tail(folder) == ("started",)


def test_it_is_found_by_who_comes_after_a_kill_9(folder: Path) -> None:
    script = f"""
import os, signal, sys
from pathlib import Path
from headway.adapters.local import listening, processes
processes.start(Path({str(folder)!r}), ("sh", "-c", "while :; do echo alive; sleep 0.05; done"), cwd=Path("/"), env=dict(os.environ))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    state = processes.state(folder)
    assert isinstance(state, Running)
    said = len(processes.tail(folder, 1000))
    eventually(lambda: len(processes.tail(folder, 1000)) > said + 2)  # its voice is still heard
    assert str(processes.stop(folder, grace=2)) == "killed by SIGTERM"


def test_a_starter_that_dies_in_the_middle_leaves_nothing_or_one(folder: Path) -> None:
    """The shim itself is killed at the worst moment: after the process was forked, before it was written down."""
    script = f"""
import sys
sys.path.insert(0, {str(processes.SHIM.parent)!r})
sys.argv = ["shim.py", {str(folder)!r}]
import os, signal, shim
shim._write_down_pids = lambda child: os.kill(os.getpid(), signal.SIGKILL)
os._exit(shim.main({str(folder)!r}))
"""
    folder.mkdir()
    spec = json.dumps({"argv": ["touch", "ran"], "cwd": str(folder), "log_bytes": 1000, "log_files": 2, "mask": []})
    died = subprocess.run([sys.executable, "-c", script], input=spec, text=True, check=False)
    assert died.returncode == 1
    assert processes.state(folder) == Never()
    assert not (folder / "ran").exists()
    run(folder, "exit 0")
    assert ended(folder).code == 0


def test_a_process_that_nobody_saw_end_is_lost(folder: Path) -> None:
    identity = run(folder, "sleep 60")
    os.kill(identity.shim, signal.SIGKILL)
    assert processes.state(folder) == Running(identity)  # still stopped by identity, though its shim is gone
    os.kill(identity.pid, signal.SIGKILL)
    eventually(lambda: processes.state(folder) == Lost())


def test_a_recycled_number_is_never_signalled(folder: Path) -> None:
    run(folder, "sleep 60")
    text = (folder / "pid.json").read_text()
    state = processes.state(folder)
    assert isinstance(state, Running)
    (folder / "pid.json").write_text(text.replace(str(state.identity.ticks), str((state.identity.ticks or 0) + 1)))
    assert processes.stop(folder, grace=0.1) == Lost()
    (folder / "pid.json").write_text(text)
    assert processes.lives(state.identity)


def test_stopping_ends_the_whole_group_even_if_it_will_not(folder: Path) -> None:
    run(folder, "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.1; done")
    eventually(lambda: bool(processes.tail(folder)))
    child = int(processes.tail(folder)[0])
    assert str(processes.stop(folder, grace=0.2)) == "killed by SIGKILL"
    eventually(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


def test_what_it_leaves_behind_in_its_group_ends_with_it(folder: Path) -> None:
    run(folder, "sleep 60 & echo $!")
    assert ended(folder).code == 0
    child = int(processes.tail(folder)[0])
    eventually(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


def test_what_left_the_group_by_a_session_of_its_own_ends_with_it_too(folder: Path) -> None:
    run(folder, "setsid sleep 60 & echo $!; sleep 60")
    eventually(lambda: bool(processes.tail(folder)))
    child = int(processes.tail(folder)[0])
    eventually(lambda: b"setsid" not in Path(f"/proc/{child}/cmdline").read_bytes())
    processes.stop(folder, grace=1.0)
    eventually(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


def test_logs_rotate_and_keep_to_their_cap(folder: Path) -> None:
    run(folder, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done", log_bytes=4000, log_files=3)
    ended(folder)
    logs = sorted(path.name for path in folder.glob("log*"))
    assert logs == ["log", "log.1", "log.2"]
    assert all((folder / name).stat().st_size <= 4000 for name in logs)
    assert processes.tail(folder, 400)[-1] == "line 2999"
    assert len(processes.tail(folder, 400)) == 400  # across files


def test_secrets_are_masked_wherever_they_are_in_a_line(folder: Path) -> None:
    env = {"KEY": "open-sesame", "LONGER": "open-sesame-twice", "LINES": "first\nsecond"}
    script = 'echo "a $KEY b $LONGER c"; printf "open-"; sleep 0.1; echo "sesame"; echo "$LINES"; printf "%s" "$KEY"'
    run(folder, script, env=env, mask=tuple(env))
    ended(folder)
    assert processes.tail(folder) == ("a *** b *** c", "***", "***", "***", "***")


def test_a_secret_on_the_edge_of_a_very_long_line_is_masked(folder: Path) -> None:
    script = f"""{sys.executable} -c 'import os; print("x" * 65530 + os.environ["KEY"] + "y" * 70000, end="")'"""
    run(folder, script, env={"KEY": "open-sesame"}, mask=("KEY",))
    ended(folder)
    text = (folder / "log").read_text()
    assert "open" not in text
    assert "sesame" not in text
    assert text.count("***") == 1
    assert text.count("y") == 70000


def test_its_files_are_for_their_owner_only_and_hold_no_secret(folder: Path) -> None:
    identity = run(folder, "sleep 60", env={"KEY": "open-sesame"}, mask=("KEY",))
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert not any(b"open-sesame" in path.read_bytes() for path in folder.iterdir())
    assert b"open-sesame" not in Path(f"/proc/{identity.shim}/cmdline").read_bytes()


def test_a_log_that_cannot_be_written_never_stops_the_process(folder: Path) -> None:
    folder.mkdir()
    (folder / "log").mkdir()  # no file can be opened there: what a full disk says, said at once
    run(folder, "i=0; while [ $i -lt 20000 ]; do echo a line that is lost; i=$((i+1)); done; exit 7")
    assert ended(folder).code == 7


def test_limits_hold(folder: Path) -> None:
    run(folder, "ulimit -n; ulimit -c; ulimit -d", limits=Limits(memory_mb=512, open_files=77))
    ended(folder)
    assert processes.tail(folder) == ("77", "0", str(512 * 1024))


def test_the_port_must_be_its_own(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        stranger = run(folder.with_name("stranger"), "sleep 60")
        assert not listening.owns(stranger, port)
        assert listening.listeners(port) == (os.getpid(),)
    server = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    identity = run(folder, f'{sys.executable} -c "{server}" & wait')
    eventually(lambda: listening.owns(identity, port))  # by a child of its group
    assert not listening.owns(stranger, port)
