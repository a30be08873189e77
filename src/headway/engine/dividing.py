"""Is there a gateway to divide the traffic of a release, or do its pods? Asked of the manifests, and of what serves there now."""

from dataclasses import dataclass

from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import World
from headway.promotion.model import Stage
from headway.releases.model import Release
from headway.rollout.dividing import unsuited
from headway.rollout.model import Workload


@dataclass(frozen=True, slots=True)
class Dividing:
    """`beside`: how many pods of the old release the new ones will share the traffic with; 0 where a gateway divides it by weight."""

    beside: int = 0
    refusals: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


def dividing(place: Place, release: Release, stage: Stage, live: Workload | None, world: World, adopted: int | None = None) -> Dividing:
    """How it is divided; `adopted`: how many pods has what is not on record yet."""
    cluster = stage.environment.cluster
    if cluster is None or not release.image or live is None:
        return Dividing()
    try:
        if world.manifests.routed(place.service, release.commit, cluster) is not False:
            return Dividing()
        present = adopted if adopted is not None else world.platform.look(place).group(live.name).wanted
    except Unavailable as trouble:
        return Dividing(waits=(f"how its traffic is divided could not be asked: {trouble}",))
    testers = stage.strategy == "canary" and stage.routing is not None and bool(stage.routing.testers)
    return Dividing(present or stage.environment.replicas, unsuited(stage.thresholds, cluster, testers=testers))
