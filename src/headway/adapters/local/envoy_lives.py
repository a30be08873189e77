"""The lives of one environment's Envoy: started cold, replaced while it serves, found again, ended.

Each life is a process in a folder of its own (see processes.py), numbered; the newest that runs is the one we speak to. Two run at
once only while one hands over to the next (Envoy's hot restart): the new one takes the listening sockets and the admin socket, the old
one answers what it has and is ended by the new one when its time is over, also if Headway is down by then.
"""

import hashlib
import math
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from headway.adapters.local import envoy_binary, files, processes
from headway.adapters.local.counting import counted
from headway.adapters.local.envoy_admin import Admin
from headway.analysis.model import Counters
from headway.errors import Unavailable
from headway.releases.model import Limits

READY_WITHIN = 10.0
ENOUGH = Limits(open_files=65_536)
"""Two for every request under way; the usual 1024 would end before the cap on connections does."""
MINIMAL = {"PATH": os.defpath, "LANG": "C.UTF-8"}
KEPT = 3
DRAIN = 30
"""Seconds that requests under way have when their listener goes. Users are asked to connect anew from the first moment."""
MARGIN = 1


@dataclass(frozen=True, slots=True)
class About:
    """What must be known of a life to replace it: written before it begins. `epoch` counts replacements since the last cold start."""

    epoch: int
    version: str
    bootstrap: str


@dataclass(frozen=True, slots=True)
class Life:
    """One Envoy that runs."""

    number: int
    folder: Path
    identity: processes.Identity


_ABOUT = TypeAdapter(About)
_COUNTS = TypeAdapter(dict[str, Counters])


class Lives:
    """All lives of one Envoy. Used under the supervisor's lock; what must survive is in the folders."""

    def __init__(self, environment: str, folder: Path, binary: Path, admin: Admin) -> None:
        self._environment, self._folder, self._binary, self._admin = environment, folder, binary, admin
        self._ended: set[int] = set()
        self._inherited: tuple[int, Mapping[str, Counters]] = (0, {})

    # What is.

    def running(self) -> list[Life]:
        """Those that run, the newest first: one, or two while one hands over, or none."""
        lives = []
        for number in reversed(self._numbers()):
            if number in self._ended:
                continue
            now = processes.state(self._run(number))
            if isinstance(now, processes.Running):
                lives.append(Life(number, self._run(number), now.identity))
            elif not isinstance(now, processes.Never):
                self._ended.add(number)
        return lives

    @property
    def identity(self) -> processes.Identity | None:
        """The one we speak to, if any runs."""
        lives = self.running()
        return lives[0].identity if lives else None

    @property
    def handing_over(self) -> bool:
        """Whether an earlier one still answers what it has."""
        return len(self.running()) > 1

    def hears(self) -> bool:
        """Whether one runs that we can speak to. One that gave its admin socket to a successor which then died hears nobody."""
        lives = self.running()
        return bool(lives) and (lives[0].number == self._numbers()[-1] or self._admin.ready())

    def outdated(self, bootstrap: bytes) -> str:
        """Why the one that runs should be replaced; empty when it is as one started now would be."""
        lives = self.running()
        about = self._about(lives[0]) if lives else None
        if about is None:
            return ""
        if about.version != (installed := envoy_binary.version(self._binary)):
            return f"it is {about.version}, installed is {installed}"
        return "its bootstrap changed" if about.bootstrap != _digest(bootstrap) else ""

    def inherited(self) -> Mapping[str, Counters]:
        """What its predecessors had counted, by cluster; each life counts from 0."""
        lives = self.running()
        if not lives:
            return {}
        if self._inherited[0] != lives[0].number:
            text = files.read(lives[0].folder / "inherited.json")
            self._inherited = (lives[0].number, _COUNTS.validate_json(text) if text else {})
        return self._inherited[1]

    def last_words(self) -> str:
        """What the newest printed last."""
        numbers = self._numbers()
        said = " / ".join(processes.tail(self._run(numbers[-1]), 3)) if numbers else ""
        return f"It said: {said}." if said else "It said nothing."

    # What is done.

    def begin(self, bootstrap: bytes) -> None:
        """Start one cold, and wait until it serves. Who still runs is ended: it would hold the ports."""
        self.end(grace=0.5)
        run = self._start(self._newcomer(0, bootstrap), finish_within=0)
        self._wait(run, self._admin.ready)

    def replace(self, bootstrap: bytes, *, finish_within: float) -> None:
        """Have a new one take over without a lost request; the old one has `finish_within` seconds for what is under way.

        Unavailable, and all as it was, when that cannot be: a planned restart that would lose requests waits for a person.
        """
        about = self._replaceable()
        successor = self._newcomer(about.epoch + 1, bootstrap)
        earlier = self.inherited()
        held = counted(self._admin.measure(), earlier)
        run = self._start(successor, finish_within=finish_within, inherited=held)

        def took_over() -> bool:
            # The old one is read until its last moment with us, so that what it answered meanwhile is not forgotten.
            nonlocal held
            try:
                latest = counted(self._admin.measure(), earlier)
                epoch = self._admin.epoch()
            except Unavailable:
                return False  # between the two nobody has the socket
            if epoch == about.epoch:
                held = latest
            return epoch == successor.epoch and self._admin.ready()

        try:
            self._wait(run, took_over)
        except Unavailable as error:
            processes.stop(run, grace=0.5)
            raise Unavailable(f"{error} The Envoy before it goes on") from error
        self._note_inherited(run, held)

    def disinherit(self, cluster: str) -> None:
        """The counts of this cluster are kept elsewhere from now on."""
        kept = {name: counts for name, counts in self.inherited().items() if name != cluster}
        if len(kept) < len(self.inherited()):
            self._note_inherited(self.running()[0].folder, kept)

    def end(self, *, grace: float) -> None:
        """End all; their connections end with them."""
        for life in self.running():
            processes.stop(life.folder, grace=grace)
        Path(f"/dev/shm/envoy_shared_memory_{self._base() * 10}").unlink(missing_ok=True)  # noqa: S108 - Envoy leaves it behind

    def _newcomer(self, epoch: int, bootstrap: bytes) -> About:
        return About(epoch, envoy_binary.version(self._binary), _digest(bootstrap))

    def _replaceable(self) -> About:
        lives = self.running()
        if not lives:
            raise Unavailable(f"no Envoy of {self._environment} runs that could be replaced; it is started by itself")
        if len(lives) > 1:
            raise Unavailable(f"an earlier Envoy of {self._environment} still answers what it has; try again in a few seconds")
        about = self._about(lives[0])
        if about is None or not _can_be_replaced():
            raise Unavailable(
                f"the Envoy of {self._environment} cannot be replaced without losing requests here; "
                "it goes on, and stopping and starting the environment brings the new one"
            )
        return about

    def _start(self, about: About, *, finish_within: float, inherited: Mapping[str, Counters] | None = None) -> Path:
        run = self._run(max(self._numbers(), default=0) + 1)
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(run / "about.json", _ABOUT.dump_json(about))
        if inherited is not None:
            self._note_inherited(run, inherited)
        argv = self._command(about.epoch, finish_within)
        processes.start(run, argv, cwd=self._folder, env=MINIMAL, log_bytes=2_000_000, log_files=2, limits=ENOUGH)
        for number in self._numbers()[:-KEPT]:  # the logs of the last few are enough
            shutil.rmtree(self._run(number), ignore_errors=True)
        return run

    def _command(self, epoch: int, finish_within: float) -> tuple[str, ...]:
        hot = (
            *("--base-id", str(self._base()), "--restart-epoch", str(epoch)),
            # A file in a folder of ours: others on this machine could speak to an abstract socket. Relative, because such paths are short.
            *("--socket-path", "hot", "--socket-mode", "600"),
            *("--parent-shutdown-time-s", str(MARGIN + math.ceil(finish_within))),
            # Else the old one's confirmations would count as the new one's; and a parent that dies would take the child along.
            "--skip-hot-restart-parent-stats",
        )
        return (
            *(str(self._binary), "--config-path", str(self._folder / "bootstrap.json")),
            *("--log-level", "warning", "--concurrency", "1"),
            *("--drain-time-s", str(DRAIN), "--drain-strategy", "immediate"),
            *(hot if _can_be_replaced() else ("--disable-hot-restart",)),
        )

    def _wait(self, run: Path, true: Callable[[], bool]) -> None:
        until = time.monotonic() + READY_WITHIN
        while not true():
            if not isinstance(now := processes.state(run), processes.Running):
                raise Unavailable(f"Envoy of {self._environment} {now}. {self.last_words()}")
            if time.monotonic() > until:
                raise Unavailable(f"Envoy of {self._environment} does not serve {READY_WITHIN:g} s after its start. {self.last_words()}")
            time.sleep(0.01)

    def _base(self) -> int:
        """The number by which an Envoy finds its predecessor: drawn once for this folder, among 2^28."""
        file = self._folder / "base-id"
        if (text := files.read(file)) is None:
            text = str(random.randrange(1, 2**28)).encode()  # noqa: S311 - chance, not a secret
            files.write(file, text)
        return int(text)

    def _about(self, life: Life) -> About | None:
        text = files.read(life.folder / "about.json")
        try:
            return None if text is None else _ABOUT.validate_json(text)
        except ValidationError:
            return None  # of another Headway: nothing is known of it

    def _note_inherited(self, run: Path, counts: Mapping[str, Counters]) -> None:
        held = {name: replace(one, active=0) for name, one in counts.items()}
        files.write(run / "inherited.json", _COUNTS.dump_json(held))
        self._inherited = (int(run.name), held)

    def _numbers(self) -> list[int]:
        folder = self._folder / "runs"
        return sorted(int(run.name) for run in folder.iterdir()) if folder.exists() else []

    def _run(self, number: int) -> Path:
        return self._folder / "runs" / str(number)


def _can_be_replaced() -> bool:
    return sys.platform == "linux"  # elsewhere Envoy is built without it


def _digest(bootstrap: bytes) -> str:
    return hashlib.sha256(bootstrap).hexdigest()
