"""Without a gateway pods divide the traffic: the weights that can be had, and what the plan says of them."""

from dataclasses import replace

import pytest
from makers import NEW, OLD

from headway.analysis.model import Thresholds
from headway.environments.model import Cluster, Prometheus
from headway.rollout.dividing import judged, pods_for, sentences, unsuited
from headway.rollout.model import Plan, Scale, Shift, Side, Step, Weight
from headway.rollout.plan import sentences as plan_sentences
from headway.rollout.strategies import canary, rolling

HERE = Cluster("k8s", "shop")
HEALTH = Thresholds(mode="health")


def plan(steps: tuple[Step, ...], *, beside: int = 4, keep_warm: float = 60.0) -> Plan:
    here = replace(NEW, cluster=HERE)
    return Plan(here, OLD, 4, steps, "canary", HEALTH, keep_warm=keep_warm, beside=beside)


def shares(replicas: int, *weights: int, beside: int) -> tuple[Step, ...]:
    return canary(replicas, weights=weights, holdback=5, old=True, watch=30, preview=(), checks=(), soak=60, beside=beside)


@pytest.mark.parametrize(
    ("percent", "beside", "most", "pods"),
    [
        pytest.param(10, 4, 4, 1, id="one is the least that can be had"),
        pytest.param(10, 18, 18, 2, id="2 beside 18 are 10 %"),
        pytest.param(33, 4, 4, 2, id="2 beside 4 are a third"),
        pytest.param(50, 4, 4, 4, id="as many as there are"),
        pytest.param(75, 4, 4, 4, id="the old ones stay whole, so half is the most"),
        pytest.param(75, 2, 6, 6, id="unless it is bigger"),
    ],
)
def test_as_many_new_pods_as_come_nearest_to_the_weight(percent: int, beside: int, most: int, pods: int) -> None:
    assert pods_for(percent, beside, most) == pods


def test_a_canary_without_a_gateway_has_the_pods_that_fit_its_weights_and_holds_nothing_back() -> None:
    steps = shares(4, 10, 50, beside=4)
    moves = [(step.replicas if isinstance(step, Scale) else step.weight.percent) for step in steps if isinstance(step, Scale | Shift)]
    assert moves == [1, 10, 4, 50, 100]
    assert [step.weight.percent for step in shares(4, 10, 50, beside=0) if isinstance(step, Shift)] == [10, 50, 95, 100]


def test_never_fewer_pods_than_can_carry_the_weight() -> None:
    assert Scale(Side.NEW, 2) in shares(20, 10, beside=2)


def test_the_plan_says_what_each_weight_comes_to() -> None:
    said = plan_sentences(plan(shares(4, 10, 50, beside=4)))
    assert "route 10 % of the traffic to 1.1.0: about 20 % of new connections, by 1 pods beside 4 of 1.0.0" in said
    assert "route 50 % of the traffic to 1.1.0: about 50 % of new connections, by 4 pods beside 4 of 1.0.0" in said
    assert "route 100 % of the traffic to 1.1.0: new connections; those that are open stay with 1.0.0 until it stops" in said
    gated = plan_sentences(plan(shares(4, 10, beside=0), beside=0))
    assert "route 10 % of the traffic to 1.1.0" in gated


def test_what_a_rolling_release_lets_go_counts() -> None:
    said = plan_sentences(plan(rolling(4, batch=2, old=True, warm=False, checks=(), soak=60)))
    assert "route 50 % of the traffic to 1.1.0: about 33 % of new connections, by 2 pods beside 4 of 1.0.0" in said
    assert said[2] == "have 2 of 4 replicas of 1.0.0, ready"


def test_it_says_how_connections_end_and_what_is_judged() -> None:
    how, ends, judging = sentences(plan((Shift(Weight(100)),)))
    assert how == "no HTTPRoute leads to it, so pods divide the traffic, 4 of 1.0.0 and those of 1.1.0: by connections, not by requests"
    assert ends.startswith("who keeps a connection to 1.0.0 open stays there; it is stopped 60 s after completion (keep_warm)")
    assert judging == "judged by the replicas' health and by checks alone: no request is measured"
    assert "at completion" in sentences(plan((), keep_warm=0.0))[1]
    assert sentences(plan((), beside=0)) == (judging,)


def test_who_counts_is_said() -> None:
    pods = replace(HERE, prometheus=Prometheus("http://p", counts="pods"))
    assert judged(Thresholds(), pods).endswith("as its own pods count them, by Prometheus")
    assert judged(Thresholds(), replace(HERE, stats=("http://e",))).endswith("as the gateway counts them, by its statistics")


@pytest.mark.parametrize(
    ("thresholds", "cluster", "testers", "found"),
    [
        pytest.param(HEALTH, HERE, False, (), id="health asks for no gateway"),
        pytest.param(HEALTH, HERE, True, ("route:",), id="nobody would send testers"),
        pytest.param(
            Thresholds(), replace(HERE, stats=("http://e",)), False, ("counts: pods",), id="a gateway that has none of its requests"
        ),
        pytest.param(Thresholds(), replace(HERE, prometheus=Prometheus("http://p", counts="pods")), False, (), id="its own pods count"),
    ],
)
def test_what_only_a_gateway_could_do_is_refused(thresholds: Thresholds, cluster: Cluster, testers: bool, found: tuple[str, ...]) -> None:
    said = unsuited(thresholds, cluster, testers=testers)
    assert len(said) == len(found)
    assert all(word in one for word, one in zip(found, said, strict=True))
