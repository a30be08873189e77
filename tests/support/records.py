"""Small true records for tests of the ledger."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from headway.adapters.ledger import Ledger
from headway.analysis.model import Thresholds
from headway.environments.model import Configuration, Place
from headway.ports import Event, Held
from headway.releases.model import Release, RunSpec
from headway.rollout.model import Kind, Plan, Rollout, Scale, Shift, Side, Watch, Weight, Workload
from headway.rollout.phases import Phase

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STAGING = Place("tally", "staging")
PRODUCTION = Place("tally", "production")
RUN = RunSpec(("python", "-m", "tally"))
Change = Callable[[Rollout], Rollout]


def workload(version: str) -> Workload:
    name = "tally-" + version.replace(".", "-")
    return Workload(name, version, "c" + version, f"sha256:{version}", RUN, Configuration({"GREETING": "hello"}, {}, "sha256:cfg"))


def plan(version: str) -> Plan:
    steps = (Scale(Side.NEW, 2), Shift(Weight(10)), Watch(30.0), Shift(Weight(100)))
    return Plan(workload(version), None, 2, steps, "canary", Thresholds())


def pending(id: str, version: str = "1.0.0", place: Place = PRODUCTION, kind: Kind = Kind.PROMOTION, created: datetime = NOON) -> Rollout:
    return Rollout(id, place, f"tally@{version}", kind, "ada", created, Phase.PENDING)


def release(version: str = "1.0.0") -> Release:
    return Release("tally", version, "c" + version, "main", f"sha256:{version}", RUN, "ada", "ada", NOON)


def event(what: str = "queued", at: datetime = NOON) -> Event:
    return Event(at, "ada", what, ("because",), {"n": 1})


def take(ledger: Ledger, id: str, now: datetime = NOON, token: str = "me") -> Held:
    """Claim this rollout, and nothing else may be due."""
    (held,) = ledger.rollouts.claim(now, now + MINUTE, token, 10)
    assert held.rollout.id == id
    return held


def step(ledger: Ledger, held: Held, change: Change, *, last: bool = False, now: datetime = NOON) -> Held:
    """Save a change with an event; the last one gives the lease back and sleeps."""
    after = change(held.rollout)
    until = None if last else held.until
    return ledger.rollouts.save(held, after, why="testing", due=None, until=until, events=(event(after.phase.value, now),), now=now)


def started(rollout: Rollout, generation: int) -> Rollout:
    plan_ = rollout.plan or plan(rollout.release.partition("@")[2])
    return replace(rollout, phase=Phase.RUNNING, generation=generation, plan=plan_, since=NOON)


def begin(ledger: Ledger, rollout: Rollout, now: datetime = NOON) -> Held:
    """Queue a rollout and start it."""
    ledger.rollouts.add(rollout, (event(),))
    generation = ledger.records.place(rollout.place).generation + 1
    return step(ledger, take(ledger, rollout.id, now), lambda it: started(it, generation), now=now)


def end(ledger: Ledger, held: Held, phase: Phase = Phase.COMPLETED, now: datetime = NOON) -> Held:
    if phase is Phase.ROLLED_BACK:
        held = step(ledger, held, lambda it: replace(it, phase=Phase.ROLLING_BACK), now=now)
    return step(ledger, held, lambda it: replace(it, phase=phase, completed_at=now), last=True, now=now)
