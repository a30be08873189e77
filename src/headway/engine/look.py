"""Look: fetch through the ports everything one decision needs, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headway.analysis.evidence import Evidence, fold, with_copies
from headway.analysis.judge import SILENCE, judge
from headway.analysis.model import Outcome, Verdict
from headway.engine.candidate import Asked, consider
from headway.engine.sending import copying
from headway.engine.sizing import sizing
from headway.environments.model import same_target
from headway.errors import HeadwayError, InvalidSpec, Refused, Unavailable
from headway.ports import Held, World
from headway.rollout.data import what_runs
from headway.rollout.model import ALL, NONE, Intent, Kind, Plan, Rollout, RunMigration, StartCheck
from headway.rollout.phases import ACTIVE, Phase
from headway.rollout.plan import way_back
from headway.rollout.queue import earlier, overtaken
from headway.rollout.routes import reached, without_weight
from headway.rollout.seen import CheckRun, MigrationRun, Probe, Seen, Sight

JUDGED = ACTIVE - {Phase.ROLLING_BACK}
"""Held too: a first release keeps its traffic when it is held, for there is nobody else to have it."""

A_MOMENT = timedelta(seconds=5)
"""After which a copy that is under way is asked about again: long enough to wait without holding the rollout."""


@dataclass(frozen=True, slots=True)
class Look:
    """The rollout with this poll's evidence folded in, and what was seen."""

    rollout: Rollout
    seen: Seen


def look(held: Held, world: World, now: datetime) -> Look:
    """One look at the world for one rollout."""
    rollout = held.rollout
    if rollout.phase is Phase.PENDING:
        return Look(rollout, replace(_before(rollout, world, now), signals=held.signals))
    if rollout.phase is Phase.COMPLETED:
        generation = world.records.place(rollout.place).generation
        probed, trouble = _probe(rollout, world)
        return Look(rollout, Seen(generation=generation, probe=probed, trouble=trouble, signals=held.signals))
    return _during(rollout, held, world, now)


def _during(rollout: Rollout, held: Held, world: World, now: datetime) -> Look:
    sight, trouble = _sight(rollout, world, lately=True)
    rollout, verdict = _measure(rollout, world, now)
    probed, unprobed = _probe(rollout, world)
    check, unchecked = _check(rollout, world)
    run, unseen = _run(rollout, world)
    return Look(
        rollout,
        Seen(
            generation=rollout.generation,
            sight=sight,
            trouble=trouble or unprobed or unchecked or unseen,
            signals=held.signals,
            verdict=verdict,
            check=check,
            run=run,
            probe=probed,
        ),
    )


def _sight(rollout: Rollout, world: World, *, lately: bool = False) -> tuple[Sight | None, str | None]:
    try:
        return world.platform.look(rollout.place, lately=lately), None
    except Unavailable as error:
        return None, str(error)


def _measure(rollout: Rollout, world: World, now: datetime) -> tuple[Rollout, Verdict | None]:
    plan = rollout.plan
    if plan is None or rollout.evidence is None or not reached(rollout) or rollout.phase not in JUDGED:
        return rollout, None
    try:
        readings = world.platform.measure(rollout.place)
    except Unavailable as error:
        # No news: the judge knows what silence means. People are told why it is silent.
        return rollout, _unmeasured(_verdict(rollout, plan, rollout.evidence, now), str(error))
    old = plan.old.name if plan.old is not None and plan.old.name != plan.new.name else None
    if rollout.weight == NONE:
        readings = with_copies(readings, plan.new.name)
    evidence = fold(rollout.evidence, readings, plan.new.name, old)
    return replace(rollout, evidence=evidence), _verdict(rollout, plan, evidence, now)


def _verdict(rollout: Rollout, plan: Plan, evidence: Evidence, now: datetime) -> Verdict:
    verdict = judge(evidence, plan.thresholds, now, _silence(plan))
    return verdict if rollout.weight > NONE else without_weight(verdict, plan)


def _silence(plan: Plan) -> timedelta:
    """Who looks every few seconds is not silent in between."""
    scraped = plan.new.cluster.prometheus if plan.new.cluster is not None else None
    return timedelta(seconds=scraped.stale) if scraped is not None else SILENCE


def _unmeasured(verdict: Verdict, trouble: str) -> Verdict:
    undecided = verdict.outcome in {Outcome.CONTINUE, Outcome.INCONCLUSIVE}
    return replace(verdict, reasons=(*verdict.reasons, trouble)) if undecided else verdict


def _probe(rollout: Rollout, world: World) -> tuple[Probe | None, str | None]:
    """Asked only for an intent that is on the record and not known to be done."""
    if rollout.intent is None:
        return None, None
    try:
        return probe(rollout, rollout.intent, world), None
    except Unavailable as error:
        return None, str(error)


def probe(rollout: Rollout, intent: Intent, world: World) -> Probe:
    """Was this intent done? A check, or a migration, that has a run was started."""
    if isinstance(intent.effect, StartCheck):
        return world.checks.probe(rollout.place, intent.key)
    if isinstance(intent.effect, RunMigration):
        return world.migrations.probe(rollout.place, intent)
    return world.platform.probe(rollout.place, intent)


def _run(rollout: Rollout, world: World) -> tuple[MigrationRun | None, str | None]:
    """Asked on the way back too, which ends it."""
    effect = what_runs(rollout) if rollout.run is not None and rollout.phase in ACTIVE else None
    if rollout.run is None or effect is None:
        return None, None
    try:
        return world.migrations.look(rollout.run, effect), None
    except Unavailable as error:
        return None, str(error)


def _check(rollout: Rollout, world: World) -> tuple[CheckRun | None, str | None]:
    if rollout.check is None or rollout.phase not in ACTIVE - {Phase.ROLLING_BACK}:
        return None, None
    try:
        return world.checks.look(rollout.place, rollout.check), None
    except Unavailable as error:
        return None, str(error)


# -- before it starts


def _before(rollout: Rollout, world: World, now: datetime) -> Seen:
    """May it start? Its gates and its plan come from the protected branch as it is now."""
    record = world.records.place(rollout.place)
    blocked = record.active if record.active != rollout.id else None
    standing = [one.rollout for one in world.records.standings(place=rollout.place)]
    if rollout.kind is Kind.ADOPTION:
        return _before_adoption(rollout, world, blocked)
    if rollout.kind is Kind.ROLLBACK:
        return _before_rollback(rollout, standing, world, blocked)
    seen = Seen(generation=record.generation, blocked_by=blocked, overtaken=overtaken(rollout, standing))
    try:
        considered = consider(_asked(rollout), world, now)
    except Refused as refused:
        return replace(seen, refusals=(str(refused),))
    except (Unavailable, InvalidSpec) as error:
        return replace(seen, trouble=str(error))
    first = (f"what serves there is adopted first: headway adopt {rollout.place.environment}",) if considered.adoption is not None else ()
    waits = (*considered.waits, *first)
    seen = replace(seen, waits=waits, until=considered.until, refusals=considered.refusals, plan=considered.plan)
    if seen.waits or seen.refusals or blocked:
        return seen
    if before := next((one for one in earlier(rollout, standing) if _could_start(one, world, now)), None):
        return replace(seen, behind=before.id)
    if way := copying(considered.plan, considered.release, world):
        return replace(seen, waits=(way,), until=now + A_MOMENT)
    sight, trouble = _sight(rollout, world)
    return replace(seen, sight=sight, trouble=trouble)


def _could_start(rollout: Rollout, world: World, now: datetime) -> bool:
    """Does nothing but its turn keep it? One that people keep waiting keeps nobody else."""
    if rollout.kind is not Kind.PROMOTION:
        return True
    try:
        considered = consider(_asked(rollout), world, now)
    except HeadwayError:
        return False
    return not (considered.waits or considered.refusals or considered.adoption)


def _asked(rollout: Rollout) -> Asked:
    return Asked(rollout.release, rollout.place, rollout.asked_by, rollout.automatic, rollout.start, rollout.trial, rollout.reset)


def _before_adoption(rollout: Rollout, world: World, blocked: str | None) -> Seen:
    """Whoever promotes waits for it, so it waits for nobody but who is at work."""
    sight, trouble = _sight(rollout, world)
    generation = world.records.place(rollout.place).generation
    return Seen(generation=generation, blocked_by=blocked, plan=rollout.plan, sight=sight, trouble=trouble)


def _before_rollback(rollout: Rollout, standing: Sequence[Rollout], world: World, blocked: str | None) -> Seen:
    record = world.records.place(rollout.place)
    first = next(iter(earlier(rollout, standing)), None)
    seen = Seen(generation=record.generation, blocked_by=blocked, behind=first.id if first else None)
    bad = _live_plan(rollout, world)
    if bad is None or record.before is None:
        return replace(seen, refusals=(f"there is nothing to go back to in {rollout.place.environment}: no release completed before",))
    if not same_target(record.before.cluster, bad.new.cluster):
        elsewhere = f"{record.before.version} ran in another place than {bad.new.version}; promote a release to {rollout.place.environment}"
        return replace(seen, refusals=(elsewhere,))
    size = sizing(rollout.place, record.before, bad.new, world)
    if size.waits:
        return replace(seen, trouble="; ".join(size.waits))
    sight, trouble = _sight(rollout, world)
    return replace(seen, plan=way_back(bad, record.before, size.sized), sight=sight, trouble=trouble)


def _live_plan(rollout: Rollout, world: World) -> Plan | None:
    there = (one.rollout for one in world.records.standings(place=rollout.place))
    stayed = [one for one in there if one.phase is Phase.COMPLETED or (one.phase is Phase.GIVEN_UP and one.weight == ALL)]
    # By when they ended: one that had waited for long may be younger than one that was asked for after it.
    live = max(stayed, key=lambda one: one.completed_at or one.since or one.created, default=None)
    return live.plan if live else None
