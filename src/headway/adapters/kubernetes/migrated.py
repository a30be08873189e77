"""What Headway's Jobs brought to a database, kept where the database's users are: the tool's own table is out of our reach.

A ConfigMap for each database of a namespace, written only over what was read. Whichever replica of Headway asks finds the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.kinds import CONFIG, Object
from headway.adapters.kubernetes.writing import TRIES
from headway.errors import Contradiction, Unavailable
from headway.migration.toolshipping import Went

STOPPED = 32
"""Keys of runs that may not start any more: only the last one can still be on its way."""


@dataclass(frozen=True, slots=True)
class Brought:
    """`went`: what was begun, and so may have taken what it takes. `applied`: those of them that got through. `stopped`: keys of runs."""

    went: tuple[Went, ...] = ()
    applied: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()

    def begun(self, more: Iterable[Went]) -> "Brought":
        """The same with these begun; the newest word about a name counts."""
        known = {one.name: one for one in (*self.went, *more)}
        return replace(self, went=tuple(known.values()))

    def through(self, names: Iterable[str]) -> "Brought":
        """The same with these applied."""
        return replace(self, applied=tuple(dict.fromkeys((*self.applied, *names))))

    def without(self, key: str) -> "Brought":
        """The same, in which a run may not start any more."""
        return replace(self, stopped=(*(one for one in self.stopped if one != key), key)[-STOPPED:])


def name(url: str) -> str:
    """How the ConfigMap of the database with this reference is called."""
    return f"headway-migrated-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def read(api: Api, url: str) -> Brought:
    """What is known of this database; nothing, if Headway never migrated it."""
    return _read(api.get(CONFIG, name(url)))


def change(api: Api, url: str, into: Callable[[Brought], Brought]) -> None:
    """Write what it becomes, over exactly what was read."""
    for _ in range(TRIES):
        there = api.get(CONFIG, name(url))
        before = _read(there)
        after = into(before)
        if after == before:
            return
        version = {"resourceVersion": there["metadata"]["resourceVersion"]} if there else {}
        thing: Object = {
            "metadata": {"name": name(url), "annotations": {"headway/database": url}, **version},
            "data": {"migrations": json.dumps(asdict(after))},
        }
        try:
            api.put(CONFIG, thing)
        except Conflict:
            continue
        return
    raise Unavailable(f"{name(url)} is written by somebody else all the time")


def _read(there: Mapping[str, Any] | None) -> Brought:
    if there is None:
        return Brought()
    try:
        kept = json.loads(there["data"]["migrations"])
        went = tuple(Went(**one) for one in kept["went"])
        return Brought(went, tuple(map(str, kept["applied"])), tuple(map(str, kept["stopped"])))
    except (KeyError, ValueError, TypeError) as error:
        called = there["metadata"]["name"]
        raise Contradiction(f"the ConfigMap {called} does not read as Headway wrote it: {error!r}; who edited it?") from error
