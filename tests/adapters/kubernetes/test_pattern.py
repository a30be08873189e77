"""What the team wrote is sorted, and whatever is wrong with it is told at once."""

import pytest
from kube_things import ALL, BUDGET, DEPLOYMENT, ROUTE, SERVICE, SETTINGS, changed

from headway.adapters.kubernetes.pattern import pattern
from headway.errors import InvalidSpec


def test_everything_finds_its_place() -> None:
    found = pattern(ALL, "shop", "prod", "k8s")
    assert (found.deployment, found.service, found.routes, found.shared) == (DEPLOYMENT, SERVICE, (ROUTE,), (BUDGET,))
    assert len(found.settings) == 2


def test_the_environments_own_namespace_may_be_written_down() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}
    assert pattern((namespace, changed(DEPLOYMENT, "metadata", "namespace", to="prod"), SERVICE), "shop", "prod", "k8s")


def test_of_several_the_one_named_like_the_service_is_meant() -> None:
    worker = changed(changed(DEPLOYMENT, "metadata", "name", to="worker"), "spec", "template", "metadata", "labels", to={"app": "worker"})
    assert pattern((worker, DEPLOYMENT, SERVICE), "shop", "prod", "k8s").deployment == DEPLOYMENT


@pytest.mark.parametrize(
    ("manifests", "says"),
    [
        pytest.param((SERVICE,), "k8s has none, expected one Deployment, or one that is named shop", id="no Deployment"),
        pytest.param(
            (DEPLOYMENT, changed(SERVICE, "spec", "selector", to={"app": "other"})),
            "k8s has none, expected one Service whose selector matches that Deployment's pods, or one that is named shop",
            id="a Service of others",
        ),
        pytest.param(
            (changed(DEPLOYMENT, "metadata", "name", to="a"), changed(DEPLOYMENT, "metadata", "name", to="b"), SERVICE),
            "k8s has a, b, expected one Deployment, or one that is named shop",
            id="two Deployments",
        ),
        pytest.param(
            (*ALL, changed(SETTINGS, "metadata", "namespace", to="kube-system")),
            "ConfigMap settings-abcdefgh12 is in the namespace kube-system, expected prod, the environment's own",
            id="another namespace",
        ),
        pytest.param(
            (*ALL, {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "god"}}),
            "ClusterRoleBinding god is of no kind that Headway applies; take it out of k8s and apply it yourself",
            id="more power than a release needs",
        ),
    ],
)
def test_what_is_wrong_is_told(manifests: tuple[dict[str, object], ...], says: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        pattern(manifests, "shop", "prod", "k8s")
    assert says in told.value.faults
