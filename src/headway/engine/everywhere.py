"""All services at once, for the turns that look at each of them again and again: every repository is asked once, not for every service."""

from collections.abc import Iterator, Sequence

from headway.ports import World
from headway.promotion.model import Stage
from headway.trains.model import Timetable


def ways(world: World) -> Iterator[tuple[str, Sequence[Stage]]]:
    """Each service with its stages. Those whose file cannot be read stand still, which is said where it is read."""
    for one in world.pipelines.governed():
        yield from one.stages.items()


def timetabled(world: World) -> Iterator[tuple[str, Sequence[Timetable]]]:
    """Each service that has trains, with their timetables."""
    for one in world.pipelines.governed():
        yield from one.trains.items()


def everywhere(world: World) -> Iterator[Stage]:
    """Every stage of every service."""
    for _, stages in ways(world):
        yield from stages
