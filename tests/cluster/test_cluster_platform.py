"""The Platform port on a real cluster: what the fake and the local platform promise holds here too."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kube_stand import PLACE, RealClock, Stand, manifests, release, standing
from stand import Load, Namespace, as_the_account, ask, until

from headway.adapters.kubernetes.checkjobs import JobChecks
from headway.adapters.kubernetes.events import Events
from headway.errors import Fenced, Refused, Unavailable
from headway.releases.model import CheckSpec
from headway.rollout.model import Fence, Intent, Match, SetReplicas, StartCheck, Workload
from headway.rollout.news import News
from headway.rollout.seen import Probe

Image = Callable[..., str]


@pytest.fixture
def stand(namespace: Namespace, little: Image) -> Iterator[Stand]:
    """Without a gateway: the team's Service carries the traffic."""
    with standing(namespace, manifests(little("1.0.0"))) as made:
        yield made


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


@pytest.fixture
def gated(namespace: Namespace, little: Image, host: str, gateway: str, stats: str) -> Iterator[Stand]:
    """Behind the gateway."""
    with standing(namespace, manifests(little("1.0.0"), host), stats) as made:
        yield made


def test_a_release_runs_at_the_size_that_is_asked_for(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"))
    stand.scale(one, 2)
    assert {label: pod["metadata"]["labels"][label] for pod in stand.namespace.all("pods") for label in ("app", "headway/workload")} == {
        "app": "shop",
        "headway/workload": one.name,
    }
    stand.scale(one, 1)
    stand.scale(one, 0)
    stand.act(SetReplicas(one, 0))


def test_without_a_gateway_the_services_selector_carries_the_traffic(stand: Stand, little: Image) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    for one in (old, new):
        stand.scale(one, 1)
    assert stand.weights() == {}
    for weights, selected in (({old.name: 100}, 1), ({old.name: 50, new.name: 50}, 2), ({new.name: 100}, 1), ({}, 0)):
        stand.weigh(weights)
        assert stand.weights() == weights
        until(f"{selected} addresses behind the Service", lambda selected=selected: len(_addresses(stand.namespace)) == selected)
    reached = {stand.platform.url(PLACE), stand.platform.url(PLACE, old.name), stand.platform.url(PLACE, new.name)}
    addresses = {one["spec"]["clusterIP"] for one in stand.namespace.all("services", "headway/service=shop")}
    assert {url.removeprefix("http://").partition(":")[0] for url in reached} == addresses
    assert len(addresses) == 3
    with pytest.raises(Unavailable, match="nowhere has no Service yet"):
        stand.platform.url(replace(PLACE, environment="nowhere"))


def test_somebody_elses_hand_on_the_selector_is_seen(stand: Stand, little: Image) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    stand.scale(old, 1)
    stand.scale(new, 1)
    stand.weigh({old.name: 100})
    stand.namespace.kubectl("patch", "service", "shop", f'--patch={{"spec":{{"selector":{{"headway/workload":"{new.name}"}}}}}}')
    assert stand.weights() == {new.name: 100}


def test_nothing_is_routed_to_who_is_not_ready(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"))
    with pytest.raises(Unavailable, match="no ready instance"):
        stand.weigh({one.name: 100})


def test_who_is_too_late_is_refused_and_changes_nothing(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"))
    stand.act(SetReplicas(one, 1), Fence(3, 7))
    for late in (Fence(3, 6), Fence(2, 99)):
        with pytest.raises(Fenced, match=r"written by 3\.7"):
            stand.act(SetReplicas(one, 5), late)
    assert stand.group(one.name).wanted == 1


def test_a_probe_knows_what_was_done(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"))
    done = stand.act(SetReplicas(one, 1))
    assert stand.platform.probe(PLACE, done) is Probe.DONE
    assert stand.platform.probe(PLACE, stand.intent(SetReplicas(one, 2))) is Probe.NOT_DONE


def test_settings_and_secrets_are_the_releases_own_and_no_hash_gives_a_secret_away(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"), {"TOLD_COLOUR": "red"}, {"TOLD_KEY": "env:KEY"})
    two = release("1.1.0", little("1.1.0"), {"TOLD_COLOUR": "blue"}, {"TOLD_KEY": "env:KEY"})
    stand.scale(one, 1)
    stand.scale(two, 1)
    for workload, colour in ((one, "red"), (two, "blue")):
        assert _told(stand, workload.name) == f"TOLD_COLOUR={colour}\nTOLD_KEY=the value of env:KEY"
    assert all(thing.get("immutable") for kind in ("configmaps", "secrets") for thing in stand.namespace.all(kind, "headway/workload"))


def test_a_release_is_made_once_whatever_changes_meanwhile(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"), secrets={"TOLD_KEY": "env:KEY"})
    stand.scale(one, 1)
    stand.secret = "another value of"
    stand.manifests[0]["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "golden"}
    stand.scale(one, 2)
    pods = stand.namespace.all("pods", f"headway/workload={one.name}")
    assert {stand.namespace.get_from(pod["status"]["podIP"], "/told") for pod in pods} == {"TOLD_KEY=the value of env:KEY"}


def test_what_older_generations_left_behind_goes_when_the_next_comes(stand: Stand, little: Image) -> None:
    image = little("1.0.0")
    first, second, third = (release(f"1.{number}.0", image, {"N": str(number)}) for number in range(3))
    for generation, one in enumerate((first, second, third), start=1):
        stand.act(SetReplicas(one, 1), Fence(generation, 1))
        until("it is ready", lambda one=one: stand.group(one.name).ready == 1)
        stand.act(SetReplicas(one, 0), Fence(generation, 2))
        until("it is gone", lambda one=one: stand.group(one.name).running == 0)
    assert first.name not in stand.platform.look(PLACE).groups
    assert {one["metadata"]["labels"]["headway/workload"] for one in stand.namespace.all("configmaps", "headway/workload")} == {third.name}


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        pytest.param({"CRASH": 0}, "ends again and again: exit status 3", id="it ends at once"),
        pytest.param({"EAT": 200}, "out of memory", id="it needs more memory than it may have"),
    ],
)
def test_bad_news_of_an_instance_comes_early_and_in_words(stand: Stand, little: Image, behaviour: dict[str, int], words: str) -> None:
    bad = release("6.6.6", little(f"6.6.6-{'-'.join(behaviour).lower()}", **behaviour))
    stand.act(SetReplicas(bad, 1))
    news = until("bad news", lambda: stand.group(bad.name).bad_news, within=60)
    assert words in " ".join(news)
    assert stand.group(bad.name).log


def test_a_missing_image_is_told_before_anybody_waits_for_it(stand: Stand, little: Image) -> None:
    image = little("1.0.0").partition("@")[0] + "@sha256:" + "0" * 64
    missing = release("6.6.6", image)
    stand.act(SetReplicas(missing, 1))
    news = until("bad news", lambda: stand.group(missing.name).bad_news, within=30)
    assert f"the image {image} cannot be pulled" in " ".join(news)


def test_a_quota_is_told_in_its_own_words(stand: Stand, little: Image) -> None:
    stand.namespace.kubectl("create", "quota", "small", "--hard=pods=1")
    one = release("1.0.0", little("1.0.0"))
    stand.act(SetReplicas(one, 2))
    assert "exceeded quota: small" in " ".join(until("bad news", lambda: stand.group(one.name).bad_news, within=30))


def test_a_pod_that_no_node_takes_is_told_with_the_schedulers_reason(stand: Stand, little: Image) -> None:
    stand.manifests[0]["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "golden"}
    one = release("1.0.0", little("1.0.0"))
    stand.act(SetReplicas(one, 1))
    assert "didn't match Pod's node affinity/selector" in " ".join(until("bad news", lambda: stand.group(one.name).bad_news, within=40))


def test_weights_behind_the_gateway_move_every_request_and_lose_none(gated: Stand, little: Image, gateway: str, host: str) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    gated.scale(old, 2)
    gated.weigh({old.name: 100})
    until("the gateway answers", lambda: _answers(gateway, host))
    with Load(gateway, host, rate=100) as load:
        gated.scale(new, 2)
        gated.weigh({old.name: 90, new.name: 10})
        assert gated.weights() == {old.name: 90, new.name: 10}
        until("a tenth of the traffic", lambda: load.answers["1.1.0"] > 20)
        assert load.answers["1.1.0"] / load.answers.total() > 0.03
        gated.weigh({new.name: 100})
        gated.scale(old, 0)
        before = load.answers.copy()
        until("more traffic", lambda: load.answers.total() > before.total() + 50)
        assert set(load.answers - before) == {"1.1.0"}
        gated.scale(old, 2)
        gated.weigh({old.name: 100})
        gated.scale(new, 0)
    assert load.failures == []


def test_the_gateways_counters_tell_the_releases_apart(gated: Stand, little: Image, gateway: str, host: str) -> None:
    old, bad = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0-fails", FAIL=50))
    for one in (old, bad):
        gated.scale(one, 1)
    gated.weigh({old.name: 50, bad.name: 50})
    until("the gateway answers", lambda: _answers(gateway, host))
    with Load(gateway, host, rate=100):
        until("both counted", lambda: _counted(gated, old.name, 50) and _counted(gated, bad.name, 50))
    arms = gated.platform.measure(PLACE).arms
    assert arms[old.name].failures == 0
    assert 0.4 < arms[bad.name].failures / arms[bad.name].completed < 0.6
    # Histograms come with Envoy's own flush, every five seconds.
    until("latencies", lambda: sum(gated.platform.measure(PLACE).arms[old.name].latency.values()) > 0, within=15)


def test_who_asks_for_the_new_release_gets_it_before_it_has_weight(gated: Stand, little: Image, gateway: str, host: str) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    for one in (old, new):
        gated.scale(one, 1)
    asked = (Match(new.name, "header", "x-release", "new"), Match(new.name, "cookie", "beta", "yes"))
    gated.weigh({old.name: 100}, matches=asked)
    assert gated.weights() == {old.name: 100}
    until("the gateway answers", lambda: _answers(gateway, host))
    assert ask(gateway, host) == "1.0.0"
    assert ask(gateway, host, **{"x-release": "new"}) == "1.1.0"
    assert ask(gateway, host, cookie="theme=dark; beta=yes") == "1.1.0"
    assert ask(gateway, host, cookie="beta=yesterday") == "1.0.0"


def test_what_the_team_applied_before_is_taken_over(gated: Stand, little: Image, gateway: str, host: str) -> None:
    before, *others = gated.manifests
    before["spec"]["template"]["spec"]["containers"][0]["image"] = little("0.9.0")
    gated.namespace.apply({**before, "metadata": {"name": "shop"}}, *others)
    until("what was there before answers", lambda: _answers(gateway, host))
    new = release("1.0.0", little("1.0.0"))
    gated.scale(new, 2)
    gated.weigh({new.name: 100})
    with Load(gateway, host, rate=60) as load:
        until("only the new release answers", lambda: load.answers["1.0.0"] > 60)
    assert set(load.answers) == {"1.0.0"}
    assert gated.weights() == {new.name: 100}
    assert gated.namespace.get("deployment", "shop")["spec"]["replicas"] == 7, "what Headway did not make it leaves alone"


def test_the_way_back_by_hand_works_with_kubectl_alone(gated: Stand, little: Image) -> None:
    old, new = release("1.0.0", little("1.0.0")), release("1.1.0", little("1.1.0"))
    for one in (old, new):
        gated.scale(one, 1)
    gated.weigh({old.name: 100})
    beforehand = gated.platform.by_hand(PLACE, new.name, old.name)
    gated.weigh({new.name: 100}, matches=(Match(new.name, "header", "x-release", "new"),))
    gated.namespace.shell(beforehand[0])
    until("the way that was printed before the rollout leads back", lambda: gated.weights() == {old.name: 100})
    gated.weigh({new.name: 100})
    gated.scale(old, 0)
    for command in gated.platform.by_hand(PLACE, new.name, old.name):
        gated.namespace.shell(command)
    until("all traffic goes to the old release again", lambda: gated.weights() == {old.name: 100})
    assert gated.group(old.name).ready == 1


def test_a_field_that_somebody_else_took_is_told_with_the_name_of_who_has_it(stand: Stand, little: Image) -> None:
    one = release("1.0.0", little("1.0.0"))
    stand.scale(one, 1)
    name = stand.namespace.all("deployments")[0]["metadata"]["name"]
    stand.namespace.kubectl("scale", f"deployment/{name}", "--replicas=2")
    with pytest.raises(Refused, match=r"(?s)somebody else owns.*replicas.*kubectl"):
        stand.act(SetReplicas(one, 1))
    stand.scale(one, 0)


def test_what_the_roles_do_not_allow_is_told_by_its_name(
    stand: Stand, little: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.namespace.kubectl("create", "serviceaccount", "headway")
    monkeypatch.setenv("KUBECONFIG", str(as_the_account(stand.namespace, tmp_path)))
    one = release("1.0.0", little("1.0.0"))
    with pytest.raises(Unavailable, match="does not allow Headway to read ConfigMap headway-shop-production"):
        stand.act(SetReplicas(one, 1))
    with pytest.raises(Unavailable, match=r"does not allow Headway to read Job headway-check-.*jobs"):
        _checks(stand, tmp_path).start(PLACE, replace(_asks(stand, one), fence=Fence(0, 0)), "http://shop")


def test_what_becomes_of_a_release_is_counted_and_a_right_that_is_missing_stops_nothing_and_is_told_once(
    stand: Stand, little: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = replace(release("1.0.0", little("1.0.0")), cluster=stand.cluster)
    stand.act(SetReplicas(one, 1))
    stand.namespace.kubectl("create", "serviceaccount", "headway")
    stand.namespace.kubectl("create", "role", "looks", "--verb=get,list", "--resource=deployments.apps,services")
    stand.namespace.kubectl("create", "rolebinding", "looks", "--role=looks", f"--serviceaccount={stand.namespace.name}:headway")
    config = os.environ["KUBECONFIG"]
    monkeypatch.setenv("KUBECONFIG", str(as_the_account(stand.namespace, tmp_path)))
    herald = Events(RealClock())
    news = News(PLACE, one, "Routed", "20 % of the traffic")
    told = until("it was said that nobody hears of it", lambda: (herald.tell(news), capsys.readouterr().out)[1])
    assert "the right to create events is missing; give it: kubectl" in told
    herald.tell(news)
    monkeypatch.setenv("KUBECONFIG", config)  # for kubectl; the herald goes on as the account that it connected as
    stand.namespace.kubectl("create", "role", "tells", "--verb=create", "--resource=events")
    stand.namespace.kubectl("create", "rolebinding", "tells", "--role=tells", f"--serviceaccount={stand.namespace.name}:headway")
    told = until("the next right that is missing is told, too", lambda: (herald.tell(news), capsys.readouterr().out)[1])
    assert "the right to get events is missing; give it: kubectl" in told
    herald.tell(news)
    allowed = Events(RealClock())
    for _ in range(2):
        allowed.tell(news)
    until("one Event, three times", lambda: [each["count"] for each in _events(stand.namespace)] == [3])
    assert "Kubernetes Events" not in capsys.readouterr().out, "once, and then no more"
    assert "20 % of the traffic" in stand.namespace.kubectl("describe", "deployment", f"--selector=headway/workload={one.name}")


def _checks(stand: Stand, folder: Path) -> JobChecks:
    return JobChecks(folder, lambda _: stand.cluster, lambda reference: f"the value of {reference}", RealClock())


def _asks(stand: Stand, workload: Workload) -> Intent:
    spec = CheckSpec("asks", ("/little", "exit", "0"), timeout=60.0, inside="cluster")
    return stand.intent(StartCheck(spec, workload, 1), Fence(6, 3))


def _events(namespace: Namespace) -> list[dict[str, Any]]:
    return [one for one in namespace.all("events") if one["source"].get("component") == "headway"]


def _addresses(namespace: Namespace) -> list[str]:
    slices = namespace.all("endpointslices", "kubernetes.io/service-name=shop")
    return [address for one in slices for point in one.get("endpoints") or () for address in point["addresses"]]


def _told(stand: Stand, workload: str) -> str:
    pod = stand.namespace.all("pods", f"headway/workload={workload}")[0]
    return stand.namespace.get_from(pod["status"]["podIP"], "/told")


def _answers(gateway: str, host: str) -> bool:
    try:
        return bool(ask(gateway, host))
    except OSError:
        return False


def _counted(stand: Stand, workload: str, least: int) -> bool:
    counters = stand.platform.measure(PLACE).arms.get(workload)
    return counters is not None and counters.completed >= least
