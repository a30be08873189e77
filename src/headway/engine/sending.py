"""What a release would send to a cluster, looked at before a rollout begins: nobody wants to learn of it halfway."""

from dataclasses import dataclass

from headway.environments.manifests.model import Grade
from headway.errors import Unavailable
from headway.ports import World
from headway.promotion.model import Stage
from headway.releases.model import Release


@dataclass(frozen=True, slots=True)
class Sending:
    """What the manifests of a release give to say."""

    refusals: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def sending(release: Release, stage: Stage, world: World) -> Sending:
    """Errors keep a release out for good, since its commit never changes; what cannot be looked at now is looked at again."""
    cluster = stage.environment.cluster
    if cluster is None or not release.image:
        return Sending()
    try:
        told = world.manifests.inspect(release.service, release.commit, cluster)
    except Unavailable as trouble:
        return Sending(waits=(f"its manifests could not be looked at: {trouble}",))
    return Sending(
        refusals=tuple(one.text for one in told if one.grade is Grade.ERROR),
        warnings=tuple(one.text for one in told if one.grade is Grade.WARNING),
    )
