"""One turn of one rollout: look, decide, write it down, do it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from headway.analysis.evidence import Arm, Evidence
from headway.engine.data import promote_again
from headway.engine.look import look
from headway.engine.notices import notices
from headway.errors import Fenced, HeadwayError, Unavailable, Unheard
from headway.ports import Event, Held, World
from headway.promotion.model import Quarantine
from headway.rollout.data import what_runs
from headway.rollout.decide import decide
from headway.rollout.effects import landed, stumbled
from headway.rollout.model import Backfill, Intent, Kind, Rollout, RunMigration, StartCheck
from headway.rollout.moves import Decision, Do, Finish, Wait, backed_off, present
from headway.rollout.news import news
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import RunState, Seen, Signal, Word

log = structlog.get_logger()

LEASE = timedelta(seconds=15)
"""How long a rollout is ours without another save; a dead server's rollouts are taken over after this."""
RENEW = timedelta(seconds=3)
"""Polling writes nothing: evidence and reasons are saved with the next decision, and at most this late."""
SHOWN = timedelta(seconds=1)
"""What a deed led to is on the record with the next decision, and at most this late, for people look there. A crash before that asks the
target, as it would have to in any case."""
FRESH = timedelta(seconds=0.05)
"""What was claimed or saved so lately is not read again before a deed: its save is fenced, and a word that came meanwhile keeps it due."""
NEAR = timedelta(seconds=5)
"""A wait longer than this gives the lease back: waiting costs one row and no memory."""
US = "headway"
BACK = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.GIVEN_UP})


@dataclass(frozen=True, slots=True)
class Turned:
    """After a turn: what we still hold (None: nothing), when to turn it again, and when it was last saved."""

    held: Held | None
    again: datetime
    saved: datetime


def turn(held: Held, saved: datetime, world: World) -> Turned:
    """One turn of the loop. Raises Fenced when somebody else has the rollout now: drop it."""
    now = world.clock.now()
    fresh = now - saved < FRESH
    if not fresh:
        held = world.rollouts.refresh(held)
    seen = look(held, world, now)
    decision = decide(seen.rollout, seen.seen, now)
    if isinstance(decision.move, Finish) or (fresh and isinstance(decision.move, Wait)):
        # Whoever spoke since then woke us for this very turn, and must not wait for the end of a wait. Nor come too late by the time
        # that the look took: an abort that was said before the end is heard.
        known, held = held, world.rollouts.refresh(held)
        if held.signals != known.signals:
            seen = look(held, world, now)
            decision = decide(seen.rollout, seen.seen, now)
    promote_again(decision.rollout, world, now)
    try:
        turned = _follow(held, saved, decision, world, now)
    except Unheard:  # said between that look into the inbox and the save: the turn is taken once more, and begins with what was said
        return Turned(world.rollouts.refresh(held), now, saved)
    _stop_run(decision.rollout, seen.seen, world)
    return turned


def _follow(held: Held, saved: datetime, decision: Decision, world: World, now: datetime) -> Turned:
    match decision.move:
        case Wait(until):
            return _wait(held, saved, decision, until, world, now)
        case Do(intent):
            return _do(held, decision, intent, world, now)
        case Finish(_, until):
            _save(held, decision, world, now, due=until, until=None)
            _stop_check(decision.rollout, world)
            _wake_the_next(decision.rollout, world, now)
            return Turned(None, now, now)
        case move:
            assert_never(move)


def _wait(held: Held, saved: datetime, decision: Decision, until: datetime | None, world: World, now: datetime) -> Turned:
    near = until is not None and until - now < NEAR and decision.rollout.phase not in ENDED
    if near and until is not None:
        # Nor may it outlast the lease: whoever takes it up next must find what this turn found out, or nobody ever gets past it.
        if not _worth_saving(held, decision) and now - saved < _patience(decision.rollout, saved) and until <= saved + LEASE:
            return Turned(replace(held, rollout=decision.rollout), until, saved)
        return Turned(_save(held, decision, world, now, due=now, until=now + LEASE), until, now)
    _save(held, decision, world, now, due=until, until=None)
    return Turned(None, now, now)


def _worth_saving(held: Held, decision: Decision) -> bool:
    before, after = held.rollout, decision.rollout
    return bool(decision.said or held.signals) or after.phase is not before.phase


def _patience(rollout: Rollout, saved: datetime) -> timedelta:
    """How old the record may become: less, while it does not yet know of the step at hand."""
    return SHOWN if rollout.since is not None and rollout.since >= saved else RENEW


def _do(held: Held, decision: Decision, intent: Intent, world: World, now: datetime) -> Turned:
    # Written first: if we die before acting, the next start finds it, probes, and acts again only if it was not done.
    held = _save(held, decision, world, now, due=now, until=now + LEASE)
    try:
        _carry_out(decision.rollout, intent, world)
    except Fenced:
        raise
    except HeadwayError as error:
        return _in_trouble(held, decision.rollout, str(error), world)
    except Exception as error:
        log.exception("an effect broke", rollout=decision.rollout.id, effect=intent.key)
        return _in_trouble(held, decision.rollout, f"Headway stumbled over itself: {error!r}", world)
    _stop_check(decision.rollout, world)
    then = world.clock.now()
    return Turned(replace(held, rollout=landed(decision.rollout, then)), then, now)


def _in_trouble(held: Held, rollout: Rollout, trouble: str, world: World) -> Turned:
    """Whatever it is, it goes on the record: nobody waits for something that only a log knows. Tried again, later each time."""
    now = world.clock.now()
    troubled = stumbled(rollout, trouble, now)
    again = now + backed_off(troubled)
    event = () if rollout.trouble == trouble else (Event(now, US, "in trouble", (trouble,)),)
    held = world.rollouts.save(held, troubled, why=f"{trouble}; trying again", due=again, until=now + LEASE, events=event, now=now)
    return Turned(held, again, now)


def _stop_check(rollout: Rollout, world: World) -> None:
    """A check of a release that goes back has nothing left to say. After the traffic, and never in its way."""
    if rollout.phase in BACK and rollout.check is not None:
        with suppress(Unavailable):
            world.checks.stop(rollout.place, rollout.check)


def _stop_run(rollout: Rollout, seen: Seen, world: World) -> None:
    """What a release that goes back began on the database ends; a pause ends a backfill, which goes on later from where it stopped.

    Every turn again, as long as it shows: a server that dies before this leaves it to the next.
    """
    if rollout.run is None:
        return
    back = rollout.phase in BACK
    running = seen.run is not None and seen.run.state is RunState.RUNNING
    if back or (running and rollout.phase is Phase.PAUSED and isinstance(present(rollout), Backfill)):
        effect = what_runs(rollout)
        with suppress(Unavailable):
            if effect is not None:
                world.migrations.stop(rollout.run, effect)


def _carry_out(rollout: Rollout, intent: Intent, world: World) -> None:
    if isinstance(intent.effect, StartCheck):
        alone = intent.effect.workload.name if intent.effect.preview else None
        world.checks.start(rollout.place, intent, world.platform.url(rollout.place, alone))
    elif isinstance(intent.effect, RunMigration):
        world.migrations.start(rollout.place, intent)
    else:
        world.platform.act(rollout.place, intent)


def _save(held: Held, decision: Decision, world: World, now: datetime, *, due: datetime | None, until: datetime | None) -> Held:
    before, after = held.rollout, decision.rollout
    evidence = after.evidence
    saved = world.rollouts.save(
        held,
        after,
        why=decision.move.why,
        due=due,
        until=until,
        events=tuple(_events(decision, evidence, now)),
        notices=notices(before, after, decision.move.why),
        quarantine=None if _only_its_place_goes(held) else _quarantine(before, after, now),
        now=now,
    )
    for one in news(after, decision.said):
        world.herald.tell(one)
    return saved


def _events(decision: Decision, evidence: Evidence | None, now: datetime) -> Iterator[Event]:
    rollout = decision.rollout
    numbers: dict[str, object] = {"phase": rollout.phase.value, "weight": rollout.weight.percent, "turn": rollout.turn}
    if evidence is not None:
        numbers["measured"] = {side: _totals(arm) for side, arm in (("new", evidence.new), ("old", evidence.old)) if arm is not None}
    for said in decision.said:
        yield Event(now, said.by or US, said.what, said.why, numbers)


def _totals(arm: Arm) -> dict[str, object]:
    """One release's numbers since the weight changed, as the decision saw them."""
    total = arm.total
    return {
        "workload": arm.name,
        "requests": total.requests,
        "failures": total.failures,
        "retries": total.retries,
        "refused": total.refused,
        "stuck": arm.stuck,
    }


def _only_its_place_goes(held: Held) -> bool:
    """Headway itself aborts only where the environment of a branch goes: that says nothing against the release."""
    return any(signal.word is Word.ABORT and signal.by == US for signal in held.signals)


def _quarantine(before: Rollout, after: Rollout, now: datetime) -> Quarantine | None:
    """A release that goes back is marked with its commits, in the same transaction that decides it."""
    plan = after.plan
    if plan is None or before.phase is after.phase or after.trial is not None:
        return None
    if after.kind is Kind.PROMOTION and _turned_back(before, after):
        bad, good, release = plan.new, plan.old, after.release
    elif after.kind is Kind.ROLLBACK and before.phase is Phase.PENDING and plan.old is not None:
        bad, good, release = plan.old, plan.new, f"{after.place.service}@{plan.old.version}"
    else:
        return None
    if good is not None and good.digest == bad.digest:
        return None  # the same artifact served well before: its configuration is to blame, not its commits
    return Quarantine(after.place.service, release, bad.commit, good.commit if good else None, now, after.reasons, after.place.environment)


def _turned_back(before: Rollout, after: Rollout) -> bool:
    """Is this the moment at which it turns back? Once, even if it is parked on the way; straight to the end, if it had got nowhere."""
    return after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} and Phase.ROLLING_BACK not in (before.phase, before.paused_from)


def _wake_the_next(ended: Rollout, world: World, now: datetime) -> None:
    """Whoever waits for this end: the next at this place, and releases that wait further down the pipeline for having passed here."""
    for waiting in world.records.waiting(ended.place.service):
        world.rollouts.signal(waiting, Signal(Word.WAKE, US, now, f"{ended.id} ended"))
