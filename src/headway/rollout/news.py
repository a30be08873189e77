"""What those are told who look at the place where a release runs, and not at Headway: a few moments, in one short sentence each.

Nothing of a log, of the configuration or of a database: whoever may look there need not be one who may see those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headway.environments.model import Place
from headway.rollout.model import Rollout, Workload
from headway.rollout.moves import Said

LONGEST = 240


@dataclass(frozen=True, slots=True)
class News:
    """One moment in the life of a release where it runs."""

    place: Place
    workload: Workload
    reason: str
    """In one word, as such places have it: RolledBack."""
    text: str
    bad: bool = False
    traffic: bool = False
    """It is about where the traffic goes too."""


GOOD: Mapping[str, str] = {"started": "Started", "completed": "Completed", "good": "GoodVerdict", "drilled": "Drilled", "route": "Routed"}
BAD: Mapping[str, str] = {
    "failed verdict": "FailedVerdict",
    "failed check": "FailedCheck",
    "failed migration": "FailedMigration",
    "failed to run": "FailedToRun",
    "failed to be ready": "FailedToBeReady",
    "aborted": "Aborted",
    "held": "Held",
    "parked": "Parked",
    "cannot go back": "CannotGoBack",
    "rolled back": "RolledBack",
    "routing is not as we set it": "RoutingEdited",
}
WITHOUT_WHY = frozenset({"FailedMigration", "Started", "RolledBack"})
"""Their reasons are long, or may say what is in a database, and the record has them."""


def news(rollout: Rollout, said: Iterable[Said]) -> tuple[News, ...]:
    """What of a decision is told there."""
    if rollout.plan is None:
        return ()
    return tuple(one for line in said if (one := _news(rollout, rollout.plan.new, line)) is not None)


def _news(rollout: Rollout, new: Workload, said: Said) -> News | None:
    bad = BAD.get(said.what)
    reason = bad or next((word for begin, word in GOOD.items() if said.what.partition(" ")[0].rstrip(":") == begin), None)
    if reason is None:
        return None
    what = said.what if reason != "Started" else f"started for {said.by or rollout.asked_by}"
    # The first of the reasons: what comes after it may be the last lines of a log.
    why = f": {said.why[0]}" if said.why and reason not in WITHOUT_WHY else ""
    text = f"{new.version} in {rollout.place.environment}: {what}{why} (rollout {rollout.id})"
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    return News(rollout.place, new, reason, text, bad is not None, reason in {"Routed", "RoutingEdited"})
