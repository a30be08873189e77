"""A release tried on its cluster: every object sent as it will be sent, by server-side apply, and none of them kept."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headway.adapters.kubernetes import adopting, traffic
from headway.adapters.kubernetes.api import Api, Conflict, Forbidden
from headway.adapters.kubernetes.kinds import (
    AUTOSCALER,
    CONFIG,
    DEPLOYMENT,
    POD,
    ROUTE,
    SECRET,
    SERVICE,
    SHARED,
    Kind,
    Object,
    by_workload,
    labels,
    name_of,
)
from headway.adapters.kubernetes.pattern import Pattern
from headway.adapters.kubernetes.render import Rendered, autoscaler, bare, led, own_name
from headway.environments.manifests.changes import Change, Preview, change
from headway.environments.model import Place
from headway.errors import Refused, Unavailable
from headway.rollout.model import SetWeights, Workload

ARCHITECTURE = "kubernetes.io/arch"
OURS = "headway/"
"""What a release is known by; no two have the same."""
DRAWN = {"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "deployment.kubernetes.io/revision", "creationTimestamp"}
"""What a cluster gives every object anew."""
SETTINGS = {CONFIG.name, SECRET.name}
"""Kinds of which a release may have several, each with a part of its own."""


@dataclass
class _Heard:
    """What came of it so far."""

    changes: list[Change] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def attempt(api: Api, place: Place, theirs: Pattern, made: Rendered, new: Workload, live: Workload | None) -> Preview:
    """Ask for everything at once: who has to mend something mends all of it. Unavailable if the cluster does not answer."""
    heard, own = _Heard(), own_name(theirs, new)
    if api.get(DEPLOYMENT, own) is None:
        scaler = autoscaler(theirs, place, new)
        own_things = (*made.settings, made.service, *((scaler,) if scaler is not None else ()), made.deployment)
        _release(api, place, theirs, own_things, live, heard)
        accounts = [one for one in theirs.shared if one["kind"] == "ServiceAccount"]
        _pod(api, made.deployment, accounts, heard)
    else:
        heard.notes.append(f"{new.version} is there already, as {own}: nothing of it is sent again, only traffic moves")
    effect = SetWeights({new.name: 100})
    ours = {name_of(one) for one in api.list(DEPLOYMENT, labels(place))}
    moving = [(ROUTE, one) for one in traffic.routes(theirs, place, effect, {new.name: own})]
    for kind, one in (*moving, (SERVICE, traffic.front(theirs, place, effect))):
        now = api.get(kind, name_of(one))
        then = _sent(api, kind, one, heard, force=True)
        if then is not None:
            ends = {*ours, own}
            heard.changes.append(change(name_of(one), _routed(now, ends) if now else None, _routed(then, ends)))
    return Preview(tuple(heard.changes), tuple(heard.refusals), tuple(heard.waits), tuple(heard.notes), architectures(api, theirs))


def architectures(api: Api, theirs: Pattern) -> tuple[str, ...]:
    """What its pods ask for, or else what the nodes are; nothing where Headway may not read them."""
    asked = theirs.deployment["spec"]["template"].get("spec", {}).get("nodeSelector") or {}
    if arch := asked.get(ARCHITECTURE):
        return (str(arch),)
    try:
        told = {str((one["metadata"].get("labels") or {}).get(ARCHITECTURE, "")) for one in api.nodes()}
    except Unavailable:
        return ()
    return tuple(sorted(told - {""}))


def _release(api: Api, place: Place, theirs: Pattern, own: Sequence[Object], live: Workload | None, heard: _Heard) -> None:
    """What is the release's own against what the live one has in the same part; what belongs to all of them against itself."""
    there = _of_release(api, place, live, {str(one["kind"]) for one in own})
    for thing in theirs.shared:
        kind = _kind(thing)
        now = api.get(kind, name_of(thing))
        then = _sent(api, kind, thing, heard, force=adopting.foreign(now))
        if then is not None:
            heard.changes.append(change(name_of(thing), folded(now) if now else None, folded(then)))
    seen = set()
    parts = {(str(one["kind"]), name_of(one)): part_of(one) for one in own if one["kind"] in SETTINGS}
    for thing in own:
        kind = _kind(thing)
        then = _sent(api, kind, thing, heard)
        part = (kind.name, part_of(thing) if kind.name in SETTINGS else "")
        seen.add(part)
        if then is not None:
            heard.changes.append(change(name_of(thing), there.get(part), folded(then, parts, part[1])))
    gone = [f"{kind} {name}" for kind, name in there if (kind, name) not in seen]
    heard.notes.extend(f"{one} is not part of it any more" for one in gone)


def _of_release(api: Api, place: Place, live: Workload | None, kinds: Collection[str]) -> dict[tuple[str, str], Object]:
    """The live release's objects by the part that they play, as folded as what they are compared with."""
    if live is None:
        return {}
    mine = labels(place, live.name)
    settings = [_whole(kind, one) for kind in (CONFIG, SECRET) for one in api.list(kind, mine)]
    parts = {(one["kind"], name_of(one)): part_of(one) for one in settings}
    found = {(str(one["kind"]), part_of(one)): folded(one, parts, part_of(one)) for one in settings}
    for kind in (one for one in (SERVICE, AUTOSCALER, DEPLOYMENT) if one.name in kinds):
        if (one := by_workload(api.list(kind, mine)).get(live.name)) is not None:
            found[kind.name, ""] = folded(_whole(kind, one), parts)
    return found


def _pod(api: Api, deployment: Object, accounts: Sequence[Object], heard: _Heard) -> None:
    """What a quota or an admission policy says of its pods, which no Deployment is asked: where Headway may ask that."""
    template = deployment["spec"]["template"]
    metadata = {**template.get("metadata", {}), "name": f"{name_of(deployment)[:58]}-plan"}
    try:
        api.imagine(POD, {"metadata": metadata, "spec": template["spec"]})
    except Forbidden as no:
        coming = any(f'"{name_of(one)}"' in str(no) and "service account" in str(no) for one in accounts)  # made with the release
        if not coming and not no.right:  # without the right to ask it is not asked
            heard.waits.append(f"no pod of it could be made: {no}")
    except Refused as no:
        heard.refusals.append(f"no pod of it could be made: {no}")


def _sent(api: Api, kind: Kind, thing: Object, heard: _Heard, *, force: bool = False) -> dict[str, Any] | None:
    try:
        return _whole(kind, api.apply(kind, thing, force=force, dry_run=True))
    except (Forbidden, Conflict) as no:
        heard.waits.append(_without(thing, str(no)))
    except Refused as no:
        # Somebody may let go of a field, or make the namespace; what is wrong with an object stays wrong.
        later = no.objections or "not found" in str(no)
        (heard.waits if later else heard.refusals).append(_without(thing, str(no)))
    return None


def _whole(kind: Kind, one: Mapping[str, Any]) -> dict[str, Any]:
    """In a list they come without what all of them are."""
    return {**one, "apiVersion": kind.api, "kind": kind.name}


def _without(thing: Object, says: str) -> str:
    """A cluster's words, should they repeat a secret's value."""
    if thing.get("kind") == "Secret":
        for value in (*(thing.get("data") or {}).values(), *(thing.get("stringData") or {}).values()):
            if len(str(value)) > 3:
                says = says.replace(str(value), "***")
    return says


# -- folding: what differs between any two releases is no difference


def part_of(setting: Object) -> str:
    """Which of a release's ConfigMaps or Secrets this is: its name without the hash of its content."""
    return re.sub(r"-[0-9a-f]{10}$", "", name_of(setting))


def folded(thing: Object, parts: Mapping[tuple[str, str], str] | None = None, part: str = "") -> Object:
    """The object without names and marks of its release; references to settings lead to their part."""
    own = _plain(bare(thing))
    own["metadata"] = {key: value for key, value in own.get("metadata", {}).items() if key != "name" and value}
    if part:
        own["metadata"]["name"] = part
    if own.get("kind") == "Deployment":
        own.get("spec", {}).pop("replicas", None)  # the plan's steps say it
    if own.get("kind") == AUTOSCALER.name:  # how many at least is a rollout's business, too
        own["spec"] = {key: value for key, value in own["spec"].items() if key not in {"minReplicas", "scaleTargetRef"}}
    folded: Object = led(own, parts or {})
    return folded


def _routed(thing: Object, ours: Collection[str]) -> Object:
    """A route, or the Service in front, wherever it leads among the releases: the plan's steps say that."""
    own = dict(folded(thing))
    rules: list[dict[str, Any]] = own.get("spec", {}).get("rules")
    if rules is not None:
        own["spec"] = {
            **own["spec"],
            "rules": [_ruled(rule, ours) for rule in rules if not str(rule.get("name", "")).startswith("headway-")],
        }
    return own


def _ruled(rule: dict[str, Any], ours: Collection[str]) -> dict[str, Any]:
    leading: Sequence[dict[str, Any]] = rule.get("backendRefs") or ()
    mine = [
        {key: value for key, value in one.items() if key != "weight"} | {"name": "the release"} for one in leading if one["name"] in ours
    ]
    others = [one for one in leading if one["name"] not in ours]
    return rule if not mine else {**rule, "backendRefs": [mine[0], *others]}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    kept = ((key, inner) for key, inner in value.items() if not str(key).startswith(OURS) and key not in DRAWN)
    return {key: _plain(inner) for key, inner in kept if inner is not None}


def _kind(thing: Object, known: Iterable[Kind] = (CONFIG, SECRET, SERVICE, AUTOSCALER, DEPLOYMENT, *SHARED)) -> Kind:
    return next(kind for kind in known if kind.name == thing["kind"])
