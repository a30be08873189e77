"""A check as a Job beside the release: manifests in, a manifest out; and what a Job and its pod say about how it went."""

import copy
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headway.adapters.kubernetes import ends, news
from headway.adapters.kubernetes.kinds import COMMIT, VERSION, Object, labels, name_of
from headway.adapters.kubernetes.render import container_for
from headway.adapters.outcomes import excerpt
from headway.adapters.secrets import in_cluster
from headway.environments.model import Place
from headway.errors import Refused
from headway.rollout.model import StartCheck
from headway.rollout.seen import CheckRun, CheckState

CHECK_LABEL = "headway/check"
"""On the pods of a check, and nothing else of ours or of the team's: no Service may ever lead to them."""
ABOUT = "headway/about"
"""The check's name, its timeout in seconds, and the references of secrets that its log may not show."""
VERDICT = "headway/verdict"
"""How it ended, once somebody said so: its pod, and with it the evidence, goes after that."""
KEPT = timedelta(days=1)
"""For which the cluster keeps a Job that ended."""
BACKSTOP = 60
"""Seconds more than its timeout after which the cluster ends it, for when no Headway is there to."""
NO_POD = timedelta(seconds=30)
"""Without a pod for so long, the cluster refuses to make one: the Job itself never says so."""
_PODS = ("serviceAccountName", "imagePullSecrets", "securityContext", "nodeSelector", "tolerations", "volumes", "dnsConfig", "dnsPolicy")
"""What a check's pod has of the release's pods. No sidecars, no init containers: they serve, and a Job waits for all of its containers."""
_NOT_OF_A_JOB = ("args", "lifecycle", "livenessProbe", "ports", "readinessProbe", "startupProbe")


def name(key: str) -> str:
    """How the Job of this key is called: the same key is the same Job."""
    return f"headway-check-{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def job(key: str, place: Place, effect: StartCheck, deployment: Object, url: str) -> Object:
    """The Job of a check; `deployment` is the release's own, as it runs there."""
    check, workload = effect.check, effect.workload
    pods = deployment["spec"]["template"]["spec"]
    container = copy.deepcopy(dict(container_for(pods, workload.image, place.service)))
    spec: dict[str, Any] = {one: copy.deepcopy(pods[one]) for one in _PODS if one in pods}
    told = {"HEADWAY_URL": url, "HEADWAY_VERSION": workload.version}
    told |= {"HEADWAY_SERVICE": place.service, "HEADWAY_ENVIRONMENT": place.environment}
    if check.image:
        # Somebody else's program: it gets what the file grants the check, and no file or right of the release's.
        environment = _granted(effect, container)
        spec = {one: spec[one] for one in ("imagePullSecrets", "nodeSelector", "tolerations") if one in spec}
        spec["automountServiceAccountToken"] = False
        container = {"resources": container.get("resources") or {}, "image": check.image}
    else:
        environment = [one for one in container.get("env") or () if one.get("name") not in told]
        for one in _NOT_OF_A_JOB:
            container.pop(one, None)
    container |= {"name": "check", "command": list(check.argv)}
    container["env"] = [*environment, *({"name": variable, "value": value} for variable, value in told.items())]
    # One try, by us: a check that is flaky says so in the file. A pod that the cluster took away said nothing, and is made again.
    taken = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    hidden = sorted({one for one in workload.configuration.secrets.values() if not in_cluster(one)})
    return {
        "metadata": {
            "name": name(key),
            "labels": labels(place, workload.name) | {CHECK_LABEL: name(key)},
            "annotations": {
                ABOUT: json.dumps({"name": check.name, "timeout": check.timeout, "hidden": hidden}),
                VERSION: workload.version,
                COMMIT: workload.commit,
            },
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(check.timeout) + BACKSTOP,
            "ttlSecondsAfterFinished": int(KEPT.total_seconds()),
            "podFailurePolicy": {"rules": [taken]},
            "template": {
                "metadata": {"labels": {CHECK_LABEL: name(key)}},
                "spec": {**spec, "restartPolicy": "Never", "terminationGracePeriodSeconds": 2, "containers": [container]},
            },
        },
    }


def _granted(effect: StartCheck, container: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = effect.workload.configuration
    referred = {one["name"]: one for one in container.get("env") or () if "valueFrom" in one}
    kept = [one["secretRef"]["name"] for one in container.get("envFrom") or () if "secretRef" in one]
    found: list[dict[str, Any]] = []
    for variable in effect.check.settings:
        if variable in known.values:
            found.append({"name": variable, "value": known.values[variable]})
        elif variable in known.secrets and variable in referred:
            found.append(copy.deepcopy(referred[variable]))
        elif variable in known.secrets and kept:
            found.append({"name": variable, "valueFrom": {"secretKeyRef": {"name": kept[-1], "key": variable}}})
        elif variable in known.secrets:
            raise Refused(f"the check {effect.check.name} is granted {variable}, and {effect.workload.name} keeps no such secret there")
    return found


@dataclass(frozen=True, slots=True)
class About:
    """What a Job says of the check that it is."""

    name: str
    timeout: float
    hidden: tuple[str, ...] = ()


def about(thing: Object) -> About:
    """Of which check it is; by its own name, if somebody took our notes away."""
    notes = thing["metadata"].get("annotations") or {}
    try:
        told = json.loads(notes.get(ABOUT, ""))
        return About(str(told["name"]), float(told["timeout"]), tuple(map(str, told["hidden"])))
    except (ValueError, KeyError, TypeError):
        return About(name_of(thing), math.inf)


def verdict(thing: Object) -> CheckRun | None:
    """How it ended, if somebody wrote that down."""
    try:
        told = json.loads((thing["metadata"].get("annotations") or {}).get(VERDICT, ""))
        return CheckRun(CheckState(told["state"]), str(told["text"]))
    except (ValueError, KeyError, TypeError):
        return None


def unfinished(pods: Sequence[Object]) -> bool:
    """Is there anything to be ended yet?"""
    return not any(_terminated(pod) for pod in pods)


def concluded(thing: Object, run: CheckRun, *, end: bool) -> Object:
    """The same Job with how it ended; with `end` the cluster ends what still runs of it, or what never started."""
    whole = {key: value for key, value in thing.items() if key != "status"}
    notes = {**(thing["metadata"].get("annotations") or {}), VERDICT: json.dumps({"state": run.state.value, "text": run.text})}
    metadata = {key: value for key, value in thing["metadata"].items() if key != "managedFields"}
    spec = {**thing["spec"], **({"activeDeadlineSeconds": 1} if end else {})}
    return {**whole, "metadata": metadata | {"annotations": notes}, "spec": spec}


def seen(thing: Object, pods: Sequence[Object], now: datetime, last: str) -> CheckRun:
    """How the check stands. `last` is the last line that it printed."""
    check, since = about(thing), _moment(thing["metadata"].get("creationTimestamp")) or now
    pod = max(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
    ended = _terminated(pod) if pod is not None else None
    if pod is not None and ends.made_again(thing, pod):
        return CheckRun(CheckState.RUNNING, f"{check.name} lost its pod, which {ends.from_outside(pod, {})}; the cluster makes another")
    if pod is not None and ended is not None:
        return _ended(check, ended, ends.from_outside(pod, ended), excerpt(last))
    reason = _condition(thing, "Failed")
    if reason == "DeadlineExceeded":  # nobody looked for as long as that; whether it ever ran went with its pod
        return CheckRun(
            CheckState.ERRORED, f"{check.name} was ended by the cluster, {check.timeout:g} s and {BACKSTOP} s more after its start"
        )
    if reason is not None:
        return CheckRun(CheckState.ERRORED, f"{check.name} came to nothing: {reason}, and its pod is gone")
    if pod is None and _condition(thing, "Complete") is not None:
        # Of a program that ends well when it is told to go, this is no word about what it checks.
        return CheckRun(CheckState.ERRORED, f"{check.name} ended well and its pod is gone: whether it was through, nobody saw")
    began = _running(pod) if pod is not None else None
    if began is not None and (now - began).total_seconds() >= check.timeout:
        return CheckRun(CheckState.FAILED, f"{check.name} timed out after {check.timeout:g} s{excerpt(last)}")
    if began is not None:
        text = f"{check.name} has been running for {(now - began).total_seconds():.1f} s of {check.timeout:g} s as the Job {name_of(thing)}"
        return CheckRun(CheckState.RUNNING, text)
    if pod is None and ends.had_a_pod(thing) and now - since >= NO_POD:
        return CheckRun(CheckState.ERRORED, f"{check.name} came to nothing: its pod is gone, and nobody saw how it ended")
    if pod is None and now - since >= NO_POD:
        why = f"the cluster made no pod for it in {NO_POD.total_seconds():g} s (a quota, an admission rule)"
        return CheckRun(CheckState.ERRORED, f"{check.name} could not be started: {why}; `kubectl describe job {name_of(thing)}` says which")
    if pod is not None and (bad := next(iter(news.bad_news(pod, now)), None)):
        return CheckRun(CheckState.ERRORED, f"{check.name} could not be started: {bad}")
    if (now - since).total_seconds() >= check.timeout:
        return CheckRun(CheckState.ERRORED, f"{check.name} did not start within its {check.timeout:g} s")
    return CheckRun(CheckState.RUNNING, f"{check.name} waits for its pod, for {(now - since).total_seconds():.0f} s now")


def _ended(check: About, end: Mapping[str, Any], taken: str, last: str) -> CheckRun:
    """`taken`: that somebody ended it, so that its exit status is no evidence for the release nor against it."""
    began, over = _moment(end.get("startedAt")), _moment(end.get("finishedAt"))
    took = (over - began).total_seconds() if began and over else 0.0
    code, reason = int(end.get("exitCode", 1)), str(end.get("reason", ""))
    if code == 0 and not taken:
        return CheckRun(CheckState.PASSED, f"{check.name} passed in {took:.1f} s")
    if reason in {"StartError", "ContainerCannotRun"}:
        return CheckRun(CheckState.ERRORED, f"{check.name} could not be started: {str(end.get('message') or reason).strip()[-300:]}")
    if reason == "OOMKilled":
        return CheckRun(
            CheckState.ERRORED, f"{check.name} was out of memory after {took:.1f} s (OOMKilled); its limit is that of the container"
        )
    if took >= check.timeout:
        return CheckRun(CheckState.FAILED, f"{check.name} timed out after {check.timeout:g} s{last}")
    if taken:
        return CheckRun(CheckState.ERRORED, f"{check.name} ended with {code} after {took:.1f} s, but its pod {taken}: no evidence")
    if code in {128 + 9, 128 + 15}:
        return CheckRun(CheckState.ERRORED, f"{check.name} was ended from outside after {took:.1f} s: exit {code}")
    return CheckRun(CheckState.FAILED, f"{check.name} failed: exit {code} after {took:.1f} s{last}")


def _terminated(pod: Object) -> Mapping[str, Any] | None:
    return _state(pod, "terminated")


def _running(pod: Object) -> datetime | None:
    state = _state(pod, "running")
    return _moment(state.get("startedAt")) if state is not None else None


def _state(pod: Object, which: str) -> Mapping[str, Any] | None:
    for container in pod.get("status", {}).get("containerStatuses") or ():
        state: Mapping[str, Any] | None = (container.get("state") or {}).get(which)
        if container.get("name") == "check" and state is not None:
            return state
    return None


def _condition(thing: Object, kind: str) -> str | None:
    for one in thing.get("status", {}).get("conditions") or ():
        if one.get("type") == kind and one.get("status") == "True":
            return str(one.get("reason") or one.get("message") or kind)
    return None


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
