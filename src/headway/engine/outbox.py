"""Carries notices to people, after the record and never in its way."""

from datetime import timedelta

import structlog

from headway.errors import HeadwayError
from headway.ports import World

log = structlog.get_logger()

AGAIN = (1, 5, 30, 120, 600, 1800)
"""Seconds until a notice is tried again; after the last of them it is given up, on the record."""


def deliver(world: World, most: int = 20) -> int:
    """Send what is due; how many arrived."""
    now = world.clock.now()
    arrived = 0
    for number, notice, tries in world.outbox.due(now, most):
        try:
            world.notifier.send(notice)
        except HeadwayError as error:
            again = now + timedelta(seconds=AGAIN[tries]) if tries < len(AGAIN) else None
            world.outbox.failed(number, str(error), again)
            log.warning("a notice did not arrive", target=notice.target, title=notice.title, error=str(error), again=str(again))
            continue
        world.outbox.delivered(number, now)
        arrived += 1
    return arrived
