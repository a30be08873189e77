"""One environment's Envoy: told by files, each file confirmed or put back. Its processes are in envoy_lives.py."""

import json
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from headway.adapters.local import envoy_config, files, processes
from headway.adapters.local.counting import counted
from headway.adapters.local.envoy_admin import Admin, socket_path
from headway.adapters.local.envoy_lives import MINIMAL, Lives
from headway.analysis.model import Counters
from headway.errors import Unavailable

CONFIRM_WITHIN = 3.0


class Envoy:
    """The Envoy of one environment. All files that it reads are in one folder; the supervisor is their only writer."""

    def __init__(self, environment: str, folder: Path, binary: Path) -> None:
        self.folder = folder
        self._environment = environment
        self._binary = binary
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.admin = Admin(socket_path(folder))
        self.lives = Lives(environment, folder, binary, self.admin)
        self._confirmed: dict[str, tuple[envoy_config.Json, tuple[int, ...]]] = {}

    @property
    def identity(self) -> processes.Identity | None:
        """The process that we speak to, if it runs."""
        return self.lives.identity

    def start(self) -> bool:
        """Have one that serves what the files say; whether it had to be started. One that hears us is left alone."""
        if self.lives.hears():
            return False
        for name in ("cds.json", "lds.json"):
            if not (self.folder / name).exists():
                files.write(self.folder / name, b'{"resources": []}')
        self._write_bootstrap()
        self._confirmed.clear()  # another one reads the files now: all of them are to be confirmed by it
        self.lives.begin(self._bootstrap())
        return True

    def outdated(self) -> str:
        """Why it should be replaced; empty when it is as one started now would be."""
        return self.lives.outdated(self._bootstrap())

    def replace(self, *, finish_within: float) -> None:
        """Have a new one take over without a lost request; Unavailable, and all as it was, when that cannot be."""
        self._write_bootstrap()
        self.lives.replace(self._bootstrap(), finish_within=finish_within)
        self._confirmed.clear()

    def stop(self, *, grace: float = 5.0) -> None:
        """End it; its connections end with it."""
        self.lives.end(grace=grace)

    def counts(self) -> Mapping[str, Counters]:
        """Cumulative counters by cluster, since it was last started cold."""
        return counted(self.admin.measure(), self.lives.inherited())

    def put(self, name: str, document: envoy_config.Json, counter: str) -> None:
        """Write one of its files and see it accepted; else the file is put back and Unavailable says what Envoy said.

        `counter` is the statistics' prefix of the subscription that reads this file. Never the version: unchanged content does not move
        it, and broken JSON is a failure, not a rejection.
        """
        if self.took(name, document):
            return
        text = _text(document)
        before = files.read(self.folder / name)
        was = self._updates(counter)
        files.write(self.folder / name, text)
        trouble = self._trouble(counter, was)
        if trouble is None:
            self._confirmed[name] = (document, self._stamp(name))
            return
        self._put_back(name, before)
        raise Unavailable(f"Envoy of {self._environment} did not take {name}: {trouble}; put back as it was. {self.lives.last_words()}")

    def reads(self, counter: str) -> bool:
        """Whether Envoy has a subscription that counts there."""
        return f"{counter}.update_attempt" in self.admin.counters(rf"^{re.escape(counter)}\.update_attempt$")

    def took(self, name: str, document: envoy_config.Json) -> bool:
        """Whether it confirmed exactly this."""
        known = self._confirmed.get(name)
        # The stamp: a person may have edited it by hand, which Envoy takes too.
        return known is not None and known[0] == document and known[1] == self._stamp(name)

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

    def _stamp(self, name: str) -> tuple[int, ...]:
        try:
            about = (self.folder / name).stat()
        except OSError:
            return ()
        return about.st_ino, about.st_mtime_ns, about.st_size

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

    def _bootstrap(self) -> bytes:
        return _text(envoy_config.bootstrap(self._environment, files=self.folder, admin=self.admin.path))

    def _write_bootstrap(self) -> None:
        text = self._bootstrap()
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


def _text(document: envoy_config.Json) -> bytes:
    return json.dumps(document, indent=1).encode()
