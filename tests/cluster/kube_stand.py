"""A KubernetesPlatform with a little team's manifests, and short words for what is wanted of one place."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from stand import Namespace, Object, deployment, route, service, until

from headway.adapters.kubernetes.platform import KubernetesPlatform
from headway.environments.model import Cluster, Configuration, Place
from headway.releases.model import RunSpec
from headway.rollout.model import Effect, Fence, Intent, SetReplicas, SetWeights, Workload
from headway.rollout.seen import Group

PLACE = Place("shop", "production")


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the tests of what is real live in real time


class Stand:
    """One place on the cluster."""

    def __init__(self, namespace: Namespace, manifests: Sequence[Object], stats: str = "") -> None:
        self.namespace = namespace
        self.manifests = list(manifests)
        self.secret = "the value of"
        self.cluster = Cluster("k8s", namespace.name, stats=(f"http://{stats}",) if stats else ())
        self.platform = KubernetesPlatform(
            clusters=lambda _: self.cluster,
            manifests=lambda place, commit, path: tuple(self.manifests),
            secrets=lambda reference: f"{self.secret} {reference}",
            keyed=lambda text: f"{hash(text) & 0xFFFFFFFFFF:010x}",
            clock=RealClock(),
        )
        self._turns = itertools.count(1)

    def intent(self, effect: Effect, fence: Fence | None = None) -> Intent:
        turn = next(self._turns)
        return Intent(f"key-{turn}", fence or Fence(1, turn), effect, RealClock().now())

    def act(self, effect: Effect, fence: Fence | None = None) -> Intent:
        intent = self.intent(effect, fence)
        self.platform.act(PLACE, intent)
        return intent

    def scale(self, workload: Workload, replicas: int) -> None:
        self.act(SetReplicas(workload, replicas))
        until(f"{replicas} of {workload.name} ready and no more running", lambda: self._settled(workload.name, replicas))

    def _settled(self, name: str, replicas: int) -> bool:
        group = self.group(name)
        return group.wanted == group.running == group.ready == replicas

    def weigh(self, weights: Mapping[str, int], **more: Any) -> None:
        self.act(SetWeights(weights, **more))

    def group(self, name: str) -> Group:
        return self.platform.look(PLACE).group(name)

    def weights(self) -> Mapping[str, int]:
        return self.platform.look(PLACE).weights


def release(version: str, image: str, config: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None) -> Workload:
    """A release of the little service."""
    name = f"v{version.replace('.', '-')}-cafe"
    run = RunSpec(("little",), ready_within=20.0)
    return Workload(name, version, f"c{version}", image.partition("@")[2], run, Configuration(config or {}, secrets or {}), image=image)


def manifests(image: str, host: str = "") -> list[Object]:
    """What the team wrote; with a host, for a cluster with a gateway."""
    pattern = deployment("shop", f"{image.partition('@')[0]}:whatever", replicas=7)
    return [pattern, service("shop"), *([route("shop", host, {"shop": 1})] if host else [])]


@contextmanager
def standing(namespace: Namespace, things: Sequence[Object], stats: str = "") -> Iterator[Stand]:
    stand = Stand(namespace, things, stats)
    try:
        yield stand
    finally:
        stand.platform.close()
