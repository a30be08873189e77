"""Migrations as Jobs: one Job for each key, whoever asks and however often; the cluster keeps it, so that it outlives us.

A Job is made asleep, what its pod is told is written to go with it, and then it is let go: at whatever instant Headway dies, it was let go
or it was not, and the next Headway sees which.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from headway.adapters.databases import foreign
from headway.adapters.databases.address import address
from headway.adapters.folders import disk
from headway.adapters.kubernetes import migrated, migrationjob, record
from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.checkjobs import LINES, without
from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.kinds import CONFIG, JOB, POD, SECRET, Object, labels, name_of
from headway.adapters.kubernetes.pattern import pattern
from headway.adapters.kubernetes.render import opened, render
from headway.adapters.kubernetes.writing import TRIES
from headway.adapters.migrating import toolfiles
from headway.adapters.migrating.tools import agreed
from headway.adapters.secrets import in_cluster
from headway.environments.model import Cluster, Database, InCluster, Place
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Unavailable
from headway.migration.abilities import ByTool
from headway.migration.jobshipping import outlook_by_job
from headway.migration.model import Dialect, Kind
from headway.migration.shipping import Outlook
from headway.migration.toolshipping import Knows, Went, known, taken_by
from headway.ports import Clock
from headway.releases.model import Release
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe, RunState

ONE = 20
"""Of the log of a run that goes on, the lines that are looked at."""


class JobMigrations:
    """Implements ports.Migrations for databases that only pods of their namespace reach."""

    def __init__(
        self,
        home: Path,
        *,
        manifests: Callable[[Place, str, str], Sequence[Object]],
        sources: Callable[[str, str], Path],
        secrets: Callable[[str], str],
        keyed: Callable[[str], str],
        clock: Clock,
    ) -> None:
        """`home` is where logs are kept; `manifests` reads a path of a repository at a commit, `sources` gives the commit's folder.

        `secrets` gives the value of a reference, `keyed` hashes a text under this server's key.
        """
        self._home = home
        self._manifests = manifests
        self._sources = sources
        self._secrets = secrets
        self._keyed = keyed
        self._clock = clock
        self._clients = Clients()

    # -- before it starts

    def outlook(self, database: Database, release: Release, running: Sequence[Release]) -> Outlook:
        """What this release would do there, by its files, and why it may not."""
        spec, inside = release.migrations, _inside(database)
        if (mismatch := agreed(database, release)) is not None:
            return Outlook(refusals=(mismatch,))
        if spec is None:
            return Outlook()
        if not release.image:
            why = f"{release.version} has no image, and its migrations run in one; cut it with --image REF@sha256:…"
            return Outlook(refusals=(why,))
        files, readable = toolfiles.found(spec.tool, self._sources(release.service, release.commit) / spec.folder)
        made = foreign.kind(spec.tool)
        promises = foreign.tool(spec.tool, Path(), {}).promises(Dialect.POSTGRES)
        tool = ByTool(spec.tool, release.service, promises, spec.in_image or spec.command or made.usual, spec.url_in)
        knowing = [self._knows(one, release, spec.tool) for one in running]
        brought = migrated.read(self._api(inside.cluster), database.url)
        return outlook_by_job(tool, files, readable, brought.applied, database, inside, spec.folder, knowing)

    def _knows(self, one: Release, new: Release, tool: str) -> Knows:
        """What a release that runs has. One whose files cannot be read has none: then everything has to wait for it."""
        if one.commit == new.commit:
            return Knows(one.name, same=True)
        if one.migrations is None or one.migrations.tool != tool:
            return Knows(one.name)
        try:
            files, _ = toolfiles.found(tool, self._sources(one.service, one.commit) / one.migrations.folder)
        except InvalidSpec:
            return Knows(one.name)
        return Knows(one.name, known(files))

    def taken(self, database: Database, release: Release) -> tuple[str, ...]:
        """What was taken from the database that this release may need."""
        brought = migrated.read(self._api(_inside(database).cluster), database.url)
        if release.migrations is None or release.migrations.tool != database.tool:
            return taken_by(brought.went, frozenset(), ())
        files, _ = toolfiles.found(database.tool, self._sources(release.service, release.commit) / release.migrations.folder)
        return taken_by(brought.went, frozenset(one.name for one in files), ())

    # -- runs

    def start(self, place: Place, intent: Intent) -> None:
        """Start the run, unless this key was started, or stopped, before."""
        effect = intent.effect
        if not isinstance(effect, RunMigration):
            raise Contradiction(f"{intent.key} is to {effect.kind}, and no run on a database")
        database, inside = effect.shipping.database, _inside(effect.shipping.database)
        api = self._api(inside.cluster)
        record.enter(api, place, intent.fence)
        there = api.get(JOB, migrationjob.name(intent.key))
        if there is not None and not migrationjob.waiting(there):
            return
        if intent.key in migrated.read(api, database.url).stopped:
            return
        settings, job = self._made(place, intent.key, effect, inside)
        if there is None:
            try:
                there = api.put(JOB, job)
            except Conflict:
                there = api.get(JOB, name_of(job))  # somebody was quicker: ourselves before a crash
        if there is None or not migrationjob.waiting(there):
            return
        for thing in settings:
            api.apply(SECRET if thing["kind"] == SECRET.name else CONFIG, migrationjob.owned(thing, there))
        # Before it begins: of a run that nobody saw end, what it may have taken is taken.
        migrated.change(api, database.url, lambda brought: brought.begun(_went(effect, self._clock.now())))
        for _ in range(TRIES):
            try:
                api.put(JOB, migrationjob.let_go(there))
                break
            except Conflict:
                there = api.get(JOB, name_of(job))
                if there is None or not migrationjob.waiting(there):
                    return
        if intent.key in migrated.read(api, database.url).stopped:
            self.stop(intent.key, effect)  # it was stopped while it was made

    def _made(self, place: Place, key: str, effect: RunMigration, inside: InCluster) -> tuple[tuple[Object, ...], Object]:
        """The Job, and the ConfigMaps and Secrets that are its own, so that they go with it."""
        workload, database, cluster = effect.workload, effect.shipping.database, inside.cluster
        theirs = pattern(self._manifests(place, workload.commit, cluster.manifests), place.service, cluster.namespace, cluster.manifests)
        told = {name: self._secrets(one) for name, one in workload.configuration.secrets.items() if not in_cluster(one)}
        # Under the Job's own name: what the release's pods are told is theirs, and is made with them.
        made = render(opened(theirs), place, replace(workload, name=migrationjob.name(key)), told, self._keyed)
        variables, settings = self._address(place, key, effect)
        hidden = {one for one in (*workload.configuration.secrets.values(), database.url) if not in_cluster(one)}
        argv = (*_tool(effect).command, *foreign.kind(_tool(effect).name).ups)
        job = migrationjob.job(key, place, effect, argv, made.deployment, variables, sorted(hidden))
        return (*made.settings, *settings), job

    def _address(self, place: Place, key: str, effect: RunMigration) -> tuple[tuple[Object, ...], tuple[Object, ...]]:
        """The variables in which the tool finds the database, and the Secret of them, unless that is in the cluster already."""
        tool, database = _tool(effect), effect.shipping.database
        if in_cluster(database.url):
            name, _, field = database.url.partition(":")[2].partition("/")
            variable = "FLYWAY_URL" if tool.name == "flyway" else tool.url_in
            return ({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": field}}},), ()
        data = foreign.kind(tool.name).environment(address(self._secrets(database.url)), tool.url_in)
        secret = f"{migrationjob.name(key)}-database"
        metadata = {"name": secret, "labels": labels(place, effect.workload.name)}
        thing = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data, "immutable": True}
        return tuple({"name": one, "valueFrom": {"secretKeyRef": {"name": secret, "key": one}}} for one in sorted(data)), (thing,)

    def probe(self, intent: Intent, effect: RunMigration) -> Probe:
        """Was this run started, or was it stopped before it could be?"""
        database = effect.shipping.database
        api = self._api(_inside(database).cluster)
        thing = api.get(JOB, migrationjob.name(intent.key))
        if thing is not None and not migrationjob.waiting(thing):
            return Probe.DONE
        return Probe.DONE if intent.key in migrated.read(api, database.url).stopped else Probe.NOT_DONE

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        """How the run with this key is going; what it comes to is written on the Job, since its pod goes."""
        database = effect.shipping.database
        api = self._api(_inside(database).cluster)
        thing, log = api.get(JOB, migrationjob.name(key)), self._log(key)
        kept = str(log) if log.exists() else ""
        if thing is None:
            left = self._pods(api, key)
            if not left and key in migrated.read(api, database.url).stopped:
                return MigrationRun(RunState.STOPPED, "it was stopped before it began", log=kept)
            return replace(migrationjob.removed(key, left, self._told(effect)), log=kept)
        if (said := migrationjob.verdict(thing)) is not None:
            return replace(self._concluded(api, key, thing, said, effect), log=kept)
        pods = self._pods(api, key)
        told = self._told(effect, self._said(api, thing, pods, ONE))
        run = migrationjob.seen(thing, pods, self._clock.now(), told)
        if run.state is RunState.RUNNING:
            return run
        if printed := self._said(api, thing, pods, LINES):
            with disk(f"keep the log of {migrationjob.name(key)}"):
                log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                log.write_text("\n".join(printed) + "\n")
        if run.state is RunState.PASSED:
            _through(api, effect)
        end = run.state is not RunState.PASSED and migrationjob.unfinished(thing, pods)
        self._conclude(api, thing, run, end=end)
        kept = str(log) if log.exists() else ""
        return self._over_soon(thing, run, kept) if end else replace(run, log=kept)

    def _concluded(self, api: Api, key: str, thing: Object, said: MigrationRun, effect: RunMigration) -> MigrationRun:
        """What somebody wrote on it; only once it is over, so that nothing is begun beside it."""
        if migrationjob.ending(thing):
            return self._over_soon(thing, said)
        if said.state is not RunState.PASSED and migrationjob.got_through(thing):
            run = migrationjob.seen(thing, self._pods(api, key), self._clock.now(), self._told(effect))
            if run.state is not RunState.PASSED:
                return run  # its program ended well because it was told to go, or the evidence is gone
            _through(api, effect)
            return MigrationRun(RunState.PASSED, f"{effect.shipping.where} was migrated before the Job could be ended")
        return said

    @staticmethod
    def _over_soon(thing: Object, run: MigrationRun, log: str = "") -> MigrationRun:
        return MigrationRun(RunState.RUNNING, f"{run.text}; the cluster ends the Job {name_of(thing)}", log=log)

    def stop(self, key: str, effect: RunMigration) -> None:
        """End it, if it still runs; a start that comes later starts nothing."""
        database = effect.shipping.database
        api = self._api(_inside(database).cluster)
        migrated.change(api, database.url, lambda brought: brought.without(key))
        for _ in range(TRIES):
            thing = api.get(JOB, migrationjob.name(key))
            if thing is None or migrationjob.verdict(thing) is not None or migrationjob.over(thing):
                return
            if self._conclude(api, thing, MigrationRun(RunState.STOPPED, f"the run on {effect.shipping.where} was stopped"), end=True):
                return
        raise Unavailable(f"the Job {migrationjob.name(key)} could not be stopped: it is written by somebody else all the time")

    def close(self) -> None:
        """Let go of the connections; what runs goes on."""
        self._clients.close()

    # -- inside

    def _conclude(self, api: Api, thing: Object, run: MigrationRun, *, end: bool) -> bool:
        try:
            api.put(JOB, migrationjob.concluded(thing, run, end=end))
        except Conflict:
            return False  # the cluster wrote to it just now: whoever looks next finds the same and tries again
        return True

    def _told(self, effect: RunMigration, printed: tuple[str, ...] = ()) -> migrationjob.Told:
        return migrationjob.Told(_tool(effect), effect.shipping.where, tuple(one.title for one in effect.shipping.apply), printed)

    def _said(self, api: Api, thing: Object, pods: Iterable[Object], lines: int) -> tuple[str, ...]:
        """What it printed, without what must not be seen. A secret that cannot be had any more keeps the whole log away."""
        newest = max(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
        if newest is None:
            return ()
        inits = newest["spec"].get("initContainers") or ()
        containers = [one["name"] for one in inits if one.get("name") == migrationjob.BACKUP] + [migrationjob.MIGRATE]
        said = tuple(line for one in containers for line in api.log(name_of(newest), one, lines))
        try:
            told = (value for one in migrationjob.hidden(thing) for value in self._values(one))
            values = {line for value in told for line in value.splitlines() if line.strip()}
        except HeadwayError as error:
            return (f"(not shown, for a secret that it may contain cannot be looked up: {error})",) if said else ()
        return tuple(without(line, values) for line in said)

    def _values(self, reference: str) -> tuple[str, ...]:
        """A secret, and what of a database's URL is secret by itself: a driver may quote the password without the rest."""
        value = self._secrets(reference)
        try:
            return (value, *(address(value).secrets if "://" in value else ()))
        except HeadwayError:
            return (value,)

    @staticmethod
    def _pods(api: Api, key: str) -> Sequence[Object]:
        return tuple(api.list(POD, {migrationjob.LABEL: migrationjob.name(key)}))

    def _log(self, key: str) -> Path:
        return self._home / "migrations" / migrationjob.name(key) / "log"

    def _api(self, cluster: Cluster) -> Api:
        return self._clients.of(cluster)


def _inside(database: Database) -> InCluster:
    if database.inside is None:
        raise Contradiction(f"{database.url} is not migrated by a Job")
    return database.inside


def _tool(effect: RunMigration) -> ByTool:
    if effect.shipping.tool is None:
        raise Contradiction("a Job migrates by the release's own tool, and its plan names none")
    return effect.shipping.tool


def _went(effect: RunMigration, now: datetime) -> tuple[Went, ...]:
    at = f"{now:%Y-%m-%d %H:%M}"
    return tuple(Went(one.title, one.kind is Kind.CONTRACT, one.took, at) for one in effect.shipping.apply)


def _through(api: Api, effect: RunMigration) -> None:
    names = tuple(one.title for one in effect.shipping.apply)
    migrated.change(api, effect.shipping.database.url, lambda brought: brought.through(names))
