"""Migrations as Jobs, one by one: at whatever instant Headway dies, one key is one pod; and of one that vanished nobody claims to know."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kube_stand import PLACE, RealClock, Stand, manifests, release, standing
from stand import Namespace, Object, until

from headway.adapters.kubernetes import migrated, migrationjob
from headway.adapters.kubernetes.migrationjobs import JobMigrations
from headway.environments.model import Database, InCluster
from headway.errors import Unavailable
from headway.migration.abilities import ByTool, Promises
from headway.migration.model import Kind
from headway.migration.shipping import Shipped, Shipping
from headway.rollout.model import Intent, RunMigration
from headway.rollout.seen import MigrationRun, Probe, RunState

OURS = "postgres://shop:of-headway@db/shop"
SECRET = "postgres://shop:of-the-shop@db/shop"


@pytest.fixture
def stand(namespace: Namespace, little: Callable[..., str]) -> Iterator[Stand]:
    with standing(namespace, manifests(little("1.0.0"))) as made:
        yield made


class Runs:
    """Migrations of one stand, each by a command of the little service in the place of a tool."""

    def __init__(self, stand: Stand, image: str, home: Path) -> None:
        self.stand, self.home = stand, home
        self.workload = release("1.0.0", image, {"TOLD_SIZE": "small"}, {"TOLD_TOKEN": "env:TOKEN"})
        self.port = JobMigrations(
            home,
            manifests=lambda place, commit, path: tuple(stand.manifests),
            sources=lambda service, commit: home,
            secrets=lambda reference: OURS if reference == "env:DB" else f"the value of {reference}",
            keyed=lambda text: f"{hash(text) & 0xFFFFFFFFFF:010x}",
            clock=RealClock(),
        )

    def of(self, command: str, url: str = "kubernetes:theirs/url", timeout: float = 60.0, backup: str = "") -> Intent:
        inside = InCluster(self.stand.cluster, timeout, tuple(backup.split()))
        tool = ByTool("dbmate", "shop", Promises(atomic=True, has_down=True, has_checksum=False), tuple(command.split()), "TOLD_URL")
        database = Database(url, tool="dbmate", inside=inside)
        shipping = Shipping(database, f"the database of {url}", "db", (Shipped(1, f"{command}.sql", "", Kind.CONTRACT),), tool=tool)
        return self.stand.intent(RunMigration("migrate", self.workload, shipping))

    def started(self, command: str, url: str = "kubernetes:theirs/url", timeout: float = 60.0, backup: str = "") -> Intent:
        intent = self.of(command, url, timeout, backup)
        self.port.start(PLACE, intent)
        assert self.probe(intent) is Probe.DONE
        return intent

    def probe(self, intent: Intent) -> Probe:
        return self.port.probe(intent, effect_of(intent))

    def look(self, intent: Intent) -> MigrationRun:
        return self.port.look(intent.key, effect_of(intent))

    def end(self, intent: Intent) -> MigrationRun:
        found: MigrationRun = until(f"the end of {intent.key}", lambda: self._ended(intent))
        return found

    def _ended(self, intent: Intent) -> MigrationRun | None:
        run = self.look(intent)
        return run if run.state is not RunState.RUNNING else None

    def runs(self, intent: Intent) -> str:
        """The pod at work."""
        until(f"{intent.key} at work", lambda: "as the Job" in self.look(intent).text)
        return self.pods(self.look(intent).text.rpartition("as the Job ")[2].split(":")[0])[0]

    def pods(self, job: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.stand.namespace.all("pods", f"headway/migration={job}")]


def effect_of(intent: Intent) -> RunMigration:
    assert isinstance(intent.effect, RunMigration)
    return intent.effect


def test_one_key_is_one_pod_and_its_end_is_told_as_it_was(
    stand: Stand, little: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = stand.namespace
    space.kubectl("create", "secret", "generic", "theirs", f"--from-literal=url={SECRET}")
    runs = Runs(stand, little("1.0.0"), tmp_path)
    try:
        # All at once, since most of each is waiting.
        good, bad = runs.started("/little exit 0"), runs.started("/little exit 3", "env:DB")
        vanishes, stopped = runs.started("/little serve"), runs.started("/little serve once")
        told, evicted = runs.started("/little serve on"), runs.started("/little serve away")
        late, unsaved = runs.started("/little serve late", timeout=4.0), runs.started("/little exit 0", backup="/little exit 5")
        cut_short = _cut_short(runs, monkeypatch)
        # At once: one that ends in good order when it is told to says that it did its work, and its Job says so too.
        space.kubectl("delete", "pod", runs.runs(vanishes), "--force", "--grace-period=0")
        space.kubectl("delete", "pod", runs.runs(told), "--wait=false")
        space.evict(runs.runs(evicted))
        runs.runs(stopped)
        runs.port.stop(stopped.key, effect_of(stopped))
        assert runs.look(stopped).state in {RunState.RUNNING, RunState.STOPPED}
        _never_begins(runs)

        assert runs.end(good).state is RunState.PASSED
        _what_it_was_told(runs, good)
        assert runs.end(bad).text.startswith("the migration failed: dbmate")
        assert "TOLD_URL=***" in Path(runs.end(bad).log).read_text()
        assert runs.end(cut_short).state is RunState.PASSED
        assert runs.end(vanishes).state is RunState.STUCK
        assert runs.end(vanishes).text.endswith("then retry (what is there it leaves alone) or abort")
        for one in (told, evicted):
            assert runs.end(one).state is RunState.STUCK, f"it ended well because it was told to go: {runs.end(one).text}"
            assert re.search("was told to go|ended well and is gone|was taken away", runs.end(one).text), runs.end(one).text
        assert runs.end(late).text.startswith("the migration took longer than 4 s")
        assert (runs.end(unsaved).state, "nothing was migrated" in runs.end(unsaved).text) == (RunState.ERRORED, True)
        assert runs.end(stopped).state is RunState.STOPPED
        assert not [one for one in space.all("pods") if one["status"]["phase"] == "Running"], "nothing is left at work"
    finally:
        runs.port.close()


def _cut_short(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Intent:
    """Killed when the Job was made and nobody had let it go: that is seen, and nothing runs before somebody does."""
    intent = runs.of("/little exit 0 after a kill")
    with monkeypatch.context() as dying:

        def die(*_: object) -> None:
            raise Unavailable("killed")

        dying.setattr(migrationjob, "let_go", die)
        with pytest.raises(Unavailable):
            runs.port.start(PLACE, intent)
    assert runs.probe(intent) is Probe.NOT_DONE
    assert runs.pods(migrationjob.name(intent.key)) == []
    for _ in range(2):
        runs.port.start(PLACE, intent)
        assert runs.probe(intent) is Probe.DONE
    return intent


def _never_begins(runs: Runs) -> None:
    """Stopped before it was started, and in the middle of that: a start that comes late starts nothing."""
    early = runs.of("/little serve early")
    runs.port.stop(early.key, effect_of(early))
    runs.port.start(PLACE, early)
    assert runs.probe(early) is Probe.DONE
    assert runs.look(early).state is RunState.STOPPED
    assert runs.pods(migrationjob.name(early.key)) == []


def _what_it_was_told(runs: Runs, intent: Intent) -> None:
    log = Path(runs.look(intent).log).read_text()
    assert "TOLD_SIZE=small" in log
    assert "TOLD_TOKEN=***" in log, "what Headway told it is not shown"
    assert f"TOLD_URL={SECRET}" in log, "what is in the cluster Headway never read, so that it cannot hide it either"
    name = migrationjob.name(intent.key)
    until("the cluster's own word on it", lambda: runs.stand.namespace.get("job", name)["status"].get("succeeded"))
    job = runs.stand.namespace.get("job", name)
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400
    assert (job["status"].get("succeeded"), job["spec"]["backoffLimit"]) == (1, 0)
    own = [one for one in runs.stand.namespace.all("configmaps,secrets") if _owned(one, job)]
    assert sorted(one["kind"] for one in own) == ["ConfigMap", "Secret"], "what it was told goes with it"
    brought = migrated.read(runs.port._api(runs.stand.cluster), "kubernetes:theirs/url")
    assert "/little exit 0.sql" in brought.applied
    assert "/little serve.sql" not in brought.applied, "of one that nobody saw end nobody says that it is there"


def _owned(thing: Object, job: Object) -> bool:
    return any(one["uid"] == job["metadata"]["uid"] for one in thing["metadata"].get("ownerReferences", ()))
