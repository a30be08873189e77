"""A strategy of the file as the nouns of a stage."""

from headway.rollout.routing import Mark, Routing
from headway.spec.shapes import Found


def routing(canary: Found) -> Routing | None:
    """What a canary does with requests besides dividing them by weights; None when nothing."""
    route, mirror, sticky = canary["route"], canary["mirror"].value or 0, bool(canary["sticky"].value)
    header = [Mark("header", one["name"].value, one["value"].value) for one in (route["header"],) if one.given]
    cookie = [Mark("cookie", one["name"].value, one["value"].value) for one in (route["cookie"],) if one.given]
    if not (header or cookie or mirror or sticky):
        return None
    return Routing((*header, *cookie), sticky, mirror, canary["alone"].value or 0.0)
