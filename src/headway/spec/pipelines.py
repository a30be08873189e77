"""The files behind the repositories: the pipeline from the protected branch, the recipe from the release's own commit."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from headway.environments.branches import own, shared_of
from headway.environments.configuration import sealed
from headway.environments.model import Configuration, Environment, Place
from headway.errors import HeadwayError, InvalidSpec, Refused
from headway.ports import Governed, Home, Repository
from headway.promotion.model import Stage
from headway.releases.model import Recipe
from headway.releases.policy import Policy
from headway.spec.file import Command, File, Webhook
from headway.spec.policies import NONE, Policies
from headway.spec.read import read
from headway.spec.views import release_part, stages
from headway.trains.model import Timetable

T = TypeVar("T")
FILE = "headway.yaml"
KEPT = 64
"""Files kept read beside those that govern, by repository and commit; a commit's file never changes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A registered repository and the branch whose file governs."""

    name: str
    branch: str
    repository: Repository


class _Read:
    """A file that was read, and what was made of it."""

    def __init__(self, file: File, key: tuple[str, str, str, bool]) -> None:
        self.file = file
        self.key = key

    @cached_property
    def stages(self) -> Mapping[str, tuple[Stage, ...]]:
        """Of every service that it names."""
        return {service: stages(self.file, service) for service in self.file.services}

    @cached_property
    def trains(self) -> Mapping[str, tuple[Timetable, ...]]:
        """Of those services that have any."""
        found = {service: tuple(one for one in self.file.trains if one.service == service) for service in self.file.services}
        return {service: timetables for service, timetables in found.items() if timetables}


class Pipelines:
    """Implements ports.Pipelines over git repositories. `fingerprint` gives a secret reference's keyed fingerprint."""

    def __init__(
        self, sources: Callable[[], Sequence[Source]], fingerprint: Callable[[str], str], policies: Callable[[], Policies] = lambda: NONE
    ) -> None:
        self._sources = sources
        self._fingerprint = fingerprint
        self._policies = policies
        self._read: dict[tuple[str, str, str, bool], _Read] = {}
        self._last: dict[str, _Read] = {}
        """The file that governed each repository when it was looked at last."""
        self._homes: dict[str, str] = {}
        """The repository in which each service was found last."""
        self._lock = threading.Lock()

    def governed(self) -> tuple[Governed, ...]:
        """Every repository whose file can be read; the first fault is raised only where there is no other."""
        found: list[tuple[Source, Mapping[str, str], _Read]] = []
        fault: HeadwayError | None = None
        for source in self._sources():
            try:
                refs = source.repository.refs()
                found.append((source, refs, self._rules(source, refs)))
            except HeadwayError as error:
                fault = fault or error
        if fault is not None and not found:
            raise fault
        homes: dict[str, str] = {}
        for source, _, rules in found:
            for service in rules.file.services:
                # Where it was, it still is: a repository that takes the same name later does not take the service over.
                if homes.setdefault(service, source.name) != source.name and self._homes.get(service) == source.name:
                    homes[service] = source.name
        self._homes.update(homes)
        return tuple(
            Governed(Home(one.name, one.branch), refs, _own(one.name, rules.stages, homes), _own(one.name, rules.trains, homes))
            for one, refs, rules in found
        )

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
        source = self.source(service)
        rules = self._rules(source, source.repository.refs())
        return rules.stages.get(service) or stages(rules.file, service)  # which tells what is wrong

    def versions(self, service: str) -> Policy:
        """How its versions are numbered."""
        return self._governing(self.source(service)).versions

    def recipe(self, service: str, commit: str) -> Recipe:
        """How that commit is built, run and checked; its own file says."""
        part = release_part(self._file(self.source(service), commit, self._policies(), governs=False).file, service)
        return Recipe(part.run, part.build, part.checks, part.requires, part.migrations)

    def trains(self, service: str) -> tuple[Timetable, ...]:
        """The timetables by which releases of this service leave."""
        source = self.source(service)
        return self._rules(source, source.repository.refs()).trains.get(service, ())

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
        sources, home = self._sources(), self._homes.get(service)
        fault: HeadwayError | None = None
        # Where it was, it most likely still is; and a repository that takes the same name later does not take the service over.
        for source in (*(one for one in sources if one.name == home), *(one for one in sources if one.name != home)):
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
        return self._rules(source, source.repository.refs()).file

    def _rules(self, source: Source, refs: Mapping[str, str]) -> _Read:
        """What governs a repository whose branches lead there."""
        head = refs.get(source.branch)
        if head is None:
            why = f"its file there says how releases are gated; commit {FILE} to it, or register another branch"
            raise Refused(f"{source.name} has no commit on the protected branch {source.branch}", (why,))
        policies = self._policies()
        last = self._last.get(source.name)
        if last is None or last.key != (source.name, head, policies.digest, True):
            last = self._last[source.name] = self._file(source, head, policies)
        return last

    def _file(self, source: Source, commit: str, policies: Policies, *, governs: bool = True) -> _Read:
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
            # Whoever read it first has it: what was made of it is compared by identity.
            return self._read.setdefault(key, _Read(file, key))

    def _sealed(self, stage: Stage) -> Stage:
        open_ = stage.environment.configuration
        configuration: Configuration = sealed(open_, {name: self._fingerprint(reference) for name, reference in open_.secrets.items()})
        return replace(stage, environment=replace(stage.environment, configuration=configuration))


def _own(name: str, declared: Mapping[str, T], homes: Mapping[str, str]) -> Mapping[str, T]:
    """Without the services that are another repository's."""
    if all(homes[service] == name for service in declared):
        return declared
    return {service: one for service, one in declared.items() if homes[service] == name}


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
