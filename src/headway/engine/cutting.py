"""Cutting a release: a commit becomes an artifact under a version, once."""

from dataclasses import dataclass
from pathlib import Path

import semver

from headway.engine.numbering import automatic_version
from headway.errors import InvalidSpec, Refused
from headway.ports import Built, Event, World
from headway.releases.model import Release


@dataclass(frozen=True, slots=True)
class Cut:
    """A release, what was shown on the way, and whether it is new."""

    release: Release
    evidence: tuple[str, ...]
    new: bool


def cut(
    world: World,
    service: str,
    revision: str,
    by: str,
    *,
    version: str | None = None,
    artifact: str | None = None,
    digest: str | None = None,
    ref: str | None = None,
) -> Cut:
    """Make the release, or return the one that this commit and version already gave: asking twice is the same as asking once."""
    repository = world.repositories[service]
    commit = repository.resolve(revision)
    wanted = _checked(version) if version else automatic_version(world, service, commit, ref or revision)
    name = f"{service}@{wanted}"
    before = world.releases.get(name)
    if before is not None and before.commit == commit.id and (digest is None or digest == before.digest):
        return Cut(before, ("it was cut before",), new=False)
    if before is not None:
        raise Refused(
            f"{name} exists and is immutable", (f"it was cut from {before.commit[:10]}, not from {commit.id[:10]}; choose another version",)
        )
    recipe = world.pipelines.recipe(service, commit.id)
    if artifact is not None:
        if digest is None:
            raise InvalidSpec("--artifact needs --digest sha256:…: the digest that CI printed when it built it")
        built = Built(world.store.take(Path(artifact), digest), (f"taken from {artifact}, digest as given",))
    else:
        built = world.builder.build(service, commit, recipe)
    now = world.clock.now()
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
    )
    world.releases.add(release, (Event(now, by, "cut", built.evidence, {"commit": commit.id, "digest": release.digest}),))
    return Cut(release, built.evidence, new=True)


def _checked(version: str) -> str:
    if not semver.Version.is_valid(version):
        raise InvalidSpec(f"a version is MAJOR.MINOR.PATCH (SemVer 2.0.0), such as 1.4.0 or 2.0.0-rc.1; found {version!r}")
    return version
