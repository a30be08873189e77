"""What serves in a place although no Headway started it: found before the first promotion, and put on the record to be replaced."""

from collections.abc import Iterator
from dataclasses import dataclass

from headway.environments.model import Cluster, Place
from headway.errors import HeadwayError, InvalidSpec, Refused, Unavailable
from headway.ports import Event, World
from headway.releases.model import Release, RunSpec
from headway.releases.tagging import tag_name
from headway.releases.version import version as read
from headway.rollout.adoption import Foundling, commit_in, plan, sentences, version_of, workload
from headway.rollout.model import Kind, Rollout, Workload
from headway.rollout.phases import Phase

MANY = 1000


@dataclass(frozen=True, slots=True)
class Adoption:
    """What would be adopted, as the release that it becomes."""

    found: Foundling
    workload: Workload
    release: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """It in words."""
        return sentences(self.found, self.workload.version, self.workload.commit)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking: something to adopt, or why that cannot be told, or cannot be."""

    adoption: Adoption | None = None
    waits: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def look_for(place: Place, cluster: Cluster | None, commit: str, world: World) -> Looked:
    """Before anything of ours is there: does something serve already? `commit` has the manifests of whoever comes."""
    if cluster is None:
        return Looked()
    try:
        found = world.adoptions.find(place, commit)
    except InvalidSpec:
        return Looked()  # whoever looks at the manifests tells what is wrong with them
    except Unavailable as trouble:
        return Looked(waits=(f"what serves in {place.environment} already could not be looked at: {trouble}",))
    if found is None:
        return Looked()
    try:
        return Looked(_adoption(place, found, cluster, world))
    except Refused as refused:
        return Looked(refusals=(str(refused).replace("\n", " "),))


def adopt(place: Place, by: str, world: World, *, version: str | None = None, commit: str | None = None) -> tuple[Rollout, Adoption]:
    """Put what serves there on the record. Refused where there is nothing to adopt, or Headway released what serves."""
    stage, live = world.pipelines.stage(place), world.records.place(place).live
    refused = f"there is nothing to adopt in {place.environment}"
    if (cluster := stage.environment.cluster) is None:
        raise Refused(refused, ("it is on this machine, where Headway starts all that runs",))
    if live is not None and live.adopted is None:
        raise Refused(refused, (f"{live.version} is live there, which Headway released",))
    standing = (one.rollout for one in world.records.standings(place=place, ended=False))
    if under_way := [one.id for one in standing if one.phase is not Phase.PENDING or one.kind is Kind.ADOPTION]:
        raise Refused(refused, (f"{', '.join(under_way)} is under way there; wait for its end, or abort it",))
    head = world.repositories[place.service].resolve(world.pipelines.repository(place.service).branch)
    found = world.adoptions.find(place, head.id)
    if found is None:
        raise Refused(refused, ("nothing serves there but what Headway made",))
    if live is not None and live.name == found.workload:
        raise Refused(refused, (f"{found.what} is on the record already, as {live.version}",))
    adoption = _adoption(place, found, cluster, world, version, commit)
    return _record(place, by, adoption, world), adoption


def adopt_first(place: Place, by: str, adoption: Adoption, world: World) -> Rollout:
    """The same on the way of a promotion, which waits for its end; the one that was asked for already will do."""
    waiting = (one.rollout for one in world.records.standings(place=place, ended=False) if one.rollout.kind is Kind.ADOPTION)
    return next(waiting, None) or _record(place, by, adoption, world)


def _record(place: Place, by: str, adoption: Adoption, world: World) -> Rollout:
    now = world.clock.now()
    rollout = Rollout(
        id=world.new_id(),
        place=place,
        release=adoption.release,
        kind=Kind.ADOPTION,
        asked_by=by,
        created=now,
        phase=Phase.PENDING,
        plan=plan(adoption.workload, adoption.found.ready),
    )
    back = tuple(f"the way back by hand: {one}" for one in adoption.found.by_hand)
    said = {"image": adoption.found.image, "commit": adoption.workload.commit, "workload": adoption.workload.name}
    world.rollouts.add(rollout, (Event(now, by, "adoption asked for", (*adoption.sentences, *back), said),))
    return rollout


def _adoption(
    place: Place, found: Foundling, cluster: Cluster, world: World, version: str | None = None, commit: str | None = None
) -> Adoption:
    if found.unfit:
        raise Refused(f"{found.what} serves in {place.environment} and cannot be adopted", (found.unfit,))
    if version is not None and read(version) is None:
        raise InvalidSpec(f"a version is MAJOR.MINOR.PATCH (SemVer 2.0.0), such as 1.4.0; found {version!r}")
    known = _known(place.service, found, world)
    named = version or (known.version if known else version_of(found))
    made_from = world.repositories[place.service].resolve(commit).id if commit else known.commit if known else None
    made_from = made_from or next(_commits(place.service, named, found, world), None)
    if made_from is None:
        hint = f"headway adopt {place.environment} --service {place.service} --commit REVISION"
        why = f"neither a release nor a tag of {named} nor its image's tag says of which commit it is; say it: {hint}"
        raise Refused(f"{found.what} ({found.named}) serves in {place.environment} already and has to be adopted first", (why,))
    one = workload(found, named, made_from, _run(place.service, made_from, world), cluster)
    return Adoption(found, one, f"{place.service}@{named}")


def _known(service: str, found: Foundling, world: World) -> Release | None:
    """A release that is this very image."""
    return next((one for one in world.releases.all(service, MANY) if one.image and one.image.rpartition("@")[2] == found.digest), None)


def _commits(service: str, version: str, found: Foundling, world: World) -> Iterator[str]:
    repository, names = world.repositories[service], []
    if read(version) is not None:
        names.append(f"refs/tags/{tag_name(service, version, world.pipelines.versions(service))}")
    if (sha := commit_in(found.tag)) is not None:
        names.append(sha)
    for name in names:
        try:
            yield repository.resolve(name).id
        except HeadwayError:
            continue


def _run(service: str, commit: str, world: World) -> RunSpec:
    """What it needs to get ready, where its commit has a file already."""
    try:
        return world.pipelines.recipe(service, commit).run
    except HeadwayError:
        return RunSpec(())
