"""What a release would send to a cluster, looked at before a rollout begins: nobody wants to learn of it halfway."""

from dataclasses import dataclass

from headway.environments.manifests.changes import Preview
from headway.environments.manifests.model import Grade
from headway.environments.model import Cluster, Place
from headway.errors import Refused, Unavailable
from headway.ports import World
from headway.promotion.model import Stage
from headway.releases import images
from headway.releases.images import Found
from headway.releases.model import Release
from headway.rollout.model import Plan, Workload
from headway.rollout.plan import workload


@dataclass(frozen=True, slots=True)
class Sending:
    """What the manifests of a release give to say, its image, and the cluster that is to take both."""

    refusals: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    preview: Preview | None = None
    """What the cluster said; None: it was not asked, or did not answer."""

    def and_(self, other: "Sending") -> "Sending":
        """Both."""
        return Sending(
            (*self.refusals, *other.refusals),
            (*self.waits, *other.waits),
            (*self.warnings, *other.warnings),
            self.preview or other.preview,
        )


def sending(place: Place, release: Release, stage: Stage, live: Workload | None, world: World, *, anew: bool = False) -> Sending:
    """Errors keep a release out for good, since its commit never changes; what cannot be looked at now is looked at again.

    `anew`: somebody asks for it and waits for the answer.
    """
    cluster = stage.environment.cluster
    if cluster is None or not release.image:
        return Sending()
    written = _written(release, cluster, world)
    asked = Sending() if written.refusals or written.waits else _asked(place, workload(release, stage.environment), live, world, anew=anew)
    return written.and_(asked).and_(_image(release, cluster, asked.preview or Preview(), world, anew=anew))


def _written(release: Release, cluster: Cluster, world: World) -> Sending:
    """What is to say of the manifests themselves."""
    try:
        told = world.manifests.inspect(release.service, release.commit, cluster)
    except Unavailable as trouble:
        return Sending(waits=(f"its manifests could not be looked at: {trouble}",))
    return Sending(
        refusals=tuple(one.text for one in told if one.grade is Grade.ERROR),
        warnings=tuple(one.text for one in told if one.grade is Grade.WARNING),
    )


def _asked(place: Place, new: Workload, live: Workload | None, world: World, *, anew: bool) -> Sending:
    """What the cluster says to them."""
    try:
        preview = world.previews.preview(place, new, live, anew=anew)
    except Unavailable as trouble:
        return Sending(waits=(f"what would change cannot be told: {trouble}",))
    except Refused as no:
        return Sending(refusals=(str(no),))
    return Sending(preview.refusals, preview.waits, preview.notes, preview)


def _image(release: Release, cluster: Cluster, preview: Preview, world: World, *, anew: bool) -> Sending:
    """What the registry says of the image. Where nobody lets us look, the nodes may still: that is told and stands in no way."""
    if cluster.registry == "skip":
        return Sending()
    digest = release.image.rpartition("@")[2]
    try:
        found = _found(release, cluster, world, anew=anew)
    except Refused as no:
        return Sending(warnings=(str(no),))
    except Unavailable as trouble:
        return Sending(waits=(f"whether its image is there cannot be told: {trouble}",))
    copied = (f"its image is copied to {cluster.copy_to} before it starts",) if cluster.copy_to else ()
    wanted = cluster.architecture or (preview.architectures if len(preview.architectures) == 1 else ())
    return Sending(
        refusals=images.objections(release.image, found, wanted),
        warnings=(*copied, *images.advice(release.tag, digest, found), *(() if wanted else images.stray(found, preview.architectures))),
    )


def _found(release: Release, cluster: Cluster, world: World, *, anew: bool) -> Found:
    """What is known of it where it was pushed; where that does not answer, or has it no more, it may be where it was copied to before."""
    try:
        found = world.images.look(release.image, release.tag, anew=anew)
    except (Refused, Unavailable):
        if not cluster.copy_to or not (there := world.images.look(cluster.pulled(release.image), anew=anew)).there:
            raise
        return there
    return found if found.there or not cluster.copy_to else world.images.look(cluster.pulled(release.image), anew=anew)


def copying(plan: Plan, release: Release, world: World) -> str:
    """What is still to be copied before this may start; asking has it copied."""
    cluster = plan.new.cluster
    if cluster is None or not cluster.copy_to or not release.image:
        return ""
    try:
        return world.images.copied(release.image, cluster.copy_to)
    except (Refused, Unavailable) as trouble:
        return f"its image is not in {cluster.copy_to} yet: {trouble}"
