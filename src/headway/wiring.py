"""The one place that knows which adapter stands behind which port."""

import contextlib
import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from headway.adapters.build import Builder
from headway.adapters.checkplaces import Jobs, PlacedChecks
from headway.adapters.checks import CommandChecks
from headway.adapters.gitplaces import GitPlaces, PlacedTags
from headway.adapters.keys import agreed
from headway.adapters.kubernetes.committed import Committed
from headway.adapters.kubernetes.inspecting import Inspections
from headway.adapters.kubernetes.previewing import Previews
from headway.adapters.kubernetes.trying import Trying
from headway.adapters.ledger import Ledger, open_ledger
from headway.adapters.livetraffic import LiveTraffic
from headway.adapters.local.platform import LocalPlatform
from headway.adapters.migrating.placed import Jobs as MigrationJobs
from headway.adapters.migrating.placed import PlacedMigrations
from headway.adapters.migrating.port import DatabaseMigrations
from headway.adapters.migrating.rehearsals import DatabaseRehearsals
from headway.adapters.migrating.shelves import DatabaseShelves
from headway.adapters.notify import Command, Router, Webhook
from headway.adapters.nowhere import NO_MACHINE, NoBuilder, NoPlatform, Silent
from headway.adapters.platforms import Heralds, Kubernetes, Platforms
from headway.adapters.policytext import PolicyText
from headway.adapters.pushes import NotedPushes
from headway.adapters.registrycopy import Copying
from headway.adapters.remote import Remote
from headway.adapters.secrets import SCHEMES, fingerprint, in_cluster, resolve
from headway.adapters.socketpath import socket_path
from headway.adapters.sources import Sources
from headway.adapters.store import FileStore, digest_of
from headway.adapters.system import SystemClock, new_id, token
from headway.adapters.tokens import Tokens, line_of, new_token
from headway.engine.blaming import Blaming
from headway.engine.collecting import collect
from headway.engine.commands import Commands
from headway.engine.drifting import Drifting
from headway.engine.gating import Gating
from headway.engine.hotfixing import Hotfixing
from headway.engine.itemruns import ItemRuns
from headway.engine.measures import Counted, Measures
from headway.engine.outbox import deliver
from headway.engine.pool import Pool
from headway.engine.rehearsing import RehearsalRuns
from headway.engine.releasing import Releasing
from headway.engine.scheduled_resets import ScheduledResets
from headway.engine.training import Training
from headway.engine.upkeep import UpkeepTurns
from headway.engine.watcher import Watcher
from headway.engine.worker import Worker
from headway.environments.model import Cluster, Place
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Refused, Unavailable
from headway.ports import Branches, Built, Commit, Event, Herald, Notice, Notifier, Tallied, World
from headway.releases.model import Recipe
from headway.spec import file
from headway.spec.pipelines import ByService, Pipelines, Source
from headway.spec.policies import NONE, Policies, read_policies

__all__ = [
    "Headway",
    "Running",
    "Tokens",
    "build",
    "connect",
    "digest_of",
    "line_of",
    "locked",
    "new_token",
    "patiently_locked",
    "private",
    "socket_path",
    "stop_everything",
]

PATIENCE = 5.0
"""Seconds to wait for a server that is just starting, or for another command to let go of the lock."""


BUILDS = 3
"""Repositories that are built from at the same time; each of them builds one commit after the other."""
LATEST = 1.0
"""Seconds for which the list of repositories, as the ledger has it, is believed."""
CHECKS_KEPT = timedelta(days=14)
"""How long a check's folder, with its log, is kept."""
FETCHING = 10.0
"""Seconds between looks at repositories that live elsewhere; `headway poke` looks at once."""
STOPPING = 120.0
"""Seconds that an orderly end may take: drains and grace included."""


class Verbs(Protocol):
    """Whoever answers the command line."""

    def call(self, verb: str, **arguments: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Headway:
    """Everything wired up, not yet turning."""

    home: Path
    ledger: Ledger
    world: World
    commands: Commands
    worker: Worker
    watcher: Watcher
    platform: LocalPlatform | None
    pipelines: Pipelines
    checks: CommandChecks
    watched: "Watched"
    places: GitPlaces
    databases: DatabaseMigrations
    rehearsals: DatabaseRehearsals
    measures: Measures

    @property
    def training(self) -> Training:
        """The trains' verbs, and their turn."""
        return Training(self.world, self.commands)

    @property
    def item_runs(self) -> ItemRuns:
        """The commands of checklists: their verb, and their turn."""
        return ItemRuns(self.world, self.commands)

    @property
    def rehearsal_runs(self) -> RehearsalRuns:
        """Rehearsals of migrations: their verbs, and their turn."""
        return RehearsalRuns(self.world, self.commands)

    @cached_property
    def drifting(self) -> Drifting:
        """What is not as it was written: its verbs, and its turn."""
        return Drifting(self.world)

    @property
    def upkeep(self) -> UpkeepTurns:
        """Backups by the clock."""
        return UpkeepTurns(self.world, self.commands)

    @property
    def scheduled_resets(self) -> ScheduledResets:
        """Databases made anew by the clock."""
        return ScheduledResets(self.world, self.commands)

    def more(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """The verbs that stand beside Commands."""
        return {
            **Gating(self.world, self.commands).verbs(),
            **self.item_runs.verbs(),
            **self.rehearsal_runs.verbs(),
            **self.drifting.verbs(),
            **Blaming(self.world, self.commands).verbs(),
            **self.training.verbs(),
            **Hotfixing(self.world, self.commands).verbs(),
            **Releasing(self.world, self.commands).verbs(),
            "policies_use": self.policies_use,
            "policies_drop": self.policies_drop,
            "policies_check": self.policies_check,
            "policies_show": self.policies_show,
        }

    def call(self, verb: str, **arguments: object) -> dict[str, Any]:
        """A verb by its name."""
        own: dict[str, Callable[..., dict[str, Any]]] = {"repo_add": self.repo_add, "repo_list": self.repo_list, "poke": self.poke}
        own |= self.more()
        found = own.get(verb) or getattr(self.commands, verb)
        answer: dict[str, Any] = found(**arguments)
        return answer

    def repo_add(self, path: str, branch: str = "main") -> dict[str, object]:
        """Watch a repository; its protected branch must have a headway.yaml that reads."""
        self.places.fetch(path)
        source = _source(self.places, path, branch)
        alone = Pipelines(lambda: [source], lambda _: "", self.watched.policies)
        services = list(alone.services())
        taken = set(self.pipelines.services_elsewhere(path))
        if twice := sorted(taken & set(services)):
            raise Refused(f"{path} has services that another repository has already", twice)
        known = {one.path for one in self.ledger.registry.repositories()}
        self.ledger.registry.add_repository(path, branch)
        self.watched.forget()
        if path not in known:
            self.watcher.settle(services)
        return {"path": path, "branch": branch, "services": services}

    def repo_list(self) -> dict[str, object]:
        """The repositories, in the order they were added."""
        return {"repositories": [{"path": one.path, "branch": one.branch} for one in self.ledger.registry.repositories()]}

    def watches(self, path: str, branch: str) -> bool:
        """Is this repository on record with this protected branch?"""
        return any((one.path, one.branch) == (path, branch) for one in self.ledger.registry.repositories())

    def policies_use(self, path: str, by: str, branch: str = "main") -> dict[str, object]:
        """Put every repository under these policies. Those that contradict them are told, and take nothing new until they are mended."""
        found = self.policies_check(path, branch)
        event = Event(self.world.clock.now(), by, "policies put in force", (path,), {"digest": found["digest"], "branch": branch})
        self.ledger.registry.put("policies", json.dumps({"path": path, "branch": branch}), event)
        self._governed_anew()
        return found

    def policies_drop(self, by: str) -> dict[str, object]:
        """Let every repository go by its own file alone."""
        was = self.watched.where()
        if was is not None:
            event = Event(self.world.clock.now(), by, "policies dropped", (was[0],))
            self.ledger.registry.put("policies", "", event)
            self._governed_anew()
        return {"path": was[0] if was else None}

    def policies_check(self, path: str, branch: str = "main") -> dict[str, object]:
        """What would become of the repositories under these policies; nothing is put in force."""
        policies = _policies(PolicyText(Path(path), branch))
        return {"path": path, "digest": policies.digest, "contradictions": self._contradictions(policies)}

    def policies_show(self, service: str | None = None) -> dict[str, object]:
        """The policies in force, what each stage has from them, and which repositories contradict them."""
        where = self.watched.where()
        policies = self.watched.policies()
        against = self._contradictions(policies)
        everywhere = [] if len(against) == len(self.watched.sources()) else list(self.pipelines.services())
        services = [service] if service else everywhere
        rows = [
            {"service": name, "environment": stage.environment.name, "key": key, "from": origin}
            for name in services
            for stage in self.pipelines.stages(name)
            for key, origin in stage.origins.items()
        ]
        return {"path": where[0] if where else None, "stages": rows, "contradictions": against}

    def _contradictions(self, policies: Policies) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for source in self.watched.sources():
            alone = Pipelines(lambda source=source: [source], lambda _: "", lambda: policies)  # type: ignore[misc]
            try:
                alone.services()
            except HeadwayError as error:
                found.append({"repository": source.name, "faults": str(error).splitlines()})
        return found

    def _governed_anew(self) -> None:
        self.watched.forget()
        with contextlib.suppress(HeadwayError):  # where none can be read any more, nothing that waits could go on
            for service in self.pipelines.services():
                self.commands.wake(service)

    def poke(self) -> dict[str, object]:
        """Look at the repositories now; what another server on the same ledger follows is not ours to follow."""
        self.fetch()
        return {"moved": self.watcher.look() if self.leads() else 0}

    def fetch(self) -> None:
        """Have what the repositories that live elsewhere have now. Every server does: any of them may be asked."""
        self.places.fetch_all(source.name for source in self.watched.sources())

    def answers(self) -> None:
        """Unavailable while the ledger does not answer: then nothing that anybody asks could be."""
        self.ledger.registry.get("policies")

    def leads(self) -> bool:
        """Whether this server does what only one on this ledger may: follow branches, run trains, send notices."""
        self.measures.leads = self.ledger.lead.take(self.world.host, self.world.clock.now())
        return self.measures.leads

    def tally(self) -> Sequence[Tallied] | None:
        """What has not ended, counted; None while the record does not answer."""
        try:
            return self.ledger.records.tally()
        except Unavailable:
            return None

    def collect(self) -> None:
        """Clear away what nobody can need any more: artifacts by the policy, old folders of checks and migrations."""
        collect(self.world)
        self.checks.collect(CHECKS_KEPT)
        self.databases.collect(CHECKS_KEPT)
        self.rehearsals.collect(CHECKS_KEPT)

    def close(self, *, stop: bool = False) -> None:
        """Let go; with `stop`, end what runs on this machine as well."""
        if self.platform is not None:
            self.platform.close(stop=stop)
        self.ledger.close()


def build(home: Path, database: str | None = None, *, serving: bool, machine: bool = True, new_key: bool = False) -> Headway:
    """Wire everything up. `serving`: with the platform, for the one server of this home.

    Without a `machine`, in a cluster, there are no local environments and no builds. `new_key`: see `agreed`.
    """
    private(home)
    ledger = open_ledger(database or f"sqlite:///{home / 'ledger.db'}")
    key = agreed(home, os.environ.get("HEADWAY_KEY"), ledger.registry, new=new_key)
    places = GitPlaces(home / "repositories")
    watched = Watched(ledger, places)
    pipelines = Pipelines(watched.sources, lambda reference: fingerprint(key, _told(reference)), watched.policies)
    store = FileStore(home / "artifacts")
    repositories = ByService(pipelines)
    clock = SystemClock()
    sources = Sources(home / "sources", repositories)
    local = _local(home, store, clock) if serving and machine else None
    ground = local or (NoPlatform() if machine else NoPlatform(NO_MACHINE))
    where = Whereabouts(ledger, pipelines)
    committed = Committed(sources)
    previews = Previews(manifests=_manifests(committed), secrets=resolve, keyed=lambda text: fingerprint(key, text))
    platform: NoPlatform | Platforms = NoPlatform()
    if serving:
        platform = Platforms(ground, lambda: _kubernetes(where, committed, clock, key), where)
    checks = CommandChecks(home, sources, resolve)
    databases = DatabaseMigrations(home, sources, store.path)
    rehearsals = DatabaseRehearsals(home, sources, store.path)
    measures = Measures()
    world = World(
        clock=clock,
        platform=platform,
        adoptions=platform,
        manifests=Inspections(sources, committed, Trying(_understood)),
        previews=previews,
        images=Copying(),
        live=LiveTraffic(platform),
        checks=PlacedChecks(checks, lambda: _jobs(home, where, clock), where),
        migrations=PlacedMigrations(databases, lambda: _migration_jobs(home, sources, committed, clock, key)),
        rehearsals=rehearsals,
        shelves=DatabaseShelves(home),
        rollouts=Counted(ledger.rollouts, measures),
        records=ledger.records,
        releases=ledger.releases,
        words=ledger.words,
        statements=ledger.statements,
        trains=ledger.trains,
        pipelines=pipelines,
        repositories=repositories,
        branches=Writable(pipelines, places),
        builder=Building(Builder(home, store, sources, extra=_for_builds())) if machine else NoBuilder(),
        store=store,
        refs=Refs(ledger),
        branched=ledger.branched,
        grounds=ground,
        pushes=NotedPushes(lambda service: places.folder(pipelines.source(service).name)),
        tags=PlacedTags(places, lambda service: pipelines.source(service).name),
        outbox=ledger.outbox,
        notifier=Notifying(pipelines),
        herald=Heralds(lambda: _herald(clock)) if serving else Silent(),
        new_id=new_id,
        host=_host(home),
        machine=machine,
    )
    worker = Worker(world, token, measures=measures)
    commands = Commands(world, worker.wake)
    # A command without a server does what it finds itself: nobody would be there to finish it.
    watcher = Watcher(world, commands, worker.wake, *((Pool(BUILDS).submit,) if serving else ()))
    return Headway(
        home, ledger, world, commands, worker, watcher, local, pipelines, checks, watched, places, databases, rehearsals, measures
    )


def _for_builds() -> Mapping[str, str]:
    """What the operator lets builds see of the server's environment: a package index, a proxy, a cache."""
    names = os.environ.get("HEADWAY_BUILD_VARIABLES", "").replace(",", " ").split()
    return {name: os.environ[name] for name in names if name in os.environ}


def _local(home: Path, store: FileStore, clock: SystemClock) -> LocalPlatform:
    # A machine for which the wheel has no Envoy names its own.
    named = os.environ.get("HEADWAY_ENVOY")
    envoy = Path(named) if named else None
    return LocalPlatform(home / "environments", secrets=resolve, artifacts=store.path, clock=clock, envoy=envoy)


class Watched:
    """The registered repositories and the policies over them. The ledger is asked once a second: another server may have changed them."""

    def __init__(self, ledger: Ledger, places: GitPlaces) -> None:
        self._ledger = ledger
        self._places = places
        self._lock = threading.Lock()
        self._asked = -LATEST
        self._sources: dict[tuple[str, str], Source] = {}
        self._where: tuple[str, str] | None = None
        self._text: PolicyText | None = None
        self._policies: tuple[tuple[str, str], Policies] | None = None

    def sources(self) -> list[Source]:
        """In the order they were added; a repository stays the same object, which knows what it has read."""
        with self._lock:
            self._refresh()
            return list(self._sources.values())

    def where(self) -> tuple[str, str] | None:
        """The path and the branch of the policies, if there are any."""
        with self._lock:
            self._refresh()
            return self._where

    def policies(self) -> Policies:
        """The policies as they are written now."""
        with self._lock:
            self._refresh()
            if self._text is None:
                return NONE
            told = self._text.read()
            if self._policies is None or self._policies[0] != told:
                self._policies = (told, read_policies(told[1], told[0]))
            return self._policies[1]

    def forget(self) -> None:
        """Ask the ledger again: something was changed here."""
        with self._lock:
            self._asked = -LATEST

    def _refresh(self) -> None:
        if time.monotonic() - self._asked < LATEST:
            return
        named = [(one.path, one.branch) for one in self._ledger.registry.repositories()]
        self._sources = {key: self._sources.get(key) or _source(self._places, *key) for key in named}
        setting = self._ledger.registry.get("policies")
        where = (json.loads(setting)["path"], json.loads(setting)["branch"]) if setting else None
        if where != self._where or (where is not None and self._text is None):
            self._where, self._text = where, PolicyText(Path(where[0]), where[1]) if where else None
        self._asked = time.monotonic()


def _policies(text: PolicyText) -> Policies:
    label, content = text.read()
    return read_policies(content, label)


def _told(reference: str) -> str:
    """What tells that a secret changed: its value, or, where only the cluster reads that, its name."""
    return reference if in_cluster(reference) else resolve(reference)


def _manifests(committed: Committed) -> Callable[[Place, str, str], Sequence[Mapping[str, Any]]]:
    return lambda place, commit, path: committed(place.service, commit, path)


def _kubernetes(where: "Whereabouts", committed: Committed, clock: SystemClock, key: bytes) -> Kubernetes:
    # Imported here: whoever has no cluster needs neither its client nor the time to load it.
    try:
        from headway.adapters.kubernetes.platform import KubernetesPlatform
    except ModuleNotFoundError as error:
        raise Unavailable(f"environments on Kubernetes need the client {error.name}: pip install 'headway[kubernetes]'") from error

    return KubernetesPlatform(
        clusters=where.cluster,
        manifests=_manifests(committed),
        secrets=resolve,
        keyed=lambda text: fingerprint(key, text),
        clock=clock,
    )


def _jobs(home: Path, where: "Whereabouts", clock: SystemClock) -> Jobs:
    try:
        from headway.adapters.kubernetes.checkjobs import JobChecks
    except ModuleNotFoundError as error:
        raise Unavailable(f"checks in a cluster need the client {error.name}: pip install 'headway[kubernetes]'") from error
    return JobChecks(home, where.cluster, resolve, clock)


def _migration_jobs(home: Path, sources: Sources, committed: Committed, clock: SystemClock, key: bytes) -> MigrationJobs:
    try:
        from headway.adapters.kubernetes.migrationjobs import JobMigrations
    except ModuleNotFoundError as error:
        raise Unavailable(f"migrations in a cluster need the client {error.name}: pip install 'headway[kubernetes]'") from error
    return JobMigrations(
        home,
        manifests=_manifests(committed),
        sources=sources,
        secrets=resolve,
        keyed=lambda text: fingerprint(key, text),
        clock=clock,
    )


def _understood(cluster: Cluster) -> None:
    # Imported here, as above; what asks it needs no client of the cluster.
    from headway.adapters.kubernetes.prometheus import check

    check(cluster, resolve)


def _herald(clock: SystemClock) -> Herald:
    from headway.adapters.kubernetes.events import Events

    return Events(clock)


class Whereabouts:
    """Which cluster a place is in. What runs there says it, not the file: that may have moved on."""

    def __init__(self, ledger: Ledger, pipelines: Pipelines) -> None:
        self._ledger = ledger
        self._pipelines = pipelines

    def __call__(self, place: Place) -> Cluster | None:
        record = self._ledger.records.place(place)
        active = self._ledger.records.standing(record.active) if record.active else None
        if active is not None and active.rollout.plan is not None:
            return active.rollout.plan.new.cluster
        if record.live is not None:
            return record.live.cluster
        declared = {stage.environment.name: stage.environment for stage in self._pipelines.stages(place.service)}
        return declared[place.environment].cluster if place.environment in declared else None

    def cluster(self, place: Place) -> Cluster:
        """The same for a place that is known to be in one."""
        found = self(place)
        if found is None:
            raise Contradiction(f"{place} is not on Kubernetes")
        return found


class Writable(Mapping[str, Branches]):
    """The same repositories, for the few branches that Headway writes."""

    def __init__(self, pipelines: Pipelines, places: GitPlaces) -> None:
        self._pipelines = pipelines
        self._places = places

    def __getitem__(self, service: str) -> Branches:
        return self._places.branches(self._pipelines.source(service).name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipelines.services())

    def __len__(self) -> int:
        return len(self._pipelines.services())


class Building:
    """The builder as the engine knows it: a recipe in, sentences out."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        built = self._builder.build(service, commit, recipe.build, recipe.checks, version=version)
        return Built(built.artifact, tuple(one.text for one in built.evidence), built.stamped)


class Notifying:
    """Notices by the targets of the protected branches, as they are when the notice goes out."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines

    def send(self, notice: Notice) -> None:
        Router({name: _notifier(target) for name, target in self._pipelines.notify().items()}).send(notice)


def _notifier(target: file.Webhook | file.Command) -> Notifier:
    if isinstance(target, file.Command):
        return Command(target.argv)
    reference = target.url.startswith(SCHEMES)
    return Webhook(resolve(target.url) if reference else target.url)


class Refs:
    """What the watcher has dealt with, in the ledger's registry."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def seen(self, repository: str, ref: str) -> str | None:
        return self._ledger.registry.seen_ref(repository, ref)

    def note(self, repository: str, ref: str, commit: str, event: Event) -> None:
        self._ledger.registry.note_ref(repository, ref, commit, event)


def _host(home: Path) -> str:
    """This home's own name, the same for as long as it exists: its local environments belong to it."""
    file = home / "host"
    try:
        if not file.exists():
            draft = home / f".host.{new_id()}"
            draft.write_text(new_id())
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)  # whoever links first wins
            draft.unlink()
        return file.read_text().strip()
    except OSError as error:
        raise Unavailable(f"{file} cannot be read or made: {error.strerror}") from error


def _source(places: GitPlaces, path: str, branch: str) -> Source:
    return Source(path, branch, places.repository(path))


# -- databases, with or without a pipeline


# -- one server, or one command, per home


@contextmanager
def connect(home: Path, database: str | None = None) -> Iterator[Verbs]:
    """The running server, or this process under the home's lock when none runs."""
    private(home)
    remote = Remote(socket_path(home))
    until = time.monotonic() + PATIENCE
    while not remote.answers():
        with locked(home) as mine:
            if mine:
                headway = build(home, database, serving=False)
                try:
                    yield headway
                finally:
                    headway.close()
                return
        if time.monotonic() > until:
            raise Unavailable(f"another Headway holds {home} and does not answer; wait for it, or look at `ps` for a `headway serve`")
        time.sleep(0.1)
    yield remote


def stop_everything(home: Path, database: str | None = None) -> None:
    """End what runs on this machine, through the server where there is one, and wait until it is gone."""
    private(home)
    remote = Remote(socket_path(home))
    if remote.answers():
        remote.call("down")
    until = time.monotonic() + STOPPING
    while time.monotonic() < until:
        with locked(home) as mine:
            if mine:
                headway = build(home, database, serving=True)
                if headway.platform is not None:
                    headway.platform.adopt()
                headway.close(stop=True)
                return
        time.sleep(0.1)
    raise Unavailable(f"the server in {home} is still stopping; look at its log")


@contextmanager
def locked(home: Path) -> Iterator[bool]:
    """Is this process the only one that works in this home? The lock goes when the process goes, however it goes."""
    file = os.open(home / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


@contextmanager
def patiently_locked(home: Path) -> Iterator[bool]:
    """The same for a server that starts: a command that is just at work here is done in a moment, another server is not."""
    until = time.monotonic() + PATIENCE
    while True:
        with locked(home) as mine:
            if mine or time.monotonic() > until or Remote(socket_path(home)).answers():
                yield mine
                return
        time.sleep(0.05)


def private(home: Path) -> None:
    """The home is its owner's alone: it holds the key and the ledger."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = home.stat()
    except OSError as error:
        raise Unavailable(f"the home {home} cannot be used: {error.strerror}; choose another with --home") from error
    if mode.st_uid != os.getuid():
        raise InvalidSpec(f"the home {home} belongs to another user; choose another with --home")
    if stat.S_IMODE(mode.st_mode) & 0o077:
        home.chmod(0o700)


# -- turning


class Running:
    """The server's threads: rollouts, refs, notices."""

    def __init__(self, headway: Headway) -> None:
        self._headway = headway
        self._stopping = threading.Event()
        self._threads = (
            threading.Thread(target=headway.worker.run, name="worker", daemon=True),
            threading.Thread(target=self._every, args=(1.0, self._leading(headway.watcher.look)), name="watcher", daemon=True),
            threading.Thread(target=self._every, args=(FETCHING, headway.fetch), name="fetcher", daemon=True),
            threading.Thread(target=self._every, args=(2.0, headway.watcher.branching.tend), name="branches", daemon=True),
            threading.Thread(target=self._every, args=(0.5, self._leading(lambda: deliver(headway.world))), name="outbox", daemon=True),
            threading.Thread(target=self._every, args=(5.0, self._leading(headway.training.look)), name="trains", daemon=True),
            threading.Thread(target=self._every, args=(2.0, self._leading(headway.item_runs.look)), name="checklists", daemon=True),
            threading.Thread(target=self._every, args=(1.0, self._leading(headway.rehearsal_runs.look)), name="rehearsals", daemon=True),
            threading.Thread(target=self._every, args=(5.0, self._leading(headway.upkeep.look)), name="backups", daemon=True),
            threading.Thread(target=self._every, args=(5.0, self._leading(headway.scheduled_resets.look)), name="resets", daemon=True),
            threading.Thread(target=self._every, args=(1.0, self._leading(headway.drifting.look)), name="drift", daemon=True),
            threading.Thread(target=self._every, args=(3600.0, headway.collect), name="collector", daemon=True),
        )

    def start(self) -> None:
        """Take over what runs, then turn."""
        if self._headway.platform is not None:
            self._headway.platform.adopt()
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Does everything turn? A thread that ended by a defect comes back with a new start only."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, *, everything: bool = False) -> None:
        """End the threads; what they started goes on, unless `everything`."""
        self._stopping.set()
        self._headway.worker.stop()
        for thread in self._threads:
            thread.join(timeout=10)
        with contextlib.suppress(Unavailable):
            self._headway.ledger.lead.give_up(self._headway.world.host)
        self._headway.close(stop=everything)

    def _leading(self, look: Callable[[], object]) -> Callable[[], object]:
        """The same look, on one server of several."""
        return lambda: look() if self._headway.leads() else None

    def _every(self, seconds: float, look: Callable[[], object]) -> None:
        import structlog

        from headway.errors import HeadwayError

        log = structlog.get_logger()
        while not self._stopping.is_set():
            try:
                look()
            except HeadwayError as error:
                log.warning("will try again", thread=threading.current_thread().name, error=str(error))
            except Exception:
                # A defect in one look must be seen and must not end the looking.
                log.exception("a look broke", thread=threading.current_thread().name)
            self._stopping.wait(seconds)
