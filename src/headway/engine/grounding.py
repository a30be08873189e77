"""Local environments are on somebody's machine: a server without one takes nothing to them that no other server has."""

from headway.environments.model import Place
from headway.ports import World
from headway.promotion.model import Stage


def groundless(place: Place, stage: Stage, world: World) -> tuple[str, ...]:
    """Why nothing can run there as far as this server is concerned; empty if somebody's machine has the place, or it is in a cluster."""
    if world.machine or stage.environment.cluster is not None:
        return ()
    last = next(iter(world.records.standings(place=place, most=1)), None)
    if last is not None and last.rollout.host not in {"", world.host}:
        return ()
    return (
        f"{place.environment} is on a machine (platform: local), and this Headway runs in a cluster: ask one that runs on a machine, "
        "on the same ledger, or say `platform: kubernetes`",
    )
