"""The next move of a rollout: values in, a value out.

The gravest question first: must it go back? Then what people said, then what is left undone, then the step at hand. The same
function serves every strategy and every platform; it touches nothing, and given the same record and the same look it always
answers the same. `steps` has the way forward, `back` the way back, `effects` what became of what was begun.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from headway.analysis.model import Outcome
from headway.rollout.back import going_back, hold, turn_back
from headway.rollout.effects import landed, parked_because, settle
from headway.rollout.hear import listen
from headway.rollout.model import Rollout, RunCheck, SetReplicas
from headway.rollout.moves import SAFETY_NET, Decision, Do, Finish, Said, Wait, calm, do, doing, for_a_person, plan_of, present, troubled
from headway.rollout.phases import Phase, move
from headway.rollout.routes import reached
from headway.rollout.seen import CheckState, Probe, RunState, Seen, Word
from headway.rollout.steps import all_of_it, step, wanted

TURN_OVER = timedelta(seconds=15)
"""A rollout that waits for another is woken when that ends; this is for a wake-up that a crash swallowed."""

LAST_LOOK = timedelta(seconds=1)
"""A release that is not ready in time goes back this much later: what the platform has to say of it may be on its way."""


def decide(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """Choose the one next move of a rollout."""
    match rollout.phase:
        case Phase.PENDING:
            return _pending(rollout, seen, now)
        case Phase.RUNNING | Phase.PAUSED | Phase.HELD | Phase.PARKED:
            return _active(rollout, seen, now)
        case Phase.ROLLING_BACK:
            return going_back(rollout, seen, now)
        case Phase.COMPLETED:
            return _tidy(rollout, seen, now)
        case Phase.ROLLED_BACK | Phase.GIVEN_UP | Phase.CANCELLED:
            return Decision(rollout, Wait(None, "; ".join(rollout.reasons) or rollout.phase.value))
        case _:
            assert_never(rollout.phase)


def _pending(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    for signal in seen.signals:
        if signal.word is Word.ABORT:
            return _cancel(rollout, (f"withdrawn by {signal.by}" + (f": {signal.why}" if signal.why else ""),), by=signal.by)
    if seen.overtaken:
        why = f"{seen.overtaken} went live here after this was asked for; promote {rollout.release} again if you mean to go back to it"
        return _cancel(rollout, (why,))
    if seen.refusals:
        return _cancel(rollout, seen.refusals)
    if seen.waits:
        return Decision(calm(rollout), Wait(min(now + SAFETY_NET, seen.until or now + SAFETY_NET), "; ".join(seen.waits)))
    if seen.blocked_by:
        return Decision(calm(rollout), Wait(now + TURN_OVER, f"waits for {seen.blocked_by} to end"))
    if seen.behind:
        return Decision(calm(rollout), Wait(now + TURN_OVER, f"waits for {seen.behind}, which goes first here"))
    if seen.sight is None or seen.plan is None:
        return troubled(rollout, seen.trouble or "the platform has not been asked", now)
    plan = replace(seen.plan, had=seen.sight.group(seen.plan.old.name).wanted) if seen.plan.old is not None else seen.plan
    started = replace(calm(rollout), phase=move(rollout.phase, Phase.RUNNING), generation=seen.generation + 1, plan=plan, since=now)
    way = f"{plan.strategy}, {len(plan.steps)} steps, from {plan.old.version if plan.old else 'nothing'} to {plan.new.version}"
    return step(started, seen, now).after(Said("started", (way,)))


def _cancel(rollout: Rollout, reasons: tuple[str, ...], by: str | None = None) -> Decision:
    cancelled = replace(rollout, phase=move(rollout.phase, Phase.CANCELLED), reasons=reasons)
    return Decision(cancelled, Finish("; ".join(reasons)), (Said("cancelled", reasons, by),))


def _active(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    rollout = _readiness(rollout, seen, now)
    if against := _against(rollout, seen, now):
        return turn_back(rollout, against, seen, now)
    rollout, said = listen(rollout, seen.signals, now)
    if rollout.intent is not None:
        settled = settle(rollout, rollout.intent, seen, now)
        if isinstance(settled, Decision):
            return settled.after(*said)
        rollout = settled
    return _onward(rollout, seen, now).after(*said)


def _onward(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    match rollout.phase:
        case Phase.ROLLING_BACK:  # on a person's word, from where it was parked
            return going_back(rollout, replace(seen, signals=(), probe=None), now)
        case Phase.PARKED:
            return Decision(rollout, for_a_person(rollout, now, parked_because(rollout)))
        case Phase.HELD:
            return hold(rollout, seen, now)
        case Phase.PAUSED:
            return Decision(rollout, for_a_person(rollout, now, "; ".join(rollout.reasons) or "paused"))
    if seen.sight is None:
        return troubled(rollout, seen.trouble or "the platform has not been asked", now)
    return step(calm(rollout), seen, now)


def _against(rollout: Rollout, seen: Seen, now: datetime) -> Said | None:
    """Why this rollout must go back now, if it must."""
    for signal in seen.signals:
        if signal.word is Word.ABORT:
            return Said("aborted", (f"aborted by {signal.by}" + (f": {signal.why}" if signal.why else ""),), signal.by)
    if reached(rollout) and seen.verdict is not None and seen.verdict.outcome is Outcome.ROLL_BACK:
        return Said("failed verdict", seen.verdict.reasons)
    if seen.check is not None and seen.check.state is CheckState.FAILED and not _may_retry(rollout):
        return Said("failed check", (seen.check.text,))
    if seen.run is not None and seen.run.state is RunState.FAILED:
        return Said("failed migration", (seen.run.text, *seen.run.notes))
    if seen.sight is None:
        return None
    plan = plan_of(rollout)
    new = seen.sight.group(plan.new.name)
    if new.bad_news:
        return Said("failed to run", (*new.bad_news, *new.log[-3:]))
    if rollout.late_since is not None and rollout.unready_since is not None and now - rollout.late_since >= LAST_LOOK:
        unready = now - rollout.unready_since
        count = f"{new.ready} of {wanted(rollout)} replicas of {plan.new.version} are ready after {unready.total_seconds():.0f} s"
        return Said("failed to be ready", (count, *new.log[-3:]))
    return None


def _may_retry(rollout: Rollout) -> bool:
    at_hand = present(rollout)
    return isinstance(at_hand, RunCheck) and rollout.attempt <= plan_of(rollout).checks[at_hand.name].retries


def _readiness(rollout: Rollout, seen: Seen, now: datetime) -> Rollout:
    """Since when fewer replicas are ready than the plan has reached, and since when that is too long; None while all is well."""
    if seen.sight is None:
        return rollout
    new = plan_of(rollout).new
    if seen.sight.group(new.name).ready >= wanted(rollout):
        return replace(rollout, unready_since=None, late_since=None) if rollout.unready_since else rollout
    if rollout.unready_since is None:
        return replace(rollout, unready_since=now, late_since=None)
    late = now - rollout.unready_since > timedelta(seconds=new.run.ready_within)
    return replace(rollout, late_since=now) if late and rollout.late_since is None else rollout


def _tidy(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """After completion: the old instances go when they have been kept long enough, unless a newer rollout owns the place."""
    plan = plan_of(rollout)
    if rollout.tidied or plan.old is None or plan.old.name == plan.new.name or seen.generation > rollout.generation:
        return Decision(replace(rollout, tidied=True, intent=None), Wait(None, all_of_it(plan)))
    if rollout.intent is not None:
        match seen.probe:
            case Probe.DONE:
                return Decision(landed(rollout, now), Wait(None, all_of_it(plan)))
            case Probe.NOT_DONE:
                return Decision(rollout, Do(rollout.intent, doing(rollout.intent.effect)))
            case _:
                return troubled(rollout, seen.trouble or "nobody can tell yet whether the old instances went", now)
    keep = (rollout.completed_at or now) + timedelta(seconds=plan.keep_warm)
    if now < keep:
        return Decision(rollout, Wait(keep, f"{all_of_it(plan)}; {plan.old.version} stays warm until {keep:%H:%M:%S}"))
    return do(rollout, SetReplicas(plan.old, 0), now)


__all__ = ["Decision", "Do", "Finish", "Wait", "decide"]
