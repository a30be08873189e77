"""`headway dev` for real: a working tree that is edited, a mocked neighbour, a seed, and an end that leaves nothing running."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from headway.cli.main import main

SERVER = """\
import http.server, json, os, pathlib, urllib.request
WORD = "one"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        neighbour = urllib.request.urlopen(os.environ["CARD_PAYMENTS_URL"]).read().decode() if self.path == "/" else ""
        state = pathlib.Path(os.environ["HEADWAY_STATE"], "seeded.txt").read_text()
        told = {name: os.environ.get(name) for name in ("LOG_LEVEL", "DEBUG", "GREETING", "TOKEN", "SHELL", "HEADWAY_ENVIRONMENT")}
        body = json.dumps({"word": WORD, "neighbour": neighbour, "state": state, "pid": os.getpid(), **told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
MOCK = """\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a card that always pays")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SEED = "import os; open(os.environ['HEADWAY_STATE'] + '/seeded.txt', 'a').write('x')"
FILE = f"""\
services:
  shop:
    run: {sys.executable} -m nothing.of.the.kind
    stop_grace: 2s
    local:
      run: {sys.executable} server.py
      config: {{GREETING: hi}}
      seed: [{sys.executable}, -c, "{SEED}"]
      mocks: {{card-payments: {sys.executable} mock.py}}
config: {{GREETING: hello, LOG_LEVEL: info}}
secrets: {{TOKEN: env:SHOP_TOKEN}}
environments: {{dev: {{}}}}
"""


class Dev:
    """One `headway dev` and what it says."""

    def __init__(self, folder: Path, *more: str, **env: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            (sys.executable, "-m", "headway", "--home", str(folder / "home"), "dev", "--port", str(self.port), *more),
            cwd=folder / "shop",
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SHOP_TOKEN": "a word", "SHELL": "/of/the/developer", "NO_COLOR": "1", **env},
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.put(line)

    def says(self, words: str) -> str:
        """The next line with these words."""
        heard, end = [], time.monotonic() + 20
        while time.monotonic() < end:
            try:
                heard.append(self.lines.get(timeout=0.5))
            except queue.Empty:
                assert self.process.poll() is None, f"it ended and never said {words!r}:\n{''.join(heard)}"
                continue
            if words in heard[-1]:
                return heard[-1]
        raise AssertionError(f"it never said {words!r}:\n{''.join(heard)}")

    def get(self) -> Mapping[str, str]:
        import json

        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as reply:
            answer: Mapping[str, str] = json.load(reply)
            return answer

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = tmp_path / "shop"
    shop.mkdir()
    for name, text in {"server.py": SERVER, "mock.py": MOCK, "headway.yaml": FILE}.items():
        (shop / name).write_text(text)
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[Dev]:
    made = Dev(folder)
    yield made
    if made.process.poll() is None:
        for child in made.children():
            child.kill()
        made.process.kill()
        made.process.wait()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_working_tree_runs_and_keeps_up_with_its_author(folder: Path, running: Dev) -> None:
    shop = folder / "shop"
    running.says("ready at http://127.0.0.1:")
    answer = running.get()
    assert answer["word"] == "one"
    assert answer["neighbour"] == "a card that always pays"
    assert (answer["GREETING"], answer["LOG_LEVEL"], answer["DEBUG"], answer["TOKEN"]) == ("hi", "debug", "true", "a word")
    assert answer["HEADWAY_ENVIRONMENT"] == "local"
    assert answer["SHELL"] is None, "what only the developer's shell has must not make it work here"

    edit(shop / "server.py", '"one"', '"two"')
    running.says("changed: server.py")
    running.says("ready at")
    assert running.get()["word"] == "two"
    assert running.get()["state"] == "x", "a reload keeps the state and does not seed again"

    edit(shop / "headway.yaml", "stop_grace", "stop_grase")
    running.says('did you mean "stop_grace"?')
    running.says("as it was before until that is mended")
    running.says("ready at")
    edit(shop / "headway.yaml", "stop_grase", "stop_grace")
    running.says("ready at")

    edit(shop / "server.py", 'WORD = "two"', "WORD = oops")
    running.says("NameError")
    running.says("shop ended with status 1; waiting for a change")
    edit(shop / "server.py", "WORD = oops", 'WORD = "three"')
    running.says("ready at")
    assert running.get()["word"] == "three"

    children = running.children()
    assert len(children) == 2
    assert running.end() == 0
    assert [child for child in children if child.is_running()] == []


def test_the_seed_runs_once_until_the_state_is_reset(folder: Path, running: Dev) -> None:
    running.says("seeding")
    running.says("ready at")
    assert running.get()["state"] == "x"
    assert running.end(signal.SIGTERM) == 0
    again = Dev(folder)
    again.says("ready at")
    assert again.get()["state"] == "x"
    again.end()
    (folder / "shop" / "headway.yaml").write_text(FILE.replace("write('x')", "write('y')"))
    reset = Dev(folder, "--reset")
    reset.says("ready at")
    assert reset.get()["state"] == "y"
    reset.end()


def test_a_seed_that_fails_ends_it_and_leaves_nothing_running(folder: Path) -> None:
    (folder / "shop" / "headway.yaml").write_text(FILE.replace(SEED, "raise SystemExit(4)"))
    failed = Dev(folder)
    failed.says("the seed of shop ended with status 4")
    assert failed.process.wait(timeout=15) == 3


FAULTS = [
    pytest.param(
        FILE.replace("server.py", "x").replace(f"run: {sys.executable} x", "run: ./no-such-program"), 2, "cannot be started", id="program"
    ),
    pytest.param(FILE.replace("  shop:", "  cart: {run: a}\n  shop:"), 2, "has 2 services; say which with --service", id="which service"),
    pytest.param(FILE.replace("SHOP_TOKEN", "NOT_SET_HERE"), 1, "give TOKEN a value for this machine", id="a secret that is not there"),
    pytest.param("services: {", 2, "not YAML", id="a file that is none"),
    pytest.param(None, 2, "headway init", id="no file"),
]


@pytest.mark.parametrize(("text", "code", "words"), FAULTS)
def test_what_cannot_start_is_a_sentence(
    folder: Path, text: str | None, code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "a word")
    monkeypatch.chdir(folder / "shop")
    file = folder / "shop" / "headway.yaml"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(folder / "home"), "dev", "--port", str(free_port())])
    assert ended.value.code == code
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_taken_port_names_its_owner(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "shop")
    monkeypatch.setenv("SHOP_TOKEN", "a word")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(folder / "home"), "dev", "--port", str(other.getsockname()[1])])
    assert ended.value.code == 1
    assert f"process {os.getpid()}" in capsys.readouterr().err
