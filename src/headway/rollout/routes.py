"""What the proxies are told at each weight, and whether they say that it is so."""

from headway.analysis.model import Outcome, Verdict
from headway.rollout.model import NONE, Match, Plan, Rollout, SetWeights, Weight
from headway.rollout.seen import Sight


def weights(plan: Plan, weight: Weight) -> dict[str, int]:
    """How traffic is divided when the new release has this weight; a side with nothing is not named."""
    if plan.old is None:
        return {plan.new.name: 100} if weight > NONE else {}
    if plan.old.name == plan.new.name:
        return {plan.new.name: 100}
    shares = {plan.new.name: weight.percent, plan.old.name: 100 - weight.percent}
    return {name: percent for name, percent in shares.items() if percent}


def home(plan: Plan) -> SetWeights:
    """Everybody on the old release: testers too, and no more copies."""
    return SetWeights(weights(plan, NONE))


def forward(plan: Plan, weight: Weight) -> SetWeights:
    """The routes on the way forward. With one release alone under traffic there is nobody to tell apart."""
    shares = weights(plan, weight)
    if plan.old is None or plan.old.name not in shares or plan.old.name == plan.new.name:
        return SetWeights(shares)
    new, routing = plan.new.name, plan.routing
    return SetWeights(
        shares,
        sticky=routing.sticky,
        matches=tuple(Match(new, one.by, one.name, one.value) for one in routing.testers),
        mirrors={new: routing.mirror} if routing.mirror and weight == NONE else {},
    )


def confirmed(sight: Sight, told: SetWeights) -> bool:
    """Do the proxies route as they were told?"""
    besides = ((sight.sticky, told.sticky), (sight.matches, told.matches), (sight.mirrors, told.mirrors))
    return dict(sight.weights) == dict(told.weights) and all(found is None or found == wanted for found, wanted in besides)


def load(plan: Plan, weight: Weight) -> int:
    """The percent of the traffic that the new release must be able to carry at this weight, copies included."""
    return weight.percent or plan.routing.mirror


def reached(rollout: Rollout) -> bool:
    """Does anything come to the new release: users, testers or copies?"""
    return rollout.weight > NONE or rollout.invited


def without_weight(verdict: Verdict, plan: Plan) -> Verdict:
    """What the judge's verdict means while users are all on the old release.

    Copies are as many as users, so they prove as much. Testers come when they come: bad news counts, and without any the wait goes by.
    """
    if plan.routing.mirror or verdict.outcome is Outcome.ROLL_BACK:
        return verdict
    return Verdict(Outcome.ADVANCE, ("only testers reach it; from them, nothing but bad news is judged",))
