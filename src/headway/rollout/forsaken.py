"""The live release answers nobody: what a rollout from it does instead of dividing the traffic.

A share that is left with a release that is dead is lost, and no proxy is told to route to nobody. Whoever waits for the old one to come
back waits for ever, with the mending release at hand. So the new one grows to its full size and gets everybody; it is watched and soaks as
its plan says, and where it is bad, too, a person is asked as after every way back that cannot be gone.
"""

from datetime import datetime, timedelta
from typing import Literal

from headway.rollout.model import ALL, Plan, Rollout, SetReplicas, Weight, Workload
from headway.rollout.moves import SOON, Decision, Said, Wait, do, plan_of
from headway.rollout.routes import confirmed, forward
from headway.rollout.seen import Group, Sight
from headway.rollout.sizing import full


def all_at_once(rollout: Rollout, weight: Weight, sight: Sight, now: datetime) -> Decision | Literal["it has all"] | None:
    """Where this share would leave the rest with a dead release: the way to everybody. None: the old one answers, or nothing is left it."""
    plan = plan_of(rollout)
    old = plan.old
    if weight == ALL or old is None or old.name == plan.new.name or sight.group(old.name).ready:
        return None
    dead, new, needed = sight.group(old.name), sight.group(plan.new.name), full(plan, sight)
    everybody = forward(plan, ALL)
    if confirmed(sight, everybody) and rollout.weight == ALL:
        return "it has all"
    waited, patience = now - (rollout.since or now), timedelta(seconds=old.run.ready_within)
    why = _silent(old, dead)
    if not dead.bad_news and waited <= patience:
        left = f"{why}; if none is within {old.run.ready_within:g} s, {plan.new.version} gets all of the traffic"
        return Decision(rollout, Wait(now + SOON, left))
    if new.wanted < needed:
        grows = f"{why}; {plan.new.version} gets ready for all of the traffic"
        return do(rollout, SetReplicas(plan.new, needed), now, Said("the live release answers nobody", (grows,)))
    # A few that answer are better than nobody, once the others had their time.
    if new.ready < needed and (not new.ready or waited <= patience + timedelta(seconds=plan.new.run.ready_within)):
        return Decision(rollout, Wait(now + SOON, f"{why}; {new.ready} of {needed} replicas of {plan.new.version} are ready for everybody"))
    if rollout.weight == ALL and rollout.asked and rollout.weighed_at is not None and now - rollout.weighed_at < patience:
        return Decision(rollout, Wait(now + SOON, f"waiting for the proxies to route everything to {plan.new.version}"))
    return do(rollout, everybody, now, Said("all at once", (f"{why}; {plan.new.version} answers and gets all of the traffic",)))


def beforehand(plan: Plan, sight: Sight) -> str:
    """What a plan says of it before it starts; empty where the live release answers, or nothing is live."""
    old = plan.old
    if old is None or old.name == plan.new.name or sight.group(old.name).ready:
        return ""
    return f"{_silent(old, sight.group(old.name))}; unless one is by then, {plan.new.version} gets all of the traffic at its first share"


def _silent(old: Workload, dead: Group) -> str:
    return f"no replica of {old.version}, which is live, is ready{f': {dead.bad_news[0]}' if dead.bad_news else ''}"
