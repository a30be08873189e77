"""What a release would do to the database of a stage, asked of the world."""

from datetime import datetime, timedelta

from headway.engine.everywhere import everywhere
from headway.environments.model import Database, Place, same_target
from headway.errors import HeadwayError, InvalidSpec, Refused, Unavailable
from headway.migration.shipping import Anew, Outlook
from headway.ports import Alive, Event, World
from headway.promotion.diverged import spared
from headway.promotion.model import Stage
from headway.releases.model import Release
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import Phase

SOON = timedelta(seconds=15)
"""A database that did not answer is asked again then."""


def outlook(release: Release, stage: Stage, world: World, *, lacks: str | None = None, asked: str = "", trial: bool = False) -> Outlook:
    """What it would do, and why it may not. A release without migrations has nothing to say.

    `lacks` is what runs there and is not in it, `asked` why somebody wants the database made anew. A trial goes back, so it never does.
    """
    if release.migrations is None:
        return Outlook()
    environment, database = stage.environment.name, stage.environment.database
    if database is None:
        why = f"{release.version} has migrations in {release.migrations.folder}, and {environment} names no database for {release.service}"
        return Outlook(refusals=(f"{why}; set `environments: {environment}: database:`",))
    try:
        anew = None if trial else _anew(release, stage, lacks, asked, world)
        return world.migrations.outlook(database, release, running(Place(release.service, environment), database, world), anew)
    except Unavailable as error:
        return Outlook(waits=(f"what {release.version} would migrate in {environment} cannot be told: {error}",))
    except (InvalidSpec, Refused) as error:
        return Outlook(refusals=(str(error),))


def _anew(release: Release, stage: Stage, lacks: str | None, asked: str, world: World) -> Anew | None:
    """Whether the database may be made anew for this release. Raises Refused where it may not and somebody asked."""
    if why := spared(stage):
        if asked:
            raise Refused(why)
        return None
    resets = stage.diverged == "reset"
    because = (f"{release.version} lacks commits of {lacks}, which runs there",) if lacks is not None and resets else ()
    real = (one.environment.database for one in everywhere(world) if one.environment.data == "real")
    return Anew((*((asked,) if asked else ()), *because), resets, tuple(one for one in real if one is not None))


def running(place: Place, database: Database, world: World) -> tuple[Release, ...]:
    """The releases that live on this database: here, and wherever else the files name the same one."""
    live = (world.records.place(one).live_release for one in (place, *_sharing(place, database, world)))
    found = (world.releases.get(name) for name in dict.fromkeys(live) if name is not None)
    return tuple(one for one in found if one is not None)


def alive(place: Place, database: Database, world: World) -> tuple[Alive, ...]:
    """What lives on this database, as it runs, with the checks that it must pass where it is."""
    found = []
    for one in (place, *_sharing(place, database, world)):
        record = world.records.place(one)
        release = world.releases.get(record.live_release) if record.live_release is not None else None
        if record.live is None or release is None:
            continue
        stage = world.pipelines.stage(one)
        wanted = dict.fromkeys((*stage.preview, *stage.checks))
        checks = (release.checks[name] for name in wanted if name in release.checks)
        found.append(Alive(one, record.live, tuple(check for check in checks if check.argv)))
    return tuple(found)


def _sharing(place: Place, database: Database, world: World) -> tuple[Place, ...]:
    shared = [
        Place(stage.service, stage.environment.name)
        for stage in everywhere(world)
        if stage.environment.database is not None and _same(stage.environment.database, database)
    ]
    return tuple(one for one in shared if one != place)


def _same(one: Database, other: Database) -> bool:
    """A reference to a Secret of the cluster means another database in another namespace."""
    here, there = one.inside.cluster if one.inside else None, other.inside.cluster if other.inside else None
    return one.url == other.url and same_target(here, there)


def taken(release: Release | None, place: Place, world: World) -> tuple[str, ...]:
    """What was taken from the place's database that this release may need. What cannot be asked stands in nobody's way back."""
    try:
        database = world.pipelines.stage(place).environment.database if release is not None else None
        if release is None or database is None:
            return ()  # one of before there were migrations knows of none, and may need all that went
        return (*_made_for_another(place, world), *world.migrations.taken(database, release))
    except HeadwayError:
        return ()


def _made_for_another(place: Place, world: World) -> tuple[str, ...]:
    """That the database was made anew for what is live, which whoever is gone back to never ran on."""
    live = world.records.place(place).live_release
    done = (one.rollout for one in world.records.standings(place=place) if one.rollout.phase is Phase.COMPLETED)
    plans = (rollout.plan for rollout in done if rollout.release == live and not rollout.reset)
    made = (plan.migrations for plan in plans if plan is not None and plan.migrations is not None and plan.migrations.anew)
    says = "promote the release before instead, and it is made for that"
    return tuple(f"{one.where} was made anew for {live}; {says}" for one in made)[:1]


def promote_again(done: Rollout, world: World, now: datetime) -> None:
    """Where the environment says so, ask once more for a release whose old one is gone, for what waited until nobody needs it.

    Called before the record says that it was tidied: a crash in between asks again, and finds that it was asked.
    """
    shipping = done.plan.migrations if done.plan is not None else None
    if done.phase is not Phase.COMPLETED or not done.tidied or done.kind is not Kind.PROMOTION or done.plan is None:
        return
    if shipping is None or not shipping.waiting or shipping.database.contract != "auto":
        return
    live = world.records.place(done.place).live
    later = any(one.rollout.created > done.created for one in world.records.standings(place=done.place))
    if later or live is None or live.name != done.plan.new.name:
        return
    again = Rollout(
        id=world.new_id(),
        place=done.place,
        release=done.release,
        kind=Kind.PROMOTION,
        asked_by=done.asked_by,
        created=now,
        phase=Phase.PENDING,
        automatic=True,
        host=done.host,
    )
    why = f"{', '.join(one.title for one in shipping.waiting)} waited until the release before was gone"
    world.rollouts.add(again, (Event(now, "headway", f"promotion to {done.place.environment} asked for", (why,)),))
