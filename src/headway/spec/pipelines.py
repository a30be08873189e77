"""The files behind the repositories: the pipeline from the protected branch, the recipe from the release's own commit."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headway.environments.branches import own, shared_of
from headway.environments.configuration import sealed
from headway.environments.model import Configuration, Environment, Place
from headway.errors import HeadwayError, InvalidSpec, Refused
from headway.ports import Home, Repository
from headway.promotion.model import Stage
from headway.releases.model import Recipe
from headway.releases.policy import Policy
from headway.spec.file import Command, File, Webhook
from headway.spec.policies import NONE, Policies
from headway.spec.read import read
from headway.spec.views import release_part, stages
from headway.trains.model import Timetable

FILE = "headway.yaml"
KEPT = 64
"""Files kept read, by repository and commit; a commit's file never changes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A registered repository and the branch whose file governs."""

    name: str
    branch: str
    repository: Repository


class Pipelines:
    """Implements ports.Pipelines over git repositories. `fingerprint` gives a secret reference's keyed fingerprint."""

    def __init__(
        self, sources: Callable[[], Sequence[Source]], fingerprint: Callable[[str], str], policies: Callable[[], Policies] = lambda: NONE
    ) -> None:
        self._sources = sources
        self._fingerprint = fingerprint
        self._policies = policies
        self._read: dict[tuple[str, str, str, bool], File] = {}
        self._homes: dict[str, str] = {}
        """The repository in which each service was found last."""
        self._lock = threading.Lock()

    def services(self) -> tuple[str, ...]:
        """Every service that a protected branch names. A repository whose file cannot be read takes no other along."""
        return tuple(name for file in self._readable() for name in file.services)

    def services_elsewhere(self, name: str) -> tuple[str, ...]:
        """The services of every repository but this one."""
        return tuple(service for source in self._sources() if source.name != name for service in self._governing(source).services)

    def stage(self, place: Place) -> Stage:
        """The stage with its configuration sealed: what approvals bind to."""
        shared = shared_of(place.environment)
        for stage in self.stages(place.service):
            if stage.environment.name != shared or (stage.per_branch is None and shared != place.environment):
                continue
            if stage.per_branch is not None and shared == place.environment:
                raise Refused(f"{shared} is an environment for each branch (per_branch)", (f"name a branch's, such as {shared}.feature-x",))
            return self._sealed(_for_branch(stage, place.environment))
        names = ", ".join(stage.environment.name for stage in self.stages(place.service))
        raise Refused(f"{FILE} has no environment {place.environment}", (f"{place.service} has: {names}",))

    def stages(self, service: str) -> tuple[Stage, ...]:
        """In pipeline order. Not sealed: a secret that production lacks is no trouble of staging, nor of whoever only looks."""
        return stages(self._governing(self.source(service)), service)

    def versions(self, service: str) -> Policy:
        """How its versions are numbered."""
        return self._governing(self.source(service)).versions

    def recipe(self, service: str, commit: str) -> Recipe:
        """How that commit is built, run and checked; its own file says."""
        part = release_part(self._file(self.source(service), commit, governs=False), service)
        return Recipe(part.run, part.build, part.checks, part.requires, part.migrations)

    def trains(self, service: str) -> tuple[Timetable, ...]:
        """The timetables by which releases of this service leave."""
        return tuple(one for one in self._governing(self.source(service)).trains if one.service == service)

    def repository(self, service: str) -> Home:
        """The repository that has this service, and its protected branch."""
        source = self.source(service)
        return Home(source.name, source.branch)

    def notify(self) -> Mapping[str, Webhook | Command]:
        """Where notices go, by target name, over all repositories."""
        named = {name: target for file in self._readable() for name, target in file.notify.items()}
        return {**named, **self._policies().notify}  # no repository answers for a target of the server's own

    def source(self, service: str) -> Source:
        """The repository that has this service."""
        sources = self._sources()
        fault: HeadwayError | None = None
        # Where it was, it most likely still is; and a repository that takes the same name later does not take the service over.
        for source in sorted(sources, key=lambda one: one.name != self._homes.get(service)):
            try:
                if service in self._governing(source).services:
                    self._homes[service] = source.name
                    return source
            except HeadwayError as error:  # of that repository; the service may well be in another
                fault = fault or error
        if fault is not None:
            raise fault
        there = ", ".join(name for one in sources for name in self._governing(one).services)
        raise Refused(f"no registered repository has a service {service}", (f"there are: {there or 'none; headway repo add PATH'}",))

    def _readable(self) -> list[File]:
        """The governing files that can be read; the first fault is raised only where none can."""
        files: list[File] = []
        fault: HeadwayError | None = None
        for source in self._sources():
            try:
                files.append(self._governing(source))
            except HeadwayError as error:
                fault = fault or error
        if fault is not None and not files:
            raise fault
        return files

    def _governing(self, source: Source) -> File:
        head = source.repository.refs().get(source.branch)
        if head is None:
            why = f"its file there says how releases are gated; commit {FILE} to it, or register another branch"
            raise Refused(f"{source.name} has no commit on the protected branch {source.branch}", (why,))
        return self._file(source, head)

    def _file(self, source: Source, commit: str, *, governs: bool = True) -> File:
        policies = self._policies()
        key = (source.name, commit, policies.digest, governs)
        with self._lock:
            if key in self._read:
                return self._read[key]
        text = source.repository.read(commit, FILE)
        if text is None:
            raise InvalidSpec(f"{FILE}: there is none at {commit[:10]} of {source.name}; see the reference of headway.yaml")
        file = read(text, f"{FILE} at {commit[:10]}", policies, governs=governs)
        with self._lock:
            if len(self._read) >= KEPT:
                self._read.pop(next(iter(self._read)))
            self._read[key] = file
        return file

    def _sealed(self, stage: Stage) -> Stage:
        open_ = stage.environment.configuration
        configuration: Configuration = sealed(open_, {name: self._fingerprint(reference) for name, reference in open_.secrets.items()})
        return replace(stage, environment=replace(stage.environment, configuration=configuration))


def _for_branch(stage: Stage, environment: str) -> Stage:
    """The stage as a branch's own environment has it."""
    if environment == stage.environment.name:
        return stage
    frozen = tuple(replace(one, environments=(*one.environments, environment)) if one.environments else one for one in stage.freezes)
    made = replace(_with_own_database(stage.environment, environment), name=environment, port=None)
    return replace(stage, environment=made, freezes=frozen)


def _with_own_database(shared: Environment, environment: str) -> Environment:
    """The branch's own database, which the service finds where it finds the shared one: in the secrets of that reference."""
    if shared.database is None:
        return shared
    theirs = shared.database.url
    ours = own(environment, theirs)
    secrets = {name: ours if reference == theirs else reference for name, reference in shared.configuration.secrets.items()}
    return replace(shared, database=replace(shared.database, url=ours), configuration=replace(shared.configuration, secrets=secrets))


class ByService(Mapping[str, Repository]):
    """The repositories by the services they hold, as they are now."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines

    def __getitem__(self, service: str) -> Repository:
        return self._pipelines.source(service).repository

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipelines.services())

    def __len__(self) -> int:
        return len(self._pipelines.services())
