"""A migration as a Job: what it is made of, and what its pod's end means for the rollout."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kube_things import DEPLOYMENT, IMAGE, PLACE, changed, workload

from headway.adapters.kubernetes import migrationjob
from headway.adapters.kubernetes.migrationjob import Told
from headway.environments.model import Cluster, Database, InCluster
from headway.migration.abilities import ByTool, Promises
from headway.migration.shipping import Shipping
from headway.rollout.model import RunMigration
from headway.rollout.seen import MigrationRun, RunState

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TOOL = ByTool("dbmate", "shop", Promises(atomic=True, has_down=True, has_checksum=False), ("/dbmate",))
CONTAINERS: list[dict[str, Any]] = [
    {
        "name": "web",
        "image": IMAGE,
        "args": ["serve"],
        "env": [{"name": "DATABASE_URL", "value": "of the pods"}, {"name": "SIZE", "value": "small"}],
        "readinessProbe": {"httpGet": {"path": "/"}},
        "ports": [{"containerPort": 80}],
        "resources": {"limits": {"memory": "64Mi"}},
    },
    {"name": "proxy", "image": "registry.example/proxy:2"},
]
RUNS = changed(DEPLOYMENT, "spec", "template", "spec", "containers", to=CONTAINERS)
ADDRESS = ({"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop-database", "key": "url"}}},)


def made(**inside: Any) -> dict[str, Any]:
    database = Database("kubernetes:shop-database/url", tool="dbmate", inside=InCluster(Cluster("k8s", "shop"), **inside))
    effect = RunMigration("migrate", workload(), Shipping(database, "the database", "db", tool=TOOL))
    job = migrationjob.job("r1-4", PLACE, effect, ("/dbmate", "up"), RUNS, ADDRESS, ["env:TOKEN"])
    return changed(dict(job), "metadata", "creationTimestamp", to=NOW.isoformat())


def pods(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["spec"]["template"]["spec"])


def pod(migration: dict[str, Any] | None = None, backup: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "migrate", "state": migration or {}}]}
    first = {"initContainerStatuses": [{"name": "backup", "state": backup}]} if backup is not None else {}
    return {"metadata": {"name": "p", "creationTimestamp": NOW.isoformat()}, "status": status | first}


def ended(code: int, reason: str = "Error", seconds: float = 2.0) -> dict[str, Any]:
    at = {"startedAt": NOW.isoformat(), "finishedAt": (NOW + timedelta(seconds=seconds)).isoformat()}
    return {"terminated": {"exitCode": code, "reason": reason, **at}}


def deleted(after: float) -> dict[str, Any]:
    """Its pod, which ended well after 2 s, and was told to go after so many."""
    gone = (NOW + timedelta(seconds=after + 30)).isoformat()
    told = {"name": "p", "creationTimestamp": NOW.isoformat(), "deletionTimestamp": gone, "deletionGracePeriodSeconds": 30}
    return pod(ended(0)) | {"metadata": told}


def taken(code: int = 0, *, by_its_node: bool = False, after: float = 1) -> dict[str, Any]:
    """Its pod, which ended after 2 s, and which the cluster took away after so many; the node itself deletes nothing."""
    at = (NOW + timedelta(seconds=after)).isoformat()
    found = pod(ended(code))
    why = {"reason": "EvictionByEvictionAPI", "message": "Eviction API", "lastTransitionTime": at}
    found["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", **why}]
    if by_its_node:
        found["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    return found


def without_conditions(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "status": {key: value for key, value in found["status"].items() if key != "conditions"}}


def counted(job: dict[str, Any], **status: object) -> dict[str, Any]:
    return changed(job, "status", to=status)


def condition(job: dict[str, Any], kind: str, reason: str = "") -> dict[str, Any]:
    return changed(job, "status", "conditions", to=[{"type": kind, "status": "True", "reason": reason}])


def seen(job: dict[str, Any], *pods: dict[str, Any], after: float = 3.0, said: str = "", atomic: bool = True) -> MigrationRun:
    tool = replace(TOOL, promises=replace(TOOL.promises, atomic=atomic))
    told = Told(tool, "the database", ("0002_orders.sql",), tuple(said.splitlines()))
    return migrationjob.seen(job, pods, NOW + timedelta(seconds=after), told)


def test_it_is_the_release_s_container_with_the_tool_and_the_address_of_the_database_alone() -> None:
    (one,) = pods(made())["containers"]
    assert (one["image"], one["command"]) == (IMAGE, ["/dbmate", "up"])
    assert not {"args", "ports", "readinessProbe"} & one.keys()
    urls = [each for each in one["env"] if each["name"] == "DATABASE_URL"]
    assert urls == [*ADDRESS], "what the pods call so is not what migrates"
    assert {"SIZE", "HEADWAY_VERSION", "PGOPTIONS"} <= {each["name"] for each in one["env"]}


def test_it_has_one_try_a_deadline_and_no_label_that_a_service_leads_to() -> None:
    spec = made(timeout=90.0)["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["suspend"]) == (0, 150, True)
    assert "ttlSecondsAfterFinished" not in spec, "an end that nobody has seen yet is not cleared away"
    assert list(spec["template"]["metadata"]["labels"]) == [migrationjob.LABEL]


def test_a_backup_comes_first_in_the_same_pod_and_in_another_image_sees_the_database_only() -> None:
    assert pods(made())["initContainers"] == []
    (own,) = pods(made(backup=("/backup",)))["initContainers"]
    assert (own["image"], own["command"]) == (IMAGE, ["/backup"])
    (other,) = pods(made(backup=("/backup",), image="registry.example/tools:1"))["initContainers"]
    assert other["image"] == "registry.example/tools:1"
    assert "SIZE" not in {each["name"] for each in other["env"]}
    assert "volumeMounts" not in other


@pytest.mark.parametrize(
    ("run", "state", "says"),
    [
        pytest.param(seen(made(), pod(ended(0)), said="Applied: x"), RunState.PASSED, "migrated the database by dbmate", id="through"),
        pytest.param(seen(condition(made(), "Complete")), RunState.STUCK, "nobody saw", id="the cluster says through, and its pod is gone"),
        pytest.param(seen(made(), pod(ended(1)), said="Error: no relation"), RunState.FAILED, "exit 1: Error: no relation", id="it failed"),
        pytest.param(seen(made(), pod(ended(2)), said="pq: lock timeout"), RunState.ERRORED, "lock timeout", id="a lock"),
        pytest.param(seen(made(), pod(ended(1)), said="dial: connection refused"), RunState.ERRORED, "refused", id="the database is away"),
        pytest.param(
            seen(made(), pod(ended(1)), said="ProgrammingError: no a\n[SQL: x]\n(Background: https://x)"),
            RunState.FAILED,
            "exit 1: ProgrammingError: no a",
            id="what went wrong, not where to read about it",
        ),
        pytest.param(seen(made(), deleted(after=1)), RunState.STUCK, "told to go while it was at work", id="ended well, told to go"),
        pytest.param(seen(made(), deleted(after=8)), RunState.PASSED, "migrated", id="told to go when it was through"),
        pytest.param(seen(made(), deleted(after=4)), RunState.STUCK, "told to go", id="told to go as it was through, by another's clock"),
        pytest.param(seen(condition(made(), "Complete"), deleted(after=1)), RunState.STUCK, "told to go", id="told to go, and Complete"),
        pytest.param(seen(made(), taken()), RunState.STUCK, "taken away while it was at work (EvictionByEvictionAPI", id="evicted"),
        pytest.param(seen(made(), taken(1)), RunState.STUCK, "taken away while it was at work", id="evicted, and it failed by that"),
        pytest.param(seen(made(), taken(after=8)), RunState.PASSED, "migrated", id="evicted when it was through"),
        pytest.param(seen(made(), taken(by_its_node=True)), RunState.STUCK, "Evicted: The node was low on", id="its node is short"),
        pytest.param(
            seen(made(), without_conditions(taken(by_its_node=True))), RunState.STUCK, "ended by its node (Evicted: The", id="its node goes"
        ),
        pytest.param(
            seen(counted(made(), active=1), after=40), RunState.STUCK, "is gone, and nobody saw", id="its pod is gone, and not counted yet"
        ),
        pytest.param(
            seen(counted(made(), uncountedTerminatedPods={"failed": ["u"]})), RunState.STUCK, "is gone", id="its pod is gone at once"
        ),
        pytest.param(seen(made(), pod(ended(137, "OOMKilled"))), RunState.STUCK, "out of memory", id="out of memory"),
        pytest.param(seen(made(), pod(ended(143))), RunState.STUCK, "ended from outside", id="ended from outside"),
        pytest.param(
            seen(made(), pod(ended(128, "StartError"))), RunState.FAILED, "could not be started", id="no such program in the image"
        ),
        pytest.param(seen(condition(made(), "Failed", "BackoffLimitExceeded")), RunState.STUCK, "nobody saw", id="its pod vanished"),
        pytest.param(seen(condition(made(), "Failed", "DeadlineExceeded")), RunState.FAILED, "longer than 3600 s", id="nobody looked"),
        pytest.param(seen(made(timeout=9.0), pod({"running": {}}), after=9), RunState.FAILED, "longer than 9 s", id="too long"),
        pytest.param(seen(made(), pod({"running": {}})), RunState.RUNNING, "as the Job headway-migrate-", id="at work"),
        pytest.param(
            seen(made(backup=("/b",)), pod(backup=ended(3)), said="no room"), RunState.ERRORED, "nothing was migrated", id="no backup"
        ),
        pytest.param(seen(made(backup=("/b",)), pod(backup={"running": {}})), RunState.RUNNING, "backing up", id="backing up"),
        pytest.param(seen(made(), after=31), RunState.ERRORED, "made no pod", id="a quota"),
        pytest.param(seen(made(), after=5), RunState.RUNNING, "waits for its pod", id="just made"),
    ],
)
def test_what_it_came_to(run: MigrationRun, state: RunState, says: str) -> None:
    assert run.state is state
    assert says in run.text


def test_what_a_failure_leaves_is_said_and_halves_only_of_a_tool_that_leaves_them() -> None:
    (note,) = seen(made(), pod(ended(1))).notes
    assert "had applied before stays" in note
    assert "perhaps half of one" in seen(made(), pod(ended(1)), atomic=False).notes[0]


def test_what_is_ended_counts_once_the_cluster_says_that_it_is_over() -> None:
    stopped = MigrationRun(RunState.STOPPED, "it was stopped", ("a note",))
    job = dict(migrationjob.concluded(made(), stopped, end=True))
    assert job["spec"]["activeDeadlineSeconds"] == 1
    assert migrationjob.verdict(job) == stopped
    assert migrationjob.ending(job)
    assert not migrationjob.ending(condition(job, "Failed", "DeadlineExceeded"))


def test_only_what_still_runs_has_to_be_ended() -> None:
    assert migrationjob.unfinished(made(), [pod({"running": {}})])
    assert migrationjob.unfinished(made(), [])
    assert not migrationjob.unfinished(made(), [pod(ended(1))])
    assert not migrationjob.unfinished(made(), [pod(backup=ended(1))])
    assert not migrationjob.unfinished(condition(made(), "Failed"), [])


def test_a_job_waits_until_it_is_let_go_and_does_not_once_it_was_stopped() -> None:
    assert migrationjob.waiting(made())
    assert not migrationjob.waiting(dict(migrationjob.let_go(made())))
    assert not migrationjob.waiting(dict(migrationjob.concluded(made(), MigrationRun(RunState.STOPPED, "x"), end=True)))


def test_of_a_job_that_is_gone_nobody_says_how_it_ended_and_nothing_begins_beside_its_pod() -> None:
    told = Told(TOOL, "the database", ("0002_orders.sql",))
    left = migrationjob.removed("r1-4", [pod({"running": {}})], told)
    assert left.state is RunState.RUNNING
    assert "somebody removed it, and its pod p may still be at work" in left.text
    for pods_left in ([], [pod(ended(0))], [{**pod({"waiting": {}}), "status": {"phase": "Failed"}}]):
        run = migrationjob.removed("r1-4", pods_left, told)
        assert run.state is RunState.STUCK
        assert "nobody saw how it ended; ask dbmate" in run.text
