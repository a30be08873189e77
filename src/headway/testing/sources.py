"""Where releases and rules come from: the declared pipeline, a repository, a store of artifacts."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from headway.environments.branches import shared_of
from headway.environments.manifests.changes import Preview
from headway.environments.manifests.model import Told
from headway.environments.model import Cluster, Place, Scaling
from headway.errors import Failed, Refused, Unavailable
from headway.ports import Built, Changed, Commit, Governed, Home, Merged, Pushed
from headway.promotion.model import Stage
from headway.promotion.stages import pull_request
from headway.releases.decision import Reason
from headway.releases.history import Change, History, Tag
from headway.releases.images import Found
from headway.releases.lines import Line, Naming, ranked, releases, versions
from headway.releases.model import Artifact, BuildSpec, Recipe, RunSpec
from headway.releases.policy import Policy
from headway.releases.tagging import ReleaseTag, objections
from headway.rollout.adoption import Foundling
from headway.rollout.model import Workload
from headway.trains.forward import Landed
from headway.trains.model import Timetable

PLAIN = Recipe(RunSpec(argv=("serve", "--port", "$PORT")), BuildSpec())
"""What a commit says that nobody gave another recipe."""


@dataclass
class FakeImages:
    """Registries that know these tags."""

    tags: dict[str, str] = field(default_factory=dict)
    """The digest of each REPOSITORY:TAG."""
    gone: set[str] = field(default_factory=set)
    """Images, by digest, that no registry has any more."""
    architectures: dict[str, frozenset[str]] = field(default_factory=dict)
    """What each image, by digest, is for."""
    unavailable: bool = False
    copies: set[str] = field(default_factory=set)
    """Images, by digest, that somebody asked to have in another repository."""
    copying: str = ""
    """How far a copy is; empty: it is there at once."""

    def copied(self, image: str, to: str) -> str:
        if self.unavailable:
            raise Unavailable(f"the registry of {to} does not answer")
        self.copies.add(f"{to}@{image.rpartition('@')[2]}")
        return self.copying

    def by_digest(self, image: str) -> str:
        if image not in self.tags:
            raise Refused(f"there is no {image}")
        return f"{image.rpartition(':')[0]}@{self.tags[image]}"

    def look(self, image: str, tag: str = "", *, anew: bool = False) -> Found:  # noqa: ARG002 - as the port has it
        if self.unavailable:
            raise Unavailable(f"the registry of {image} does not answer")
        return Found(image not in self.gone, self.architectures.get(image, frozenset()), self.tags.get(tag))


@dataclass
class FakeAdoptions:
    """What serves in a place and nobody released: `there`, until it is on the record."""

    there: dict[Place, Foundling] = field(default_factory=dict)
    unavailable: bool = False

    def find(self, place: Place, commit: str) -> Foundling | None:  # noqa: ARG002 - whatever the manifests say
        if self.unavailable:
            raise Unavailable(f"nobody can look at {place}")
        return self.there.get(place)


@dataclass
class FakeManifests:
    """Manifests of which nothing is wrong but what `told` has, by environment's namespace."""

    told: dict[str, list[Told]] = field(default_factory=dict)
    unavailable: bool = False
    asked: list[str] = field(default_factory=list)
    """The commits."""
    scales: dict[str, Scaling] = field(default_factory=dict)
    """Of autoscalers, by environment's namespace."""

    ungated: set[str] = field(default_factory=set)
    """Namespaces to which no gateway leads."""

    def routed(self, service: str, commit: str, cluster: Cluster) -> bool | None:
        if self.unavailable:
            raise Unavailable(f"nothing can read the manifests of {service} at {commit}")
        return cluster.namespace not in self.ungated

    def scaling(self, service: str, commit: str, cluster: Cluster) -> Scaling | None:
        if self.unavailable:
            raise Unavailable(f"nothing can read the manifests of {service} at {commit}")
        return self.scales.get(cluster.namespace)

    def inspect(self, service: str, commit: str, cluster: Cluster) -> Sequence[Told]:
        self.asked.append(commit)
        if self.unavailable:
            raise Unavailable(f"nothing can read the manifests of {service}")
        return self.told.get(cluster.namespace, ())


@dataclass
class FakePreviews:
    """Clusters that take anything but what `says` has, by environment."""

    says: dict[str, Preview] = field(default_factory=dict)
    unavailable: bool = False
    asked: list[tuple[str, bool]] = field(default_factory=list)
    """The versions, and whether they were asked for anew."""

    def preview(self, place: Place, new: Workload, live: Workload | None, *, anew: bool = False) -> Preview:  # noqa: ARG002 - as the port has it
        self.asked.append((new.version, anew))
        if self.unavailable:
            raise Unavailable(f"the cluster of {place.environment} does not answer")
        return self.says.get(place.environment, Preview())


@dataclass
class FakePipelines:
    """The stages it is given, in that order; `recipes` maps a service and a commit to what that commit says, others get a plain one."""

    declared: list[Stage] = field(default_factory=list)
    recipes: dict[tuple[str, str], Recipe] = field(default_factory=dict)
    timetables: list[Timetable] = field(default_factory=list)
    policy: Policy = Policy()
    refs: Callable[[], Mapping[str, str]] = dict
    """Of each repository."""
    told: dict[str, Mapping[str, Sequence[Stage]]] = field(default_factory=dict)
    """What `governed` told of each service: the same object as long as it is the same."""

    def governed(self) -> Sequence[Governed]:
        return tuple(Governed(self.repository(one), self.refs(), self._same(one), {one: self.trains(one)}) for one in self.services())

    def _same(self, service: str) -> Mapping[str, Sequence[Stage]]:
        now = {service: self.stages(service)}
        if self.told.get(service) != now:
            self.told[service] = now
        return self.told[service]

    def services(self) -> Sequence[str]:
        return tuple(dict.fromkeys(stage.service for stage in self.declared))

    def recipe(self, service: str, commit: str) -> Recipe:
        if service not in self.services():
            raise Refused(f"the file has no service {service}", (f"it has {name}" for name in self.services()))
        return self.recipes.get((service, commit), PLAIN)

    def stage(self, place: Place) -> Stage:
        for stage in self.declared:
            if (stage.service, stage.environment.name) == (place.service, shared_of(place.environment)):
                return replace(stage, environment=replace(stage.environment, name=place.environment))
        raise Refused(f"the pipeline has no {place}")

    def stages(self, service: str) -> Sequence[Stage]:
        return [stage for stage in self.declared if stage.service == service]

    def versions(self, service: str) -> Policy:
        if service not in self.services():
            raise Refused(f"the file has no service {service}")
        return self.policy

    def trains(self, service: str) -> Sequence[Timetable]:
        return [one for one in self.timetables if one.service == service]

    def repository(self, service: str) -> Home:
        return Home(f"the repository of {service}", "main")


@dataclass
class FakeRepository:
    """A history made by `commit`; `files` maps a commit and a path to a text."""

    commits: dict[str, Commit] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    conflicts: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """Which files of a commit do not merge into which branch."""
    patches: dict[str, str] = field(default_factory=dict)
    """What a commit changes, in a word; one that is not named changes something of its own."""
    picked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What a commit says that it was picked from."""
    asks: dict[tuple[str, str], Sequence[Reason]] = field(default_factory=dict)
    """What the interface asks for between two commits."""

    def commit(self, commit: Commit, *parents: str, branch: str = "main") -> str:
        """Add a commit on top of these (of the branch's head, when none is named) and move the branch to it."""
        head = (self.heads[branch],) if branch in self.heads else ()
        self.commits[commit.id] = commit
        self.parents[commit.id] = parents or head
        self.heads[branch] = commit.id
        return commit.id

    def refs(self) -> Mapping[str, str]:
        return {ref: commit for ref, commit in self.heads.items() if not ref.startswith("refs/") or ref.startswith("refs/tags/")}

    def pulls(self) -> Mapping[str, str]:
        return {ref: commit for ref, commit in self.heads.items() if pull_request(ref) is not None}

    def resolve(self, revision: str) -> Commit:
        known = self.heads.get(revision, revision)
        found = [commit for name, commit in self.commits.items() if name.startswith(known)]
        if len(found) != 1:
            raise Refused(f"the repository has no {revision}", (f"there is {name}" for name in sorted(self.heads)))
        return found[0]

    def between(self, old: str | None, new: str) -> Sequence[Commit]:
        before = self._reachable(old) if old is not None else set()
        fresh = self._reachable(new) - before
        return [commit for name, commit in self.commits.items() if name in fresh]

    def mainline(self, old: str, new: str) -> Sequence[Commit]:
        there, found, at = self._reachable(old), list[Commit](), new
        while at not in there:
            found.append(self.commits[at])
            if not self.parents.get(at):
                break
            at = self.parents[at][0]
        return found[::-1]

    def contains(self, commit: str, ancestor: str) -> bool:
        return ancestor in self._reachable(commit)

    def compared(self, last: str, commit: str, policy: Policy, today: date) -> Sequence[Reason]:  # noqa: ARG002 - as the port has it
        return self.asks.get((last, commit), ())

    def landed(self, old: str, new: str, files: Sequence[str]) -> Sequence[Landed]:  # noqa: ARG002 - as the port has it
        found = [one for one in self.between(old, new) if len(self.parents.get(one.id, ())) < 2]
        return [Landed(one.id, self.patches.get(one.id, one.id), self.picked.get(one.id, ()), one.reverts) for one in found]

    def altogether(self, old: str, new: str) -> str:
        return "+".join(one.patch for one in self.landed(old, new, ()))

    def fork(self, one: str, other: str) -> str | None:
        shared = self._reachable(one) & self._reachable(other)
        return next((name for name in reversed(self.commits) if name in shared), None)

    def history(self, commit: str, naming: Naming, line: Line | None, also: Sequence[Tag] = (), folder: str = "") -> History:
        """As real ones tell it, of the whole repository; the tags are those in `heads` under refs/tags/."""
        if folder:
            raise NotImplementedError("this repository does not know what a commit touches; try it on a real one")
        there = self._reachable(commit)
        named = {name.removeprefix("refs/tags/"): at for name, at in self.heads.items() if name.startswith("refs/tags/")}
        tags = ranked((*versions(named, naming), *also))
        last = next((tag for tag in releases(tags, line) if tag.commit in there), None)
        changes = [
            Change(one.id, " ".join(self.parents.get(one.id, ())), _message(one))
            for one in self.between(last.commit if last else None, commit)
        ]
        above = tuple(tag for tag in tags if tag.commit in there and (last is None or tag.version > last.version))
        return History(commit, tuple(reversed(changes)), tags, last, above)

    def changed(self, old: str, new: str) -> Sequence[Changed]:
        was, now = ({path: text for (at, path), text in self.files.items() if at == commit} for commit in (old, new))
        different = sorted(path for path in {*was, *now} if was.get(path) != now.get(path))
        return [Changed(path, len(now.get(path, "").splitlines()), len(was.get(path, "").splitlines())) for path in different]

    def create(self, branch: str, commit: str) -> None:
        if self.heads.setdefault(branch, commit) != commit:
            raise Refused(f"there is a branch {branch} already")

    def pick(self, branch: str, commit: str, by: str) -> Merged:  # noqa: ARG002 - as the port has it
        if clash := self.conflicts.get((branch, commit)):
            return Merged(None, clash)
        picked = replace(self.commits[commit], id=f"{len(self.commits):x}".rjust(8, "e") + commit[:32])
        self._carry(commit, self.heads[branch], picked.id)
        return Merged(self.commit(picked, branch=branch))

    def merge(self, branch: str, commit: str, by: str, message: str) -> Merged:  # noqa: ARG002 - as the port has it
        if self.contains(self.heads[branch], commit):
            return Merged(self.heads[branch])
        if clash := self.conflicts.get((branch, commit)):
            return Merged(None, clash)
        head = self.heads[branch]
        made = replace(self.commits[commit], id=f"{len(self.commits):x}".rjust(8, "f") + commit[:32], subject=message)
        return Merged(self.commit(made, head, commit, branch=branch))

    def _carry(self, commit: str, head: str, to: str) -> None:
        for (at, path), text in list(self.files.items()):
            if at in {commit, head}:
                self.files.setdefault((to, path), text)

    def read(self, commit: str, path: str) -> str | None:
        return self.files.get((commit, path))

    def export(self, commit: str, into: Path) -> None:
        for (at, path), text in self.files.items():
            if at == commit:
                (into / path).parent.mkdir(parents=True, exist_ok=True)
                (into / path).write_text(text, encoding="utf-8")

    def _reachable(self, commit: str) -> set[str]:
        seen: set[str] = set()
        todo = [commit]
        while todo:
            if (next_one := todo.pop()) not in seen:
                seen.add(next_one)
                todo.extend(self.parents.get(next_one, ()))
        return seen


def _message(commit: Commit) -> str:
    """What such a commit would have said."""
    return "\n".join((commit.subject, "", *(f"{key}: {value}" for key, value in commit.trailers.items())))


@dataclass
class FakePushes:
    """Who pushed, by service, ref and commit."""

    noted: dict[tuple[str, str, str], Pushed] = field(default_factory=dict)

    def pushed(self, service: str, ref: str, commit: str) -> Pushed | None:
        return self.noted.get((service, ref, commit))


@dataclass
class FakeTags:
    """Tags by service and name; those of the services `elsewhere` are pushed as they are made."""

    made: dict[tuple[str, str], ReleaseTag] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    down: bool = False

    def look(self, service: str, name: str) -> ReleaseTag | None:
        if self.down:
            raise Unavailable("the repository cannot be written to")
        return self.made.get((service, name))

    def make(self, service: str, tag: ReleaseTag, by: str, at: datetime) -> bool:  # noqa: ARG002 - as the port has it
        there = self.look(service, tag.name)
        if there is not None and (against := objections(there, tag)):
            raise Refused(f"{tag.name} exists and is another tag", against)
        self.made.setdefault((service, tag.name), tag)
        return there is None

    def publishes(self, service: str) -> bool:
        return service in self.elsewhere


@dataclass
class FakeBuilder:
    """Builds anything, to a digest that follows from the commit; `broken` maps a commit to why it does not build."""

    broken: dict[str, str] = field(default_factory=dict)
    built: list[tuple[str, str]] = field(default_factory=list)

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        if commit.id in self.broken:
            raise Failed(f"{commit.id[:10]} does not build: {self.broken[commit.id]}")
        self.built.append((service, commit.id))
        stamped = {one.file: version for one in recipe.build.stamps}
        digest = hashlib.sha256(f"{service} {commit.id}{sorted(stamped.items()) or ''}".encode()).hexdigest()
        return Built(Artifact(f"sha256:{digest}", 1), tuple(f"{name} passed" for name in recipe.build.checks), stamped)


@dataclass
class FakeStore:
    """Remembers folders by what is in them; nothing is copied, so a folder that changes afterwards was tampered with."""

    folders: dict[str, Path] = field(default_factory=dict)

    def put(self, folder: Path) -> Artifact:
        artifact = _artifact(folder)
        self.folders.setdefault(artifact.digest, folder)
        return artifact

    def take(self, archive: Path, digest: str) -> Artifact:
        artifact = _artifact(archive)
        if artifact.digest != digest:
            raise Refused(f"{archive.name} has the digest {artifact.digest}, not {digest}")
        self.folders.setdefault(digest, archive)
        return artifact

    def path(self, digest: str) -> Path:
        folder = self.folders.get(digest)
        if folder is None:
            raise Unavailable(f"{digest} is not in the store")
        if _artifact(folder).digest != digest:
            raise Failed(f"{digest} was tampered with")
        return folder

    def collect(self, keep: frozenset[str]) -> Sequence[str]:
        gone = sorted(self.folders.keys() - keep)
        for digest in gone:
            del self.folders[digest]
        return gone


def _artifact(tree: Path) -> Artifact:
    files = sorted(path for path in tree.rglob("*") if path.is_file()) if tree.is_dir() else [tree]
    total, digest = 0, hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        total += len(content)
        digest.update(f"{path.relative_to(tree).as_posix()} {len(content)}\n".encode() + content)
    return Artifact(f"sha256:{digest.hexdigest()}", total)
