"""Runs the sample service as it is, or with its one line changed for the worse."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

TALLY = Path(__file__).parents[2] / "examples" / "tally"


class Replica:
    """One process of tally, from this folder, with these settings."""

    def __init__(self, source: Path, state: Path, **environ: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"PORT": str(self.port), "HEADWAY_STATE": str(state), **environ}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tally"], cwd=source, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
        )

    def ready(self) -> "Replica":
        while True:
            try:
                assert self.ask("GET", "/ready")[0] == 200
                return self
            except OSError:
                assert self.process.poll() is None, self.complaint()
                assert time.monotonic() < self.started + 15
                time.sleep(0.01)

    def ask(self, method: str, path: str, body: bytes | None = None, timeout: float = 10) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def raw(self, sent: bytes) -> bytes:
        """Everything that comes back to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def complaint(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def bad(folder: Path, fault: str) -> Path:
    """A copy of tally with the one line changed."""
    source = folder / f"tally-{fault}"
    package = source / "tally"
    package.mkdir(parents=True)
    for path in (TALLY / "tally").glob("*.py"):
        text = path.read_text()
        if path.name == "fault.py":
            assert text.count('FAULT = "none"\n') == 1
            text = text.replace('FAULT = "none"\n', f'FAULT = "{fault}"\n').replace("LEAKS_AFTER = 20.0", "LEAKS_AFTER = 0.0")
        (package / path.name).write_text(text)
    return source
