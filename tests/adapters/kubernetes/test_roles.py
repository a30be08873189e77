"""The role that a namespace is given: what the table says, bound to whom one names."""

from typing import Any

import pytest
import yaml

from headway.adapters.kubernetes.roles import NEEDED, OF_MANIFESTS, role
from headway.errors import InvalidSpec


def written(subject: str, *kinds: str) -> tuple[dict[str, Any], dict[str, Any]]:
    made, bound = yaml.safe_load_all(role("shop", subject, kinds))
    assert made["metadata"] == bound["metadata"] == {"name": "headway", "namespace": "shop"}
    return made, bound


def test_the_role_has_each_right_of_the_table_and_those_of_the_kinds_that_are_named() -> None:
    made, _ = written("shop:headway", "serviceaccounts")
    given = {
        (verb, f"{resource}.{group}".removesuffix("."))
        for rule in made["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert given == {(verb, one.resource) for one in NEEDED for verb in one.verbs} | {(verb, "serviceaccounts") for verb in OF_MANIFESTS}


@pytest.mark.parametrize(
    ("subject", "bound"),
    [
        pytest.param("ops:headway", {"kind": "ServiceAccount", "name": "headway", "namespace": "ops"}, id="a service account"),
        pytest.param("deployer", {"kind": "User", "name": "deployer", "apiGroup": "rbac.authorization.k8s.io"}, id="a user"),
        pytest.param(
            "system:node:a", {"kind": "User", "name": "system:node:a", "apiGroup": "rbac.authorization.k8s.io"}, id="a user of the system's"
        ),
    ],
)
def test_it_is_bound_to_whom_one_names(subject: str, bound: dict[str, str]) -> None:
    assert written(subject)[1]["subjects"] == [bound]


def test_a_kind_that_is_not_among_what_a_release_shares_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="--kind secrets: expected one of networkpolicies, podmonitors, serviceaccounts, servicemonitors"):
        role("shop", "shop:headway", ("secrets",))
