"""Who wrote to a place last and what was done there, kept in the place itself: a ConfigMap that is written only over what was read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.kinds import CONFIG, FENCE, labels
from headway.environments.model import Place
from headway.errors import Contradiction, Fenced, Unavailable
from headway.rollout.model import Fence

REMEMBERED = 32
"""Keys of effects done: the engine asks for its last one only."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class Record:
    """The highest fence seen, and the effects done."""

    fence: Fence = Fence(0, 0)
    done: tuple[str, ...] = ()

    def did(self, key: str) -> "Record":
        """The same with this effect done."""
        return replace(self, done=(*(one for one in self.done if one != key), key)[-REMEMBERED:])


def name(place: Place) -> str:
    """How the ConfigMap is called."""
    return f"headway-{place.service}-{place.environment}"


def read(api: Api, place: Place) -> Record:
    """What is on record; an empty one if nothing is."""
    return _record(api.get(CONFIG, name(place)))


def enter(api: Api, place: Place, fence: Fence) -> Mapping[str, Any]:
    """Write this fence, before anything else is; what is written then. Fenced if a higher one is there: its writer has the place now."""
    return _change(api, place, fence, lambda record: replace(record, fence=fence), api.get(CONFIG, name(place)))


def done(api: Api, place: Place, fence: Fence, key: str, entered: Mapping[str, Any]) -> None:
    """Write that this effect is done, over what was written at its beginning; Fenced if somebody newer came meanwhile."""
    _change(api, place, fence, lambda record: record.did(key), entered)


def _change(api: Api, place: Place, fence: Fence, change: Any, there: Mapping[str, Any] | None) -> Mapping[str, Any]:
    for _ in range(TRIES):
        record = _record(there)
        if fence < record.fence:
            written = f"{record.fence.generation}.{record.fence.turn}"
            raise Fenced(f"{place} was written by {written}, so {fence.generation}.{fence.turn} is too late")
        try:
            return api.put(CONFIG, _thing(place, change(record), there))
        except Conflict:  # somebody was quicker: perhaps ourselves before a crash, perhaps somebody newer
            there = api.get(CONFIG, name(place))
    raise Unavailable(f"{name(place)} is written by somebody else all the time")


def _record(there: Mapping[str, Any] | None) -> Record:
    if there is None:
        return Record()
    try:
        kept = json.loads(there["data"]["record"])
        generation, turn = kept["fence"]
        return Record(Fence(int(generation), int(turn)), tuple(map(str, kept["done"])))
    except (KeyError, ValueError, TypeError) as error:
        called = there["metadata"]["name"]
        raise Contradiction(f"the ConfigMap {called} does not read as Headway wrote it: {error!r}; who edited it?") from error


def _thing(place: Place, record: Record, there: Mapping[str, Any] | None) -> dict[str, Any]:
    version = {"resourceVersion": there["metadata"]["resourceVersion"]} if there else {}
    # As on every other object: an API server that compares marks need not understand what is written in it.
    mark = {FENCE: f"{record.fence.generation}.{record.fence.turn}"}
    text = json.dumps({"fence": [record.fence.generation, record.fence.turn], "done": record.done})
    return {"metadata": {"name": name(place), "labels": labels(place), "annotations": mark, **version}, "data": {"record": text}}
