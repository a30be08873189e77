"""Runs as Jobs, looked at through what a cluster has: what was told to end is not through because its program ended well."""

import json
from pathlib import Path
from typing import Any

import pytest
from kube_things import workload

from headway.adapters.kubernetes import migrationjob
from headway.adapters.kubernetes.kinds import JOB, POD, Kind
from headway.adapters.kubernetes.migrationjobs import JobMigrations
from headway.environments.model import Cluster, Database, InCluster
from headway.migration.abilities import ByTool, Promises
from headway.migration.shipping import Shipping
from headway.rollout.model import RunMigration
from headway.rollout.seen import MigrationRun, RunState
from headway.testing.clock import FakeClock

KEY = "r1-4"
TOOL = ByTool("dbmate", "shop", Promises(atomic=True, has_down=True, has_checksum=False), ("/dbmate",))
DATABASE = Database("kubernetes:shop-database/url", tool="dbmate", inside=InCluster(Cluster("k8s", "shop")))
EFFECT = RunMigration("migrate", workload(), Shipping(DATABASE, "the database", "db", tool=TOOL))
ENDED = {"terminated": {"exitCode": 0, "startedAt": "2026-12-01T11:00:00+00:00", "finishedAt": "2026-12-01T11:00:02+00:00"}}
POD_ENDED = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "migrate", "state": ENDED}]}}
TOLD_TO_GO = POD_ENDED | {
    "metadata": {"name": "p", "deletionTimestamp": "2026-12-01T11:00:31+00:00", "deletionGracePeriodSeconds": 30},
}


class Here:
    """A namespace with one Job, or none, and the pods of it."""

    def __init__(self, job: dict[str, Any] | None, *pods: dict[str, Any]) -> None:
        self.job, self.pods = job, pods

    def get(self, kind: Kind, _name: str) -> dict[str, Any] | None:
        return self.job if kind == JOB else None

    def list(self, kind: Kind, _labels: dict[str, str]) -> tuple[dict[str, Any], ...]:
        return self.pods if kind == POD else ()

    def put(self, _kind: Kind, thing: dict[str, Any]) -> dict[str, Any]:
        return thing


def told_to_end_and_complete() -> dict[str, Any]:
    told = json.dumps({"state": "failed", "text": "it took too long", "notes": [], "end": True})
    return {
        "metadata": {"name": migrationjob.name(KEY), "annotations": {migrationjob.VERDICT: told}},
        "spec": {},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }


def look(here: Here, home: Path, monkeypatch: pytest.MonkeyPatch) -> MigrationRun:
    port = JobMigrations(
        home,
        manifests=lambda place, commit, path: (),
        sources=lambda service, commit: home,
        secrets=lambda reference: reference,
        keyed=lambda text: text,
        clock=FakeClock(),
    )
    monkeypatch.setattr(port, "_api", lambda cluster: here)
    return port.look(KEY, EFFECT)


@pytest.mark.parametrize(
    ("here", "state"),
    [
        pytest.param(Here(told_to_end_and_complete(), POD_ENDED), RunState.PASSED, id="it was through before its end came"),
        pytest.param(Here(told_to_end_and_complete(), TOLD_TO_GO), RunState.STUCK, id="it ended well, told to go"),
        pytest.param(Here(told_to_end_and_complete()), RunState.STUCK, id="its pod, and with it the evidence, is gone"),
        pytest.param(Here(None), RunState.STUCK, id="the Job is gone"),
        pytest.param(
            Here(None, {"metadata": {"name": "p"}, "status": {"phase": "Running"}}), RunState.RUNNING, id="the Job is gone, its pod is not"
        ),
    ],
)
def test_what_was_ended_is_through_only_if_its_pod_says_so(
    here: Here, state: RunState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(here, tmp_path, monkeypatch).state is state
