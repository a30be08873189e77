"""Rehearsals in virtual time: each takes a while and ends as it is told to."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headway.errors import Unavailable
from headway.ports import Clock, Rehearsing
from headway.rollout.seen import MigrationRun, RunState


@dataclass
class FakeRehearsals:
    """Ends by `ends`, looked up by version; others pass. `asked` counts how often each key was to start, `runs` has what really ran."""

    clock: Clock
    ends: dict[str, MigrationRun] = field(default_factory=dict)
    takes: float = 2.0
    down: bool = False
    runs: dict[str, tuple[Rehearsing, datetime]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)

    def start(self, key: str, what: Rehearsing) -> None:
        self._answer()
        self.asked[key] += 1
        if key not in self.stopped:
            self.runs.setdefault(key, (what, self.clock.now()))

    def look(self, key: str) -> MigrationRun | None:
        self._answer()
        if key in self.stopped:
            return MigrationRun(RunState.STOPPED, "it was stopped")
        if key not in self.runs:
            return None
        what, at = self.runs[key]
        if self.clock.now() < at + timedelta(seconds=self.takes):
            return MigrationRun(RunState.RUNNING, "the rehearsal runs")
        titles = ", ".join(one.title for one in what.shipping.apply)
        return self.ends.get(what.release.version, MigrationRun(RunState.PASSED, f"{titles} took 0.1 s on a copy"))

    def stop(self, key: str) -> None:
        self._answer()
        self.stopped.add(key)

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the fake rehearsals do not answer")
