"""What pods and Deployments say, in words: how many run, and what no waiting will mend."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from headway.adapters.kubernetes.kinds import Object, name_of
from headway.rollout.seen import Group

PATIENCE = timedelta(seconds=10)
"""How long what may pass by itself (no room for a pod, a registry that stumbles) is left alone before it is news."""
_CANNOT_START = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "InvalidImageName", "ErrImageNeverPull"}
)
_NEVER_RAN = frozenset({"StartError", "ContainerCannotRun"})
_CANNOT_PULL = frozenset({"ErrImagePull", "ImagePullBackOff"})
Log = Callable[[str, str], tuple[str, ...]]
"""The last lines of a pod's container."""
_GONE = ("not found", "manifest unknown", "does not exist", "no such")
"""A registry that says this will say it again."""
_NO_LOG = ("failed to try resolving symlinks in path ", "unable to retrieve container logs for ")
"""What a node answers, with every sign of success, where it has no log any more."""


def group(deployment: Object, pods: Sequence[Object], now: datetime, log: Log) -> Group:
    """One release's instances; the log is read only when there is bad news."""
    alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}]
    bad = tuple(dict.fromkeys((*_refused(deployment, now), *(line for pod in pods for line in bad_news(pod, now)))))
    worst = worst_pod(pods) if bad else None
    return Group(
        wanted=int(deployment.get("spec", {}).get("replicas", 0)),
        running=len(alive),
        ready=sum(1 for pod in alive if ready(pod)),
        bad_news=bad,
        log=tuple(line for line in log(*worst) if not line.startswith(_NO_LOG)) if worst else (),
    )


def bad_news(pod: Object, now: datetime) -> Iterator[str]:
    """What is wrong with one pod for good."""
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return
    yield from _unschedulable(pod, now)
    status = pod.get("status", {})
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from _container(container, pod, now)


def worst_pod(pods: Iterable[Object]) -> tuple[str, str] | None:
    """Of the pods that failed, one whose last lines tell, and its container."""
    for pod in pods:
        status = pod.get("status", {})
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            if container.get("restartCount") or (container.get("state") or {}).get("terminated"):
                return name_of(pod), str(container.get("name"))
    return None


def ready(pod: Object) -> bool:
    """Does it answer, and stay?"""
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return False
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in pod.get("status", {}).get("conditions") or ())


def _refused(deployment: Object, now: datetime) -> Iterator[str]:
    """No pod could even be made: a quota, an admission policy."""
    for one in _conditions(deployment, "ReplicaFailure", "True"):
        if _old(one, now, timedelta(seconds=3)):
            yield f"no pod can be made: {one.get('message') or one.get('reason')}"


def _unschedulable(pod: Object, now: datetime) -> Iterator[str]:
    for one in _conditions(pod, "PodScheduled", "False"):
        if one.get("reason") == "Unschedulable" and _old(one, now, PATIENCE):
            yield f"no node takes the pod: {one.get('message')}"


def _container(container: Mapping[str, Any], pod: Object, now: datetime) -> Iterator[str]:
    name = container.get("name")
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in _CANNOT_START:
        yield f"the container {name} cannot start ({reason}): {message}"
    elif reason in _CANNOT_PULL and (_says_gone(message) or _waited(pod, now)):
        yield f"the image {container.get('image')} cannot be pulled: {message or reason}"
    elif reason == "CrashLoopBackOff" or int(container.get("restartCount", 0)) >= 2:
        last = _last(container)
        if last.get("reason") in _NEVER_RAN:
            yield f"the container {name} cannot start ({last['reason']}): {last.get('message') or 'without a word'}"
        else:
            yield f"the container {name} ends again and again: {_ended(last)}, {container.get('restartCount')} restarts"


def _says_gone(message: str) -> bool:
    return any(word in message.lower() for word in _GONE)


def _waited(pod: Object, now: datetime) -> bool:
    return any(_old(one, now, PATIENCE) for one in _conditions(pod, "PodScheduled", "True"))


def _last(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How it ended the last time."""
    return (container.get("lastState") or {}).get("terminated") or (container.get("state") or {}).get("terminated") or {}


def _ended(last: Mapping[str, Any]) -> str:
    if last.get("reason") == "OOMKilled":
        return "out of memory (OOMKilled); its limit is what resources.limits.memory says"
    return f"exit status {last.get('exitCode', 'unknown')}"


def _conditions(thing: Object, kind: str, status: str) -> list[Mapping[str, Any]]:
    found = thing.get("status", {}).get("conditions") or ()
    return [one for one in found if one.get("type") == kind and one.get("status") == status]


def _old(condition: Mapping[str, Any], now: datetime, least: timedelta) -> bool:
    since = condition.get("lastTransitionTime")
    return since is not None and now - datetime.fromisoformat(str(since)) >= least
