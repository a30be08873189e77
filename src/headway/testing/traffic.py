"""Instances and requests in virtual time: who is ready when, and the counters that a proxy would have kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headway.analysis.model import Counters
from headway.testing.scripts import Script

PATIENCE = 15.0
"""Seconds until the proxy gives up on a request."""


@dataclass
class Instances:
    """The instances of one workload: when each started, and when those that were told to stop will be gone."""

    script: Script
    started: list[datetime] = field(default_factory=list)
    going: list[datetime] = field(default_factory=list)
    first: datetime | None = None

    def scale(self, replicas: int, now: datetime) -> None:
        """Have so many: the newest go first, fresh ones start now."""
        self.going = [gone for gone in self.going if gone > now]
        while len(self.started) > replicas:
            self.started.pop()
            self.going.append(now + timedelta(seconds=self.script.stops_after))
        if replicas and not self.started:
            self.first = now
        self.started += [now] * (replicas - len(self.started))

    def ready(self, now: datetime) -> int:
        """How many answer."""
        return sum(self._answers(now - at) for at in self.started)

    def running(self, now: datetime) -> int:
        """How many have a process, those that finish what they have included."""
        own = 0 if self.script.crashes else len(self.started)
        return own + sum(gone > now for gone in self.going)

    def known(self, now: datetime) -> bool:
        """Is there anything left of it to be seen?"""
        return bool(self.started) or self.running(now) > 0

    def spoiled(self, now: datetime) -> bool:
        """Has it begun to fail requests?"""
        return self.first is not None and now - self.first >= timedelta(seconds=self.script.spoils_after)

    def _answers(self, age: timedelta) -> bool:
        script = self.script
        if script.never_ready or script.crashes or age < timedelta(seconds=script.ready_after):
            return False
        return script.dies_after is None or age < timedelta(seconds=script.dies_after)


@dataclass
class Arm:
    """What one release has answered so far; fractions wait for the request that completes them."""

    answered: float = 0.0
    failed: float = 0.0
    slow: float = 0.0
    hanging: float = 0.0
    quick_ms: float = 25.0
    slow_ms: float = 2500.0

    def counters(self) -> Counters:
        completed, slow = int(self.answered), int(self.slow)
        return Counters(
            completed=completed,
            failures=int(self.failed),
            active=int(self.hanging),
            latency={self.quick_ms: completed - slow, self.slow_ms: slow},
        )


@dataclass
class Traffic:
    """The requests of one place, as its proxy counted them."""

    flowed: datetime | None = None
    arms: dict[str, Arm] = field(default_factory=dict)
    unanswered: int = 0

    def flow(
        self,
        now: datetime,
        rate: float,
        weights: Mapping[str, int],
        groups: Mapping[str, Instances],
        *,
        outage: float = 0.0,
        passed: bool = True,
    ) -> None:
        """Let the requests since the last time go where they are routed; more of them come in the same time unless it has `passed`.

        With an `outage`, such a share of them fails, whoever answers.
        """
        before = self.flowed or now
        self.flowed = now if passed else before
        if now == before and weights.keys() <= self.arms.keys():
            return
        due = rate * (now - before).total_seconds()
        for name, percent in weights.items():
            arm, requests = self.arms.setdefault(name, Arm()), due * percent / 100
            instances = groups[name]
            script = instances.script
            arm.quick_ms, arm.slow_ms = script.quick_ms, script.slow_ms
            arm.answered += requests
            if not instances.ready(before):
                arm.failed += requests
                self.unanswered += int(requests + 0.5)
                continue
            if script.hangs:
                arm.answered -= requests
                arm.hanging += requests
                given_up = max(0.0, arm.hanging - rate * percent / 100 * PATIENCE)
                arm.hanging, arm.answered, arm.failed = arm.hanging - given_up, arm.answered + given_up, arm.failed + given_up
                continue
            arm.failed += requests * max(outage, script.errors if instances.spoiled(now) else 0.0)
            arm.slow += requests * script.slow

    def counters(self) -> dict[str, Counters]:
        """Cumulative, by workload."""
        return {name: arm.counters() for name, arm in self.arms.items()}
