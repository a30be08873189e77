"""A database made anew because somebody asked: a rollout of what runs there, so that it is recorded, and safe, like any other."""

from headway.engine.candidate import Asked, Considered, consider
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Event, World
from headway.promotion.diverged import spared
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import Phase


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
