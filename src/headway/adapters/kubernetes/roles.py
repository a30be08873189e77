"""The rights that Headway needs in a namespace, each with what it is for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from headway.adapters.kubernetes.kinds import (
    AUTOSCALER,
    CONFIG,
    DEPLOYMENT,
    EVENT,
    JOB,
    POD,
    ROUTE,
    SECRET,
    SERVICE,
    SHARED,
    Kind,
)
from headway.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class Needed:
    """What may be done to a kind, and what for."""

    kind: Kind
    verbs: tuple[str, ...]
    why: str
    part: str = ""

    @property
    def resource(self) -> str:
        """As RBAC and kubectl call it."""
        whole = f"{self.kind.plural}.{self.kind.group}".removesuffix(".")
        return f"{whole}/{self.part}" if self.part else whole


OF_MANIFESTS = ("get", "create", "patch")
"""For what belongs to the service and no release."""
DISRUPTIONS = next(kind for kind in SHARED if kind.plural == "poddisruptionbudgets")
OTHERS = tuple(kind for kind in SHARED if kind != DISRUPTIONS)
"""Those of them that are among a team's manifests."""

# Each of these is asked for by a test that begins without any, and none that is not: see tests/cluster/test_cluster_roles.py.
NEEDED: Sequence[Needed] = (
    Needed(
        DEPLOYMENT,
        ("get", "list", "create", "patch", "update", "delete"),
        "each release has one; `update` sets right what somebody edited (`headway retry`)",
    ),
    Needed(
        SERVICE,
        ("get", "list", "create", "patch", "delete"),
        "each release has one; yours leads to the release that has most of the traffic",
    ),
    Needed(CONFIG, ("get", "list", "create", "patch", "update", "delete"), "settings of releases; who wrote last"),
    Needed(
        SECRET,
        ("list", "create", "patch", "delete"),
        "secrets of releases; `list` to remove them with their release, and to show which keys change",
    ),
    Needed(AUTOSCALER, ("get", "list", "create", "patch", "delete"), "each release has one, where you have one"),
    Needed(ROUTE, ("get", "list", "create", "patch"), "weights"),
    Needed(DISRUPTIONS, OF_MANIFESTS, "of your manifests, as `headway init --kubernetes` writes one"),
    Needed(JOB, ("get", "create", "update"), "checks and migrations with `in: cluster`"),
    Needed(POD, ("list",), "what is ready, and what is wrong with what is not"),
    Needed(POD, ("get",), "the last lines of what fails; the log of a check or a migration", "log"),
    Needed(EVENT, ("get", "create", "update"), "what `kubectl describe` tells of a release"),
)


def role(namespace: str, subject: str, kinds: Sequence[str] = ()) -> str:
    """A Role with all that Headway needs there, as YAML, bound to `subject`: NAMESPACE:ACCOUNT, or a user's name."""
    known = {one.plural for one in OTHERS}
    if strange := [one for one in kinds if one not in known]:
        raise InvalidSpec(f"--kind {strange[0]}: expected one of {', '.join(sorted(known))}; all else that a release needs is in the role")
    more = [Needed(kind, OF_MANIFESTS, "as it is among your manifests") for kind in OTHERS if kind.plural in kinds]
    account_in, _, account = subject.partition(":")
    who = (
        {"kind": "ServiceAccount", "name": account, "namespace": account_in}
        if account and not subject.startswith("system:")
        else {"kind": "User", "name": subject, "apiGroup": "rbac.authorization.k8s.io"}
    )
    rules = "\n".join(f"{_rule(one)}  # {one.why}" for one in (*NEEDED, *more))
    api, metadata = "apiVersion: rbac.authorization.k8s.io/v1", f"metadata: {{name: headway, namespace: {json.dumps(namespace)}}}"
    bound = f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: headway}}\nsubjects:\n- {json.dumps(who)}\n"
    return f"{api}\nkind: Role\n{metadata}\nrules:\n{rules}\n---\n{api}\nkind: RoleBinding\n{metadata}\n{bound}"


def _rule(one: Needed) -> str:
    resource = f"{one.kind.plural}/{one.part}" if one.part else one.kind.plural
    return f"- {{apiGroups: [{json.dumps(one.kind.group)}], resources: [{resource}], verbs: [{', '.join(one.verbs)}]}}"
