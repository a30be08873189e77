"""Checks in virtual time: each takes a while and ends as its script says."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import Clock
from headway.releases.model import CheckSpec
from headway.rollout.model import Intent, StartCheck
from headway.rollout.seen import CheckRun, CheckState, Probe


@dataclass(frozen=True, slots=True)
class CheckScript:
    """How a check ends, and after how many seconds. It fails for the first `flaky` attempts whatever `ends` says."""

    ends: CheckState = CheckState.PASSED
    takes: float = 3.0
    flaky: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run that was started."""

    place: Place
    effect: StartCheck
    at: datetime
    script: CheckScript
    stopped: bool = False


@dataclass
class FakeChecks:
    """Behaves by `scripts`, looked up by `CHECK VERSION`, then by the check's name; others pass.

    `asked` counts how often each key was asked to start, and `urls` against what; `runs` has what really ran: one for each key.
    """

    clock: Clock
    scripts: dict[str, CheckScript] = field(default_factory=dict)
    down_until: datetime | None = None
    interrupt: Callable[[str], None] = lambda _: None
    runs: dict[str, Run] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    urls: dict[str, str] = field(default_factory=dict)

    def users(self, path: str, rate: float, seconds: float) -> CheckSpec:
        self.scripts.setdefault("users", CheckScript(takes=seconds))
        return CheckSpec("users", ("users", path, f"{rate:g}"), timeout=seconds + 60)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        self._answer()
        self.interrupt("before the check started")
        effect = intent.effect
        assert isinstance(effect, StartCheck), "only a StartCheck starts a check"
        self.asked[intent.key] += 1
        self.urls[intent.key] = url
        if intent.key not in self.runs:
            self.runs[intent.key] = Run(place, effect, self.clock.now(), self._script(effect))
        self.interrupt("the check started, and nobody was told")

    def probe(self, place: Place, key: str) -> Probe:  # noqa: ARG002 - as the port has it: here a key is enough
        self._answer()
        return Probe.DONE if key in self.runs else Probe.NOT_DONE

    def look(self, place: Place, key: str) -> CheckRun:  # noqa: ARG002 - as the port has it: here a key is enough
        self._answer()
        run = self.runs.get(key)
        if run is None:
            return CheckRun(CheckState.ERRORED, f"no run is known under {key}")
        name, script = run.effect.check.name, run.script
        if run.stopped:
            return CheckRun(CheckState.ERRORED, f"{name} was stopped")
        if self.clock.now() < run.at + timedelta(seconds=script.takes):
            return CheckRun(CheckState.RUNNING, f"{name} runs")
        ends = CheckState.FAILED if run.effect.attempt <= script.flaky else script.ends
        return CheckRun(ends, f"{name} {ends.value} after {script.takes:g} s", log=f"{name}.log")

    def stop(self, place: Place, key: str) -> None:  # noqa: ARG002 - as the port has it: here a key is enough
        self._answer()
        if (run := self.runs.get(key)) is not None:
            self.runs[key] = Run(run.place, run.effect, run.at, run.script, stopped=True)

    def _script(self, effect: StartCheck) -> CheckScript:
        name = effect.check.name
        return self.scripts.get(f"{name} {effect.workload.version}", self.scripts.get(name, CheckScript()))

    def _answer(self) -> None:
        if self.down_until is not None and self.clock.now() < self.down_until:
            raise Unavailable(f"the fake checks do not answer before {self.down_until:%H:%M:%S}")
