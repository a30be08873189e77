"""The steps of a strategy, one case each: where a plan's data becomes the next effect or wait."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from headway.analysis.model import Outcome
from headway.rollout.back import CONFIRM, give_back, hold
from headway.rollout.data import on_the_data
from headway.rollout.drift import unanswered, under_way
from headway.rollout.forsaken import all_at_once
from headway.rollout.model import (
    ALL,
    NONE,
    Backfill,
    Drill,
    Migrate,
    Plan,
    Reset,
    Rollout,
    RunCheck,
    Scale,
    SetReplicas,
    Shift,
    Side,
    Soak,
    StartCheck,
    VerifyData,
    Watch,
    Weight,
)
from headway.rollout.moves import POLL, SOON, Decision, Finish, Said, Wait, do, plan_of, poll, present, troubled
from headway.rollout.phases import Phase, move
from headway.rollout.routes import confirmed, forward, load, reached
from headway.rollout.seen import CheckState, Seen
from headway.rollout.sizing import full


def step(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """The next move of a rollout that runs and has nothing left undone."""
    plan = plan_of(rollout)
    if seen.sight is None:
        return troubled(rollout, seen.trouble or "the platform has not been asked", now)
    if rollout.cursor == 0 and (stray := _stray(rollout, seen)):
        return _retire(rollout, stray, now)
    if rollout.cursor >= len(plan.steps):
        return _complete(rollout, now)
    answered = _hands(rollout, seen, now)
    if isinstance(answered, Decision):
        return answered
    rollout = answered
    match plan.steps[rollout.cursor]:
        case Scale(side, replicas):
            return _scale(rollout, side, replicas, seen, now)
        case Shift(weight):
            return _shift(rollout, weight, seen, now)
        case Watch(seconds):
            return _watch(rollout, timedelta(seconds=seconds), seen, now, "watching")
        case Soak(seconds):
            return _watch(rollout, timedelta(seconds=seconds), seen, now, "soaking")
        case Drill():
            return _drill(rollout, seen, now)
        case RunCheck() as check:
            return _check(rollout, check, seen, now)
        case Migrate() | Reset() | VerifyData() | Backfill() as on_data:
            went = on_the_data(rollout, on_data, seen, now)
            return went if isinstance(went, Decision) else _enter_next(rollout, seen, now, went)
        case unknown:
            assert_never(unknown)


def _hands(rollout: Rollout, seen: Seen, now: datetime) -> Decision | Rollout:
    """What others made of its two releases is not what was approved, nor what would be gone back to: a person decides."""
    plan, at_hand = plan_of(rollout), present(rollout)
    assert seen.sight is not None
    if (plan.old is not None and plan.old.name == plan.new.name) or (isinstance(at_hand, Scale) and not rollout.asked):
        return rollout  # it is being set right, or is about to be made
    found = unanswered(under_way(plan, seen.sight), rollout.accepted)
    told = tuple(map(str, found))
    if found and rollout.mend:
        theirs = plan.old if plan.old is not None and found[0].workload == plan.old.name else plan.new
        left = any(one.workload != theirs.name for one in found)
        size = max(1, wanted(rollout) if theirs is plan.new else seen.sight.group(theirs.name).wanted)
        mending = replace(rollout, mend=left, hands=(), undecided_since=None)
        return do(mending, SetReplicas(theirs, size, mend=True), now, Said("set right", told))
    if not found:
        return replace(rollout, mend=False, hands=(), undecided_since=None) if rollout.hands or rollout.mend else rollout
    keys = tuple(one.key for one in found)
    said = () if keys == rollout.hands else (Said("somebody else's hand", told),)
    ways = "retry sets it right, advance accepts it, abort goes back"
    return _undecided(replace(rollout, hands=keys), told, seen, now, f"{'; '.join(told)}; a person decides: {ways}").after(*said)


def wanted(rollout: Rollout) -> int:
    """How many replicas of the new release the plan has asked for so far."""
    reached = plan_of(rollout).steps[: rollout.cursor + (1 if rollout.asked else 0)]
    return max((one.replicas for one in reached if isinstance(one, Scale) and one.side is Side.NEW), default=0)


def _enter_next(rollout: Rollout, seen: Seen, now: datetime, *said: Said) -> Decision:
    # A person's "advance" to a held release counts until the wait it was held in, which comes after its weight is set again.
    advanced = rollout.advanced and not isinstance(present(rollout), Watch | Soak)
    entered = replace(
        rollout,
        cursor=rollout.cursor + 1,
        since=now,
        asked=False,
        attempt=1,
        check=None,
        run=None,
        again=None,
        undecided_since=None,
        advanced=advanced,
    )
    return step(entered, replace(seen, check=None, run=None), now).after(*said)


def _scale(rollout: Rollout, side: Side, replicas: int, seen: Seen, now: datetime) -> Decision:
    plan = plan_of(rollout)
    workload = plan.new if side is Side.NEW else plan.old
    if workload is None:
        return _enter_next(rollout, seen, now)
    assert seen.sight is not None
    group = seen.sight.group(workload.name)
    if side is Side.NEW and rollout.weight == ALL and group.ready >= replicas:
        return _enter_next(rollout, seen, now)  # it grew before its time, for everybody came to it: never smaller again
    if not rollout.asked:
        # What is live already is asked for again for this very reason.
        mend = plan.old is not None and plan.old.name == plan.new.name
        return do(rollout, SetReplicas(workload, replicas, mend=mend), now)
    if side is Side.OLD and group.running > replicas:
        # The machine may not hold both: the next of the new release come when these are gone.
        return Decision(rollout, Wait(now + SOON, f"{group.running - replicas} replicas of {workload.version} finish what they have"))
    if group.ready >= replicas or (side is Side.OLD and rollout.weight == ALL):  # nobody waits for those that have no users left
        return _enter_next(rollout, seen, now)
    return Decision(rollout, Wait(now + SOON, f"{group.ready} of {replicas} replicas of {workload.version} are ready"))


def _shift(rollout: Rollout, weight: Weight, seen: Seen, now: datetime) -> Decision:
    plan = plan_of(rollout)
    assert seen.sight is not None
    if at_once := all_at_once(rollout, weight, seen.sight, now):
        return at_once if isinstance(at_once, Decision) else _enter_next(rollout, seen, now)
    told = forward(plan, weight)
    if not rollout.asked:
        return _carried(rollout, weight, seen, now) or do(rollout, told, now)
    if confirmed(seen.sight, told):
        return _enter_next(rollout, seen, now)
    if now - (rollout.weighed_at or now) > CONFIRM:
        # Somebody else's hand, or a proxy that lost it: said again, as an effect of its own.
        return do(rollout, told, now, Said("routing is not as we set it", (f"found {dict(seen.sight.weights)}",)))
    what = f"{weight.percent} %" if weight > NONE else "testers and copies"
    return Decision(rollout, Wait(now + SOON, f"waiting for the proxies to route {what} to {plan.new.version}"))


def _carried(rollout: Rollout, weight: Weight, seen: Seen, now: datetime) -> Decision | None:
    """Traffic goes only where enough replicas are ready for it; how long that may take is decide()'s to say."""
    plan = plan_of(rollout)
    assert seen.sight is not None
    new, needed = seen.sight.group(plan.new.name), max(1, -(-full(plan, seen.sight) * load(plan, weight) // 100))
    ready = new.ready
    if ready >= needed:
        return None
    if plan.scaling is not None and new.wanted < needed:
        grown = Said("the old release grew", (f"{seen.sight.group(plan.old.name).wanted} replicas now",)) if plan.old else None
        return do(rollout, SetReplicas(plan.new, needed), now, *((grown,) if grown else ()))
    what = f"{weight.percent} % of the traffic needs" if weight > NONE else "testers and copies need"
    why = f"{ready} of {needed} replicas of {plan.new.version} that {what} are ready"
    return Decision(rollout, Wait(now + SOON, why))


def _watch(rollout: Rollout, least: timedelta, seen: Seen, now: datetime, doing: str) -> Decision:
    plan = plan_of(rollout)
    if rollout.advanced:
        return _enter_next(rollout, seen, now, Said("advanced on a person's word"))
    if astray := _astray(rollout, seen, now):
        return astray
    over = (rollout.since or now) + least
    outcome = seen.verdict.outcome if seen.verdict else Outcome.INCONCLUSIVE
    reasons = seen.verdict.reasons if seen.verdict else ("nothing was measured",)
    if rollout.unready_since is not None:
        outcome, reasons = Outcome.CONTINUE, (f"not all replicas of {plan.new.version} are ready",)
    if outcome is Outcome.ADVANCE and now >= over:
        good = f"good at {rollout.weight.percent} %" if rollout.weight > NONE else "good before it has users"
        return _enter_next(rollout, seen, now, Said(good, reasons))
    if outcome is not Outcome.INCONCLUSIVE:
        left = f" for {(over - now).total_seconds():.0f} s more" if now < over else ""
        until = min(poll(rollout, now), over) if over > now else poll(rollout, now)
        decided = rollout if rollout.undecided_since is None else replace(rollout, undecided_since=None)
        return Decision(decided, Wait(until, f"{doing}{left}: {'; '.join(reasons)}"))
    return _undecided(rollout, reasons, seen, now, f"undecided: {'; '.join(reasons)}")


def _astray(rollout: Rollout, seen: Seen, now: datetime) -> Decision | None:
    """Somebody else moved the traffic while it is watched: set as it was, and told."""
    assert seen.sight is not None
    told = forward(plan_of(rollout), rollout.weight)
    young = rollout.weighed_at is None or now - rollout.weighed_at <= CONFIRM
    if young or not seen.sight.weights or not reached(rollout) or confirmed(seen.sight, told):
        return None
    by = [str(one) for one in seen.sight.edits if not one.workload]
    return do(rollout, told, now, Said("routing is not as we set it", (f"found {dict(seen.sight.weights)}", *by)))


def _undecided(rollout: Rollout, reasons: tuple[str, ...], seen: Seen, now: datetime, meanwhile: str) -> Decision:
    """Wait a while for an answer; an undecided release does not stay on users for ever."""
    since = rollout.undecided_since or now
    if now - since < timedelta(seconds=plan_of(rollout).thresholds.hold_for):
        return Decision(replace(rollout, undecided_since=since), Wait(poll(rollout, now), meanwhile))
    why = (f"undecided for {(now - since).total_seconds():.0f} s: {'; '.join(reasons)}", *_nobody_else(rollout))
    held = replace(rollout, phase=move(rollout.phase, Phase.HELD), reasons=why, asked=False)
    return hold(held, seen, now).after(Said("held", why))


def _nobody_else(rollout: Rollout) -> tuple[str, ...]:
    """What an undecided release that cannot be taken off its users has to say for itself."""
    plan = plan_of(rollout)
    if plan.old is not None or rollout.weight == NONE:
        return ()
    return (f"nothing ran here before {plan.new.version}, so users stay on it meanwhile; abort takes it off, and then nothing serves here",)


def _drill(rollout: Rollout, seen: Seen, now: datetime) -> Decision:
    """The same moves as in an emergency, by the same code; users notice nothing, and the figure is a measured one."""
    plan = plan_of(rollout)
    if plan.old is None or plan.old.name == plan.new.name:
        return _enter_next(rollout, seen, now, Said("no drill", ("there is nothing to go back to",)))
    assert seen.sight is not None
    if rollout.drilled is None and (dead := seen.sight.group(plan.old.name)).bad_news and not dead.ready:
        return _enter_next(rollout, seen, now, Said("no drill", (f"no replica of {plan.old.version} is ready: {dead.bad_news[0]}",)))
    # No share is left with one that died in the drill.
    again = forward(plan, _had(rollout) if seen.sight.group(plan.old.name).ready else ALL)
    if rollout.drilled is None:
        if way := give_back(rollout, plan, seen, now):
            return way
        took = (now - (rollout.since or now)).total_seconds()
        back = Said(f"drilled: the way back to {plan.old.version} took {took:.2f} s")
        return do(replace(rollout, drilled=took), again, now, back)
    if confirmed(seen.sight, again):
        return _enter_next(rollout, seen, now)
    if now - (rollout.weighed_at or now) > CONFIRM:
        return do(rollout, again, now)
    return Decision(rollout, Wait(now + SOON, f"waiting for the proxies to route to {plan.new.version} again what it had"))


def _had(rollout: Rollout) -> Weight:
    """The share that the new release has reached: all, or all but what is held back through the soak."""
    behind = plan_of(rollout).steps[: rollout.cursor]
    return next((step.weight for step in reversed(behind) if isinstance(step, Shift)), ALL)


def _check(rollout: Rollout, check: RunCheck, seen: Seen, now: datetime) -> Decision:
    plan, name = plan_of(rollout), check.name
    if not rollout.asked or rollout.check is None:
        return do(rollout, StartCheck(plan.checks[name], plan.new, rollout.attempt, check.preview), now)
    run = seen.check
    if run is None:
        return Decision(rollout, Wait(now + POLL, seen.trouble or f"waiting for the check {name}"))
    match run.state:
        case CheckState.RUNNING:
            return Decision(rollout, Wait(now + 2 * SOON, run.text))
        case CheckState.PASSED:
            return _enter_next(rollout, seen, now, Said(f"check {name} passed", (run.text,)))
        case CheckState.FAILED:  # with a retry left, or decide() would have turned back
            again = replace(rollout, attempt=rollout.attempt + 1, check=None, asked=False)
            return _check(again, check, seen, now).after(Said(f"check {name} failed, trying again", (run.text,)))
        case CheckState.ERRORED:
            # No evidence against the release, and none for it: undecided, and so with a bound like every other indecision.
            why = f"{run.text}; no evidence against the release"
            return _undecided(rollout, (why,), seen, now, f"{why}; a person decides: retry, or abort")
        case unknown:
            assert_never(unknown)


def _stray(rollout: Rollout, seen: Seen) -> str | None:
    """A workload of neither side that has instances and no traffic: what a rollout before this one kept warm."""
    plan = plan_of(rollout)
    ours = {plan.new.name, plan.old.name if plan.old else ""}
    assert seen.sight is not None
    idle = (name for name, group in seen.sight.groups.items() if group.wanted > 0 and not seen.sight.weights.get(name))
    return min((name for name in idle if name not in ours), default=None)


def _retire(rollout: Rollout, name: str, now: datetime) -> Decision:
    # Going to nothing needs a name and no more, so the other fields are the new release's.
    gone = replace(plan_of(rollout).new, name=name, version="")
    return do(rollout, SetReplicas(gone, 0), now, Said("retiring what an earlier rollout kept warm", (name,)))


def all_of_it(plan: Plan) -> str:
    """What a completed rollout is, in words."""
    return f"{plan.new.version} has all traffic" + (" and soaked" if any(isinstance(one, Soak) for one in plan.steps) else "")


def _complete(rollout: Rollout, now: datetime) -> Decision:
    plan = plan_of(rollout)
    done = replace(rollout, phase=move(rollout.phase, Phase.COMPLETED), completed_at=now, reasons=())
    why = all_of_it(plan)
    if plan.old is None or plan.old.name == plan.new.name:
        return Decision(replace(done, tidied=True), Finish(why), (Said("completed", (why,)),))
    keep = now + timedelta(seconds=plan.keep_warm)
    return Decision(done, Finish(why, keep), (Said("completed", (why, f"{plan.old.version} stays warm until {keep:%H:%M:%S}")),))
