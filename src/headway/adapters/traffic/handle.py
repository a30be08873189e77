"""Starts the load as a process of its own, and reads what it sees."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from headway.adapters.traffic.client import TIMEOUT, Target
from headway.adapters.traffic.counts import Counts
from headway.errors import InvalidSpec, Unavailable

REMEMBERED_SECONDS = 120
START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Second:
    """What was seen in about one second, up to `at` (seconds of the epoch). `unanswered` were under way just then."""

    at: float
    counts: Counts
    unanswered: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The traffic so far, and its latest seconds, oldest first."""

    total: Counts
    seconds: tuple[Second, ...]


class Traffic:
    """Real requests to `url`, `rate` a second, over this many kept-alive connections (and more while all of them wait).

    Seven of ten read the front page, two the votes, one votes; with `paths`, those are read in turn. `host` is asked for where it is not
    the address, behind a gateway. Nothing is tried twice: a request that fails once has failed.
    """

    def __init__(self, url: str, rate: float = 150.0, connections: int = 32, paths: Sequence[str] = (), host: str = "") -> None:
        Target.at(url)
        if not 0 < rate <= 2000 or connections < 1:
            raise InvalidSpec(f"traffic is up to 2000 requests a second over at least one connection, not {rate:g} over {connections}")
        self._arguments: tuple[str, ...] = (url, "--rate", str(rate), "--connections", str(connections), "--while-stdin")
        self._arguments += tuple(word for path in paths for word in ("--path", path))
        self._arguments += ("--host", host) if host else ()
        self._process: subprocess.Popen[str] | None = None
        self._reading: threading.Thread | None = None
        self._lock = threading.Lock()
        self._heard = threading.Event()
        self._total = Counts()
        self._seconds: deque[Second] = deque(maxlen=REMEMBERED_SECONDS)
        self._final: Counts | None = None

    def start(self) -> None:
        """Returns when requests are on their way."""
        if self._process is not None:
            return
        # A session of its own: Ctrl-C in the terminal is for the parent, which then stops us and gets the totals.
        self._process = subprocess.Popen(
            (sys.executable, "-m", __package__, *self._arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reading = threading.Thread(target=self._read, args=(self._process.stdout,), name="traffic", daemon=True)
        self._reading.start()
        if not self._heard.wait(START_SECONDS) or (not self._seconds and self._process.poll() is not None):
            self.kill()
            raise Unavailable("the traffic client did not start; its complaint is above")

    def snapshot(self) -> Snapshot:
        """The view for a live display; about a second old at most."""
        with self._lock:
            total = Counts()
            total.add(self._total)
            return Snapshot(total, tuple(self._seconds))

    def stop(self) -> Counts:
        """Send no more, wait for every answer that is due, and return what became of every request."""
        if self._process is None or self._reading is None:
            return Counts()
        if self._final is None and self._process.stdin is not None:
            self._process.stdin.close()
            self._reading.join(TIMEOUT + START_SECONDS)
        self.kill()
        if self._final is None:
            # What it had under way is unknown, so these totals would be too good.
            raise Unavailable(f"the traffic client ended by itself with exit status {self._process.returncode}; its totals are lost")
        return self._final

    def kill(self) -> None:
        """End the process now, if it still runs."""
        if self._process is None or self._reading is None:
            return
        self._process.kill()
        self._process.wait()
        self._reading.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            try:
                data = json.loads(line)
            except ValueError:
                break  # killed in the middle of a line
            second = Second(data["at"], Counts.from_json(data["second"]), data["unanswered"])
            with self._lock:
                self._seconds.append(second)
                self._total.add(second.counts)
                if "total" in data:
                    self._final = Counts.from_json(data["total"])
            self._heard.set()
        self._heard.set()
