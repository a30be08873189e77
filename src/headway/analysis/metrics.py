"""What is judged: so many bad of so many, of the new release and of the old one beside it, in each span of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from headway.analysis.chance import beyond_chance
from headway.analysis.evidence import Evidence, Tally
from headway.analysis.model import Thresholds
from headway.analysis.spans import Span, hung, recent, total

FEWEST_BAD = 3
FEWEST_TIMED = 20
ALPHA = 1e-5
"""Small, because we look every second through four spans. Simulated at 10 requests a second with nothing beside it, a release that sits
right at the tolerated rate is rolled back in 4 hours of 100, one at a tenth of it in none of 150; a bad one pays with one failure more."""
SPEAKS = 200
"""The old release is a comparison when it got at least one request for so many of the new one's: leftovers of a drain are none."""


class Standing(Enum):
    """How one metric stands in one span."""

    BAD = "bad"
    SHARED = "shared"
    """Too bad for chance, but the old release is no better: a common cause."""
    GOOD = "good"
    UNPROVEN = "unproven"
    """Over what is tolerated, but that may be chance; or too few to tell."""


@dataclass(frozen=True, slots=True)
class Count:
    """So many bad of so many tried."""

    bad: int
    tried: int
    details: str = ""

    @property
    def share(self) -> float:
        return self.bad / self.tried if self.tried else 0.0

    def __str__(self) -> str:
        return f"{self.bad} of {self.tried} ({percent(self.share)}{self.details})"


@dataclass(frozen=True, slots=True)
class Compared:
    """Both releases in one span; of the `measured` requests of the new one, those `answered` well count as good news."""

    words: str
    answered: int
    measured: int
    new: Count
    old: Count | None


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is judged: at most `tolerated` may be bad, and fewer than `fewest` measured requests say nothing."""

    name: str
    tolerated: float
    times_baseline: float
    fewest: int
    whole: Compared
    windows: tuple[Compared, ...]

    def standing(self, span: Compared) -> Standing:
        """How it stands in this span."""
        enough = span.measured >= self.fewest
        if enough and span.new.bad >= FEWEST_BAD and beyond_chance(span.new.bad, span.new.tried, self.tolerated, ALPHA):
            return Standing.BAD if self._worse(span) else Standing.SHARED
        return Standing.GOOD if span.answered >= self.fewest and span.new.share <= self.tolerated else Standing.UNPROVEN

    def no_worse(self, span: Compared) -> bool:
        """Is there an old release to compare with, and is the new one no worse than it?"""
        allowed = self._allowed(span)
        return allowed is not None and span.new.share <= allowed

    def _worse(self, span: Compared) -> bool:
        allowed = self._allowed(span)
        return allowed is None or span.new.share > allowed

    def _allowed(self, span: Compared) -> float | None:
        """What the old release's own share allows the new one; None when the old one has nothing to say."""
        old = span.old
        if old is None or old.tried == 0 or old.tried * SPEAKS < span.new.tried:
            return None
        # Half a failure more than was seen: none of three is not a rate of zero.
        return self.times_baseline * max(old.share, (old.bad + 0.5) / (old.tried + 1))


def metrics(evidence: Evidence, thresholds: Thresholds) -> tuple[Metric, ...]:
    """Everything that these thresholds have an opinion on."""
    limit, times = thresholds.latency_ms, thresholds.times_baseline
    spans = (total(evidence), *recent(evidence))
    errors = Metric("errors", thresholds.error_rate, times, 0, *_compared(spans, _errors(evidence, thresholds)))
    if limit is None:
        return (errors,)
    slow = Metric(f"slower than {limit:g} ms", 1 - thresholds.quantile, times, FEWEST_TIMED, *_compared(spans, _slowness(limit)))
    return (errors, slow)


def percent(share: float) -> str:
    """As people write it: 1 %, 85.7 %, 0.12 %."""
    return f"{share * 100:.3g} %"


def _compared(spans: Sequence[Span], compare: Callable[[Span], Compared]) -> tuple[Compared, tuple[Compared, ...]]:
    return compare(spans[0]), tuple(compare(span) for span in spans[1:])


def _errors(evidence: Evidence, thresholds: Thresholds) -> Callable[[Span], Compared]:
    hanging, hanging_old = hung(evidence, thresholds.latency_ms)

    def compare(span: Span) -> Compared:
        old = None if span.old is None else _failed(span.old, hanging_old)
        return Compared(span.words, span.new.good, span.new.requests, _failed(span.new, hanging), old)

    return compare


def _failed(tally: Tally, hanging: int) -> Count:
    hidden = tally.bad - tally.failures
    details = (f", {hidden} of them retried or refused" if hidden else "") + (f", {hanging} of them hanging" if hanging else "")
    bad = tally.bad + hanging
    return Count(bad, tally.good + bad, details)


def _slowness(limit: float) -> Callable[[Span], Compared]:
    def compare(span: Span) -> Compared:
        measured = sum(span.new.latency.values())
        old = None if span.old is None else _slow(span.old, limit)
        return Compared(span.words, max(0, measured - span.new.failures), measured, _slow(span.new, limit), old)

    return compare


def _slow(tally: Tally, limit: float) -> Count:
    """Requests in buckets that reach beyond the limit. A quick failure is no quick answer: failures never dilute the slow ones."""
    slow = sum(count for edge, count in tally.latency.items() if not edge <= limit)
    quick = sum(tally.latency.values()) - slow - tally.failures
    return Count(slow, slow + max(0, quick))
