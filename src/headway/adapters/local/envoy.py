"""One running Envoy: started under a shim, found again, told by files, each file confirmed or put back."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

from headway.adapters.local import envoy_config, files, processes
from headway.adapters.local.envoy_admin import Admin, socket_path
from headway.errors import Unavailable
from headway.releases.model import Limits

CONFIRM_WITHIN = 3.0
READY_WITHIN = 10.0
ENOUGH = Limits(open_files=65_536)
"""Two for every request under way; the usual 1024 would end before the cap on connections does."""
MINIMAL = {"PATH": os.defpath, "LANG": "C.UTF-8"}


class Envoy:
    """The Envoy of one environment. All files that it reads are in one folder; the supervisor is their only writer."""

    def __init__(self, environment: str, folder: Path, binary: Path) -> None:
        self.folder = folder
        self._environment = environment
        self._binary = binary
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.admin = Admin(socket_path(folder))
        self._confirmed: dict[str, bytes] = {}

    @property
    def identity(self) -> processes.Identity | None:
        """The process, if it runs."""
        now = processes.state(self._run()) if self._runs() else processes.Never()
        return now.identity if isinstance(now, processes.Running) else None

    def start(self) -> None:
        """Start it with what the files say, and wait until it serves; one that runs already is left alone."""
        if self.identity is not None:
            return
        for name in ("cds.json", "lds.json"):
            if not (self.folder / name).exists():
                files.write(self.folder / name, b'{"resources": []}')
        bootstrap = envoy_config.bootstrap(self._environment, files=self.folder, admin=self.admin.path)
        self._write_bootstrap(_text(bootstrap))
        self._confirmed.clear()
        run = self.folder / "runs" / str(self._newest() + 1)
        processes.start(run, self._command(), cwd=self.folder, env=MINIMAL, log_bytes=2_000_000, log_files=2, limits=ENOUGH)
        self._wait_ready(run)
        self._forget_old_runs()

    def stop(self, *, grace: float = 5.0) -> None:
        """End it; its connections end with it."""
        if self._runs():
            processes.stop(self._run(), grace=grace)

    def put(self, name: str, document: envoy_config.Json, counter: str) -> None:
        """Write one of its files and see it accepted; else the file is put back and Unavailable says what Envoy said.

        `counter` is the statistics' prefix of the subscription that reads this file. Never the version: unchanged content does not move
        it, and broken JSON is a failure, not a rejection.
        """
        text = _text(document)
        before = files.read(self.folder / name)
        if before == text and self._confirmed.get(name) == text:
            return
        was = self._updates(counter)
        files.write(self.folder / name, text)
        trouble = self._trouble(counter, was)
        if trouble is None:
            self._confirmed[name] = text
            return
        self._put_back(name, before)
        raise Unavailable(f"Envoy of {self._environment} did not take {name}: {trouble}; put back as it was. {self._last_words()}")

    def reads(self, counter: str) -> bool:
        """Whether Envoy has a subscription that counts there."""
        return f"{counter}.update_attempt" in self.admin.counters(rf"^{re.escape(counter)}\.update_attempt$")

    def took(self, name: str, document: envoy_config.Json) -> bool:
        """Whether it confirmed exactly this."""
        return self._confirmed.get(name) == _text(document)

    def write(self, name: str, document: envoy_config.Json) -> None:
        """Write a file that nothing reads yet."""
        files.write(self.folder / name, _text(document))

    def remove(self, name: str) -> None:
        """Remove a file that nothing reads any more."""
        (self.folder / name).unlink(missing_ok=True)
        self._confirmed.pop(name, None)

    def document(self, name: str) -> envoy_config.Json | None:
        """What a file says now."""
        text = files.read(self.folder / name)
        return None if text is None else json.loads(text)

    def _put_back(self, name: str, before: bytes | None) -> None:
        self._confirmed.pop(name, None)
        if before is None:
            self.remove(name)
        else:
            files.write(self.folder / name, before)

    def _updates(self, counter: str) -> dict[str, int]:
        found = self.admin.counters(rf"^{re.escape(counter)}\.update_(success|rejected|failure)$")
        return {kind: found.get(f"{counter}.update_{kind}", 0) for kind in ("success", "rejected", "failure")}

    def _trouble(self, counter: str, was: dict[str, int]) -> str | None:
        until = time.monotonic() + CONFIRM_WITHIN
        while time.monotonic() < until:
            now = self._updates(counter)
            for kind in ("rejected", "failure"):
                if now[kind] > was[kind]:
                    return f"update {kind}"
            if now["success"] > was["success"]:
                return None
            time.sleep(0.004)
        return f"not confirmed within {CONFIRM_WITHIN:g} s"

    def _write_bootstrap(self, text: bytes) -> None:
        if files.read(self.folder / "bootstrap.json") == text:
            return
        # Tried before it is written: a bootstrap that Envoy refuses must never replace one that it took.
        trial = self.folder / "bootstrap.trial.json"
        files.write(trial, text)
        command = (str(self._binary), "--mode", "validate", "--config-path", str(trial), "--log-level", "warning")
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=MINIMAL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"Envoy could not check its bootstrap: {error}") from error
        finally:
            trial.unlink()
        if said.returncode:
            raise Unavailable(f"Envoy refuses the bootstrap of {self._environment}: {said.stderr.strip()[-500:]}")
        files.write(self.folder / "bootstrap.json", text)

    def _command(self) -> tuple[str, ...]:
        return (
            *(str(self._binary), "--config-path", str(self.folder / "bootstrap.json")),
            *("--log-level", "warning", "--concurrency", "1", "--disable-hot-restart"),
            *("--drain-time-s", "2", "--drain-strategy", "immediate"),
        )

    def _wait_ready(self, run: Path) -> None:
        until = time.monotonic() + READY_WITHIN
        while not self.admin.ready():
            if not isinstance(now := processes.state(run), processes.Running):
                raise Unavailable(f"Envoy of {self._environment} {now}. {self._last_words()}")
            if time.monotonic() > until:
                raise Unavailable(f"Envoy of {self._environment} does not serve {READY_WITHIN:g} s after its start. {self._last_words()}")
            time.sleep(0.01)

    def _last_words(self) -> str:
        said = " / ".join(processes.tail(self._run(), 3))
        return f"It said: {said}" if said else "It said nothing."

    def _runs(self) -> list[int]:
        folder = self.folder / "runs"
        return sorted(int(run.name) for run in folder.iterdir()) if folder.exists() else []

    def _newest(self) -> int:
        return max(self._runs(), default=0)

    def _run(self) -> Path:
        return self.folder / "runs" / str(self._newest())

    def _forget_old_runs(self) -> None:
        """The logs of the last few are enough."""
        for number in self._runs()[:-3]:
            folder = self.folder / "runs" / str(number)
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
            folder.rmdir()


def _text(document: envoy_config.Json) -> bytes:
    return json.dumps(document, indent=1).encode()
