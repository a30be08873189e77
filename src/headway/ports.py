"""What the engine needs from the world, as Protocols of two to six methods.

Everything here raises `Unavailable` when the world does not answer, and `Fenced` when somebody newer owns the target. Doing a
thing twice is the same as doing it once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from headway.analysis.lately import Lately
from headway.analysis.model import Readings
from headway.environments.branches import BranchEnvironment
from headway.environments.manifests.changes import Preview
from headway.environments.manifests.model import Told
from headway.environments.model import Cluster, Database, Place, Scaling
from headway.migration.keeping import Chore, Shelf
from headway.migration.shipping import Anew, Outlook, Shipping
from headway.promotion.model import Approval, Passed, Quarantine, Stage, Statement
from headway.releases.decision import Reason
from headway.releases.history import History, Tag
from headway.releases.images import Found
from headway.releases.lines import Line, Naming
from headway.releases.model import Artifact, CheckSpec, Recipe, Release
from headway.releases.policy import Policy
from headway.releases.tagging import ReleaseTag
from headway.rollout.adoption import Foundling
from headway.rollout.model import Intent, Rollout, RunMigration, Workload
from headway.rollout.news import News
from headway.rollout.seen import CheckRun, MigrationRun, Probe, Sight, Signal
from headway.trains.forward import Landed
from headway.trains.model import Hotfix, Timetable, Train


class Clock(Protocol):
    """The only source of now; timezone-aware, UTC."""

    def now(self) -> datetime: ...


class Platform(Protocol):
    """Where releases run: processes on this machine, or a cluster. Strategies know neither.

    Every write carries the intent's fence; the target keeps the highest fence it has seen per place and refuses a lower one.
    """

    def act(self, place: Place, intent: Intent) -> None:
        """Do SetReplicas or SetWeights. Short: what takes time shows in look()."""
        ...

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this intent done? Asked after a crash, before repeating."""
        ...

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        """What runs there now, and how traffic is routed, as the target itself reports it.

        `lately`: for who looks every moment. All but the instances may then be as it was some seconds ago, never as before an act.
        """
        ...

    def measure(self, place: Place) -> Readings:
        """The proxies' cumulative counters of each release, all from the same scrape."""
        ...

    def url(self, place: Place, workload: str | None = None) -> str:
        """Where users, and checks, reach the place; or one workload alone, whatever the weights, once it has a ready instance."""
        ...

    def by_hand(self, place: Place, bad: str, good: str) -> Sequence[str]:
        """The commands that move all traffic from one workload to another while no Headway runs; printed beforehand."""
        ...


class Adoptions(Protocol):
    """What serves in a place although no Headway started it."""

    def find(self, place: Place, commit: str) -> Foundling | None:
        """What it is, by the manifests of that commit; None where nothing serves, or only what Headway made. Nothing is touched."""
        ...


class Manifests(Protocol):
    """What a commit wants to be on a cluster, looked at before anything is sent there."""

    def inspect(self, service: str, commit: str, cluster: Cluster) -> Sequence[Told]:
        """Everything that is wrong with them. Asking twice costs little."""
        ...

    def routed(self, service: str, commit: str, cluster: Cluster) -> bool | None:
        """Does a gateway's route of theirs lead to the service? None where the manifests are not fit to tell."""
        ...

    def scaling(self, service: str, commit: str, cluster: Cluster) -> Scaling | None:
        """Between how many replicas an autoscaler of theirs keeps a release; None where Headway sets the number."""
        ...


class Previews(Protocol):
    """What a cluster says of a release before anything of it is there."""

    def preview(self, place: Place, new: Workload, live: Workload | None, *, anew: bool = False) -> Preview:
        """What sending it would meet, and what would be other than of the live one. Asking twice costs little, unless `anew`.

        Unavailable if the cluster does not answer. Nothing is touched.
        """
        ...


class Images(Protocol):
    """What the registries know of images that were built elsewhere."""

    def by_digest(self, image: str) -> str:
        """`REPOSITORY@sha256:…` for what `REPOSITORY:TAG` means now. Refused if there is none of that name."""
        ...

    def look(self, image: str, tag: str = "", *, anew: bool = False) -> Found:
        """What its registry has under `REPOSITORY@sha256:…`, and what the tag means now. Asking twice costs little, unless `anew`.

        Refused where the registry lets nobody look without a login; Unavailable if it does not answer.
        """
        ...

    def copied(self, image: str, to: str) -> str:
        """Have an image, by its digest, in the repository `to`: empty once it is there, else how far it is. Asking begins it, and goes on.

        Unavailable, or Refused, with why it came to nothing, for a while; then it is tried again.
        """
        ...


class Live(Protocol):
    """What the release that is live in a place does just now."""

    def measured(self, place: Place, workload: str) -> Lately | None:
        """Its requests and failures of the last minutes; None if that is not known, or not yet."""
        ...


class Grounds(Protocol):
    """Environments that come and go, as a whole."""

    def rest(self, environment: str) -> None:
        """Stop all that runs there and keep what was declared; what is asked for there next starts it again. Twice is as good as once."""
        ...

    def clear(self, place: Place) -> None:
        """Remove the service from there in order: its instances, its address, its files; with the last one the environment goes."""
        ...


class Checks(Protocol):
    """Runs check commands so that they outlive us; one run per intent key, however often it is started."""

    def users(self, path: str, rate: float, seconds: float) -> CheckSpec:
        """A check that asks for this path so many times a second, for so long. It says nothing of the answers: the judge does."""
        ...

    def start(self, place: Place, intent: Intent, url: str) -> None:
        """Start the command of a StartCheck, unless this key was started before."""
        ...

    def probe(self, place: Place, key: str) -> Probe:
        """Was a run with this key started?"""
        ...

    def look(self, place: Place, key: str) -> CheckRun:
        """How the run with this key is going."""
        ...

    def stop(self, place: Place, key: str) -> None:
        """End it, if it still runs."""
        ...


class Migrations(Protocol):
    """The databases that releases keep their data in. Runs outlive us; one run per intent key, however often it is started.

    The database's own ledger is the truth: every run reads it under the lock before it acts.
    """

    def outlook(self, database: Database, release: Release, running: Sequence[Release], anew: Anew | None = None) -> Outlook:
        """What this release would do there, and why it may not; `running` are the releases that live on the database now.

        `anew`: whether, and why, the database may be made anew; None: never. Unavailable if the database does not answer. Nothing is
        touched.
        """
        ...

    def taken(self, database: Database, release: Release) -> Sequence[str]:
        """What was taken from the database that this release may need, in sentences; empty when it can run there."""
        ...

    def start(self, place: Place, intent: Intent) -> None:
        """Start the run of a RunMigration, unless this key was started, or stopped, before."""
        ...

    def probe(self, place: Place, intent: Intent) -> Probe:
        """Was this run started? Where no trace of it is left, the database's ledger answers; unknown if that has an unfinished row."""
        ...

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        """How the run with this key is going; of one that was lost, what the database's ledger says became of it."""
        ...

    def stop(self, key: str, effect: RunMigration) -> None:
        """End it, if it still runs, and let it not be started any more: what is in a transaction is rolled back."""
        ...

    def remove(self, database: Database) -> Sequence[str]:
        """Remove a branch's own database, if it is one that a run made; what came of it, in sentences. Twice is as good as once."""
        ...


@dataclass(frozen=True, slots=True)
class Alive:
    """A release that lives on a database, and what must pass where it does."""

    place: Place
    workload: Workload
    checks: tuple[CheckSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsing:
    """What to try on a clone: the release's migrations, and then each of those that live there, on the schema that comes of it."""

    place: Place
    release: Release
    shipping: Shipping
    lives: tuple[Alive, ...] = ()


class Rehearsals(Protocol):
    """Tries out migrations before anybody approves them. Runs outlive us; one run per key, however often it is started.

    The database itself is read and never changed.
    """

    def start(self, key: str, what: Rehearsing) -> None:
        """Start it, unless this key was started, or stopped, before."""
        ...

    def look(self, key: str) -> MigrationRun | None:
        """How the run with this key is going; None if it was never started."""
        ...

    def stop(self, key: str) -> None:
        """End it, if it still runs; its clone goes."""
        ...


class Shelves(Protocol):
    """The backups of databases that are made by the clock. What is done outlives us; what there is, the shelf says."""

    def look(self, database: Database) -> Shelf:
        """What is kept of it, and how the last chores went. The database itself is not asked."""
        ...

    def start(self, database: Database, chore: Chore, now: datetime) -> None:
        """Begin a backup, or a proof that the newest restores, unless one is under way."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record, written before the deed: who, what, why and the numbers."""

    at: datetime
    who: str
    what: str
    why: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people, delivered after the record is written, retried, never blocking a rollout."""

    target: str
    title: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A rollout that this worker holds for now, with the revision it was read at and its unread signals."""

    rollout: Rollout
    lease: str
    """The holder's token; every save checks it."""
    until: datetime
    revision: int
    signals: tuple[Signal, ...] = ()
    wake: int = 0
    """How many signals had ever come when it was read; the ledger compares it, nobody else."""


class Herald(Protocol):
    """Tells what becomes of a release to whoever looks at the place where it runs."""

    def tell(self, news: News) -> None:
        """Say it there, soon. Waits for nobody and never fails: a rollout does not hang on it."""
        ...


class Rollouts(Protocol):
    """The records that the engine turns. Every save is one transaction."""

    def add(self, rollout: Rollout, events: Sequence[Event], *, cancel: Sequence[str] = ()) -> None:
        """Queue a rollout, due at once; cancel the pending ones named, which it supersedes."""
        ...

    def claim(self, now: datetime, until: datetime, token: str, most: int, host: str = "") -> Sequence[Held]:
        """Take what is due and free (or whose lease ran out), least recently turned first; only this host's and nobody's own."""
        ...

    def take_over(self, host: str, now: datetime) -> int:
        """End every lease on this host's rollouts: its lock is ours, so whoever held them is dead. How many there were."""
        ...

    def refresh(self, held: Held) -> Held:
        """The same rollout with the signals that came since; Fenced if the lease is lost. Writes nothing."""
        ...

    def save(
        self,
        held: Held,
        rollout: Rollout,
        *,
        why: str,
        due: datetime | None,
        until: datetime | None,
        events: Sequence[Event] = (),
        notices: Sequence[Notice] = (),
        quarantine: Quarantine | None = None,
        now: datetime,
    ) -> Held:
        """Write the next record and consume the signals `held` carried.

        `until` None gives the lease back. `due` None: only a signal wakes it. Signals that came since `held` was read keep it due, and
        nothing ends over one: Unheard then. Fenced if the lease or revision is lost; Unavailable if the database is. Contradiction if the
        place already has an active rollout or its generation is not one less than the rollout's that starts.
        """
        ...

    def signal(self, id: str, signal: Signal, events: Sequence[Event] = ()) -> None:
        """Put a person's word in the inbox and make the rollout due. Refused where it has ended: nobody would hear it there."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A rollout as people see it: the record and why it waits."""

    rollout: Rollout
    why: str
    due: datetime | None
    updated: datetime


@dataclass(frozen=True, slots=True)
class PlaceRecord:
    """What the ledger knows of a place: generation, what is live (the last completed or rolled-back-to workload), who is active."""

    place: Place
    generation: int = 0
    live: Workload | None = None
    live_release: str | None = None
    before: Workload | None = None
    before_release: str | None = None
    active: str | None = None


@dataclass(frozen=True, slots=True)
class Tallied:
    """How many rollouts are in one phase in one environment, and since when the first of them was asked for."""

    environment: str
    phase: str
    """As it is on the record: a newer Headway may have others."""
    count: int
    oldest: datetime


class Records(Protocol):
    """Reading the record, for deciding and for showing."""

    def place(self, place: Place) -> PlaceRecord: ...

    def standing(self, id: str) -> Standing | None: ...

    def standings(self, *, place: Place | None = None, ended: bool = True, most: int = 200) -> Sequence[Standing]:
        """Newest first."""
        ...

    def tally(self) -> Sequence[Tallied]:
        """Those that have not ended, counted by environment and phase; in that order."""
        ...

    def waiting(self, service: str) -> Sequence[str]:
        """The rollouts of a service that have not started, oldest first."""
        ...

    def events(self, id: str | None = None, most: int = 1000) -> Sequence["Recorded"]:
        """The events of one stream (a rollout's id, or `release:NAME`), or of all, oldest first."""
        ...

    def verify(self) -> Sequence[str]:
        """What is wrong with the chains of events; empty when nothing was edited."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event in its chain."""

    stream: str
    number: int
    event: Event
    hash: str


class Releases(Protocol):
    """Releases, and what people and checks said of them."""

    def add(self, release: Release, events: Sequence[Event]) -> None:
        """Record a release; the same again is nothing, another under the same name is Refused."""
        ...

    def get(self, name: str) -> Release | None: ...

    def all(self, service: str | None = None, most: int = 200) -> Sequence[Release]:
        """Newest first."""
        ...

    def withdraw(self, name: str, why: str, event: Event) -> None: ...


class Words(Protocol):
    """What was said of releases: approvals, manual checks, quarantines, where each release passed."""

    def approve(self, approval: Approval, event: Event) -> None: ...

    def approvals(self, release: str, environment: str) -> Sequence[Approval]: ...

    def passed(self, digest: str, service: str) -> Sequence[Passed]:
        """In which environments this artifact completed a rollout, and manual checks passed or failed, newest last."""
        ...

    def tick(self, passed: Passed, event: Event) -> None:
        """Record a manual check."""
        ...

    def quarantines(self, service: str) -> Sequence[Quarantine]:
        """Those still standing."""
        ...

    def clear(self, release: str, event: Event) -> None:
        """Lift a quarantine."""
        ...


class Statements(Protocol):
    """What people say of one release for one stage besides approving it: ticks, advice, overrides of a freeze."""

    def state(self, statement: Statement, event: Event, notices: Sequence[Notice] = ()) -> None:
        """Keep it with its event, and send these, all in one transaction."""
        ...

    def statements(self, release: str, environment: str) -> Sequence[Statement]:
        """In the order in which they were said."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A train or a hotfix as it stands, with the revision that the next save must name."""

    train: Train | Hotfix
    revision: int


class Trains(Protocol):
    """Trains and hotfixes. Every save is one transaction with its events; Fenced if somebody saved it since it was read."""

    def save(self, train: Train | Hotfix, revision: int | None, events: Sequence[Event], notices: Sequence[Notice] = ()) -> None:
        """Keep it; `revision` None: it is new. Refused if a timetable would have two ongoing or two upcoming trains."""
        ...

    def trains(self, service: str, most: int = 100) -> Sequence[Kept]:
        """Newest departure first."""
        ...

    def hotfixes(self, service: str, most: int = 100) -> Sequence[Kept]:
        """Newest first."""
        ...


class Branched(Protocol):
    """The environments of branches. Every save is one transaction with its event."""

    def save(self, one: BranchEnvironment, event: Event) -> None:
        """Keep it. With the state LEAVING its place is vacated: nothing is live there, and whoever acted there before is too late."""
        ...

    def get(self, place: Place) -> BranchEnvironment | None: ...

    def all(self, service: str | None = None) -> Sequence[BranchEnvironment]:
        """Those that have not ended, oldest first."""
        ...


class Outbox(Protocol):
    """Notices written with a record and not yet delivered."""

    def due(self, now: datetime, most: int) -> Sequence[tuple[int, Notice, int]]:
        """Number, notice, tries so far."""
        ...

    def delivered(self, number: int, now: datetime) -> None: ...

    def failed(self, number: int, why: str, again: datetime | None) -> None:
        """Try again then, or give up (None); the reason is kept."""
        ...


class Notifier(Protocol):
    """Carries one notice to people: a webhook, a command."""

    def send(self, notice: Notice) -> None: ...


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `reverts` and `fixes` are what its message names: full or short ids, or release versions."""

    id: str
    author: str
    committed: datetime
    subject: str
    reverts: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    trailers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """One file that differs between two commits, and by how many lines; what is no text has none."""

    path: str
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge: the branch's new head, or the files that did not merge; then nothing was changed."""

    commit: str | None
    conflicts: tuple[str, ...] = ()


class Branches(Protocol):
    """Writes branches of a git repository: those of trains and hotfixes, and a fix into an open line. Never a history anew."""

    def create(self, branch: str, commit: str) -> None:
        """Make a branch there; the same again is nothing, another commit under that name is Refused."""
        ...

    def pick(self, branch: str, commit: str, by: str) -> Merged:
        """Put one commit's change on top of a branch."""
        ...

    def merge(self, branch: str, commit: str, by: str, message: str) -> Merged:
        """Merge a commit into a branch; one that has it already is as it was. Refused where somebody has the branch checked out."""
        ...


class Repository(Protocol):
    """A git repository, read only."""

    def refs(self) -> Mapping[str, str]:
        """Branches and tags (`main`, `feature/x`, `refs/tags/v1`) to commit ids."""
        ...

    def pulls(self) -> Mapping[str, str]:
        """The heads of pull requests (`refs/pull/7/head`) to commit ids, where the repository's server keeps them."""
        ...

    def resolve(self, revision: str) -> Commit:
        """Refused with the nearest names if there is none."""
        ...

    def between(self, old: str | None, new: str) -> Sequence[Commit]:
        """Commits reachable from new and not from old, oldest first."""
        ...

    def mainline(self, old: str, new: str) -> Sequence[Commit]:
        """The commits that new has and old has not, following first parents only, oldest first: what was merged one after the other."""
        ...

    def contains(self, commit: str, ancestor: str) -> bool: ...

    def changed(self, old: str, new: str) -> Sequence[Changed]:
        """The files that differ between two commits."""
        ...

    def landed(self, old: str, new: str, files: Sequence[str]) -> Sequence[Landed]:
        """The commits that new has and old has not, oldest first, without merges: their changes of these files, so as to be known again."""
        ...

    def altogether(self, old: str, new: str) -> str:
        """The patch id of everything between two commits as one change; empty if there is nothing."""
        ...

    def fork(self, one: str, other: str) -> str | None:
        """The last commit that two lines share; None if they share none."""
        ...

    def history(self, commit: str, naming: Naming, line: Line | None, also: Sequence[Tag] = (), folder: str = "") -> History:
        """The past of a commit as far as its version is concerned; `also` are versions that are on record without a tag.

        With a folder, only commits that touch it count.
        """
        ...

    def compared(self, last: str, commit: str, policy: Policy, today: date) -> Sequence[Reason]:
        """What the interface and the migrations ask of the next version; Unavailable if it cannot be told."""
        ...

    def read(self, commit: str, path: str) -> str | None:
        """A file's text at that commit."""
        ...

    def export(self, commit: str, into: Path) -> None:
        """Write the commit's tree into an empty folder: what is committed and nothing else."""
        ...


class Tags(Protocol):
    """The tags of releases in the users' repositories, by service."""

    def look(self, service: str, name: str) -> ReleaseTag | None:
        """The tag of that name, whoever made it."""
        ...

    def make(self, service: str, tag: ReleaseTag, by: str, at: datetime) -> bool:
        """Make an annotated tag; False if it was there. Refused if there is another of that name, or if it cannot be signed."""
        ...

    def publishes(self, service: str) -> bool:
        """Whether a tag is where the others find it once it is made; else somebody has to push it."""
        ...


class Store(Protocol):
    """Artifacts by digest: immutable, deduplicated, collected by policy."""

    def put(self, folder: Path) -> Artifact:
        """Store a tree; a tree that is already there costs nothing."""
        ...

    def take(self, archive: Path, digest: str) -> Artifact:
        """Store what CI built elsewhere (a folder or an archive); Refused if its digest is not the one given."""
        ...

    def path(self, digest: str) -> Path:
        """The stored tree, verified now against its digest; Failed if it was tampered with, Unavailable if it is not here."""
        ...

    def collect(self, keep: frozenset[str]) -> Sequence[str]:
        """Remove all but these; returns the digests removed."""
        ...


@dataclass(frozen=True, slots=True)
class Built:
    """What came of building a commit: the artifact, and a sentence per check that it passed on the way."""

    artifact: Artifact
    evidence: tuple[str, ...] = ()
    stamped: Mapping[str, str] = field(default_factory=dict)
    """What was written as the version, by file."""


class Builder(Protocol):
    """Turns a commit into an artifact: clean export, checks, build, store."""

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        """Failed when a check or the build says no, with its last lines and where the log is.

        `version` is written into the files that the recipe stamps, and changes nothing else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Home:
    """Where a service comes from: a registered repository, and the protected branch whose file governs."""

    name: str
    branch: str


@dataclass(frozen=True, slots=True)
class Governed:
    """A registered repository as it is now: where its branches and tags lead, and the way of each of its services."""

    home: Home
    refs: Mapping[str, str]
    stages: Mapping[str, Sequence[Stage]]
    """By service, in pipeline order. The very same object for as long as the file that governs says the same."""
    trains: Mapping[str, Sequence[Timetable]] = field(default_factory=dict)
    """The timetables of those services that have any."""


class Pipelines(Protocol):
    """The files: the pipeline as the protected branch declares it, the recipe as the release's own commit does."""

    def governed(self) -> Sequence[Governed]:
        """Every repository whose file can be read, each looked at once: for whoever asks about all of them again and again."""
        ...

    def services(self) -> Sequence[str]:
        """Every service that a registered repository's protected branch names."""
        ...

    def recipe(self, service: str, commit: str) -> Recipe:
        """InvalidSpec or Refused if that commit's file has no such service."""
        ...

    def stage(self, place: Place) -> Stage:
        """Refused if the file has no such environment or service."""
        ...

    def stages(self, service: str) -> Sequence[Stage]:
        """In pipeline order."""
        ...

    def versions(self, service: str) -> Policy:
        """How its versions are numbered."""
        ...

    def trains(self, service: str) -> Sequence[Timetable]:
        """The timetables by which its releases leave."""
        ...

    def repository(self, service: str) -> Home:
        """The repository that has this service: what is built from it is built one after the other."""
        ...


@dataclass(frozen=True, slots=True)
class Pushed:
    """Who pushed, and how that is known: `GL_USER, says the repository's server`, `as the commit claims`."""

    by: str
    identity: str


class Pushes(Protocol):
    """Who pushed what, as the servers of the repositories noted it."""

    def pushed(self, service: str, ref: str, commit: str) -> Pushed | None:
        """Who last put this commit there; None where nobody noted it."""
        ...


class SeenRefs(Protocol):
    """What the ref watcher has dealt with, so that a restart neither forgets a push nor repeats one."""

    def seen(self, repository: str, ref: str) -> str | None:
        """The commit that was last dealt with there."""
        ...

    def note(self, repository: str, ref: str, commit: str, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """All that the engine can touch."""

    clock: Clock
    platform: Platform
    adoptions: Adoptions
    manifests: Manifests
    previews: Previews
    images: Images
    live: Live
    checks: Checks
    migrations: Migrations
    rehearsals: Rehearsals
    shelves: Shelves
    rollouts: Rollouts
    records: Records
    releases: Releases
    words: Words
    statements: Statements
    trains: Trains
    pipelines: Pipelines
    repositories: Mapping[str, Repository]
    """By service."""
    builder: Builder
    store: Store
    branches: Mapping[str, Branches]
    """By service."""
    refs: "SeenRefs"
    pushes: Pushes
    branched: Branched
    grounds: Grounds
    tags: Tags
    outbox: Outbox
    notifier: Notifier
    herald: Herald
    new_id: Callable[[], str]
    host: str = ""
    """Whose machine this is: local environments belong to a host."""
    machine: bool = True
    """Is there one? A server in a cluster has none, and no local environment."""
