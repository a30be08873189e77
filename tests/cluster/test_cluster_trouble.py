"""What only a cluster does to a release: told in its words, before traffic; and people with kubectl, who cost nobody a request."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cluster_street import OnTheCluster, playing
from stand import Namespace, Object, deployment

from headway.errors import Refused
from support.stories import RULES, Behaviour, Row, Story, View
from support.street import Act, until

WITHIN = 15.0
"""Seconds from the moment at which the cluster says that it is bad until Headway has decided."""
WAITING = {"ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError", "RunContainerError"}


def wrong(name: str) -> Callable[[Act], View]:
    return lambda act: act.end(act.release("2.0.0", {"wrong": name}))


def refused(act: Act) -> View:
    """It is not even begun, and the answer to whoever asks says why."""
    with pytest.raises(Refused, match=r"there is no .*/little@sha256:0+ in its registry, so no node could pull it"):
        act.release("2.0.0", {"wrong": "no-image"})
    return act.end(act.first)


def kept_out(name: str, why: str) -> Callable[[Act], View]:
    """It waits outside, says why, and a person takes it back."""

    def play(act: Act) -> View:
        rollout = act.release("2.0.0", {"wrong": name})
        seen = act.when(rollout, lambda one: one["phase"] != "pending" or "could be made" in one["why"], "the cluster's refusal")
        assert seen["phase"] == "pending", seen
        assert re.search(why, seen["why"]), seen["why"]
        act.tell("abort", rollout, "not like this")
        return act.end(rollout)

    return play


def container(pods: Object) -> Object:
    found: Object = pods["spec"]["template"]["spec"]["containers"][0]
    return found


def asks_for(memory: str) -> Callable[[Object], None]:
    def change(pods: Object) -> None:
        container(pods)["resources"] = {"requests": {"cpu": "10m", "memory": memory}, "limits": {"memory": memory}}

    return change


def wants_another_node(pods: Object) -> None:
    pods["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "of-gold"}


def is_privileged(pods: Object) -> None:
    container(pods)["securityContext"] = {"privileged": True}


def runs_nothing(pods: Object) -> None:
    container(pods)["command"] = ["/there-is-no-such-program"]


def reads_no_secret(pods: Object) -> None:
    container(pods)["envFrom"] = [{"secretRef": {"name": "nobody-made-it"}}]


WRONGS: Mapping[str, Callable[[Object], None]] = {
    "too-big": asks_for("3Gi"),
    "too-many": asks_for("1200Mi"),
    "unschedulable": wants_another_node,
    "forbidden": is_privileged,
    "no-program": runs_nothing,
    "no-secret": reads_no_secret,
}


class Troubled(OnTheCluster):
    """Releases that are wrong by their manifests or their image."""

    def write(self, service: str, version: str, behaviour: Behaviour) -> Mapping[str, str]:
        kind: Any = dict(behaviour).pop("wrong", "")
        told = dict(super().write(service, version, {"EAT": 200} if kind == "out-of-memory" else {}))
        if kind in WRONGS:
            pods = deployment(service, f"{self._pattern}:latest")
            WRONGS[kind](pods)
            self.describe(service, pods)
        if kind == "no-image":
            told["image"] = f"{self._pattern}@sha256:{'0' * 64}"
        return told


class Hands:
    """People with kubectl, in the middle of a canary."""

    def __init__(self) -> None:
        self.namespace = Namespace("")

    def half_way(self, act: Act) -> tuple[str, str, str]:
        """A canary that stays at half of the traffic: its rollout, its Deployment, and that of the old release."""
        rollout = act.release("2.0.0")
        act.when(rollout, lambda one: 0 < one["weight"] < 100, "half of the traffic")
        act.tell("pause", rollout, "let me look")
        act.when(rollout, lambda one: one["phase"] == "paused", "the pause")
        names = [one["metadata"]["name"] for one in self.namespace.all("deployments", f"headway/service={act.service}")]
        new, old = (next(name for name in names if version in name) for version in ("2-0-0", "1-0-0"))
        return rollout, new, old

    def on(self, act: Act, rollout: str) -> View:
        act.tell("resume", rollout, "go on")
        return act.end(rollout)

    def edits(self, act: Act) -> View:
        rollout, new, _ = self.half_way(act)
        self.namespace.kubectl("set", "env", f"deployment/{new}", "TOLD_BY=somebody")
        self.namespace.kubectl("rollout", "status", f"deployment/{new}", "--timeout=120s")
        act.tell("resume", rollout, "go on")
        told = act.when(rollout, lambda one: one["ended"] or "a person decides: retry" in one["why"], "the hand to be told")
        assert "containers[little].env was not there" in told["why"], told
        act.tell("retry", rollout, "nobody agreed to that")
        return act.end(rollout)

    def scales(self, act: Act) -> View:
        rollout, new, old = self.half_way(act)
        for name in (new, old):
            self.namespace.kubectl("scale", f"deployment/{name}", "--replicas=2")
            self.namespace.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s")
        ended = self.on(act, rollout)
        until("the old release to go, whoever made it bigger", lambda: not self._pods(act, "1.0.0"))
        return ended

    def reroutes(self, act: Act) -> View:
        rollout, _, old = self.half_way(act)
        rules = self.namespace.get("httproute", act.service)["spec"]["rules"]
        for one in rules[0]["backendRefs"]:
            one["weight"] = 100 if one["name"] == old else 0
        patch = [{"op": "replace", "path": "/spec/rules", "value": rules}]
        self.namespace.kubectl("patch", "httproute", act.service, "--type=json", f"--patch={json.dumps(patch)}")
        until("everybody to meet the old release", lambda: act.door.served_by() == {"1.0.0"})
        return self.on(act, rollout)

    def evicts(self, act: Act) -> View:
        """As `kubectl drain` does with every pod of a node, here with those of one service; another takes its place before it goes."""
        rollout, new, old = self.half_way(act)
        for name in (new, old):
            self.namespace.kubectl("scale", f"deployment/{name}", "--replicas=2")
            self.namespace.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s")
        for pod in sorted(one["metadata"]["name"] for one in self._pods(act)):
            self.namespace.evict(pod)
            until(f"{pod} to go and another to come", lambda pod=pod: self._replaced(act, pod))
        return self.on(act, rollout)

    def _pods(self, act: Act, version: str = "") -> list[Object]:
        found = self.namespace.all("pods", f"headway/service={act.service}")
        return [one for one in found if version.replace(".", "-") in one["metadata"]["name"]]

    def _replaced(self, act: Act, pod: str) -> bool:
        pods = self._pods(act)
        ready = [one for one in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"].get("conditions", ()))]
        return pod not in {one["metadata"]["name"] for one in pods} and len(ready) == 4


HANDS = Hands()
BY_ERRORS = {**RULES, "analysis": {"error_rate": "1%", "needs": 10, "min_time": "1s", "max_wait": "15s", "hold_for": "20s"}}
"""How fast a release answers is no matter of these stories, and on a busy machine it is no release's fault."""
BACK = {"ends": "rolled back", "serves": "1.0.0", "traffic": False}
ON = {"ends": "completed", "serves": "2.0.0"}
BAD = (
    Row("out-of-memory", wrong("out-of-memory"), says=r"out of memory \(OOMKilled\)", **BACK),
    # One of them fits, two do not: nobody knows before the second is asked for, when the first has half of the traffic.
    Row("too-many", wrong("too-many"), "rolled back", "1.0.0", r"no pod can be made: .*exceeded quota: little-money"),
    Row("unschedulable", wrong("unschedulable"), says=r"no node takes the pod: .*didn't match Pod's node affinity/selector", **BACK),
    Row("no-program", wrong("no-program"), says=r"/there-is-no-such-program", **BACK),
    Row("no-secret", wrong("no-secret"), says=r'CreateContainerConfigError.*secret "nobody-made-it" not found', **BACK),
)
OUTSIDE = (
    Row("no-image", refused, "completed", "1.0.0"),
    Row("too-big", kept_out("too-big", "exceeded quota: little-money"), "cancelled", "1.0.0", "withdrawn by alice"),
    Row("forbidden", kept_out("forbidden", "violates PodSecurity"), "cancelled", "1.0.0", "withdrawn by alice"),
)
BY_HAND = (
    Row("edited", HANDS.edits, **ON),
    Row("scaled", HANDS.scales, **ON),
    Row("rerouted", HANDS.reroutes, **ON),
    Row("evicted", HANDS.evicts, **ON),
)
TABLE = tuple(Story(row, "canary") for row in (*OUTSIDE, *BAD, *BY_HAND))


class Watch:
    """When the cluster said for the first time that a service's pods are no good. A pod that goes at once is seen too: looking now and
    then would miss it."""

    def __init__(self, namespace: Namespace) -> None:
        self.said: dict[str, datetime] = {}
        self._watches = [
            subprocess.Popen(
                ["kubectl", "--namespace", namespace.name, "get", kind, "--watch", "--output=json"], stdout=subprocess.PIPE, text=True
            )
            for kind in ("pods", "deployments")
        ]
        self._threads = [threading.Thread(target=self._read, args=(one,), daemon=True) for one in self._watches]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self._watches:
            watch.terminate()
            watch.wait()
        for thread in self._threads:
            thread.join()

    def _read(self, watch: subprocess.Popen[str]) -> None:
        assert watch.stdout is not None
        lines: list[str] = []
        for line in watch.stdout:
            lines.append(line)
            if line.rstrip() == "}":  # one object ends
                self._look(json.loads("".join(lines)))
                lines.clear()

    def _look(self, thing: Object) -> None:
        if _is_bad(thing):
            now = datetime.now(UTC)  # noqa: TID251 - the tests of what is real live in real time
            self.said.setdefault(thing["metadata"]["labels"].get("headway/service", ""), now)


def _is_bad(thing: Object) -> bool:
    status = thing.get("status", {})
    for one in status.get("conditions") or ():
        if (one["type"], one["status"]) in {("ReplicaFailure", "True"), ("PodScheduled", "False")}:
            return True
    states = [one.get("state") or {} for one in status.get("containerStatuses") or ()]
    return any((one.get("waiting") or {}).get("reason") in WAITING for one in states)


@pytest.fixture(scope="module")
def played(
    namespaces: Callable[[], Namespace], gateway: str, stats: str, little: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Mapping[str, Story], Mapping[str, datetime]]]:
    """All of them at the same time, in one namespace that has a quota and admits no privileged pod."""
    namespace = HANDS.namespace = namespaces()
    namespace.kubectl("create", "quota", "little-money", "--hard=requests.memory=2Gi")
    namespace.kubectl("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=baseline")

    def stage(folder: Path) -> OnTheCluster:
        return Troubled(folder, gateway, little)

    more = {"too-many-canary": {"replicas": 2}}
    with playing(TABLE, tmp_path_factory.mktemp("scene"), stage, {"canary": namespace.name}, stats, more, BY_ERRORS) as street:
        with Watch(namespace) as watch:
            street.play(TABLE)
        yield {one.row.name: one for one in TABLE}, watch.said


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [row.name for row in OUTSIDE])
def test_what_is_known_beforehand_is_said_beforehand(played: tuple[Mapping[str, Story], Mapping[str, datetime]], name: str) -> None:
    played[0][name].check()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [row.name for row in BAD])
def test_what_no_waiting_will_mend_is_told_in_the_cluster_s_words_within_fifteen_seconds(
    played: tuple[Mapping[str, Story], Mapping[str, datetime]], name: str
) -> None:
    stories, said = played
    story = stories[name]
    story.check()
    decided = next(event["at"] for event in story.view["events"] if event["what"] == "failed to run")
    took = (datetime.fromisoformat(decided) - said[story.service]).total_seconds()
    assert took < WITHIN, f"decided {took:.1f} s after the cluster had said it"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [row.name for row in BY_HAND])
def test_what_people_do_with_kubectl_in_the_middle_costs_nobody_a_request(
    played: tuple[Mapping[str, Story], Mapping[str, datetime]], name: str
) -> None:
    played[0][name].check()
