"""What is there against what was asked for: at rest, and while a rollout is on its way. Values in, differences with reasons out."""

from collections.abc import Iterable

from headway.rollout.model import Plan, Workload
from headway.rollout.seen import Edit, Sight


def at_rest(live: Workload, sight: Sight) -> tuple[Edit, ...]:
    """Everything that is not as the ledger says, while nothing is on its way."""
    found = [one for one in sight.edits if one.workload in {"", live.name}]
    if live.name not in sight.groups:
        found.append(Edit(f"the instances of {live.version}", "", "there", "gone", workload=live.name))
    elif not sight.group(live.name).wanted and not any(one.size for one in found):
        found.append(Edit(f"the instances of {live.version}", "", "wanted", "none is wanted", workload=live.name))
    if dict(sight.weights) != {live.name: 100}:
        shares = (
            ", ".join(f"{percent} % to {name}" for name, percent in sorted(sight.weights.items())) or "to nobody, as far as can be told"
        )
        by = next(((one.by, one.at) for one in found if not one.workload), ("", None))
        found.append(Edit("the traffic", "", f"100 % to {live.name}", shares, *by))
    return tuple(found)


def under_way(plan: Plan, sight: Sight) -> tuple[Edit, ...]:
    """What makes one of a rollout's two releases another than the one that is judged, or that one would go back to.

    How traffic is routed is set right within the rollout, and told. A size that somebody else set stands in the way of ours and no other.
    """
    ours = {plan.new.name, plan.old.name if plan.old else plan.new.name}
    return tuple(one for one in sight.edits if one.workload in ours and not one.size)


def unanswered(edits: Iterable[Edit], accepted: Iterable[str]) -> tuple[Edit, ...]:
    """Those that nobody has accepted."""
    known = frozenset(accepted)
    return tuple(one for one in edits if one.key not in known)
