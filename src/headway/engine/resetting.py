"""A database made anew because somebody asked: a rollout of what runs there, so that it is recorded, and safe, like any other."""

from dataclasses import dataclass
from datetime import datetime

from headway.engine.candidate import Asked, Considered, consider
from headway.engine.controller import US
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Event, World
from headway.promotion.diverged import spared
from headway.promotion.model import Stage, Upkeep
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import Phase
from headway.trains.timetable import moments


def reset(place: Place, by: str, why: str, world: World) -> tuple[Rollout, Considered]:
    """Ask for it; what the rollout will do. Refused where the data is real, where nothing runs, and while another rollout is there."""
    refused, now = f"the database of {place.environment} is not made anew", world.clock.now()
    if spare := spared(world.pipelines.stage(place)):
        raise Refused(refused, (spare,))
    live = world.releases.get(world.records.place(place).live_release or "")
    if live is None:
        raise Refused(refused, (f"nothing runs there yet; promote a release of {place.service}: it brings its migrations",))
    considered = consider(Asked(live.name, place, by, reset=why), world, now)
    if considered.refusals:
        raise Refused(refused, considered.refusals)
    if considered.plan.migrations is None or not considered.plan.migrations.anew:
        raise Refused(refused, (f"{live.version} has no migrations to make it from",))
    if standing := world.records.standings(place=place, ended=False):
        raise Refused(
            refused, (f"{', '.join(one.rollout.id for one in standing)} is under way or waits there; wait for its end, or abort it",)
        )
    last = next(iter(world.records.standings(place=place, most=1)), None)
    rollout = Rollout(
        id=world.new_id(),
        place=place,
        release=live.name,
        kind=Kind.PROMOTION,
        asked_by=by,
        created=now,
        phase=Phase.PENDING,
        reset=why,
        host="" if considered.stage.environment.cluster else (last.rollout.host if last else "") or world.host,
    )
    event = Event(now, by, f"reset of the database of {place.environment} asked for", (why, *considered.waits))
    world.rollouts.add(rollout, (event,))
    return rollout, considered


@dataclass(frozen=True, slots=True)
class Due:
    """When the next is due, and by which schedule."""

    at: datetime
    schedule: str


def next_reset(stage: Stage, world: World) -> Due | None:
    """When the stage's database is made anew next; None where no clock does that, or nobody has seen the schedule yet."""
    schedule, cron = schedule_of(stage), stage.environment.database.reset if stage.environment.database else None
    if schedule is None or cron is None:
        return None
    seen = said_of_resets(stage, world, "is scheduled")
    if seen is None or seen.text != schedule:
        return None
    place = Place(stage.service, stage.environment.name)
    there = (one.rollout for one in world.records.standings(place=place))
    made = (one.created for one in there if one.reset and one.asked_by == US)
    return Due(next(moments(cron, stage.timezone, max([seen.at, *made]))), schedule)


def schedule_of(stage: Stage) -> str | None:
    """When the stage's database is made anew, in words; None where no clock does that.

    The data of a place that people guard is spared, whatever its file says.
    """
    database = stage.environment.database
    if database is None or database.reset is None or stage.per_branch is not None or spared(stage):
        return None
    return f"{database.reset}, {stage.timezone}"


def record_of(stage: Stage) -> str:
    """Where what is said of its resets is kept."""
    return f"{stage.service}@resets"  # no release: what is said here is said of the place


def said_of_resets(stage: Stage, world: World, state: str | None = None) -> Upkeep | None:
    """The last word about them, or the last of this state."""
    said = world.statements.statements(record_of(stage), stage.environment.name)
    return next((one for one in reversed(said) if isinstance(one, Upkeep) and state in {None, one.state}), None)
