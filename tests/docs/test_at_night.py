"""What the manual says to do when Headway is down, done: the route changed by hand, and the way back asked for before the next start."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ROOT, blocks

FILE = """
headway: 1
services:
  shop: {run: "python3 -m http.server --bind 127.0.0.1 $PORT", health: /}
environments:
  production: {analysis: health, soak: 1s}
"""


class Night:
    """A server with one service in a scratch folder, and what a person types."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.repository = folder, folder / "home", folder / "shop"
        self._server: subprocess.Popen[bytes] | None = None
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "GIT_"))}

    def headway(self, *arguments: str) -> str:
        done = subprocess.run(self.command(*arguments), env=self.env, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def commit(self, text: str) -> None:
        self.repository.mkdir(exist_ok=True)
        (self.repository / "headway.yaml").write_text(FILE)
        (self.repository / "index.html").write_text(text)
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--all")
        self._git("-c", "user.name=alice", "-c", "user.email=alice@example.org", "commit", "--quiet", "--message", text)

    def serve(self) -> None:
        log = self.folder / "serve.log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(self.command("serve"), env=self.env, stderr=output, start_new_session=True)
        until = time.monotonic() + 60
        while "headway serves" not in log.read_text():
            assert self._server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def answers(self, url: str) -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.headers["x-headway-release"])

    def command(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "headway", "--home", str(self.home), *arguments)

    def _git(self, *arguments: str) -> None:
        subprocess.run(("git", "-C", str(self.repository), *arguments), env=self.env, check=True, timeout=30)


@pytest.fixture
def night() -> Iterator[Night]:
    folder = Path(tempfile.mkdtemp(prefix="hw-"))  # short: a socket's path has a hundred characters
    night = Night(folder)
    try:
        yield night
    finally:
        night.kill()
        night.headway("down")
        shutil.rmtree(folder, ignore_errors=True)


def test_the_route_changed_by_hand_holds_until_headway_has_gone_back(night: Night) -> None:
    night.commit("good")
    night.headway("repo", "add", str(night.repository))
    night.serve()
    night.headway("release", "cut", "--version", "1.3.0")
    night.headway("promote", "1.3.0", "--to", "production", "--wait", "60")
    night.commit("bad")
    night.headway("release", "cut", "--version", "1.4.0")
    night.headway("promote", "1.4.0", "--to", "production", "--wait", "60")
    url = json.loads(night.headway("status", "--json"))["places"][0]["url"]
    night.kill()
    bad = night.answers(url)
    assert bad.startswith("v1-4-0-")

    envoy = night.home / "environments/production/envoy"
    good = next(found[0] for path in envoy.iterdir() if (found := re.search(r"v1-3-0-[0-9a-f]{8}", path.name)))
    route, record = by_hand(good, bad)
    subprocess.run(route, shell=True, cwd=envoy, check=True, timeout=10)
    until = time.monotonic() + 5
    while night.answers(url) != good:
        assert time.monotonic() < until, "Envoy did not take the route"
        time.sleep(0.02)

    subprocess.run(record, shell=True, cwd=envoy, check=True, timeout=10)
    night.headway("rollback", "production", "--why", "done by hand at 02:10")
    night.serve()
    waiting = subprocess.Popen(night.command("wait", "production"), env=night.env, stderr=subprocess.DEVNULL)
    while waiting.poll() is None:
        assert night.answers(url) == good
        time.sleep(0.02)
    assert waiting.returncode == 0
    assert json.loads(night.headway("status", "--json"))["places"][0]["live"]["version"] == "1.3.0"
    assert night.answers(url) == good


def by_hand(good: str, bad: str) -> list[str]:
    """The manual's own lines, with the names of tonight."""
    text = "".join(block.text for block in blocks(ROOT / "docs/how-to/roll-back.md"))
    lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ sed -i ")]
    return [line.replace("v1-4-0-a69cd141", bad).replace("v1-3-0-e0616ce2", good) for line in lines]
