"""What users saw: per release how many were served, how many failed and how long they waited. Counts of any two spans add up."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

# Each step of the histogram is 2 % wider than the one before, so a percentile is right to 1 % and an hour costs no more than a second.
_STEP = math.log(1.02)
MOST_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that did not get a good answer. `release` is empty when no answer says who had it. `at` in seconds of the epoch."""

    at: float
    request: str
    why: str
    release: str
    seconds: float


@dataclass(slots=True)
class Share:
    """What one release answered."""

    ok: int = 0
    failed: int = 0
    waits: Counter[int] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return self.ok + self.failed

    def add(self, other: Self) -> None:
        self.ok += other.ok
        self.failed += other.failed
        self.waits.update(other.waits)


@dataclass(slots=True)
class Counts:
    """Answers by release; those that cannot be attributed are under the empty name. `skipped` were never sent: too many were unanswered."""

    shares: dict[str, Share] = field(default_factory=dict)
    skipped: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """How each request ended: its status, or the error in words."""
    failures: list[Failure] = field(default_factory=list)
    """The first of them, to look into."""

    def good(self, release: str, status: int, seconds: float) -> None:
        self._count(release, str(status), seconds).ok += 1

    def bad(self, failure: Failure) -> None:
        self._count(failure.release, failure.why, failure.seconds).failed += 1
        self._keep([failure])

    def add(self, other: Self) -> None:
        """Count what another span saw as well."""
        for release, share in other.shares.items():
            self.shares.setdefault(release, Share()).add(share)
        self.skipped += other.skipped
        self.statuses.update(other.statuses)
        self._keep(other.failures)

    @property
    def requests(self) -> int:
        return self.ok + self.failed

    @property
    def ok(self) -> int:
        return sum(share.ok for share in self.shares.values())

    @property
    def failed(self) -> int:
        return sum(share.failed for share in self.shares.values())

    @property
    def failed_by(self) -> dict[str, int]:
        """Failed requests of each release that had any; the unattributed ones are not among them."""
        return {release: share.failed for release, share in self.shares.items() if release and share.failed}

    @property
    def unattributed(self) -> int:
        """Failures that no release answered: refused, reset, or silence. They count as Headway's own."""
        share = self.shares.get("")
        return share.failed if share else 0

    def percentile(self, percent: float, release: str | None = None) -> float | None:
        """The wait in seconds that this percentage of requests did not exceed; of one release, or of all."""
        chosen = self.shares.values() if release is None else [self.shares.get(release, Share())]
        waits: Counter[int] = sum((share.waits for share in chosen), Counter())
        left = math.ceil(waits.total() * percent / 100)
        for step in sorted(waits):
            left -= waits[step]
            if left <= 0:
                return math.exp((step + 0.5) * _STEP) / 1e6
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "shares": {
                release: {"ok": share.ok, "failed": share.failed, "waits": dict(share.waits)} for release, share in self.shares.items()
            },
            "skipped": self.skipped,
            "statuses": dict(self.statuses),
            "failures": [[one.at, one.request, one.why, one.release, one.seconds] for one in self.failures],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            shares={
                release: Share(share["ok"], share["failed"], Counter({int(step): n for step, n in share["waits"].items()}))
                for release, share in data["shares"].items()
            },
            skipped=data["skipped"],
            statuses=Counter(data["statuses"]),
            failures=[Failure(*one) for one in data["failures"]],
        )

    def _count(self, release: str, ended: str, seconds: float) -> Share:
        share = self.shares.setdefault(release, Share())
        share.waits[int(math.log(max(seconds * 1e6, 1.0)) / _STEP)] += 1
        self.statuses[ended] += 1
        return share

    def _keep(self, failures: Iterable[Failure]) -> None:
        """Keep the first few, and of those that nobody answered as many again: they are the ones that need explaining."""
        for failure in failures:
            if sum(bool(kept.release) == bool(failure.release) for kept in self.failures) < MOST_FAILURES:
                self.failures.append(failure)
