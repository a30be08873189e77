"""What the memory ledger keeps, and the rules that a database would hold by its constraints."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from headway.environments.model import Place
from headway.errors import Contradiction, Unavailable
from headway.ports import Clock, Event, Notice, PlaceRecord, Recorded
from headway.promotion.model import Approval, Passed, Quarantine
from headway.releases.model import Release
from headway.rollout.model import Kind, Rollout, Workload
from headway.rollout.phases import ACTIVE
from headway.rollout.seen import Signal


@dataclass
class Row:
    """One rollout as it is stored. `wake` counts the signals that ever came."""

    rollout: Rollout
    why: str
    due: datetime | None
    turned: datetime
    updated: datetime
    lease: str | None = None
    lease_until: datetime | None = None
    revision: int = 0
    wake: int = 0
    inbox: list[tuple[int, Signal]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Life:
    """A workload that went live, and what was live before it by the rules of `PlaceRecord.before`."""

    workload: Workload
    release: str
    before: "Life | None"


@dataclass
class Letter:
    """A notice on its way."""

    notice: Notice
    due: datetime | None
    tries: int = 0
    why: str = ""
    delivered: datetime | None = None


@dataclass
class Tables:
    """All of it. Every write is checked in full before anything changes, so a refused one leaves no trace.

    `interrupt` is called before and after each write, so that a test can raise there what a crash would.
    """

    clock: Clock
    down_until: datetime | None = None
    interrupt: Callable[[str], None] = lambda _: None
    rows: dict[str, Row] = field(default_factory=dict)
    generations: dict[Place, int] = field(default_factory=dict)
    lives: dict[Place, list[Life]] = field(default_factory=dict)
    recorded: list[Recorded] = field(default_factory=list)
    ends: dict[str, Recorded] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)
    passed: list[tuple[str, Passed]] = field(default_factory=list)
    quarantines: list[Quarantine] = field(default_factory=list)
    letters: dict[int, Letter] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One look."""
        self._answer()
        with self.lock:
            yield

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """One transaction."""
        self._answer()
        self.interrupt(f"before {what}")
        with self.lock:
            yield
        self.interrupt(f"after {what}")

    def active(self, place: Place) -> str | None:
        """The rollout that has the place now."""
        found = (name for name, row in self.rows.items() if row.rollout.place == place and row.rollout.phase in ACTIVE)
        return next(found, None)

    def place(self, place: Place) -> PlaceRecord:
        """What is known of a place."""
        lives = self.lives.get(place)
        generation, active = self.generations.get(place, 0), self.active(place)
        if not lives:
            return PlaceRecord(place, generation, active=active)
        live, before = lives[-1], lives[-1].before
        record = PlaceRecord(place, generation, live.workload, live.release, active=active)
        return replace(record, before=before.workload, before_release=before.release) if before else record

    def may_start(self, rollout: Rollout) -> None:
        """Contradiction if the place has an active rollout, or its generation is not the one before."""
        if self.active(rollout.place) is not None:
            raise Contradiction(f"{rollout.id} cannot be {rollout.phase.value}: {rollout.place} has another active rollout")
        last = self.generations.get(rollout.place, 0)
        if rollout.generation != last + 1:
            would = f"{rollout.id} would be generation {rollout.generation} of {rollout.place}"
            raise Contradiction(f"{would}, which is at {last}; expected {last + 1}: look again")

    def complete(self, rollout: Rollout, now: datetime) -> None:
        """Its workload is live, and its artifact passed here."""
        if rollout.plan is None:
            raise Contradiction(f"{rollout.id} cannot be completed: it has no plan, so nobody knows what is live in {rollout.place}")
        new, lives = rollout.plan.new, self.lives.setdefault(rollout.place, [])
        lives.append(Life(new, rollout.release, _before(rollout, new, lives)))
        if rollout.trial is not None or rollout.kind is Kind.ADOPTION:
            return
        good = Passed(rollout.release, new.digest, rollout.place.environment, "rollout", True, now, by=rollout.asked_by)
        self.passed.append((rollout.place.service, good))

    def remain(self, rollout: Rollout) -> None:
        """Its workload is what answers, though nobody wanted it to stay."""
        assert rollout.plan is not None, "who has the traffic has a plan"
        lives = self.lives.setdefault(rollout.place, [])
        lives.append(Life(rollout.plan.new, rollout.release, lives[-1] if lives else None))

    def vacate(self, place: Place) -> None:
        """Nothing is live there any more, and whoever acted there before is too late."""
        if (active := self.active(place)) is not None:
            raise Contradiction(f"{place} cannot be vacated: {active} is active there")
        if place in self.generations:
            self.generations[place] += 1
        self.lives.pop(place, None)

    def say(self, stream: str, events: Sequence[Event]) -> None:
        """Append to a stream, each event's hash covering the one before."""
        for event in events:
            last = self.ends.get(stream)
            number = last.number + 1 if last else 1
            recorded = Recorded(stream, number, event, link(last.hash if last else "", stream, number, event))
            self.recorded.append(recorded)
            self.ends[stream] = recorded

    def _answer(self) -> None:
        if self.down_until is not None and self.clock.now() < self.down_until:
            raise Unavailable(f"the memory ledger does not answer before {self.down_until:%H:%M:%S}")


def link(last: str, stream: str, number: int, event: Event) -> str:
    """The hash of an event that follows the one with hash `last`."""
    body = (stream, number, event.at.isoformat(), event.who, event.what, tuple(event.why), sorted(event.data.items()))
    return hashlib.sha256(f"{last}{body!r}".encode()).hexdigest()


def _before(rollout: Rollout, new: Workload, lives: Sequence[Life]) -> Life | None:
    live = lives[-1] if lives else None
    if live is None:
        return None
    if live.workload.name == new.name:
        return live.before
    if rollout.kind is Kind.PROMOTION:
        return live
    # After a rollback: what had been live before the workload that came back, but neither of the two.
    skip = {new.name, live.workload.name}
    found = next((life for life in reversed(lives) if life.workload.name == new.name), None)
    while found is not None and found.workload.name in skip:
        found = found.before
    return found


def cancelled(row: Row, by: Rollout, why: str, phase: Rollout) -> Row:
    """The row of a rollout that another took the turn of; the new revision fences whoever is about to start it."""
    gone = replace(phase, reasons=(*row.rollout.reasons, why))
    return replace(row, rollout=gone, why=why, due=None, lease=None, lease_until=None, revision=row.revision + 1, updated=by.created)
