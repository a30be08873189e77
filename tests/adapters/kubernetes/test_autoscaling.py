"""The team's autoscaler is a pattern as its Deployment is: each release has its own, and one that is for something else is refused."""

from typing import Any

import pytest
from kube_things import ALL, DEPLOYMENT, PLACE, SERVICE, changed, workload

from headway.adapters.kubernetes.kinds import LEAST, annotation_of, label_of, name_of, scaling_of
from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.adapters.kubernetes.render import autoscaler, own_name, render
from headway.environments.model import Scaling
from headway.errors import InvalidSpec

SCALER: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "shop", "labels": {"team": "sales"}},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "minReplicas": 3, "maxReplicas": 9},
}


def test_the_teams_autoscaler_is_the_pattern_for_each_releases_own() -> None:
    found = pattern((*ALL, SCALER), "shop", "prod", "k8s")
    own = autoscaler(found, PLACE, workload())
    assert own is not None
    assert name_of(own) == own["spec"]["scaleTargetRef"]["name"] == own_name(found, workload())
    assert (label_of(own, "team"), label_of(own, "headway/workload")) == ("sales", workload().name)
    assert "minReplicas" not in own["spec"], "a rollout has a minimum of its own"
    assert annotation_of(own, LEAST) == "3"
    assert name_of(SCALER) == "shop"


def test_its_deployment_says_that_it_has_one() -> None:
    with_one = render(pattern((*ALL, SCALER), "shop", "prod", "k8s"), PLACE, workload(), {}, str)
    without = render(Pattern(DEPLOYMENT, SERVICE), PLACE, workload(), {}, str)
    assert (annotation_of(with_one.deployment, LEAST), annotation_of(without.deployment, LEAST)) == ("3", "")


def test_how_far_it_may_go_is_read_as_the_cluster_reads_it() -> None:
    assert scaling_of(SCALER) == Scaling(3, 9)
    assert scaling_of({"spec": {"maxReplicas": 4}}) == Scaling(1, 4)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param(
            (changed(SCALER, "spec", "scaleTargetRef", "name", to="worker"),),
            "HorizontalPodAutoscaler shop scales Deployment worker, expected Deployment shop, which releases are made from; take it out "
            "of k8s and apply it yourself",
            id="of something else",
        ),
        pytest.param(
            (SCALER, changed(SCALER, "metadata", "name", to="more")),
            "k8s has shop, more, expected one HorizontalPodAutoscaler of Deployment shop: two undo each other",
            id="two of them",
        ),
    ],
)
def test_what_releases_cannot_be_scaled_by_is_refused(more: tuple[dict[str, Any], ...], says: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        pattern((*ALL, *more), "shop", "prod", "k8s")
    assert told.value.faults == (says,)
