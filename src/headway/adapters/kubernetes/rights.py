"""Which right was missing, out of a cluster's own words, with the commands that give it."""

import re
import shlex
from dataclasses import dataclass

_NO = re.compile(
    r'is forbidden: User "(?P<who>[^"]+)" cannot (?P<verb>[a-z]+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""RBAC's no, as Kubernetes says it; a quota's or an admission policy's is another."""
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one kind, in a namespace or, without one, in the whole cluster; and who lacks it."""

    who: str
    verb: str
    resource: str
    namespace: str

    def given(self) -> str:
        """The commands that give this right and no other; as whom, and so by which context, is for whoever pastes them to know."""
        scope, role = ("--namespace", self.namespace) if self.namespace else (), "role" if self.namespace else "clusterrole"
        kubectl = ("kubectl", *scope)
        called = f"headway-{self.verb}-{re.sub(r'[^a-z0-9]', '-', self.resource.partition('.')[0])}"
        account = self.who.removeprefix(_ACCOUNT)
        subject = f"--serviceaccount={account}" if account != self.who else f"--user={self.who}"
        made = shlex.join((*kubectl, "create", role, called, f"--verb={self.verb}", f"--resource={self.resource}"))
        return f"{made} && {shlex.join((*kubectl, 'create', f'{role}binding', called, f'--{role}={called}', subject))}"


def missing(message: str) -> Right | None:
    """The right that a refusal was for want of; None if it was for something else."""
    found = _NO.search(message)
    if found is None:
        return None
    resource, _, part = found["resource"].partition("/")
    whole = f"{resource}.{found['group']}" if found["group"] else resource
    return Right(found["who"], found["verb"], f"{whole}/{part}" if part else whole, found["namespace"] or "")
