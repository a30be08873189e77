"""Which releases wait to enter a stage: what is asked of them beforehand is asked of these."""

from headway.environments.model import Place
from headway.ports import World
from headway.promotion.model import Stage
from headway.rollout.model import Kind
from headway.rollout.phases import Phase
from headway.trains.model import Train


def waiting(service: str, stage: Stage, world: World) -> set[str]:
    """Those with a promotion that has not started, and those that ride a train to there."""
    standing = (one.rollout for one in world.records.standings(place=Place(service, stage.environment.name), ended=False))
    promoted = {one.release for one in standing if one.phase is Phase.PENDING and one.kind is Kind.PROMOTION}
    return promoted | _riding(service, stage, world)


def _riding(service: str, stage: Stage, world: World) -> set[str]:
    """It is to be known before the departure whether they may go."""
    leads = {one.name for one in world.pipelines.trains(service) if one.to == stage.environment.name}
    if not leads:
        return set()
    trains = (one.train for one in world.trains.trains(service, most=10))
    riding = (one for one in trains if isinstance(one, Train) and one.state in {"ongoing", "held"} and one.timetable in leads)
    return {one.release for one in riding if one.release is not None}
