"""The spans of time that the judge looks at: everything since the weight changed, and the last seconds undiluted by a good past."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from math import isfinite

from headway.analysis.evidence import BLOCK, BLOCKS, NOTHING, Block, Evidence, Tally, plus

RECENT = (2, 6, BLOCKS)
"""Windows by number of blocks, the newest of which is still filling: the last 10, 30 and 60 seconds."""

CROWD = 5
SLACK = 3
USUAL_MS = 1000.0
QUICK_MS = 100.0


@dataclass(frozen=True, slots=True)
class Span:
    """What both releases did in one span of time; `old` is None when nothing is there to compare with."""

    words: str
    new: Tally
    old: Tally | None


def total(evidence: Evidence) -> Span:
    """Everything since the weight changed."""
    return Span(
        f"since {evidence.since:%H:%M:%S}",
        evidence.new.total if evidence.new else Tally(),
        evidence.old.total if evidence.old else None,
    )


def recent(evidence: Evidence) -> tuple[Span, ...]:
    """The newest blocks, in each of the windows. Early on they all hold the same, and that is summed up once."""
    spans: list[Span] = []
    summed: tuple[Tally, Tally | None] | None = None
    number = -1
    for blocks in RECENT:
        kept = _newest(evidence, blocks)
        if summed is None or len(kept) != number:
            number = len(kept)
            summed = _sum(block.new for block in kept), _sum(block.old for block in kept) if evidence.old else None
        spans.append(Span(f"in the last {blocks * BLOCK.total_seconds():.0f} s", *summed))
    return tuple(spans)


def hung(evidence: Evidence, latency_ms: float | None) -> tuple[int, int]:
    """Requests of the new and the old release that hang: in flight, and explained neither by arrivals nor by the usual latency.

    Little's law: in flight = arrivals per second * seconds each takes. More than three times that and five is a hang. The usual latency is
    the greater of the old release's mean and the threshold's. They count as failures only while they hang (see evidence.py).
    """
    if evidence.new is None:
        return 0, 0
    old = evidence.old
    usual = _usual(None if old is None else old.total, latency_ms) / 1000
    # Half a minute: long enough that a hang does not pass for a rise of the arrivals.
    kept = _newest(evidence, RECENT[1])
    seconds = max(1.0, _seconds(kept[0].start, evidence.polled)) if kept else 1.0

    def excess(stuck: int, done: Tally) -> int:
        # Failures are left out of the arrivals: they explain nothing, and more of them must never make a hang look smaller.
        arrivals = (done.good + stuck) / seconds
        return max(0, int(stuck - SLACK * arrivals * usual - CROWD))

    new = excess(evidence.new.stuck, _sum(block.new for block in kept))
    return new, 0 if old is None else excess(old.stuck, _sum(block.old for block in kept))


def _usual(old: Tally | None, latency_ms: float | None) -> float:
    measured = mean_ms(old) if old is not None else None
    if latency_ms is not None and isfinite(latency_ms):
        return max(latency_ms, measured or 0.0)
    # Nobody named a limit: a tenth of a second is quick for anybody, and without an old release we know nothing better than a second.
    return USUAL_MS if measured is None else max(measured, QUICK_MS)


def mean_ms(tally: Tally) -> float | None:
    """The mean latency, from above; None where nothing was measured."""
    edges = {edge: count for edge, count in tally.latency.items() if isfinite(edge)}
    count = sum(edges.values())
    return sum(edge * number for edge, number in edges.items()) / count if count else None


def _newest(evidence: Evidence, blocks: int) -> tuple[Block, ...]:
    # By time, not by number: after polls that failed, the blocks that are left may be older than the window.
    if not evidence.blocks:
        return ()
    earliest = evidence.blocks[-1].start - (blocks - 1) * BLOCK
    return tuple(block for block in evidence.blocks if block.start >= earliest)


def _sum(tallies: Iterable[Tally]) -> Tally:
    return reduce(plus, tallies, NOTHING)


def _seconds(start: datetime, end: datetime | None) -> float:
    return 0.0 if end is None else (end - start).total_seconds()
