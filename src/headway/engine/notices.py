"""Which moments people are told of, and in which words."""

from headway.ports import Notice
from headway.rollout.model import Rollout
from headway.rollout.phases import Phase

TOLD = {
    Phase.COMPLETED: "completed",
    Phase.ROLLING_BACK: "is being rolled back",
    Phase.ROLLED_BACK: "was rolled back",
    Phase.GIVEN_UP: "was not rolled back, for a person gave up the way back",
    Phase.HELD: "is undecided and waits for a person",
    Phase.PARKED: "needs a person",
}


def notices(before: Rollout, after: Rollout, why: str) -> tuple[Notice, ...]:
    """The messages that this change calls for: one per target that the plan names."""
    stuck = after.stuck and not before.stuck
    verb = "cannot be rolled back and needs a person" if stuck else TOLD.get(after.phase)
    if (after.phase is before.phase and not stuck) or after.plan is None or verb is None:
        return ()
    title = f"{after.release} {verb} in {after.place.environment}"
    text = "; ".join((*after.reasons, why) if stuck else after.reasons) or why
    data = {"rollout": after.id, "service": after.place.service, "environment": after.place.environment, "phase": after.phase.value}
    return tuple(Notice(target, title, text, data) for target in after.plan.notify)
