"""The demo's server: a real `headway serve` in a process of its own, so that it can really be killed."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from headway.adapters.remote import Remote
from headway.errors import HeadwayError, Unavailable
from headway.wiring import socket_path

START = 20.0


class Serving:
    """Starts, kills and asks the server."""

    def __init__(self, home: Path, repo: Path) -> None:
        self.home = home
        self._repo = repo
        self._process: subprocess.Popen[bytes] | None = None
        self._remote = Remote(socket_path(home))

    def start(self) -> int:
        """Returns its process id once it answers."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "headway", "--home", str(self.home), "serve", "--repo", str(self._repo)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # The sample's commands say python3: let it be this one, whose bandit the security check runs.
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
                },
            )
        until = time.monotonic() + START
        while not self._remote.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise Unavailable(f"the server did not start:\n{self.last_words()}")
            time.sleep(0.02)
        return self._process.pid

    def last_words(self) -> str:
        """The end of the server's log."""
        log = self.home / "serve.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""

    def kill(self) -> int:
        """kill -9, as a bad day would; returns the process id that is no more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        return self._process.pid

    def ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        """One verb."""
        return self._remote.call(verb, **arguments)

    def down(self) -> None:
        """End the server and everything that it started."""
        if self._process is None:
            return
        if self._process.poll() is not None:  # it was killed: only a Headway knows what to stop, and in which order
            self.start()
        try:
            self._remote.call("down")
            self._process.wait(timeout=60)
        except (HeadwayError, subprocess.TimeoutExpired):
            self._process.terminate()
            self._process.wait(timeout=30)
