"""Stories of traffic for the judge: what the proxies would count, second by second."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headway.analysis.evidence import Evidence, begin, fold
from headway.analysis.judge import judge
from headway.analysis.model import Counters, Outcome, Readings, Thresholds, Verdict

Release = Callable[[int], Counters | None]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
THRESHOLDS = Thresholds(latency_ms=300, min_time=10, needs=50, max_wait=120)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def served(rate: int, *, failing: float = 0.0, slow: float = 0.0, from_second: int = 0, retried: float = 0.0) -> Callable[[int], Counters]:
    """A release that gets `rate` requests a second, and goes wrong in this way from this second on."""

    def counters(second: int) -> Counters:
        requests, wrong = rate * second, rate * max(0, second - from_second)
        late = int(wrong * slow)
        return Counters(
            completed=requests,
            failures=int(wrong * failing),
            retries=int(wrong * retried),
            active=1,
            latency={20.0: requests - late, 900.0: late},
        )

    return counters


def hanging(rate: int, *, from_second: int = 0) -> Callable[[int], Counters]:
    """A release that stops answering at this second: what is sent to it then stays in flight."""

    def counters(second: int) -> Counters:
        answered = rate * min(second, from_second)
        return Counters(completed=answered, active=rate * max(0, second - from_second), latency={20.0: answered})

    return counters


@dataclass
class Watched:
    """Verdict by verdict, second by second."""

    verdicts: list[Verdict]

    @property
    def last(self) -> Verdict:
        return self.verdicts[-1]

    def rolled_back_at(self) -> int | None:
        return next((second for second, verdict in enumerate(self.verdicts) if verdict.outcome is Outcome.ROLL_BACK), None)


def polls(new: Release, old: Release | None, seconds: int) -> Iterator[tuple[int, Evidence]]:
    evidence = begin(NOON)
    for second in range(seconds + 1):
        arms = {"new": new(second)} | ({} if old is None else {"old": old(second)})
        present = {name: counters for name, counters in arms.items() if counters is not None}
        evidence = fold(evidence, Readings(at(second), present), "new", None if old is None else "old")
        yield second, evidence


def watch(new: Release, old: Release | None, seconds: int, thresholds: Thresholds = THRESHOLDS) -> Watched:
    return Watched([judge(evidence, thresholds, at(second)) for second, evidence in polls(new, old, seconds)])
