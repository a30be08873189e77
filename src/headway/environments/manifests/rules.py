"""All rules of manifests at once, gravest first."""

from collections.abc import Sequence

from headway.environments.manifests import fits, pods
from headway.environments.manifests.model import Finding, Grade, Manifest

GRAVITY = tuple(Grade)


def findings(manifests: Sequence[Manifest], service: str, namespace: str) -> tuple[Finding, ...]:
    """What stands against sending these objects for this service into this namespace."""
    found = dict.fromkeys((*fits.findings(manifests, namespace), *pods.findings(manifests, service)))
    return tuple(sorted(found, key=lambda one: GRAVITY.index(one.grade)))
