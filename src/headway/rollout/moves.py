"""What decide() may answer, and the small ways of saying it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from headway.rollout.model import Effect, Fence, Intent, Plan, Rollout, RunMigration, SetReplicas, SetWeights, StartCheck, Step
from headway.rollout.routes import reached
from headway.rollout.seen import Signal

POLL = timedelta(seconds=1)
"""How often a release under traffic is judged."""
EARLY, FIRST = timedelta(seconds=0.25), timedelta(seconds=2)
"""And how often at first, while a dead one costs the most: at a new weight nobody knows yet, and three failures can be enough."""
SOON = timedelta(seconds=0.1)
"""How often we look while instances come or go."""
SAFETY_NET = timedelta(hours=6)
"""A rollout that waits for people is woken by their word; this is for words that got lost."""
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before trouble on our side is tried again, by how often in a row it came."""
_ON_DATA = {"migrate": "migrate", "reset": "make anew", "verify data": "verify the data of", "backfill": "fill rows of"}


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (None: before somebody speaks), and why."""

    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Do:
    """Do this now; the intent is on the record before it is done."""

    intent: Intent
    why: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The rollout is over. It stays due at `until` when there is still tidying to do."""

    why: str
    until: datetime | None = None


Move = Wait | Do | Finish


@dataclass(frozen=True, slots=True)
class Said:
    """A line for the record: what was decided, why, and on whose word (None: Headway's own)."""

    what: str
    why: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The next record, the next move, and what to write into the record about them."""

    rollout: Rollout
    move: Move
    said: tuple[Said, ...] = ()

    def after(self, *said: Said) -> "Decision":
        """The same decision, with these lines before its own."""
        return replace(self, said=(*said, *self.said)) if said else self


def do(rollout: Rollout, effect: Effect, now: datetime, *said: Said) -> Decision:
    """Have an effect done, under a key and a fence of its own."""
    turn = rollout.turn + 1
    intent = Intent(f"{rollout.id}-{turn}", Fence(rollout.generation, turn), effect, now)
    what = doing(effect)
    return Decision(replace(rollout, turn=turn, intent=intent), Do(intent, what), (*said, Said(what)))


def doing(effect: Effect) -> str:
    """An effect in words."""
    match effect:
        case SetReplicas(workload, replicas, mend):
            by_force = ", as it was made, whoever else has a hand on it" if mend else ""
            return f"set {workload.version or workload.name} to {replicas} replicas{by_force}"
        case SetWeights(weights):
            shares = ", ".join(f"{percent} % to {name}" for name, percent in sorted(weights.items(), key=lambda one: -one[1]))
            return "; ".join((f"route {shares}" if shares else "route nothing", *_besides(effect)))
        case StartCheck(check, _, attempt):
            return f"run the check {check.name}" + (f", attempt {attempt}" if attempt > 1 else "")
        case RunMigration(what, _, shipping, attempt):
            return f"{_ON_DATA[what]} {shipping.where}" + (f", attempt {attempt}" if attempt > 1 else "")
        case _:
            assert_never(effect)


def _besides(effect: SetWeights) -> Iterator[str]:
    for name in sorted({match.workload for match in effect.matches}):
        known = ", ".join(f"{match.by} {match.name}" for match in effect.matches if match.workload == name)
        yield f"testers ({known}) to {name}"
    for name, percent in effect.mirrors.items():
        yield f"copies of {percent} % to {name}"
    if effect.sticky:
        yield "users stay with the release they have"


def troubled(rollout: Rollout, trouble: str, now: datetime) -> Decision:
    """Trouble on our side is never evidence: hold, say so, try again, later each time."""
    held = replace(rollout, trouble=trouble, trouble_tries=rollout.trouble_tries + 1, troubled_at=now)
    said = () if rollout.trouble == trouble else (Said("in trouble", (trouble,)),)
    return Decision(held, Wait(now + backed_off(held), f"{trouble}; trying again"), said)


def backed_off(rollout: Rollout) -> timedelta:
    """How long to leave what failed alone, by how often in a row it did."""
    return timedelta(seconds=BACK_OFF[max(0, min(rollout.trouble_tries, len(BACK_OFF)) - 1)])


def poll(rollout: Rollout, now: datetime) -> datetime:
    """When to judge the release under traffic again."""
    young = rollout.weighed_at is not None and now - rollout.weighed_at < FIRST
    return now + (EARLY if young else POLL)


def for_a_person(rollout: Rollout, now: datetime, why: str) -> Wait:
    """Waiting for somebody's word. Watching goes on meanwhile, whatever the phase, for as long as anything reaches the new release."""
    return Wait(now + (POLL if reached(rollout) else SAFETY_NET), why)


def calm(rollout: Rollout) -> Rollout:
    """The record once the world answers again."""
    return replace(rollout, trouble=None, trouble_tries=0, troubled_at=None) if rollout.trouble is not None else rollout


def word_of(signal: Signal) -> Said:
    """What somebody said, for the record."""
    return Said(f"{signal.word.value} by {signal.by}", (signal.why,) if signal.why else (), signal.by)


def present(rollout: Rollout) -> Step | None:
    """The step at hand; None once all are done."""
    steps = plan_of(rollout).steps
    return steps[rollout.cursor] if rollout.cursor < len(steps) else None


def plan_of(rollout: Rollout) -> Plan:
    """The frozen plan; a rollout that started has one."""
    assert rollout.plan is not None, "a rollout that started has a plan"
    return rollout.plan
