"""The way back: traffic leaves the bad release first, everything else follows."""

from dataclasses import replace
from datetime import datetime, timedelta

from headway.rollout.data import kept
from headway.rollout.effects import settle
from headway.rollout.hear import listen_on_the_way_back
from headway.rollout.model import ALL, NONE, Plan, Rollout, RunMigration, SetReplicas, SetWeights, Workload
from headway.rollout.moves import POLL, SOON, Decision, Finish, Said, Wait, calm, do, for_a_person, plan_of, troubled
from headway.rollout.phases import Phase, move
from headway.rollout.routes import confirmed, home, reached
from headway.rollout.seen import RunState, Seen, Sight

DRAIN = timedelta(seconds=120)
"""How long the last instances may take to go before a rollback is called done without them."""
CONFIRM = timedelta(seconds=10)
"""How long the proxies may take to show what we set before it is set again."""


def turn_back(rollout: Rollout, against: Said, seen: Seen, now: datetime) -> Decision:
    """A failed verdict is acted on in the same turn."""
    back = replace(
        calm(rollout),
        phase=move(rollout.phase, Phase.ROLLING_BACK),
        reasons=against.why,
        intent=None,  # whatever was under way is outranked: its fence is lower than the next
        # But for a run that may have begun: it has a key, and is ended by that.
        run=rollout.intent.key if rollout.intent is not None and isinstance(rollout.intent.effect, RunMigration) else rollout.run,
        since=now,
        asked=False,
        advanced=False,
        weighed_at=None,  # only what is set on the way back is worth waiting for
    )
    return going_back(back, replace(seen, signals=(), probe=None), now).after(against)


def going_back(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """The next move of a rollout that is on its way back."""
    plan = plan_of(rollout)
    rollout, said = listen_on_the_way_back(rollout, seen.signals)
    if rollout.intent is not None:
        settled = settle(rollout, rollout.intent, seen, now)
        if isinstance(settled, Decision):
            return settled.after(*said)
        rollout = settled
    if seen.sight is None:
        return troubled(rollout, seen.trouble or "the platform has not been asked", now).after(*said)
    return _next(calm(rollout), plan, seen, now).after(*said)


def _next(rollout: Rollout, plan: Plan, seen: Seen, now: datetime) -> Decision:
    assert seen.sight is not None
    same = plan.old is not None and plan.old.name == plan.new.name
    if not same and (way := give_back(rollout, plan, seen, now)):
        return way
    if seen.run is not None and seen.run.state is RunState.RUNNING and now - (rollout.since or now) < DRAIN:
        return Decision(rollout, Wait(now + SOON, f"ending what runs on the database: {seen.run.text}"))
    if same:
        return _rolled_back(rollout, seen, f"{plan.new.version} was live before and still is")
    new = seen.sight.group(plan.new.name)
    if new.wanted > 0:
        return do(rollout, SetReplicas(plan.new, 0), now)
    if new.running > 0 and now - (rollout.since or now) < DRAIN:
        return Decision(rollout, Wait(now + SOON, f"{new.running} instances of {plan.new.version} finish what they have"))
    return _rolled_back(
        rollout, seen, f"{plan.old.version} has all traffic again" if plan.old else "nothing ran here before; nothing does now"
    )


def hold(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """An undecided release does not stay on users: weight 0, instances kept, a person decides."""
    plan = plan_of(rollout)
    if reached(rollout) and plan.old is not None and plan.old.name != plan.new.name:
        if seen.sight is None:
            return troubled(rollout, seen.trouble or "the platform has not been asked", now)
        if way := give_back(rollout, plan, seen, now):
            return way
    return Decision(rollout, for_a_person(rollout, now, "; ".join(rollout.reasons) + "; a person decides: retry, advance, or abort"))


def give_back(rollout: Rollout, plan: Plan, seen: Seen, now: datetime) -> Decision | None:
    """All traffic to the old release, at a size that can carry it; None once that is so."""
    assert seen.sight is not None
    back = home(plan)
    if confirmed(seen.sight, back) and not rollout.invited:
        return None
    if not reached(rollout) and rollout.weighed_at is not None and now - rollout.weighed_at < CONFIRM:
        return Decision(rollout, Wait(now + SOON, "waiting for the proxies to route everything back"))
    if plan.old is not None and dict(seen.sight.weights) != back.weights:  # users are there: only testers and copies remain
        old, new = seen.sight.group(plan.old.name), seen.sight.group(plan.new.name)
        needed = min(plan.replicas, plan.had or plan.replicas)  # what carried all of it before will carry it again
        enough = old.ready >= needed or (old.ready > 0 and (new.ready == 0 or rollout.advanced or _overdue(rollout, plan.old, now)))
        if not enough and old.wanted < needed:
            return do(rollout, SetReplicas(plan.old, needed), now)
        if not old.ready and (_overdue(rollout, plan.old, now) or (old.bad_news and rollout.phase is Phase.ROLLING_BACK)):
            return _stuck(rollout, plan, plan.old, seen.sight, now)
        if not enough:
            why = f"{old.ready} of {needed} replicas of {plan.old.version} are ready; traffic goes back when all are"
            return Decision(rollout, Wait(now + SOON, f"{why} (advance: do not wait)"))
    return do(replace(rollout, stuck=False), back, now)


def _stuck(rollout: Rollout, plan: Plan, old: Workload, sight: Sight, now: datetime) -> Decision:
    """The release to go back to does not answer. Of two evils the one that answers gets the traffic, never a dead one; people are told."""
    home, away = sight.group(old.name), sight.group(plan.new.name)
    because = f": {home.bad_news[0]}" if home.bad_news else f" within {old.run.ready_within:g} s"
    dead = f"no replica of {old.version} gets ready{because}"
    if not away.ready:
        why = f"{dead}, and none of {plan.new.version} answers either; a person must make {old.version} start"
    else:
        why = f"{dead}; {plan.new.version} answers and has the traffic until one does; a person must make {old.version} start"
    told = () if rollout.stuck else (Said("cannot go back", (why,)),)
    stuck, everything = replace(rollout, stuck=True), SetWeights({plan.new.name: 100})
    unsaid = rollout.weight != ALL or rollout.weighed_at is None or now - rollout.weighed_at >= CONFIRM
    if away.ready and unsaid and not confirmed(sight, everything):
        return do(stuck, everything, now, *told)
    if rollout.given_up:
        return _given_up(stuck, plan, old, bool(away.ready), now)
    return Decision(stuck, Wait(now + POLL, f"{why}, or give it up (headway abort --give-up)"), told)


def _given_up(rollout: Rollout, plan: Plan, old: Workload, answers: bool, now: datetime) -> Decision:
    """A person let it be: what has the traffic keeps it, and the place is free for whatever mends this."""
    left = f"{plan.new.version} keeps the traffic" if answers else f"neither {old.version} nor {plan.new.version} answers"
    reasons = tuple(dict.fromkeys((*rollout.reasons, rollout.given_up, left)))
    ended = replace(rollout, phase=move(rollout.phase, Phase.GIVEN_UP), reasons=reasons, since=now)
    return Decision(ended, Finish("; ".join(reasons)), (Said("gave up the way back", reasons),))


def _overdue(rollout: Rollout, old: Workload, now: datetime) -> bool:
    """A release that failed does not keep its users because one replica of the old one never gets ready."""
    if rollout.phase is not Phase.ROLLING_BACK or rollout.since is None:
        return False
    return now - rollout.since > timedelta(seconds=old.run.ready_within)


def _rolled_back(rollout: Rollout, seen: Seen, why: str) -> Decision:
    ended = replace(rollout, phase=move(rollout.phase, Phase.ROLLED_BACK), weight=NONE)
    reasons = tuple(dict.fromkeys((*rollout.reasons, why, *kept(rollout, seen))))
    return Decision(ended, Finish("; ".join(reasons)), (Said("rolled back", reasons),))
