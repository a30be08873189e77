"""Cutting a release: a commit becomes an artifact under a version, once.

Build, store, record, tag: each step is there or is not, and done again it changes nothing. So whatever ended a cut half way, the same
command again goes on from there. The record comes before the tag: a tag that nobody answers for would look like a release.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import semver

from headway.engine.numbering import automatic_version, candidate_version, is_label
from headway.errors import InvalidSpec, Refused
from headway.ports import Built, Commit, Event, World
from headway.releases import provenance
from headway.releases.model import Artifact, Recipe, Release
from headway.releases.stamping import stamped
from headway.releases.tagging import ReleaseTag, objections, release_tag, tag_name
from headway.releases.version import is_channel


@dataclass(frozen=True, slots=True)
class Tagging:
    """A tag is wanted, perhaps a signed one."""

    signed: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A release, what was shown on the way, and whether it is new."""

    release: Release
    evidence: tuple[str, ...]
    new: bool
    tag: str | None = None


def cut(
    world: World,
    service: str,
    revision: str,
    by: str,
    *,
    version: str | None = None,
    artifact: str | None = None,
    digest: str | None = None,
    image: str | None = None,
    ref: str | None = None,
    pre: str | None = None,
    tagging: Tagging | None = None,
) -> Cut:
    """Make the release, or go on with the one that this commit and version already gave: asking twice is the same as asking once.

    `image` is what CI built and pushed, by digest, or by a tag that is asked for this once.
    Where every environment is on Kubernetes it is all there is to the release.
    """
    tag = image if image is not None and not by_digest(image) else ""
    if image is not None:
        image = _for_good(world, image)
    if version and pre:
        raise InvalidSpec("--version names the version and --pre counts it; give one of them")
    commit = world.repositories[service].resolve(revision)
    wanted = _checked(version) if version else _numbered(world, service, commit, ref or revision, pre)
    name = f"{service}@{wanted}"
    before = world.releases.get(name)
    if before is not None and image not in {None, before.image}:
        raise Refused(f"{name} exists and is immutable", (f"its image is {before.image or 'none'}; choose another version",))
    if before is not None and not (before.commit == commit.id and (digest is None or digest == before.digest)):
        raise Refused(
            f"{name} exists and is immutable", (f"it was cut from {before.commit[:10]}, not from {commit.id[:10]}; choose another version",)
        )
    if tagging is not None:
        may_tag(world, service, wanted, before.ref if before else ref or revision, ReleaseTag("", commit.id, signed=tagging.signed))
    if before is not None:
        return tagged(world, Cut(before, ("it was cut before",), new=False), by, tagging)
    recipe = world.pipelines.recipe(service, commit.id)
    if image is not None and artifact is None and _only_on_kubernetes(world, service):
        # The image's own digest is the release's: nothing else of it is ever run.
        built, told = _taken(image)
    else:
        label = is_label(wanted, ref or revision)
        built, told = _made(world, service, commit, ref or revision, recipe, stamped(wanted, label=label), artifact, digest)
    now = world.clock.now()
    evidence = (*(f"{file} says {said}" for file, said in built.stamped.items()), *built.evidence)
    release = Release(
        service=service,
        version=wanted,
        commit=commit.id,
        ref=ref or revision,
        digest=built.artifact.digest,
        run=recipe.run,
        author=commit.author,
        cut_by=by,
        cut_at=now,
        checks=recipe.checks,
        requires=recipe.requires,
        migrations=recipe.migrations,
        image=image or "",
        tag=tag,
    )
    data = {"commit": commit.id, "digest": release.digest, **({"image": image} if image else {}), **told}
    world.releases.add(release, (Event(now, by, "cut", evidence, data),))
    return tagged(world, Cut(release, evidence, new=True), by, tagging)


def _taken(image: str) -> tuple[Built, Mapping[str, object]]:
    return Built(Artifact(image.partition("@")[2], 0), (f"the image {image}, built elsewhere",)), {"taken": True}


def _for_good(world: World, image: str) -> str:
    if by_digest(image):
        return image
    if "@" in image or ":" not in image.rpartition("/")[2]:
        raise InvalidSpec(f"an image is named by its digest, REPOSITORY@sha256:…, or by a tag, REPOSITORY:TAG; found {image!r}")
    return world.images.by_digest(image)


def by_digest(image: str) -> bool:
    """Is this a reference that can never mean anything else?"""
    return re.fullmatch(r"[^\s@]+@sha256:[0-9a-f]{64}", image) is not None


def _only_on_kubernetes(world: World, service: str) -> bool:
    return all(stage.environment.platform == "kubernetes" for stage in world.pipelines.stages(service))


def _numbered(world: World, service: str, commit: Commit, ref: str, pre: str | None) -> str:
    if pre is None:
        return automatic_version(world, service, commit, ref)
    if not is_channel(pre):
        raise InvalidSpec(f"{pre!r} cannot be counted; expected letters, digits and -, such as rc or beta")
    return candidate_version(world, service, commit, ref, pre)


def tagged(world: World, made: Cut, by: str, tagging: Tagging | None) -> Cut:
    """The same release with its tag, if one is wanted."""
    if tagging is None:
        return made
    tag = release_tag(made.release, world.pipelines.versions(made.release.service), signed=tagging.signed)
    new = world.tags.make(made.release.service, tag, by, made.release.cut_at)
    said = f"{'signed' if tagging.signed else 'made'} the tag {tag.name}"
    said += " and pushed it" if world.tags.publishes(made.release.service) else f"; to publish it: git push origin {tag.name}"
    return Cut(made.release, (*made.evidence, said if new else f"the tag {tag.name} was there already"), made.new, tag.name)


def may_tag(world: World, service: str, wanted: str, ref: str, tag: ReleaseTag) -> None:
    """Refused before anything is done, if the tag could not be made afterwards."""
    if is_label(wanted, ref):
        raise Refused(
            f"{service}@{wanted} gets no tag", (f"it is what {ref} calls its builds; a tag would decide which version comes next",)
        )
    policy = world.pipelines.versions(service)
    there = world.tags.look(service, tag_name(service, wanted, policy))
    if there is not None and (against := objections(there, tag)):
        hint = () if service in policy.folders else ("services with versions of their own need `versions: folders:` in headway.yaml",)
        raise Refused(f"{service}@{wanted} gets no tag", (*against, *(hint if there.commit != tag.commit else ())))


def _made(
    world: World, service: str, commit: Commit, ref: str, recipe: Recipe, version: str, artifact: str | None, digest: str | None
) -> tuple[Built, Mapping[str, object]]:
    """The artifact in the store, and what is to be told of where it came from."""
    if artifact is not None:
        if digest is None:
            raise InvalidSpec("--artifact needs --digest sha256:…: the digest that CI printed when it built it")
        # We saw nothing of how it was made, so we say nothing of it.
        return Built(world.store.take(Path(artifact), digest), (f"taken from {artifact}, digest as given",)), {"taken": True}
    started = world.clock.now()
    built = world.builder.build(service, commit, recipe, version)
    told = provenance.statement(
        service=service,
        digest=built.artifact.digest,
        commit=commit.id,
        ref=ref,
        recipe=recipe.build,
        host=world.host,
        started=started,
        finished=world.clock.now(),
        evidence=built.evidence,
        stamped=built.stamped,
    )
    return built, {"provenance": told}


def _checked(version: str) -> str:
    if not semver.Version.is_valid(version):
        raise InvalidSpec(f"a version is MAJOR.MINOR.PATCH (SemVer 2.0.0), such as 1.4.0 or 2.0.0-rc.1; found {version!r}")
    return version
