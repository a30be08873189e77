"""A platform and checks on disk, for several processes that may die at any instant: each effect and its key are there, or neither.

They behave as the fakes of headway.testing do, in real time. What was done, by whom and with which fence, is kept in order.
"""

import fcntl
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from headway.adapters.secrets import resolve
from headway.analysis.model import Readings
from headway.environments.model import Place
from headway.ports import Clock
from headway.rollout.model import Fence, Intent, SetReplicas
from headway.rollout.moves import doing
from headway.rollout.seen import CheckRun, CheckState, Probe, Sight
from headway.testing.platform import FakePlatform, Site
from headway.testing.scripts import Script


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect that reached its target: `life` says which process did it, `again` whether it had been done before."""

    key: str
    fence: Fence
    what: str
    life: str
    again: bool

    @property
    def rollout(self) -> str:
        return self.key.rpartition("-")[0]


@dataclass
class Page:
    """What is on disk of one place."""

    site: Site = field(default_factory=Site)
    journal: list[Entry] = field(default_factory=list)


@dataclass
class PaperPlatform:
    """`ports.Platform`. Whoever is killed while writing has written nothing; whoever is stopped there is waited for."""

    folder: Path
    clock: Clock
    scripts: Mapping[str, Script]
    life: str = ""

    def act(self, place: Place, intent: Intent) -> None:
        if isinstance(intent.effect, SetReplicas) and intent.effect.replicas:
            for reference in intent.effect.workload.configuration.secrets.values():
                resolve(reference)  # as whoever starts a process does, and keeps it nowhere
        with self._open(place) as page:
            platform = self._platform(place, page)
            platform.act(place, intent)
            page.journal.append(Entry(intent.key, intent.fence, doing(intent.effect), self.life, platform.done[-1].again))

    def probe(self, place: Place, intent: Intent) -> Probe:
        with self._open(place) as page:
            return self._platform(place, page).probe(place, intent)

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        with self._open(place) as page:
            return self._platform(place, page).look(place)

    def measure(self, place: Place) -> Readings:
        with self._open(place) as page:
            return self._platform(place, page).measure(place)

    def url(self, place: Place, workload: str | None = None) -> str:
        return f"http://{workload or 'all'}.{place.environment}.{place.service}.test"

    def by_hand(self, place: Place, bad: str, good: str) -> Sequence[str]:
        return (f"route {place} from {bad} to {good}",)

    def page(self, place: Place) -> Page:
        """What is there now."""
        with self._open(place) as page:
            return page

    def _platform(self, place: Place, page: Page) -> FakePlatform:
        return FakePlatform(self.clock, self.scripts, requests=200.0, sites={place: page.site})  # type: ignore[arg-type]

    @contextmanager
    def _open(self, place: Place) -> Iterator[Page]:
        with kept(self.folder / f"{place.service}-{place.environment}", Page()) as page:
            yield page


@dataclass
class PaperChecks:
    """`ports.Checks`: each run is a file, made once; it passes after a moment, or fails if its release's script says `never_ready`."""

    folder: Path
    clock: Clock
    takes: timedelta = timedelta(seconds=0.1)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        with kept(self._path(intent.key), []) as starts:
            starts.append((self.clock.now(), place))

    def probe(self, place: Place, key: str) -> Probe:
        return Probe.DONE if self._path(key).exists() else Probe.NOT_DONE

    def look(self, place: Place, key: str) -> CheckRun:
        if not self._path(key).exists():
            return CheckRun(CheckState.ERRORED, f"no run is known under {key}")
        with kept(self._path(key), []) as starts:
            running = self.clock.now() < starts[0][0] + self.takes
        return CheckRun(CheckState.RUNNING, "smoke runs") if running else CheckRun(CheckState.PASSED, "smoke passed")

    def stop(self, place: Place, key: str) -> None:
        """It ends by itself in a moment."""

    def starts(self) -> dict[str, int]:
        """How often each run was started."""
        found = {}
        for path in self.folder.glob("check-*"):
            if path.suffix != ".lock":
                with kept(path, []) as starts:
                    found[path.name] = len(starts)
        return found

    def _path(self, key: str) -> Path:
        return self.folder / f"check-{sha256(key.encode()).hexdigest()[:24]}"


@contextmanager
def kept(path: Path, first: Any) -> Iterator[Any]:
    """What a file holds, for one process at a time; written back whole, or not at all."""
    lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = path.read_bytes() if path.exists() else b""
        value = pickle.loads(before) if before else first
        yield value
        after = pickle.dumps(value)
        if after != before:
            draft = path.with_suffix(".draft")
            draft.write_bytes(after)
            draft.replace(path)
    finally:
        os.close(lock)
