"""How big a release has to be where an autoscaler has the number of replicas: as big as what serves, within what it allows."""

from dataclasses import dataclass

from headway.environments.model import Scaling
from headway.rollout.model import Plan
from headway.rollout.seen import Sight


@dataclass(frozen=True, slots=True)
class Sized:
    """What a release starts with, and what its autoscaler may make of that."""

    replicas: int
    scaling: Scaling


def start_with(scaling: Scaling, present: int, *, same: bool = False) -> Sized:
    """Start at the present size of what serves; with nothing there, or the release itself (`same`), at the least that is allowed."""
    return Sized(scaling.least if same else scaling.within(present), scaling)


def full(plan: Plan, sight: Sight) -> int:
    """How many replicas carry all the traffic. What an autoscaler made of the old release meanwhile counts: users came."""
    if plan.scaling is None or plan.old is None or plan.old.name == plan.new.name:
        return plan.replicas
    return plan.scaling.within(max(plan.replicas, sight.group(plan.old.name).wanted))


def sentence(sized: Sized, new: str, old: str | None, declared: int) -> str:
    """What becomes of the size, for whoever reads the plan."""
    least, most = sized.scaling.least, sized.scaling.most
    start = f"{new} starts with {sized.replicas}" + (f", as many as {old} has now" if old else "")
    stays = f", and {old} stays as big until it goes" if old else ""
    ignored = "" if declared == 1 else f"; replicas: {declared} of headway.yaml is not applied"
    return f"an autoscaler has the number of replicas, {least} to {most}: {start}{stays}{ignored}"
