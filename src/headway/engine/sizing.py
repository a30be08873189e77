"""How many replicas a release starts with where an autoscaler has their number: asked of the manifests, and of what serves there now."""

from dataclasses import dataclass

from headway.environments.model import Place
from headway.errors import Unavailable
from headway.ports import World
from headway.rollout.model import Workload
from headway.rollout.sizing import Sized, start_with


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is known of it; `waits` says why it cannot be told now."""

    sized: Sized | None = None
    waits: tuple[str, ...] = ()


def sizing(place: Place, new: Workload, live: Workload | None, world: World, adopted: int | None = None) -> Sizing:
    """As many as serve now, within what the new release's own autoscaler allows; `adopted`: how many of what is not on record yet."""
    if new.cluster is None or not new.image:
        return Sizing()
    try:
        scaling = world.manifests.scaling(place.service, new.commit, new.cluster)
        if scaling is None:
            return Sizing()
        present = adopted if adopted is not None else world.platform.look(place).group(live.name).wanted if live is not None else 0
    except Unavailable as trouble:
        return Sizing(waits=(f"the present size could not be asked: {trouble}",))
    return Sizing(start_with(scaling, present, same=live is not None and live.name == new.name))
