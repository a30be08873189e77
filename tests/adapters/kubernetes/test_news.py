"""What pods say, in words; and what may still pass by itself is not news yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kube_things import live

from headway.adapters.kubernetes.news import group

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEPLOYMENT = live("shop-1", "v1", 2)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(*conditions: dict[str, Any], phase: str = "Running", **container: Any) -> dict[str, Any]:
    status = {"name": "web", "image": "shop@sha256:ab", "restartCount": 0, "state": {"running": {}}, **container}
    return {"metadata": {"name": "shop-1-x"}, "status": {"phase": phase, "conditions": list(conditions), "containerStatuses": [status]}}


def condition(kind: str, status: str, seconds: float = 60.0, **more: str) -> dict[str, Any]:
    return {"type": kind, "status": status, "lastTransitionTime": ago(seconds), **more}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


READY = condition("Ready", "True")
PLACED = condition("PodScheduled", "True", 60)
JUST_PLACED = condition("PodScheduled", "True", 2)


def told(*pods: dict[str, Any], deployment: dict[str, Any] = DEPLOYMENT) -> tuple[str, ...]:
    return group(deployment, pods, NOW, lambda pod, container: (f"log of {pod}/{container}",)).bad_news


def test_running_ready_and_wanted_are_counted_apart() -> None:
    going = pod(READY)
    going["metadata"]["deletionTimestamp"] = ago(1)
    seen = group(DEPLOYMENT, (pod(READY), pod(), going, pod(phase="Succeeded")), NOW, lambda *_: ())
    assert (seen.wanted, seen.running, seen.ready, seen.bad_news) == (2, 3, 1, ())


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        pytest.param(
            pod(PLACED, state=waiting("CreateContainerConfigError", 'secret "key" not found')),
            'the container web cannot start (CreateContainerConfigError): secret "key" not found',
            id="a secret that is not there",
        ),
        pytest.param(
            pod(JUST_PLACED, state=waiting("ErrImagePull", "manifest unknown")),
            "the image shop@sha256:ab cannot be pulled: manifest unknown",
            id="an image that is not there, at once",
        ),
        pytest.param(
            pod(PLACED, state=waiting("ImagePullBackOff", "i/o timeout")),
            "the image shop@sha256:ab cannot be pulled: i/o timeout",
            id="a registry that goes on not answering",
        ),
        pytest.param(
            pod(PLACED, restartCount=3, state=waiting("CrashLoopBackOff"), lastState={"terminated": {"exitCode": 3}}),
            "the container web ends again and again: exit status 3, 3 restarts",
            id="it ends again and again",
        ),
        pytest.param(
            pod(PLACED, restartCount=2, lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            "the container web ends again and again: out of memory (OOMKilled); its limit is what resources.limits.memory says, 2 restarts",
            id="out of memory",
        ),
        pytest.param(
            pod(
                PLACED,
                restartCount=1,
                state=waiting("CrashLoopBackOff"),
                lastState={"terminated": {"exitCode": 128, "reason": "StartError", "message": 'exec: "/shop": no such file'}},
            ),
            'the container web cannot start (StartError): exec: "/shop": no such file',
            id="a program that is not there",
        ),
        pytest.param(
            pod(condition("PodScheduled", "False", 20, reason="Unschedulable", message="0/3 nodes: insufficient memory")),
            "no node takes the pod: 0/3 nodes: insufficient memory",
            id="no room",
        ),
    ],
)
def test_bad_news_in_words(pods: dict[str, Any], says: str) -> None:
    assert told(pods, pods) == (says,), "the same of every pod is told once"


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param(pod(JUST_PLACED, state=waiting("ErrImagePull", "i/o timeout")), id="a registry that stumbles"),
        pytest.param(pod(PLACED, state=waiting("ContainerCreating")), id="it is being made"),
        pytest.param(pod(PLACED, restartCount=1, lastState={"terminated": {"exitCode": 1}}), id="it ended once"),
        pytest.param(pod(condition("PodScheduled", "False", 2, reason="Unschedulable", message="x")), id="a node may come"),
    ],
)
def test_what_may_pass_is_no_news(pods: dict[str, Any]) -> None:
    assert told(pods) == ()


def test_pods_that_cannot_even_be_made() -> None:
    refused = condition("ReplicaFailure", "True", 5, message="exceeded quota: small")
    assert told(deployment={**DEPLOYMENT, "status": {"conditions": [refused]}}) == ("no pod can be made: exceeded quota: small",)


def test_the_last_lines_come_with_bad_news_and_only_then() -> None:
    bad = pod(PLACED, restartCount=3, state=waiting("CrashLoopBackOff"))
    assert group(DEPLOYMENT, (pod(READY), bad), NOW, lambda pod, container: (f"{pod}/{container}",)).log == ("shop-1-x/web",)
    assert group(DEPLOYMENT, (pod(READY),), NOW, lambda *_: ("unasked",)).log == ()


def test_the_log_of_an_init_container_that_failed_is_read() -> None:
    one = pod(PLACED)
    one["status"]["initContainerStatuses"] = [{"name": "migrates", "restartCount": 2, "state": waiting("CrashLoopBackOff")}]
    assert group(DEPLOYMENT, (one,), NOW, lambda pod, container: (container,)).log == ("migrates",)


def test_what_the_node_says_in_place_of_a_log_is_not_the_log() -> None:
    bad = pod(PLACED, restartCount=3, state=waiting("CrashLoopBackOff"))
    gone = 'failed to try resolving symlinks in path "/var/log/pods/a": lstat /var/log/pods/a: no such file or directory'
    assert group(DEPLOYMENT, (bad,), NOW, lambda *_: (gone,)).log == ()
    assert group(DEPLOYMENT, (bad,), NOW, lambda *_: ("unable to retrieve container logs for containerd://ab",)).log == ()
