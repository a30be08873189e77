"""Whose hand is on what we wrote: what an object says of itself, by what we noted on it and by the cluster's own record of managers.

A field counts if somebody else has it now, or if it is gone. What the cluster fills in by itself has no owner, and is not an edit; what
others have that we never wrote is one: it changes what runs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from headway.adapters.kubernetes.kinds import (
    ADOPTER,
    FRONT,
    LEAST,
    MANAGER,
    ROUTES,
    SIZE,
    SIZER,
    WORKLOAD_LABEL,
    WRITTEN,
    Object,
    annotation_of,
    hash_of,
    label_of,
    name_of,
    replicas_of,
)
from headway.rollout.seen import Edit

OURS = frozenset({MANAGER, SIZER, ADOPTER})
MISSING = object()
HARMLESS = frozenset({"kubectl.kubernetes.io/restartedAt"})
"""Pods were started anew, and are what they were."""
UNSHOWN = frozenset({"env", "args", "command", "stringData", "data"})
"""Under these somebody may have written what not everybody may read."""
Step = str | Mapping[str, Any]
Path = tuple[Step, ...]


def of(kind: str, thing: Object) -> tuple[Edit, ...]:
    """What somebody else did to one object. Nothing, if it is from before we noted what we wrote."""
    noted = annotation_of(thing, WRITTEN)
    try:
        written: Any = json.loads(noted) if noted else None
    except ValueError:
        return ()  # whoever edits our notes has edited much more than a field; what can be told is told without them
    found: list[Edit] = []
    workload, what = label_of(thing, WORKLOAD_LABEL), f"{kind} {name_of(thing)}"
    if isinstance(written, dict):
        live = thing.get("spec") or {}
        others = sorted(_others(thing), key=lambda one: str(one.get("time", "")), reverse=True)
        known: set[str] = set()
        since = max((str(one.get("time", "")) for one in _entries(thing) if one.get("manager") == MANAGER), default="")
        for entry in others:
            for path, was, now in _taken((entry.get("fieldsV1") or {}).get("f:spec") or {}, written, live, ("spec",)):
                if was is MISSING and str(entry.get("time", "")) <= since:
                    continue  # it was there when we wrote, and we left it alone
                if (field := _field(path)) not in known and not (kind == "Deployment" and field == "spec.replicas"):
                    known.add(field)
                    found.append(Edit(what, field, _shown(was, path), _shown(now, path), str(entry.get("manager")), _time(entry), workload))
        last = others[0] if others else {}
        for path, was in _removed(written, live, ("spec",)):
            found.append(Edit(what, _field(path), _shown(was, path), "gone", str(last.get("manager", "")), _time(last), workload))
    asked, has = annotation_of(thing, SIZE), str(thing.get("spec", {}).get("replicas", 0))
    if kind == "Deployment" and not annotation_of(thing, LEAST) and asked and asked != has:
        found.append(Edit(what, "spec.replicas", asked, has, *_sized_by(thing), workload, size=True))
    return tuple(found)


def gone(deployments: Iterable[Object], services: Iterable[Object], routes: Iterable[Object]) -> Iterator[Edit]:
    """What belongs to what is there, and is not."""
    there, named = {name_of(one): one for one in services}, {name_of(one) for one in routes}
    for deployment in deployments:
        if not replicas_of(deployment) or hash_of(label_of(deployment, WORKLOAD_LABEL)):
            continue  # what was adopted is reached by its team's Service, as long as it is alone
        if (name := name_of(deployment)) not in there:
            yield Edit(f"Service {name}", "", "there", "gone", workload=label_of(deployment, WORKLOAD_LABEL))
    fronts = {front for one in deployments if replicas_of(one) and (front := annotation_of(one, FRONT))}
    for front in sorted(fronts - set(there)):
        yield Edit(f"Service {front}", "", "there", "gone")
    for one in there.values():
        for route in filter(None, annotation_of(one, ROUTES).split(",")):
            if route not in named:
                yield Edit(f"HTTPRoute {route}", "", "there", "gone")


def _entries(thing: Object) -> list[Mapping[str, Any]]:
    return list(thing.get("metadata", {}).get("managedFields") or ())


def _others(thing: Object) -> list[Mapping[str, Any]]:
    return [one for one in _entries(thing) if one.get("manager") not in OURS and one.get("subresource") not in {"status", "scale"}]


def _sized_by(thing: Object) -> tuple[str, datetime | None]:
    for one in sorted(_entries(thing), key=lambda one: str(one.get("time", "")), reverse=True):
        if one.get("manager") not in OURS and "f:replicas" in ((one.get("fieldsV1") or {}).get("f:spec") or {}):
            return str(one.get("manager")), _time(one)
    return "", None


# -- walking what the cluster notes of its managers


def _taken(fields: Mapping[str, Any], written: Any, live: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    for key, inner in fields.items():
        if key == "." or (step := _step(key)) is None:
            continue
        was, now, here = _at(written, step), _at(live, step), (*path, step)
        if now is MISSING or (isinstance(step, str) and step in HARMLESS):
            continue
        if was is MISSING:
            yield here, MISSING, now
        elif set(inner) <= {"."}:
            yield from _differs(was, now, here)
        else:
            yield from _taken(inner, was, now, here)


def _differs(was: Any, now: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Where what is there says something else; what is there besides came from the cluster itself."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key, value in was.items():
            if key in now:
                yield from _differs(value, now[key], (*path, key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differs(one, other, (*path, {"": number}))
    elif was != now:
        yield path, was, now


def _removed(was: Any, now: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key, value in was.items():
            if key in now:
                yield from _removed(value, now[key], (*path, key))
            elif value:  # what is empty the cluster leaves out
                yield (*path, key), value
    elif isinstance(was, list) and isinstance(now, list):
        for one in was:
            if isinstance(one, dict) and "name" in one:
                step = {"name": one["name"]}
                other = _at(now, step)
                if other is MISSING:
                    yield (*path, step), one
                else:
                    yield from _removed(one, other, (*path, step))


def _step(key: str) -> Step | None:
    if key.startswith("f:"):
        return key[2:]
    if key.startswith("k:"):
        found: Mapping[str, Any] = json.loads(key[2:])
        return found
    return None


def _at(thing: Any, step: Step) -> Any:
    if isinstance(step, str):
        return thing.get(step, MISSING) if isinstance(thing, dict) else MISSING
    if not isinstance(thing, list):
        return MISSING
    fits = (one for one in thing if isinstance(one, dict) and all(one.get(key, value) == value for key, value in step.items()))
    return next(fits, MISSING)


def _field(path: Path) -> str:
    text = ""
    for step in path:
        text += f".{step}" if isinstance(step, str) else f"[{', '.join(str(value) for value in step.values())}]"
    return text.removeprefix(".")


def _shown(value: Any, path: Path) -> str:
    if value is MISSING:
        return "not there"
    if isinstance(value, list) and value and not any(isinstance(one, dict | list) for one in value):
        value = ", ".join(map(str, value))
    if isinstance(value, dict | list) or any(isinstance(step, str) and step in UNSHOWN for step in path):
        return "something that is not shown"
    return json.dumps(value) if isinstance(value, str) and not value.strip() else str(value)[:120]


def _time(entry: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(str(entry["time"])) if entry.get("time") else None
