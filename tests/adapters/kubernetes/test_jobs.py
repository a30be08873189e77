"""A check as a Job: what it is made of, and what its pod's end means."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kube_things import DEPLOYMENT, IMAGE, PLACE, changed, workload

from headway.adapters.kubernetes import jobs
from headway.environments.model import Configuration
from headway.errors import Refused
from headway.releases.model import CheckSpec
from headway.rollout.model import StartCheck
from headway.rollout.seen import CheckRun, CheckState

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
CONTAINERS: list[dict[str, Any]] = [
    {
        "name": "web",
        "image": IMAGE,
        "args": ["serve"],
        "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}, {"name": "HEADWAY_URL", "value": "theirs"}],
        "envFrom": [{"configMapRef": {"name": "shop-headway-1"}}, {"secretRef": {"name": "shop-headway-2"}}],
        "readinessProbe": {"httpGet": {"path": "/"}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "ports": [{"containerPort": 80}],
        "resources": {"limits": {"memory": "64Mi"}},
    },
    {"name": "proxy", "image": "registry.example/proxy:2"},
]
RUNS = changed(DEPLOYMENT, "spec", "template", "spec", "containers", to=CONTAINERS)
CONFIGURED = Configuration({"SIZE": "small"}, {"DATABASE_URL": "env:DB", "KEY": "kubernetes:theirs/k"})


def made(image: str = "", settings: tuple[str, ...] = ()) -> dict[str, Any]:
    check = CheckSpec("e2e", ("/e2e", "all of it"), timeout=30.5, settings=settings, inside="cluster", image=image)
    effect = StartCheck(check, replace(workload(), configuration=CONFIGURED), 1)
    return dict(jobs.job("r1:4", PLACE, effect, RUNS, "http://10.0.0.1:80"))


def container(job: dict[str, Any]) -> dict[str, Any]:
    (one,) = job["spec"]["template"]["spec"]["containers"]
    return dict(one)


def test_it_is_the_release_s_container_with_another_command_and_nothing_that_only_a_server_needs() -> None:
    one = container(made())
    assert (one["image"], one["command"]) == (IMAGE, ["/e2e", "all of it"])
    assert one["envFrom"] == CONTAINERS[0]["envFrom"]
    assert one["resources"] == {"limits": {"memory": "64Mi"}}
    assert not {"args", "lifecycle", "ports", "readinessProbe"} & one.keys()


def test_it_is_told_what_checks_beside_headway_are_told() -> None:
    told = {one["name"]: one.get("value") for one in container(made())["env"]}
    assert told["HEADWAY_URL"] == "http://10.0.0.1:80"
    assert {"HEADWAY_VERSION", "HEADWAY_SERVICE", "HEADWAY_ENVIRONMENT", "KEY"} <= told.keys()


def test_no_service_of_the_team_s_leads_to_its_pod() -> None:
    assert made()["spec"]["template"]["metadata"]["labels"] == {"headway/check": jobs.name("r1:4")}


def test_one_try_with_an_end_and_not_kept_for_ever() -> None:
    spec = made()["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 91, 86400)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_the_same_key_is_the_same_job_and_another_is_another() -> None:
    assert made()["metadata"]["name"] == jobs.name("r1:4") != jobs.name("r1:5")


def test_another_image_sees_what_the_file_grants_it_and_no_more() -> None:
    job = made("registry.example/tools:3", ("SIZE", "DATABASE_URL", "KEY"))
    one = container(job)
    assert one["image"] == "registry.example/tools:3"
    assert "envFrom" not in one
    assert one["env"][:3] == [
        {"name": "SIZE", "value": "small"},
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop-headway-2", "key": "DATABASE_URL"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}},
    ]
    assert job["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert "volumes" not in job["spec"]["template"]["spec"]


def test_a_granted_secret_that_the_release_does_not_have_is_refused() -> None:
    check = CheckSpec("e2e", ("/e2e",), settings=("DATABASE_URL",), inside="cluster", image="registry.example/tools:3")
    bare = changed(RUNS, "spec", "template", "spec", "containers", to=[{"name": "web", "image": IMAGE}])
    with pytest.raises(Refused, match="DATABASE_URL"):
        jobs.job("k", PLACE, StartCheck(check, replace(workload(), configuration=CONFIGURED), 1), bare, "http://x")


def test_no_secret_s_value_is_in_it() -> None:
    assert "env:DB" in json.dumps(made())  # the reference, for what the log may not show
    assert "value of" not in json.dumps(made())


# -- how it went


def job_since(seconds: float, **condition: str) -> dict[str, Any]:
    thing = made()
    thing["metadata"]["creationTimestamp"] = (NOW - timedelta(seconds=seconds)).isoformat()
    if condition:
        thing["status"] = {"conditions": [{"type": "Failed", "status": "True", **condition}]}
    return thing


def pod(state: dict[str, Any], *, scheduled_for: float = 60) -> dict[str, Any]:
    since = (NOW - timedelta(seconds=scheduled_for)).isoformat()
    return {
        "metadata": {"name": "p", "creationTimestamp": since},
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": since}],
            "containerStatuses": [{"name": "check", "image": IMAGE, "state": state}],
        },
    }


def ended(code: int, seconds: float = 4, **more: str) -> dict[str, Any]:
    span = {"startedAt": (NOW - timedelta(seconds=seconds)).isoformat(), "finishedAt": NOW.isoformat()}
    return pod({"terminated": {"exitCode": code, **span, **more}})


def running(seconds: float) -> dict[str, Any]:
    return pod({"running": {"startedAt": (NOW - timedelta(seconds=seconds)).isoformat()}})


def told_to_go(code: int, after: float, seconds: float = 4) -> dict[str, Any]:
    """Its pod, which ended now, and was told to go so long after its start."""
    found = ended(code, seconds)
    gone = NOW + timedelta(seconds=after - seconds + 2)
    found["metadata"] |= {"deletionTimestamp": gone.isoformat(), "deletionGracePeriodSeconds": 2}
    return found


def evicted(code: int) -> dict[str, Any]:
    found = ended(code)
    found["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    found["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}]
    return found


def complete(seconds: float) -> dict[str, Any]:
    return job_since(seconds) | {"status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}}


def waiting(reason: str, message: str) -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}})


@pytest.mark.parametrize(
    ("thing", "pods", "state", "says"),
    [
        pytest.param(job_since(5), [ended(0)], CheckState.PASSED, "e2e passed in 4.0 s", id="passed"),
        pytest.param(job_since(5), [ended(3)], CheckState.FAILED, "exit 3 after 4.0 s: said last", id="failed, with what it said last"),
        pytest.param(job_since(5), [running(2)], CheckState.RUNNING, "running for 2.0 s of 30.5 s as the Job headway-check-", id="runs"),
        pytest.param(
            job_since(50), [running(31)], CheckState.FAILED, "timed out after 30.5 s", id="its time is the check's, not the pull's"
        ),
        pytest.param(job_since(5), [ended(137)], CheckState.ERRORED, "ended from outside", id="killed is no evidence"),
        pytest.param(job_since(5), [ended(137, reason="OOMKilled")], CheckState.ERRORED, "out of memory", id="out of memory"),
        pytest.param(
            job_since(5),
            [ended(128, reason="StartError", message='exec: "/e2e": no such file')],
            CheckState.ERRORED,
            "no such file",
            id="a command that the image has not",
        ),
        pytest.param(job_since(5), [], CheckState.RUNNING, "waits for its pod", id="no pod yet"),
        pytest.param(job_since(31), [], CheckState.ERRORED, "a quota, an admission rule", id="no pod at all"),
        pytest.param(
            job_since(20), [waiting("ImagePullBackOff", "manifest unknown")], CheckState.ERRORED, "cannot be pulled", id="no such image"
        ),
        pytest.param(job_since(40), [waiting("ContainerCreating", "")], CheckState.ERRORED, "did not start", id="never started"),
        pytest.param(job_since(200, reason="DeadlineExceeded"), [], CheckState.ERRORED, "ended by the cluster", id="nobody looked"),
        pytest.param(job_since(9, reason="BackoffLimitExceeded"), [], CheckState.ERRORED, "its pod is gone", id="the evidence is gone"),
        pytest.param(complete(9), [told_to_go(0, after=1)], CheckState.ERRORED, "was told to go", id="ended well, told to go"),
        pytest.param(job_since(5), [told_to_go(1, after=1)], CheckState.ERRORED, "was told to go", id="told to go, and failed"),
        pytest.param(job_since(5), [told_to_go(0, after=20)], CheckState.PASSED, "passed", id="told to go when it was through"),
        pytest.param(job_since(95), [told_to_go(0, after=91, seconds=91)], CheckState.FAILED, "timed out", id="the cluster ended it, late"),
        pytest.param(job_since(5), [evicted(0)], CheckState.RUNNING, "the cluster makes another", id="its node took it away"),
        pytest.param(
            job_since(9, reason="DeadlineExceeded"), [evicted(0)], CheckState.ERRORED, "no evidence", id="its node took it away for good"
        ),
        pytest.param(complete(9), [], CheckState.ERRORED, "nobody saw", id="the cluster says through, and its pod is gone"),
        pytest.param(
            job_since(40) | {"status": {"active": 1}}, [], CheckState.ERRORED, "its pod is gone", id="its pod is gone, and not counted yet"
        ),
    ],
)
def test_how_it_went(thing: dict[str, Any], pods: list[dict[str, Any]], state: CheckState, says: str) -> None:
    run = jobs.seen(thing, pods, NOW, "said last")
    assert run.state is state
    assert says in run.text


def test_what_it_came_to_is_on_the_job_and_stays_true_when_the_pod_is_gone() -> None:
    run = CheckRun(CheckState.FAILED, "e2e failed: exit 3")
    told = jobs.concluded(job_since(9) | {"status": {"failed": 1}}, run, end=False)
    assert jobs.verdict(told) == run
    assert told["spec"]["activeDeadlineSeconds"] == 91
    assert "status" not in told
    assert jobs.verdict(job_since(9)) is None


def test_what_still_runs_is_ended_with_the_verdict() -> None:
    assert jobs.concluded(job_since(9), CheckRun(CheckState.ERRORED, "stopped"), end=True)["spec"]["activeDeadlineSeconds"] == 1
    assert jobs.unfinished([running(3)])
    assert not jobs.unfinished([ended(0)])
