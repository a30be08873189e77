"""Every right that the page names is needed; one that is missing is a sentence that says how to give it, and what waited for it goes on."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster_scene import ClusterScene
from kube_stand import PLACE, RealClock, Stand, manifests, release, standing
from scene import View
from stand import Namespace, Object, as_the_account, scaler, until

from headway.adapters.kubernetes.checkjobs import JobChecks
from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.events import about, event, write
from headway.adapters.kubernetes.kinds import name_of
from headway.adapters.kubernetes.previewing import Previews
from headway.adapters.kubernetes.roles import NEEDED, OF_MANIFESTS, role
from headway.environments.manifests.changes import Preview
from headway.errors import Unavailable
from headway.releases.model import CheckSpec
from headway.rollout.model import Effect, Fence, Intent, SetReplicas, SetWeights, StartCheck, Workload
from headway.rollout.news import News
from headway.rollout.seen import CheckRun, CheckState, Sight

Image = Callable[..., str]
SENTENCE = re.compile(
    r"does not allow Headway to \w[^:]* in \S+: the right to (?P<verb>\w+) (?P<resource>\S+) is missing; "
    r"give it: (?P<given>kubectl .+?--serviceaccount=[-:a-z0-9]+)"
)


class Rights:
    """What the account may: nothing at first, and then what each sentence asks for, by the commands that it prints."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._since: dict[tuple[str, str], float] = {}

    @property
    def given(self) -> set[tuple[str, str]]:
        return set(self._since)

    def until_allowed(self, act: Callable[[], Any]) -> Any:
        """Do this again and again, each time with the one right more that it said was missing."""
        while True:
            try:
                return act()
            except Unavailable as no:
                self.give(str(no))

    def give(self, says: str) -> None:
        """The right of one sentence, by pasting its commands. The API server may take a moment to know of it."""
        found = SENTENCE.search(says)
        assert found, says
        right = (found["verb"], found["resource"])
        if right not in self._since:
            self._namespace.shell(found["given"])
            self._since[right] = time.monotonic()
        assert time.monotonic() - self._since[right] < 30, f"it was given and is asked for again: {says}"
        time.sleep(0.02)


@pytest.fixture
def gated(namespace: Namespace, little: Image, gateway: str, stats: str) -> Iterator[Stand]:
    """Behind the gateway, with all kinds that a team may have."""
    labels = {"app": "shop"}
    more: list[Object] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}},
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "shop"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
        },
    ]
    things = [*manifests(little("1.0.0"), f"shop.{namespace.name}.test"), *more, scaler(1)]
    with standing(namespace, things, stats) as made:
        namespace.kubectl("create", "serviceaccount", "headway")
        yield made


def test_each_right_is_asked_for_by_a_sentence_nothing_is_lost_for_want_of_it_and_no_other_is_needed(
    gated: Stand, little: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.cluster = replace(gated.cluster, context=_beside(gated.namespace, tmp_path, monkeypatch))
    rights, platform = Rights(gated.namespace), gated.platform

    def act(effect: Effect, fence: Fence | None = None) -> None:
        intent = gated.intent(effect, fence)
        rights.until_allowed(lambda: platform.act(PLACE, intent))

    def look() -> Sight:
        seen: Sight = rights.until_allowed(lambda: platform.look(PLACE))
        return seen

    old = release("1.0.0", little("1.0.0"), {"A": "b"}, {"C": "env:C"})
    new = release("1.1.0", little("1.1.0"), {"TOLD_WHAT": "truth"})
    bad = release("6.6.6", little("6.6.6-crash", CRASH=0))
    rights.until_allowed(lambda: platform.find(PLACE, "c1"))
    for one in (old, new):
        act(SetReplicas(one, 1))
        until(f"{one.version} is ready", lambda one=one: look().group(one.name).ready == 1)
    act(SetWeights({old.name: 50, new.name: 50}))
    _somebody_edits(gated, new)
    assert look().edits
    act(SetReplicas(new, 1, mend=True))
    assert not look().edits
    act(SetWeights({new.name: 100}))
    act(SetReplicas(old, 0))
    until("its pods are gone", lambda: look().group(old.name).running == 0)
    act(SetWeights({new.name: 100}))

    act(SetReplicas(bad, 1), Fence(7, 1))
    until("bad news", lambda: look().group(bad.name).bad_news, within=60)
    rights.give("".join(look().group(bad.name).log))
    until("the log itself", lambda: not SENTENCE.search("".join(look().group(bad.name).log)))
    assert old.name not in look().groups, "what an older generation left behind is gone"
    for kind in ("deployments", "services", "configmaps", "secrets", "horizontalpodautoscalers"):
        left = [name_of(one) for one in gated.namespace.all(kind, f"headway/workload={old.name}")]
        assert left == [], "and so is what was removed after somebody had been asked for a right"

    checks, check = _checks(gated, tmp_path), _asks(gated, new)
    rights.until_allowed(lambda: checks.start(PLACE, check, "http://shop"))
    run = until("the check to end", lambda: rights.until_allowed(lambda: _ended(checks, check.key)), within=60)
    assert run.state is CheckState.PASSED, run.text
    assert "TOLD_WHAT=truth" in Path(run.log).read_text()
    again = _asks(gated, new)
    checks.start(PLACE, again, "http://shop")
    assert checks.stop(PLACE, again.key)
    assert checks.look(PLACE, again.key).text == "asks was stopped"
    checks.close()

    news = News(PLACE, replace(new, cluster=gated.cluster), "Routed", "all of it", traffic=True)
    clients = Clients()
    for count in (1, 2):
        for kind, thing in about(clients.of(gated.cluster), news):
            said = event(news, kind, thing, RealClock().now())
            rights.until_allowed(lambda said=said: write(clients.of(gated.cluster), said))
        assert [one["count"] for one in _events(gated.namespace)] == [count, count]
    clients.close()

    needed = {(verb, one.resource) for one in NEEDED for verb in one.verbs}
    assert rights.given - needed == {(verb, "serviceaccounts") for verb in OF_MANIFESTS}
    assert needed - rights.given == set()


def test_with_two_rights_more_the_dry_run_knows_what_is_said_of_pods_and_of_which_machines_the_nodes_are(
    gated: Stand, little: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace, account = gated.namespace, f"{gated.namespace.name}:headway"
    namespace.kubectl("apply", "--filename=-", text=role(namespace.name, account, ("serviceaccounts",)))
    namespace.kubectl("create", "quota", "none", "--hard=pods=0")
    cluster = replace(gated.cluster, context=_beside(namespace, tmp_path, monkeypatch))

    def preview() -> Preview:
        asked = Previews(manifests=lambda *_: tuple(gated.manifests), secrets=str, keyed=lambda text: "0123456789")
        return asked.preview(PLACE, replace(release("1.0.0", little("1.0.0"), {}, {"C": "env:C"}), cluster=cluster), None)

    until("the role is known", lambda: preview().waits == ())
    assert preview().architectures == ()
    namespace.kubectl("apply", "--filename=-", text=json.dumps(gated.manifests[3] | {"metadata": {"name": "shop"}}))
    for kind, called, right in (("role", "pods", ("create", "pods")), ("clusterrole", f"{namespace.name}-nodes", ("list", "nodes"))):
        namespace.kubectl("create", kind, called, f"--verb={right[0]}", f"--resource={right[1]}")
        namespace.kubectl("create", f"{kind}binding", called, f"--{kind}={called}", f"--serviceaccount={account}")
    try:
        (says,) = until("what a quota says of pods", lambda: preview().waits)
        assert "exceeded quota: none" in says
        assert until("what the nodes are", lambda: preview().architectures)
    finally:
        namespace.kubectl("delete", "clusterrole,clusterrolebinding", f"{namespace.name}-nodes")


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClusterScene]:
    """A whole server that has the rights of the role, and a first release."""
    made, account = ClusterScene(tmp_path / "scene"), f"{namespace.name}:headway"
    namespace.kubectl("create", "serviceaccount", "headway")
    namespace.kubectl("apply", "--filename=-", text=role(namespace.name, account))
    try:
        made.found(namespace, gateway, stats, f"shop.{namespace.name}.test", little("1.0.0"))
        made.switch("{canary: [50, 100]}")
        with monkeypatch.context() as its:
            its.setenv("KUBECONFIG", str(as_the_account(namespace, tmp_path)))
            made.start()
        yield made
    finally:
        made.end()


def test_a_rollout_waits_for_a_right_says_so_and_goes_on_when_somebody_gives_it(scene: ClusterScene, little: Image) -> None:
    role = scene.namespace.get("role", "headway")

    def without(verb: str, resource: str) -> None:
        left = [
            {**rule, "verbs": verbs}
            for rule in role["rules"]
            if (verbs := [one for one in rule["verbs"] if resource not in rule["resources"] or one != verb])
        ]
        scene.namespace.kubectl("patch", "role", "headway", "--type=merge", f"--patch={json.dumps({'rules': left})}")

    def asked(view: View) -> str:
        found = SENTENCE.search(view["why"])
        return found["given"] if found else ""

    without("patch", "httproutes")
    scene.cut("1.0.0", little("1.0.0"))
    answer = scene.headway("promote", "shop@1.0.0", "--to", "production", "--json", code=11).json
    rollout = scene.ask("rollout", target=answer["rollout"])
    scene.namespace.shell(asked(scene.when(rollout, asked, "the right that is missing before it starts")))
    scene.when(rollout, lambda one: one["phase"] != "pending", "its start")
    without("list", "pods")
    scene.namespace.shell(asked(scene.when(rollout, asked, "the right that is missing in the middle of it")))
    scene.end_of(rollout, "completed")


def _beside(namespace: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The context of the account, beside that of whoever has all rights and is the one that nobody need name."""
    file, context = as_the_account(namespace, folder), "the-account"
    whole = json.loads(file.read_text())
    for kind in ("contexts", "clusters", "users"):
        whole[kind][0]["name"] = context
    whole["contexts"][0]["context"] |= {"cluster": context, "user": context}
    whole["current-context"] = ""
    file.write_text(json.dumps(whole))
    monkeypatch.setenv("KUBECONFIG", f"{os.environ['KUBECONFIG']}{os.pathsep}{file}")
    return context


def _somebody_edits(stand: Stand, workload: Workload) -> None:
    """With all rights, whatever Headway has."""
    selector = f"--selector=headway/workload={workload.name}"
    stand.namespace.kubectl("set", "env", "deployment", selector, "SOMEBODY=was here")


def _ended(checks: JobChecks, key: str) -> CheckRun | None:
    run = checks.look(PLACE, key)
    return run if run.state is not CheckState.RUNNING else None


def _checks(stand: Stand, folder: Path) -> JobChecks:
    return JobChecks(folder, lambda _: stand.cluster, lambda reference: f"the value of {reference}", RealClock())


def _asks(stand: Stand, workload: Workload) -> Intent:
    spec = CheckSpec("asks", ("/little", "exit", "0"), timeout=60.0, inside="cluster")
    return stand.intent(StartCheck(spec, workload, 1), Fence(7, 3))


def _events(namespace: Namespace) -> list[Object]:
    return [one for one in namespace.all("events") if one["source"].get("component") == "headway"]
