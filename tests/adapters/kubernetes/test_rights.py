"""A right that is missing is named, with the commands that give it and no other."""

import pytest

from headway.adapters.kubernetes.rights import Right, missing

NO = '{} "{}" is forbidden: User "{}" cannot {} resource "{}" in API group "{}"{}'
POD = "system:serviceaccount:shop:headway"


@pytest.mark.parametrize(
    ("message", "right", "given"),
    [
        pytest.param(
            NO.format("deployments.apps", "shop-1", POD, "patch", "deployments", "apps", ' in the namespace "shop"'),
            Right(POD, "patch", "deployments.apps", "shop"),
            "kubectl --namespace shop create role headway-patch-deployments --verb=patch --resource=deployments.apps"
            " && kubectl --namespace shop create rolebinding headway-patch-deployments --role=headway-patch-deployments"
            " --serviceaccount=shop:headway",
            id="a pod's account",
        ),
        pytest.param(
            NO.format("pods", "shop-1-x", "deployer", "get", "pods/log", "", ' in the namespace "shop"'),
            Right("deployer", "get", "pods/log", "shop"),
            "kubectl --namespace shop create role headway-get-pods-log --verb=get --resource=pods/log"
            " && kubectl --namespace shop create rolebinding headway-get-pods-log --role=headway-get-pods-log --user=deployer",
            id="somebody, and a part of a kind",
        ),
        pytest.param(
            NO.format("nodes", "", POD, "list", "nodes", "", " at the cluster scope"),
            Right(POD, "list", "nodes", ""),
            "kubectl create clusterrole headway-list-nodes --verb=list --resource=nodes"
            " && kubectl create clusterrolebinding headway-list-nodes --clusterrole=headway-list-nodes --serviceaccount=shop:headway",
            id="of the whole cluster",
        ),
    ],
)
def test_the_right_and_the_commands_that_give_it(message: str, right: Right, given: str) -> None:
    assert missing(message) == right
    assert right.given() == given


@pytest.mark.parametrize(
    "message",
    [
        pytest.param('pods "shop-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1', id="a quota"),
        pytest.param('deployments.apps "shop" is forbidden: ValidatingAdmissionPolicy "no" denied request: not here', id="a policy"),
        pytest.param("Unauthorized", id="nobody that it knows"),
    ],
)
def test_another_no_is_no_right(message: str) -> None:
    assert missing(message) is None
