"""Do the file's own questions agree? Gates and machine-answered items of checklists, as expressions over what is known.

What cannot be answered is no yes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from headway.promotion.expressions import MOST_ITEMS, Type, evaluate, names
from headway.promotion.model import Candidate, Gate, Item, Objection, Stage

STRINGS: Type = ("list", "string")
ROOTS: Mapping[str, Type] = {
    "release": {
        "name": "string", "service": "string", "version": "string", "kind": "string", "author": "string", "commit": "string",
        "ref": "string", "digest": "string", "cut_at": "timestamp", "age": "duration", "passed": STRINGS, "risk": "string",
        "risk_score": "int",
    },
    "environment": {"name": "string", "after": STRINGS, "replicas": "int", "strategy": "string", "live": "string"},
    "checks": {"defined": STRINGS, "passed": STRINGS, "failed": STRINGS},
    "metrics": {"requests": "int", "failures": "int", "error_rate": "double"},
    "live": {"version": "string", "requests": "int", "failures": "int", "error_rate": "double", "seconds": "double"},
    "time": {
        "now": "timestamp", "year": "int", "month": "int", "day": "int", "hour": "int", "minute": "int", "weekday": "string",
        "date": "string",
    },
    "people": {"asked_by": "string", "author": "string", "automatic": "bool", "approved": STRINGS, "groups": ("map", STRINGS)},
}  # fmt: skip
"""What expressions can ask about. `metrics` are what this artifact was measured at in the stages before, and absent if it never was;
`live` is what the release that is live in this environment did in the last minutes, and absent while that is not known."""

AGAIN = timedelta(minutes=1)
"""How often a question about the time, or about what is live, is asked again."""


def moments(now: datetime, zone: str) -> dict[str, Any]:
    """The root `time`, by the clock of a place."""
    local = now.astimezone(ZoneInfo(zone))
    return {
        "now": now,
        **{part: getattr(local, part) for part in ("year", "month", "day", "hour", "minute")},
        "weekday": f"{local:%a}".lower(),
        "date": f"{local:%Y-%m-%d}",
    }


def answers(stage: Stage, facts: Mapping[str, Any], now: datetime) -> dict[str, bool | str]:
    """What each expression of the stage comes to: true, false, or why there is no answer. By the names of gates and items."""
    asking: tuple[Gate | Item, ...] = (*stage.gates, *(item for item in stage.checklist if item.when is not None))
    return {key(one): _answer(one, facts, now) for one in asking}


def key(asking: Gate | Item) -> str:
    """Under which name an answer is kept: an item may be called like a gate."""
    return f"gate {asking.name}" if isinstance(asking, Gate) else asking.name


def objections(
    candidate: Candidate, gates: Sequence[Gate], found: Mapping[str, bool | str], now: datetime | None = None
) -> tuple[Objection, ...]:
    """One for each gate that is not open."""
    return tuple(
        Objection(_text(candidate, gate, answer), until=now + AGAIN if now and {"time", "live"} & set(names(gate.when)) else None)
        for gate in gates
        if (answer := found.get(key(gate), "nobody asked")) is not True
    )


def _answer(asking: Gate | Item, facts: Mapping[str, Any], now: datetime) -> bool | str:
    zone = asking.timezone if isinstance(asking, Gate) else "UTC"
    try:
        return evaluate(asking.when or "", {**_bounded(facts), "time": moments(now, zone)})
    except ValueError as error:
        return str(error) or "it has no answer"


def _bounded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Lists short enough that no expression takes long. A longer one is left out: half a list would be a wrong answer."""
    return {
        root: {name: value for name, value in fields.items() if not isinstance(value, list | tuple) or len(value) <= MOST_ITEMS}
        for root, fields in facts.items()
    }


def _text(candidate: Candidate, gate: Gate, answer: bool | str) -> str:
    why = f" ({gate.why.strip()})" if gate.why.strip() else ""
    if isinstance(answer, str):
        return f"the gate {gate.name}{why} cannot be answered for {candidate.version}: {answer}"
    return f"the gate {gate.name}{why} is closed for {candidate.version}: {gate.when}"
