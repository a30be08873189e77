"""A migration as a Job: manifests in, a manifest out; and what a Job and its pod say about how it went.

Its pod is made once and never again: of one that is gone nobody knows how far it came, and a person is asked.
"""

import copy
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headway.adapters.kubernetes import ends, news
from headway.adapters.kubernetes.kinds import COMMIT, VERSION, Object, labels, name_of
from headway.adapters.kubernetes.render import container_for
from headway.adapters.outcomes import excerpt
from headway.environments.model import InCluster, Place
from headway.migration.abilities import ByTool
from headway.rollout.model import RunMigration
from headway.rollout.seen import MigrationRun, RunState

LABEL = "headway/migration"
"""On the pod of a migration, and nothing else of ours or of the team's: no Service may ever lead to it."""
ABOUT = "headway/about"
"""Its timeout in seconds, and the references of secrets that its log may not show."""
VERDICT = "headway/verdict"
"""How it ended, once somebody said so: its pod, and with it the evidence, goes after that."""
KEPT = timedelta(days=1)
"""For which the cluster keeps a Job whose end is on record. One that nobody looked at stays."""
BACKSTOP = 60
"""Seconds more than its timeout after which the cluster ends it, for when no Headway is there to."""
NO_POD = timedelta(seconds=30)
"""Without a pod for so long, the cluster refuses to make one: the Job itself never says so."""
GRACE = 30
"""Seconds in which a tool that is ended may roll back."""
MIGRATE, BACKUP = "migrate", "backup"
_OF_MIGRATION, _OF_BACKUP = ("containerStatuses", MIGRATE), ("initContainerStatuses", BACKUP)
TELLING = 10
_WRONG = re.compile(r"[Ee]rror|ERROR|FATAL")
_PODS = ("serviceAccountName", "imagePullSecrets", "securityContext", "nodeSelector", "tolerations", "volumes", "dnsConfig", "dnsPolicy")
_NOT_OF_A_JOB = ("args", "lifecycle", "livenessProbe", "ports", "readinessProbe", "startupProbe")
_BUSY = ("lock timeout", "locknotavailable", "could not obtain lock", "deadlock detected")
_AWAY = (
    "connection refused",
    "could not connect",
    "connection reset",
    "connection timed out",
    "i/o timeout",
    "no route to host",
    "no such host",
    "could not translate host name",
    "name resolution",
    "the database system is starting up",
    "the database system is shutting down",
    "too many clients",
    "too many connections",
    "password authentication failed",
)
"""What tools say of a database that is away, full, or does not let them in: nothing of that is the release's doing."""


def name(key: str) -> str:
    """How the Job of this key is called: the same key is the same Job."""
    return f"headway-migrate-{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def job(
    key: str, place: Place, effect: RunMigration, argv: Sequence[str], deployment: Object, address: Sequence[Object], hidden: Sequence[str]
) -> Object:
    """The Job of a migration, which waits until it is let go: what its pod is told is written in between.

    `deployment` is the release's own, as it would be made. `address` are the variables in which the tool finds the database.
    """
    workload, inside = effect.workload, _inside(effect)
    pods = deployment["spec"]["template"]["spec"]
    told = {"HEADWAY_VERSION": workload.version, "HEADWAY_SERVICE": place.service, "HEADWAY_ENVIRONMENT": place.environment}
    database = effect.shipping.database
    # libpq's own variable: whoever speaks through it gives a lock up as soon as Headway's own runner would.
    told["PGOPTIONS"] = f"-c lock_timeout={database.lock_timeout:g}s -c statement_timeout={database.statement_timeout:g}s"
    container = copy.deepcopy(dict(container_for(pods, workload.image, place.service)))
    for one in _NOT_OF_A_JOB:
        container.pop(one, None)
    taken = {*told, *(str(one["name"]) for one in address)}
    own = [one for one in container.get("env") or () if one.get("name") not in taken]
    given = [*copy.deepcopy(list(address)), *({"name": variable, "value": value} for variable, value in told.items())]
    container |= {"name": MIGRATE, "command": list(argv), "env": [*own, *given]}
    return {
        "metadata": {
            "name": name(key),
            "labels": labels(place, workload.name) | {LABEL: name(key)},
            "annotations": {
                ABOUT: json.dumps({"timeout": inside.timeout, "hidden": sorted(hidden)}),
                VERSION: workload.version,
                COMMIT: workload.commit,
            },
        },
        "spec": {
            "suspend": True,
            "backoffLimit": 0,
            # No second pod while the first may still be at work on the database.
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": math.ceil(inside.timeout) + BACKSTOP,
            "template": {
                "metadata": {"labels": {LABEL: name(key)}},
                "spec": {
                    **{one: copy.deepcopy(pods[one]) for one in _PODS if one in pods},
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": GRACE,
                    "initContainers": _backup(inside, container, given),
                    "containers": [container],
                },
            },
        },
    }


def _backup(inside: InCluster, container: Mapping[str, Any], given: Sequence[Object]) -> list[dict[str, Any]]:
    """What runs first, in the same pod: while it fails, nothing is migrated."""
    if not inside.backup:
        return []
    whole = {"name": BACKUP, "command": list(inside.backup)}
    if not inside.image:
        return [copy.deepcopy(dict(container)) | whole]
    # Somebody else's program: it gets the database's address, and no file or other secret of the release's.
    return [whole | {"image": inside.image, "env": list(given), "resources": container.get("resources") or {}}]


def owned(thing: Object, by: Object) -> Object:
    """The same, to go when this Job goes."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name_of(by), "uid": by["metadata"]["uid"]}
    return {**thing, "metadata": {**thing["metadata"], "ownerReferences": [owner]}}


def waiting(thing: Object) -> bool:
    """Was it made, and not let go yet?"""
    return bool(thing["spec"].get("suspend")) and verdict(thing) is None


def let_go(thing: Object) -> Object:
    """The same Job, whose pod may start."""
    return _rewritten(thing, {}, {"suspend": False})


def hidden(thing: Object) -> tuple[str, ...]:
    """The references of secrets that its log may not show."""
    return tuple(map(str, _about(thing).get("hidden", ())))


def verdict(thing: Object) -> MigrationRun | None:
    """How it ended, if somebody wrote that down."""
    try:
        told = json.loads((thing["metadata"].get("annotations") or {}).get(VERDICT, ""))
        return MigrationRun(RunState(told["state"]), str(told["text"]), tuple(map(str, told["notes"])))
    except (ValueError, KeyError, TypeError):
        return None


def concluded(thing: Object, run: MigrationRun, *, end: bool) -> Object:
    """The same Job with how it ended, to go after a day; with `end` the cluster ends what still runs of it, or what never started."""
    told = {"state": run.state.value, "text": run.text, "notes": list(run.notes), "end": end}
    spec: dict[str, Any] = {"ttlSecondsAfterFinished": int(KEPT.total_seconds()), **({"activeDeadlineSeconds": 1} if end else {})}
    if thing["spec"].get("suspend"):  # it never began: let go without a pod it ends by its deadline, and goes as every other
        spec |= {"suspend": False, "parallelism": 0}
    return _rewritten(thing, {VERDICT: json.dumps(told)}, spec)


def ending(thing: Object) -> bool:
    """Did somebody end it, and is it not over yet? Nothing may be begun beside it."""
    return _told_to_end(thing) and not over(thing)


def got_through(thing: Object) -> bool:
    """Was it through before somebody's end came, by the cluster's own word? Its pod may say otherwise."""
    return _told_to_end(thing) and _condition(thing, "Complete") is not None


def _told_to_end(thing: Object) -> bool:
    try:
        told = json.loads((thing["metadata"].get("annotations") or {}).get(VERDICT, ""))
    except ValueError:
        return False
    return bool(told.get("end"))


def unfinished(thing: Object, pods: Sequence[Object]) -> bool:
    """Is there anything to be ended yet?"""
    for pod in pods:
        backup, migration = _state(pod, *_OF_BACKUP, "terminated"), _state(pod, *_OF_MIGRATION, "terminated")
        if migration is not None or (backup is not None and backup.get("exitCode")):
            return False
    return not over(thing)


def _rewritten(thing: Object, notes: Mapping[str, str], spec: Mapping[str, Any]) -> Object:
    metadata = {key: value for key, value in thing["metadata"].items() if key != "managedFields"}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **notes}
    return {key: value for key, value in thing.items() if key != "status"} | {"metadata": metadata, "spec": {**thing["spec"], **spec}}


def over(thing: Object) -> bool:
    """Did it end, by the cluster's own word?"""
    return _condition(thing, "Complete") is not None or _condition(thing, "Failed") is not None


@dataclass(frozen=True, slots=True)
class Told:
    """What a run has for its sentences: the tool, the database as people call it, the names, and what it printed."""

    tool: ByTool
    where: str
    names: tuple[str, ...]
    printed: tuple[str, ...] = ()
    """The last lines that it printed."""

    @property
    def said(self) -> str:
        """The line that tells: of what went wrong, tools written in Python print where to read about it after that."""
        lines = [one for one in self.printed if one.strip()]
        wrong = [one for one in lines[-TELLING:] if _WRONG.search(one)]
        return excerpt(wrong[-1] if wrong else lines[-1]) if lines else ""

    @property
    def innocent(self) -> bool:
        """Was it the database that was away, or a lock that was not to be had?"""
        text = "\n".join(self.printed[-TELLING:]).lower()
        return any(one in text for one in (*_BUSY, *_AWAY))


def seen(thing: Object, pods: Sequence[Object], now: datetime, told: Told) -> MigrationRun:
    """How it stands, unless that is on the Job already."""
    timeout = float(_about(thing).get("timeout", math.inf))
    since = _moment(thing.get("status", {}).get("startTime")) or _moment(thing["metadata"].get("creationTimestamp")) or now
    pod = max(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
    if pod is not None and (backup := _state(pod, *_OF_BACKUP, "terminated")) and backup.get("exitCode"):
        what = f"the backup before the migration failed: exit {backup['exitCode']}{told.said}"
        return MigrationRun(RunState.ERRORED, f"{what}; nothing was migrated")
    ended = _state(pod, *_OF_MIGRATION, "terminated") if pod is not None else None
    if pod is not None and ended is not None and (taken := ends.from_outside(pod, ended)):
        why = f"the pod of the Job {name_of(thing)} {taken}, and ended with {ended.get('exitCode')}"
        return MigrationRun(RunState.STUCK, f"{why}{told.said}; {ask(told)}")
    if ended is not None and ended.get("exitCode") == 0:
        names = ", ".join(told.names)
        return MigrationRun(RunState.PASSED, f"migrated {told.where} by {told.tool.name}: {names}{told.said}", _after(ended))
    if ended is not None:
        return _ended(ended, timeout, told)
    if _condition(thing, "Failed") == "DeadlineExceeded":
        return _too_long(timeout, told)
    if why := _unseen(thing, pod):
        return MigrationRun(RunState.STUCK, f"the pod of the Job {name_of(thing)} {why}; {ask(told)}")
    began = _state(pod, *_OF_MIGRATION, "running") if pod is not None else None
    if (now - since).total_seconds() >= timeout:
        return _too_long(timeout, told)
    if began is not None:
        took = (now - (_moment(began.get("startedAt")) or now)).total_seconds()
        text = f"migrating {told.where} by {told.tool.name} for {took:.0f} s of {timeout:g} s, as the Job {name_of(thing)}{told.said}"
        return MigrationRun(RunState.RUNNING, text)
    if pod is not None and _state(pod, *_OF_BACKUP, "running") is not None:
        return MigrationRun(RunState.RUNNING, f"backing up {told.where}, in the Job {name_of(thing)}{told.said}")
    if pod is None and now - since >= NO_POD:
        why = f"the cluster made no pod for it in {NO_POD.total_seconds():g} s (a quota, an admission rule)"
        describe = f"`kubectl describe job {name_of(thing)}` says which"
        return MigrationRun(RunState.ERRORED, f"the migration could not be started: {why}; {describe}")
    if pod is not None and (bad := next(iter(news.bad_news(pod, now)), None)):
        return MigrationRun(RunState.ERRORED, f"the migration could not be started: {bad}")
    return MigrationRun(RunState.RUNNING, f"the migration waits for its pod, for {(now - since).total_seconds():.0f} s now")


def _unseen(thing: Object, pod: Object | None) -> str:
    """Why nobody will ever see how it ended, to follow "the pod"; empty while somebody may."""
    if pod is None and _condition(thing, "Complete") is not None:
        # Of a program that ends well when it is told to go, this is no word about the database.
        return "ended well and is gone: whether it was through, or told to go in its middle, nobody saw"
    if (failed := _condition(thing, "Failed")) is not None:
        taken = ends.from_outside(pod, {}) if pod is not None else ""
        return f"{taken or 'is gone'}, and nobody saw how it ended ({failed})"
    # The Job itself says so later, or never, where what counts its pods is down: that it waits for one is not true any more.
    return "is gone, and nobody saw how it ended" if pod is None and ends.had_a_pod(thing) else ""


def removed(key: str, pods: Sequence[Object], told: Told) -> MigrationRun:
    """How it stands when its Job is not there any more: nothing is begun beside a pod that may still be at work."""
    why = f"the Job {name(key)} is not there any more: somebody removed it"
    left = next((pod for pod in pods if not _at_rest(pod)), None)
    if left is not None:
        return MigrationRun(RunState.RUNNING, f"{why}, and its pod {name_of(left)} may still be at work; waiting for its end")
    return MigrationRun(RunState.STUCK, f"{why}, and nobody saw how it ended; {ask(told)}")


def _at_rest(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"} or _state(pod, *_OF_MIGRATION, "terminated") is not None


def _ended(end: Mapping[str, Any], timeout: float, told: Told) -> MigrationRun:
    code, reason = int(end.get("exitCode", 1)), str(end.get("reason", ""))
    if reason in {"StartError", "ContainerCannotRun"}:
        said = str(end.get("message") or reason).strip()[-300:]
        return MigrationRun(RunState.FAILED, f"{told.tool.name} could not be started in the release's image: {said}")
    if reason == "OOMKilled":
        why = f"{told.tool.name} was out of memory (OOMKilled); its limit is that of the release's container"
        return MigrationRun(RunState.STUCK, f"{why}; {ask(told)}")
    took = (_moment(end.get("finishedAt")), _moment(end.get("startedAt")))
    if took[0] and took[1] and (took[0] - took[1]).total_seconds() >= timeout:
        return _too_long(timeout, told)
    if code in {128 + 9, 128 + 15}:
        return MigrationRun(RunState.STUCK, f"{told.tool.name} was ended from outside: exit {code}{told.said}; {ask(told)}")
    what = f"{told.tool.name} on {told.where}: exit {code}{told.said}"
    if told.innocent:
        return MigrationRun(RunState.ERRORED, what)
    return MigrationRun(RunState.FAILED, f"the migration failed: {what}", (_stays(told),))


def _too_long(timeout: float, told: Told) -> MigrationRun:
    text = f"the migration took longer than {timeout:g} s and was ended{told.said}"
    return MigrationRun(RunState.FAILED, text, (_stays(told),))


def _stays(told: Told) -> str:
    halves = "" if told.tool.promises.atomic else ", perhaps half of one"
    return f"what {told.tool.name} had applied before{halves} stays: only its own table tells what that is"


def ask(told: Told) -> str:
    """What a person does where nobody knows how far it came."""
    return f"ask {told.tool.name} what is applied to {told.where}, then retry (what is there it leaves alone) or abort"


def _after(end: Mapping[str, Any] | None) -> tuple[str, ...]:
    began, finished = (_moment((end or {}).get(key)) for key in ("startedAt", "finishedAt"))
    return (f"it took {(finished - began).total_seconds():.0f} s",) if began and finished else ()


def _inside(effect: RunMigration) -> InCluster:
    inside = effect.shipping.database.inside
    assert inside is not None, "asked of databases that a Job migrates"
    return inside


def _about(thing: Object) -> Mapping[str, Any]:
    try:
        found = json.loads((thing["metadata"].get("annotations") or {}).get(ABOUT, ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _state(pod: Object, under: str, container: str, which: str) -> Mapping[str, Any] | None:
    for one in pod.get("status", {}).get(under) or ():
        state: Mapping[str, Any] | None = (one.get("state") or {}).get(which)
        if one.get("name") == container and state is not None:
            return state
    return None


def _condition(thing: Object, kind: str) -> str | None:
    for one in thing.get("status", {}).get("conditions") or ():
        if one.get("type") == kind and one.get("status") == "True":
            return str(one.get("reason") or one.get("message") or kind)
    return None


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
