"""Rollouts, plans and sights for these tests, in as few words as each needs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from headway.analysis.evidence import begin
from headway.analysis.model import Outcome, Thresholds, Verdict
from headway.environments.model import Configuration, Database, Place
from headway.migration.model import Kind as Effect
from headway.migration.shipping import Shipped, Shipping
from headway.releases.model import CheckSpec, RunSpec
from headway.rollout.decide import decide
from headway.rollout.effects import landed
from headway.rollout.model import (
    Backfill,
    Fence,
    Intent,
    Kind,
    Migrate,
    Plan,
    Rollout,
    RunCheck,
    SetWeights,
    Shift,
    Soak,
    VerifyData,
    Weight,
    Workload,
)
from headway.rollout.moves import Decision, Do
from headway.rollout.phases import Phase
from headway.rollout.routing import BY_WEIGHT, Routing
from headway.rollout.seen import Group, Seen, Sight, Signal, Word
from headway.rollout.strategies import canary, rolling

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
PLACE = Place("tally", "production")
GOOD_NEWS = Verdict(Outcome.ADVANCE, ("errors: 0 of 600",))
NO_NEWS = Verdict(Outcome.INCONCLUSIVE, ("nobody came",))
BAD_NEWS = Verdict(Outcome.ROLL_BACK, ("errors: 300 of 600",))


def workload(version: str) -> Workload:
    name = f"v{version.replace('.', '-')}"
    return Workload(name, version, f"c{version}", f"sha256:{version}", RunSpec(("serve",), ready_within=30.0), Configuration())


OLD, NEW = workload("1.0.0"), workload("1.1.0")
SMOKE = CheckSpec("smoke", ("smoke",))


def canary_plan(
    *, replicas: int = 4, old: Workload | None = OLD, retries: int = 0, keep_warm: float = 900.0, routing: Routing = BY_WEIGHT
) -> Plan:
    steps = canary(
        replicas, weights=(25, 50), holdback=0, old=old is not None, watch=30, preview=(), checks=("smoke",), soak=60, routing=routing
    )
    checks = {"smoke": replace(SMOKE, retries=retries)}
    return Plan(NEW, old, replicas, steps, "canary", Thresholds(), checks=checks, keep_warm=keep_warm, routing=routing)


def rolling_plan(*, replicas: int = 4, keep_warm: float = 0.0, batch: int = 2) -> Plan:
    steps = rolling(replicas, batch=batch, old=True, warm=keep_warm > 0, checks=("smoke",), soak=60)
    return Plan(NEW, OLD, replicas, steps, "rolling", Thresholds(), checks={"smoke": SMOKE}, keep_warm=keep_warm)


def data_plan() -> Plan:
    """A canary with a file to apply and rows to fill."""
    plan = canary_plan()
    mail = Shipped(2, "0002_mail", "s", Effect.EXPAND)
    shipping = Shipping(Database("env:DATABASE"), "the database", "migrations", apply=(mail,), fill=(mail,))
    after = (VerifyData(), Backfill())
    steps = (Migrate(), *(one for step in plan.steps for one in ((*after, step) if isinstance(step, Soak) else (step,))))
    return replace(plan, steps=steps, migrations=shipping)


def at(plan: Plan, kind: type, which: int = 0) -> int:
    """The cursor of the n-th step of this kind."""
    return [number for number, step in enumerate(plan.steps) if isinstance(step, kind)][which]


def pending(**changes: object) -> Rollout:
    rollout = Rollout("r7", PLACE, "tally@1.1.0", Kind.PROMOTION, "ada", NOW, Phase.PENDING)
    return replace(rollout, **changes)  # type: ignore[arg-type]


def under_way(plan: Plan, cursor: int, *, phase: Phase = Phase.RUNNING, weight: int | None = None, **changes: object) -> Rollout:
    """A rollout that has done everything up to the step at `cursor`, and entered that one now."""
    shifts = [step.weight for step in plan.steps[:cursor] if isinstance(step, Shift)]
    share = Weight(weight) if weight is not None else (shifts[-1] if shifts else Weight(0))
    made = pending(
        phase=phase,
        plan=plan,
        cursor=cursor,
        generation=3,
        turn=9,
        since=NOW,
        weight=share,
        weighed_at=NOW,
        evidence=begin(NOW),
        asked=True,
    )
    if isinstance(plan.steps[cursor] if cursor < len(plan.steps) else None, RunCheck):
        made = replace(made, check="r7-9")
    return replace(made, **changes)  # type: ignore[arg-type]


def shifted(weight: int) -> Intent:
    """An effect that was begun, and nobody knows more."""
    shares = {NEW.name: weight, OLD.name: 100 - weight}
    return Intent("r7-9", Fence(3, 9), SetWeights({name: share for name, share in shares.items() if share}), NOW)


def sight(new: int = 4, old: int = 4, weight: int = 0, *, new_wanted: int | None = None, old_wanted: int | None = None) -> Sight:
    """So many ready of each, all of those wanted unless said otherwise, and the new one's weight."""
    wanted_new, wanted_old = new if new_wanted is None else new_wanted, old if old_wanted is None else old_wanted
    groups = {NEW.name: Group(wanted_new, wanted_new, new), OLD.name: Group(wanted_old, wanted_old, old)}
    return Sight(groups, {name: share for name, share in {NEW.name: weight, OLD.name: 100 - weight}.items() if share})


def said(word: Word, by: str = "bob", why: str = "") -> Signal:
    return Signal(word, by, NOW, why)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def effect(decision: Decision) -> object:
    """What it does, None when it waits."""
    return decision.move.intent.effect if isinstance(decision.move, Do) else None


def carry_on(decision: Decision, seen: Seen, when: datetime, most: int = 50) -> list[Decision]:
    """Every decision until it waits, each effect landing at once while the sight stays as it is."""
    decisions = [decision]
    while isinstance(decisions[-1].move, Do) and len(decisions) < most:
        decisions.append(decide(landed(decisions[-1].rollout, when), replace(seen, signals=(), probe=None), when))
    return decisions
