"""Clears away what nobody can need any more, and says what it was."""

from collections.abc import Iterator

from headway.environments.model import Place
from headway.ports import World
from headway.releases.collection import NEWEST, kept
from headway.rollout.phases import ENDED, Phase

ALL = 1_000_000


def collect(world: World, newest: int = NEWEST) -> tuple[str, ...]:
    """Remove the artifacts that no place runs or could go back to, beyond the newest of each service; returns their digests."""
    keep = kept(world.releases.all(most=ALL), frozenset(_in_use(world)), newest)
    return tuple(world.store.collect(keep))


def _in_use(world: World) -> Iterator[str]:
    """Whatever runs or waits anywhere. A place that the file no longer names counts as long as the ledger knows its rollouts."""
    places: set[Place] = set()
    for standing in world.records.standings(most=ALL):
        rollout = standing.rollout
        places.add(rollout.place)
        if rollout.phase in ENDED and (rollout.tidied or rollout.phase is not Phase.COMPLETED):
            continue  # nothing of it is left running that the place's own record does not name
        if rollout.plan is not None:
            yield rollout.plan.new.digest
            if rollout.plan.old is not None:
                yield rollout.plan.old.digest
        elif (release := world.releases.get(rollout.release)) is not None:
            yield release.digest
    for place in places:
        record = world.records.place(place)
        yield from (one.digest for one in (record.live, record.before) if one is not None)
