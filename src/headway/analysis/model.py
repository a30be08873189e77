"""The nouns of judging: counters as the proxies report them, evidence as we keep it, verdicts as we act on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Outcome(Enum):
    """How an analysis came out, in order of gravity."""

    ADVANCE = "advance"
    CONTINUE = "continue"
    INCONCLUSIVE = "inconclusive"
    ROLL_BACK = "roll back"


GRAVITY = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the measurements say, with the reasons and numbers that a person reads at three in the morning."""

    outcome: Outcome
    reasons: tuple[str, ...]


NO_EVIDENCE = Verdict(Outcome.INCONCLUSIVE, ("nothing was measured",))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest verdict speaks for all; none at all is no evidence."""
    return max(verdicts, key=lambda verdict: GRAVITY.index(verdict.outcome), default=NO_EVIDENCE)


@dataclass(frozen=True, slots=True)
class Counters:
    """One release's cumulative counts since its proxy started; a decrease means that the proxy restarted.

    `completed` counts requests answered once, whatever the retries; `failures` those answered 5xx (timeouts and refusals by the
    proxy included). `latency` maps a bucket's upper edge in milliseconds to the number of requests in that bucket (not cumulative
    over edges). `active` is the number in flight just now.
    """

    completed: int = 0
    failures: int = 0
    retries: int = 0
    refused: int = 0
    active: int = 0
    latency: Mapping[float, int] = field(default_factory=dict)

    def __add__(self, other: "Counters") -> "Counters":
        edges = sorted({*self.latency, *other.latency})
        return Counters(
            completed=self.completed + other.completed,
            failures=self.failures + other.failures,
            retries=self.retries + other.retries,
            refused=self.refused + other.refused,
            active=self.active + other.active,
            latency={edge: self.latency.get(edge, 0) + other.latency.get(edge, 0) for edge in edges},
        )


@dataclass(frozen=True, slots=True)
class Readings:
    """One poll of one place: what each release has done so far, by workload name, all from the same scrape."""

    at: datetime
    arms: Mapping[str, Counters]
    copies: Mapping[str, Counters] = field(default_factory=dict)
    """The same of those that get copies of users' requests: what users never saw, and so counted apart."""
    parts: Mapping[str, Mapping[str, Counters]] = field(default_factory=dict)
    """Of an arm that several proxies or instances counted, what each of them did: each of them restarts by itself."""


def together(at: datetime, parts: Mapping[str, Mapping[str, Counters]]) -> Readings:
    """What several counted, added up by arm."""
    return Readings(at, {name: sum(each.values(), Counters()) for name, each in parts.items()}, parts=parts)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a release is good enough: from `analysis:` of the environment. Rates are shares of 1, times in seconds, latency in ms.

    `mode` is `thresholds`, or `health` where there is no traffic to judge by: then replicas' health and checks alone decide.
    """

    mode: str = "thresholds"
    error_rate: float = 0.01
    latency_ms: float | None = None
    quantile: float = 0.95
    times_baseline: float = 2.0
    needs: int = 50
    """Requests that the new release must have answered before good news counts."""
    min_time: float = 30.0
    max_wait: float = 900.0
    hold_for: float = 300.0
