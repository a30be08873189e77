"""What was measured since the weight last changed, small enough to be saved with every decision."""

from dataclasses import dataclass
from datetime import datetime

from headway.analysis.model import Readings


@dataclass(frozen=True, slots=True)
class Evidence:
    """Polls since `since`, folded."""

    since: datetime


def begin(now: datetime) -> Evidence:
    """No evidence yet: a new weight starts a new measurement."""
    return Evidence(since=now)


def fold(evidence: Evidence, readings: Readings, new: str, old: str | None) -> Evidence:
    """Add one poll."""
    return evidence
