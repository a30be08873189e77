"""The steps that change stored data: before the new release starts, once it has the traffic, and while users are served.

Each is one run against the database, which outlives us; here is only what its state means for the rollout.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from headway.migration.shipping import left_behind
from headway.rollout.effects import park
from headway.rollout.model import Again, Backfill, Migrate, OnData, Reset, Rollout, RunMigration, VerifyData
from headway.rollout.moves import BACK_OFF, POLL, SOON, Decision, Said, Wait, do, plan_of, present
from headway.rollout.seen import RunState, Seen


def on_the_data(rollout: Rollout, step: OnData, seen: Seen, now: datetime) -> Decision | Said:
    """The next move of a step that a run answers; or, once it is through, what to put on the record."""
    if not rollout.asked or rollout.run is None:
        return _begin(rollout, step, seen, now)
    run = seen.run
    if run is None:
        return Decision(rollout, Wait(now + POLL, seen.trouble or "waiting for the run against the database"))
    match run.state:
        case RunState.PASSED:
            return Said(run.text, run.notes)
        case RunState.RUNNING | RunState.FAILED:  # decide() has turned back where that counts
            return Decision(rollout, Wait(now + (POLL if isinstance(step, Backfill) else 2 * SOON), run.text))
        case RunState.ERRORED:
            return _tried_again(rollout, run.text, now)
        case RunState.STUCK:
            return park(replace(rollout, run=None, asked=False), (run.text, *run.notes), now)
        case RunState.STOPPED:  # for a pause, which is over
            return _begin(replace(rollout, run=None, asked=False, attempt=rollout.attempt + 1), step, seen, now)
        case unknown:
            assert_never(unknown)


def what_runs(rollout: Rollout) -> RunMigration | None:
    """The run that the step at hand is about; None if it is not about stored data."""
    plan, step = plan_of(rollout), present(rollout)
    if plan.migrations is None or not isinstance(step, Migrate | Reset | VerifyData | Backfill):
        return None
    return RunMigration(step.kind, plan.new, plan.migrations, rollout.attempt)


def kept(rollout: Rollout, seen: Seen) -> tuple[str, ...]:
    """What a release that goes back leaves in the database, for the record."""
    plan = plan_of(rollout)
    changed = any(isinstance(step, Migrate | Reset) for step in plan.steps[: rollout.cursor])
    if plan.migrations is not None and plan.old is not None and changed:
        return (left_behind(plan.migrations),)
    return seen.run.notes if seen.run is not None else ()


def _begin(rollout: Rollout, step: OnData, seen: Seen, now: datetime) -> Decision:
    if rollout.again is not None and now < rollout.again.at:
        return Decision(rollout, Wait(rollout.again.at, _why(rollout)))
    if isinstance(step, Migrate) and (others := _others(rollout, seen)):
        why = f"{', '.join(others)} still runs and may need what goes: waiting for its end"
        return Decision(rollout, Wait(now + SOON, why))
    run = what_runs(rollout)
    assert run is not None, "a step on data is in the plan of a release with migrations"
    because = (Said("the database is made anew", run.shipping.anew),) if isinstance(step, Reset) and rollout.attempt == 1 else ()
    return do(rollout, run, now, *because)


def _others(rollout: Rollout, seen: Seen) -> tuple[str, ...]:
    """Instances of neither side, which earlier rollouts kept warm, where something is taken away: nobody asked what they need."""
    plan = plan_of(rollout)
    if plan.migrations is None or not plan.migrations.contracts or seen.sight is None:
        return ()
    ours = {plan.new.name, plan.old.name if plan.old else ""}
    return tuple(sorted(name for name, group in seen.sight.groups.items() if name not in ours and group.running > 0))


def _tried_again(rollout: Rollout, why: str, now: datetime) -> Decision:
    """Trouble on our side is never evidence: later, and later each time; the old release serves meanwhile."""
    again = Again(why, now + timedelta(seconds=BACK_OFF[min(rollout.attempt, len(BACK_OFF)) - 1]))
    said = () if rollout.again is not None and rollout.again.why == why else (Said("in trouble", (why,)),)
    waiting = replace(rollout, run=None, asked=False, attempt=rollout.attempt + 1, again=again)
    return Decision(waiting, Wait(again.at, _why(waiting)), said)


def _why(rollout: Rollout) -> str:
    assert rollout.again is not None
    return f"{rollout.again.why}; tried {rollout.attempt - 1} times, trying again"
