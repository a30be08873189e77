"""Where an autoscaler has the number of replicas: each release has its own, and no rollout lets one shrink what serves.

The size itself is written twice in a release's life: when it starts and there is nothing yet that an autoscaler could scale, and when
it stops, after its autoscaler went. In between a rollout raises the minimum, and gives it back when nothing is on its way any more.
"""

from collections.abc import Mapping

from headway.adapters.kubernetes import writing
from headway.adapters.kubernetes.api import Api
from headway.adapters.kubernetes.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    LEAST,
    Object,
    annotation_of,
    by_workload,
    labels,
    name_of,
    replicas_of,
    scaling_of,
)
from headway.environments.model import Place
from headway.errors import Refused
from headway.rollout.model import Fence


def scaled(deployment: Object) -> bool:
    """Has this release an autoscaler of its own?"""
    return bool(annotation_of(deployment, LEAST))


def wanted(api: Api, place: Place, deployments: Mapping[str, Object]) -> dict[str, int]:
    """How many replicas each release shall have. What an autoscaler was told counts at once: it takes its time to do it."""
    sizes = {workload: replicas_of(one) for workload, one in deployments.items()}
    if any(scaled(one) and sizes[workload] for workload, one in deployments.items()):
        for workload, autoscaler in by_workload(api.list(AUTOSCALER, labels(place))).items():
            if sizes.get(workload):
                sizes[workload] = max(sizes[workload], scaling_of(autoscaler).least)
    return sizes


def start(api: Api, deployment: Object, autoscaler: Object, replicas: int, fence: Fence, *, new: bool) -> None:
    """Have at least so many replicas, and an autoscaler that keeps them; `new`: the Deployment was made just now."""
    name = name_of(deployment)
    if new or not replicas_of(deployment):
        writing.size(api, name, replicas, fence)  # of nothing an autoscaler makes nothing
    there = api.get(AUTOSCALER, name)
    if there is None:
        writing.apply(api, AUTOSCALER, autoscaler, fence)
    _raise(api, there or autoscaler, replicas, fence, new=there is None)


def hold(api: Api, deployments: Mapping[str, Object], but: str, fence: Fence) -> None:
    """What serves stays as big as it is, however little traffic is left to it: it may have to take all of it back at once."""
    for workload, deployment in deployments.items():
        if workload != but and replicas_of(deployment) and scaled(deployment):
            there = api.get(AUTOSCALER, name_of(deployment))
            if there is not None:
                _raise(api, there, replicas_of(deployment), fence)


def let_go(api: Api, deployment: Object) -> None:
    """Take the autoscaler away before the release goes to nothing: it would bring it back."""
    if scaled(deployment):
        api.delete(AUTOSCALER, name_of(deployment))


def settle(api: Api, place: Place, but: str, fence: Fence) -> None:
    """Once a release is alone its autoscaler is as the team wrote it. A minimum that somebody else set stays as it is."""
    sized = {workload: one for workload, one in by_workload(api.list(DEPLOYMENT, labels(place))).items() if replicas_of(one)}
    sized.pop(but, None)
    if len(sized) != 1 or not scaled(deployment := next(iter(sized.values()))):
        return
    there = api.get(AUTOSCALER, name_of(deployment))
    if there is None or not (least := annotation_of(there, LEAST)).isdigit() or scaling_of(there).least == int(least):
        return
    try:
        writing.at_least(api, name_of(there), int(least), fence)
    except Refused:
        return  # somebody wants it bigger, or smaller, and said so


def _raise(api: Api, autoscaler: Object, replicas: int, fence: Fence, *, new: bool = False) -> None:
    bounds = scaling_of(autoscaler)
    least = max(int(annotation_of(autoscaler, LEAST) or 1), min(replicas, bounds.most))
    if new or bounds.least < least:
        writing.at_least(api, name_of(autoscaler), least, fence)
