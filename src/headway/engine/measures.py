"""What this server has done since it started, counted where it is written down. Whoever wants to know how things stand asks the record."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headway.environments.branches import shared_of
from headway.ports import Event, Held, Notice, Rollouts
from headway.promotion.model import Quarantine
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Signal

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which turns are told apart."""
AGAINST = ("aborted", "failed verdict", "failed check", "failed migration", "failed to run", "failed to be ready")
"""Why a rollout goes back, as its events say it."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Turns:
    """How long turns took: how many up to each bound, all of them, and their seconds together."""

    within: tuple[int, ...]
    count: int
    seconds: float


class Measures:
    """Counts that only rise; several threads count at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._within = [0] * len(BOUNDS)
        self._turns = 0
        self._seconds = 0.0
        self.leads = False
        """Whether this server led when it was asked last."""

    def count(self, what: str, number: int = 1, **labels: str) -> None:
        """So many more of these."""
        with self._lock:
            self._counts[what, tuple(sorted(labels.items()))] += number

    def turned(self, seconds: float) -> None:
        """A turn took so long."""
        with self._lock:
            self._turns += 1
            self._seconds += seconds
            for number, bound in enumerate(BOUNDS):
                self._within[number] += seconds <= bound

    def counts(self, what: str) -> Mapping[Labels, int]:
        """How many so far, by labels."""
        with self._lock:
            return {labels: number for (kind, labels), number in sorted(self._counts.items()) if kind == what}

    def turns(self) -> Turns:
        """All turns so far."""
        with self._lock:
            return Turns(tuple(self._within), self._turns, self._seconds)


class Counted:
    """`ports.Rollouts` with what is written to it counted, once it is written."""

    def __init__(self, rollouts: Rollouts, measures: Measures) -> None:
        self._rollouts = rollouts
        self._measures = measures

    def add(self, rollout: Rollout, events: Sequence[Event], *, cancel: Sequence[str] = ()) -> None:
        self._rollouts.add(rollout, events, cancel=cancel)
        if cancel:
            self._measures.count("ended", len(cancel), environment=_where(rollout), state=Phase.CANCELLED.value)

    def claim(self, now: datetime, until: datetime, token: str, most: int, host: str = "") -> Sequence[Held]:
        return self._rollouts.claim(now, until, token, most, host)

    def take_over(self, host: str, now: datetime) -> int:
        return self._rollouts.take_over(host, now)

    def refresh(self, held: Held) -> Held:
        return self._rollouts.refresh(held)

    def save(
        self,
        held: Held,
        rollout: Rollout,
        *,
        why: str,
        due: datetime | None,
        until: datetime | None,
        events: Sequence[Event] = (),
        notices: Sequence[Notice] = (),
        quarantine: Quarantine | None = None,
        now: datetime,
    ) -> Held:
        saved = self._rollouts.save(
            held, rollout, why=why, due=due, until=until, events=events, notices=notices, quarantine=quarantine, now=now
        )
        self._count(held.rollout, rollout, [event.what for event in events])
        return saved

    def signal(self, id: str, signal: Signal, events: Sequence[Event] = ()) -> None:
        self._rollouts.signal(id, signal, events)

    def _count(self, before: Rollout, after: Rollout, said: Sequence[str]) -> None:
        where = _where(after)
        for what in said:
            if (verdict := _verdict(what)) is not None:
                self._measures.count("verdicts", environment=where, verdict=verdict)
            if what == "in trouble":
                self._measures.count("troubles", environment=where)
        if before.phase is after.phase:
            return
        if (because := _goes_back(before, after, said)) is not None:
            self._measures.count("rollbacks", environment=where, reason=because)
        if after.phase in ENDED:
            self._measures.count("ended", environment=where, state=after.phase.value)


def _where(rollout: Rollout) -> str:
    """Branches come and go, and each environment of one would be a series for ever: they count for the one that they share."""
    return shared_of(rollout.place.environment)


def _verdict(what: str) -> str | None:
    """Which verdict was acted on, if that is what the event says."""
    if what.startswith("good "):
        return "advance"
    return {"failed verdict": "roll back", "held": "inconclusive"}.get(what)


def _goes_back(before: Rollout, after: Rollout, said: Sequence[str]) -> str | None:
    """Why, if this is the moment at which a release begins to be replaced by the one before."""
    if after.kind is Kind.ROLLBACK:
        return "asked for" if before.phase is Phase.PENDING and after.phase is not Phase.CANCELLED else None
    first = after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} and Phase.ROLLING_BACK not in (before.phase, before.paused_from)
    return next((what for what in said if what in AGAINST), "other") if first else None
