"""Writing over what was read, and over nothing newer: every object says who wrote it last."""

import json
from collections.abc import Callable
from typing import Any

from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    FENCE,
    MANAGER,
    ROUTE,
    SERVICE,
    SIZE,
    SIZER,
    WRITTEN,
    Kind,
    Object,
    annotation_of,
    name_of,
    replicas_of,
)
from headway.errors import Fenced, Refused, Unavailable
from headway.rollout.model import Fence

NOTED = frozenset({DEPLOYMENT, SERVICE, ROUTE})
"""What we write down on the object itself as well, so that somebody else's edit can be told."""
TRIES = 10
"""The cluster's own controllers write to our objects too, their status above all, so that the version read is often an old one."""


def apply(api: Api, kind: Kind, thing: Object, fence: Fence, *, force: bool = False, manager: str = MANAGER) -> None:
    """Have this object, unless somebody newer has been there; with force, whoever else took a field of it."""
    # A Deployment's mark is its size's, an autoscaler's its minimum's: both change with every write, the rest with a release only.
    marks = {} if kind in {DEPLOYMENT, AUTOSCALER} else _mark(fence)
    if kind in NOTED and manager == MANAGER:
        marks = marks | {WRITTEN: json.dumps(thing["spec"], sort_keys=True, separators=(",", ":"))}
    _over(api, kind, name_of(thing), fence, lambda there: api.apply(kind, _with(thing, marks, there), manager, force=force))


def restore(api: Api, deployment: Object, fence: Fence) -> None:
    """Have a Deployment as it was made, whoever put a hand on it. Its size is another matter."""
    written = json.loads(annotation_of(deployment, WRITTEN))

    def write(there: Object | None) -> None:
        if there is not None:  # as a whole: what somebody added goes too, and an apply would leave that
            api.put(DEPLOYMENT, {**there, "spec": {**written, "replicas": replicas_of(there)}})

    _over(api, DEPLOYMENT, name_of(deployment), fence, write)


def size(api: Api, deployment: str, replicas: int, fence: Fence, *, force: bool = False) -> None:
    """Have so many replicas of a Deployment, unless somebody newer has been there; with force, whoever else set another number."""
    # Under a manager of its own: an apply names all that its manager owns, and whoever sets a size need not know the rest.
    thing = {"metadata": {"name": deployment}, "spec": {"replicas": replicas}}

    def write(there: Object | None) -> None:
        # What we started we may always end, and a size that somebody else set already, such as by hand on the way back, is no quarrel.
        agreed = force or replicas == 0 or (there is not None and replicas_of(there) == replicas)
        try:
            api.apply(DEPLOYMENT, _with(thing, {**_mark(fence), SIZE: str(replicas)}, there), SIZER, force=agreed)
        except Refused as no:
            if not no.objections:
                raise
            raise Refused(str(no).partition("\n")[0], (*no.objections, "`headway retry` sets it all the same")) from no

    _over(api, DEPLOYMENT, deployment, fence, write)


def at_least(api: Api, autoscaler: str, replicas: int, fence: Fence) -> None:
    """Have an autoscaler keep so many replicas at least, unless somebody newer has been there."""
    thing = {"metadata": {"name": autoscaler}, "spec": {"minReplicas": replicas}}
    _over(api, AUTOSCALER, autoscaler, fence, lambda there: api.apply(AUTOSCALER, _with(thing, _mark(fence), there), SIZER))


def fence_of(thing: Object) -> Fence:
    """Who wrote it last; nobody, if it does not say."""
    generation, _, turn = annotation_of(thing, FENCE).partition(".")
    return Fence(int(generation), int(turn)) if generation.isdigit() and turn.isdigit() else Fence(0, 0)


def _over(api: Api, kind: Kind, name: str, fence: Fence, write: Callable[[Object | None], Any]) -> None:
    for _ in range(TRIES):
        there = api.get(kind, name)
        if there is not None and fence < fence_of(there):
            raise Fenced(f"{kind.name} {name} was written by {annotation_of(there, FENCE)}, so {_number(fence)} is too late")
        try:
            write(there)
        except Conflict:
            continue
        return
    raise Unavailable(f"{kind.name} {name} is written by somebody else all the time")


def _with(thing: Object, marks: dict[str, str], there: Object | None) -> Object:
    metadata = dict(thing["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), **marks}
    return {**thing, "metadata": metadata | ({"resourceVersion": there["metadata"]["resourceVersion"]} if there else {})}


def _mark(fence: Fence) -> dict[str, str]:
    return {FENCE: _number(fence)}


def _number(fence: Fence) -> str:
    return f"{fence.generation}.{fence.turn}"
