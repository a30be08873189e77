"""What one environment was told to be, on disk: the memory of its supervisor. Secrets are references here, never values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from headway.adapters.local import files
from headway.adapters.local.envoy_config import Extras
from headway.analysis.model import Counters
from headway.errors import Unavailable
from headway.rollout.model import Fence, Workload

FORMAT = 1
REMEMBERED = 64
"""Keys of effects done per place: the engine asks for its last one only."""


@dataclass(frozen=True, slots=True)
class Declared:
    """So many replicas of this workload."""

    workload: Workload
    replicas: int


@dataclass(frozen=True, slots=True)
class Shifting:
    """Weights that are being set: written before the route is, so that a crash in between is finished and not forgotten."""

    key: str
    weights: Mapping[str, int]
    extras: Extras = Extras()


@dataclass(frozen=True, slots=True)
class PlaceState:
    """One place: its port, the highest fence seen, what was declared, the weights and extras that Envoy confirmed.

    `carried` are counts of workloads from before Envoy last forgot them, so that measuring never goes back because of us.
    `leaving`: it is being removed.
    """

    port: int
    fence: Fence = Fence(0, 0)
    done: tuple[str, ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)
    extras: Extras = Extras()
    shifting: Shifting | None = None
    workloads: Mapping[str, Declared] = field(default_factory=dict)
    carried: Mapping[str, Counters] = field(default_factory=dict)
    leaving: bool = False

    def did(self, key: str) -> "PlaceState":
        """The same with this effect done."""
        kept = tuple(known for known in self.done if known != key)
        return replace(self, done=(*kept, key)[-REMEMBERED:])

    @property
    def serving(self) -> frozenset[str]:
        """The workloads that get, or are about to get, traffic of any kind."""
        routes = (self, self.shifting) if self.shifting else (self,)
        weighted = {name for route in routes for name, weight in route.weights.items() if weight}
        return frozenset(weighted.union(*(route.extras.workloads for route in routes)))

    @property
    def mirrored(self) -> frozenset[str]:
        """The workloads that get, or are about to get, copies of traffic."""
        return frozenset({*self.extras.mirrors, *(self.shifting.extras.mirrors if self.shifting else ())})

    def emptied(self) -> "PlaceState":
        """The same on its way out: no traffic, no replicas."""
        workloads = {name: replace(one, replicas=0) for name, one in self.workloads.items()}
        return replace(self, leaving=True, weights={}, extras=Extras(), shifting=None, workloads=workloads)


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """All places of one environment, by service. `forgotten` are the fences of those that went: who was too late for them stays so."""

    format: int = FORMAT
    places: Mapping[str, PlaceState] = field(default_factory=dict)
    forgotten: Mapping[str, Fence] = field(default_factory=dict)


_ADAPTER = TypeAdapter(EnvironmentState)


def load(path: Path) -> EnvironmentState:
    """What the file says; nothing yet is an environment without places."""
    text = files.read(path)
    if text is None:
        return EnvironmentState()
    try:
        state = _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise Unavailable(
            f"{path} is not a record of an environment: {error.errors()[0]['msg']}; restore it or remove the folder"
        ) from error
    if state.format != FORMAT:
        raise Unavailable(f"{path} has format {state.format}, this Headway knows {FORMAT}: it needs a newer Headway")
    return state


def save(path: Path, state: EnvironmentState) -> None:
    """Replace the file."""
    files.write(path, _ADAPTER.dump_json(state, indent=1))
