"""Effects that were begun: what the record says once they landed, and what to do while nobody knows."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from headway.analysis.evidence import begin
from headway.rollout.model import Intent, Rollout, RunMigration, Scale, SetReplicas, SetWeights, StartCheck, Weight
from headway.rollout.moves import SOON, Decision, Do, Said, Wait, backed_off, calm, doing, for_a_person, plan_of, present, troubled
from headway.rollout.phases import Phase, move
from headway.rollout.seen import Probe, Seen


def landed(rollout: Rollout, now: datetime) -> Rollout:
    """The record once its intent is known to be done."""
    intent = rollout.intent
    if intent is None:
        return rollout
    known = replace(calm(rollout), intent=None)
    plan = plan_of(rollout)
    match intent.effect:
        case SetWeights(weights, _, matches, mirrors):
            weight, invited = Weight(weights.get(plan.new.name, 0)), bool(matches or mirrors)
            return replace(known, asked=True, weight=weight, invited=invited, weighed_at=now, evidence=begin(now), undecided_since=None)
        case StartCheck():
            return replace(known, asked=True, check=intent.key)
        case RunMigration():
            return replace(known, asked=True, run=intent.key)
        case SetReplicas(workload):
            if rollout.phase is Phase.COMPLETED:
                return replace(known, tidied=True)
            ours = workload.name in {plan.new.name, plan.old.name if plan.old else ""}
            # A stray that went is nobody's step. Nor is it done where a release had to grow, or to be set right, before what is next.
            return replace(known, asked=rollout.asked or isinstance(present(rollout), Scale)) if ours else known
        case _:
            assert_never(intent.effect)


def stumbled(rollout: Rollout, trouble: str, now: datetime) -> Rollout:
    """The record after the world did not answer: the intent stays, and the next try comes later."""
    intent = replace(rollout.intent, tries=rollout.intent.tries + 1) if rollout.intent else None
    return replace(rollout, intent=intent, trouble=trouble, trouble_tries=rollout.trouble_tries + 1, troubled_at=now)


def settle(rollout: Rollout, intent: Intent, seen: Seen, now: datetime) -> Decision | Rollout:
    """Probe before repeating. The record goes on when the effect is known to be done; otherwise this is the decision."""
    match seen.probe:
        case Probe.DONE:
            return landed(rollout, now)
        case Probe.NOT_DONE:
            return _once_more(rollout, intent, seen, now)
        case Probe.UNKNOWN:
            return _park(rollout, intent, now)
        case None:
            return troubled(rollout, seen.trouble or rollout.trouble or "the target has not been asked", now)
        case _:
            assert_never(seen.probe)


def _once_more(rollout: Rollout, intent: Intent, seen: Seen, now: datetime) -> Decision | Rollout:
    if rollout.phase is Phase.PAUSED:
        return Decision(rollout, for_a_person(rollout, now, "; ".join(rollout.reasons) or "paused"))
    if rollout.phase is Phase.PARKED:  # what could not be told can be told now, but a person was asked and decides
        return Decision(rollout, for_a_person(rollout, now, parked_because(rollout)))
    if empty := _nobody_there(intent, seen):
        old = plan_of(rollout).old
        if old is not None and empty == old.name != plan_of(rollout).new.name:
            return replace(calm(rollout), intent=None)  # it died meanwhile: decided anew, from what answers
        return Decision(rollout, Wait(now + SOON, f"{empty} has no ready replica that traffic could go to"))
    again = rollout.troubled_at + backed_off(rollout) if rollout.trouble is not None and rollout.troubled_at else now
    if now < again:
        return Decision(rollout, Wait(again, f"{rollout.trouble}; tried {rollout.trouble_tries} times"))
    return Decision(rollout, Do(intent, doing(intent.effect)))


def _nobody_there(intent: Intent, seen: Seen) -> str | None:
    """A workload that this intent would route traffic to and that could not answer it, as far as we see."""
    if not isinstance(intent.effect, SetWeights) or seen.sight is None:
        return None
    effect = intent.effect
    weighted = (name for name, percent in effect.weights.items() if percent)
    named = (*weighted, *(match.workload for match in effect.matches), *effect.mirrors)
    return next((name for name in named if not seen.sight.group(name).ready), None)


def _park(rollout: Rollout, intent: Intent, now: datetime) -> Decision:
    if rollout.phase is Phase.PARKED:
        return Decision(rollout, for_a_person(rollout, now, parked_because(rollout)))
    hint = "; look at `headway migrate status` and `headway migrate repair`" if isinstance(intent.effect, RunMigration) else ""
    return park(rollout, (f"nobody can tell whether this was done: {doing(intent.effect)}{hint}",), now)


def park(rollout: Rollout, why: tuple[str, ...], now: datetime) -> Decision:
    """Stop where it is, until a person has looked."""
    parked = replace(rollout, phase=move(rollout.phase, Phase.PARKED), paused_from=rollout.phase, reasons=(*rollout.reasons, *why))
    return Decision(parked, for_a_person(parked, now, parked_because(parked)), (Said("parked", why),))


def parked_because(rollout: Rollout) -> str:
    """Why it is parked and what a person can do."""
    return "; ".join(rollout.reasons) + "; a person decides: retry, or abort"
