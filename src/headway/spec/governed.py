"""A file under the server's policies: what contradicts them is a fault, with both places; what merely says less is raised."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from headway.promotion.floors import DEMANDED, raised, short_of
from headway.promotion.model import Stage
from headway.spec.faults import Faults
from headway.spec.file import Declared, File
from headway.spec.nodes import Kind, Node
from headway.spec.policies import Asked, Policies, Policy
from headway.spec.shapes import Found

Against = Callable[[Node, str, str, Asked, str], None]
"""Tells a contradiction: where, which key, what it says, what was asked, and what that comes to."""


def govern(file: File, found: Found, policies: Policies, faults: Faults) -> File:
    """The file with every environment at least as strict as the policies ask; faults where it says otherwise in so many words."""
    environments = {name: _governed(one, found, file, policies, faults) for name, one in file.environments.items()}
    return replace(file, environments=environments)


def _governed(declared: Declared, file: Found, whole: File, policies: Policies, faults: Faults) -> Declared:
    stage, name = declared.stage, declared.stage.environment.name
    environment = file["environments"][name]
    before = _before(stage, whole)
    origins = dict(_inherited(environment))
    for policy in policies.of(name):
        _contradictions(stage, policy, environment, file, before, faults)
        short = short_of(stage, policy.floor, before)
        stage = raised(stage, policy.floor)
        for key in short:
            if (asked := policy.asked.get(key)) is not None and key not in DEMANDED:
                mine = f"{origins[key]}, " if key in origins else ""
                origins[key] = f"{mine}the policy {policy.environments} at {asked.place}"
    return replace(declared, stage=replace(stage, origins=origins))


def _inherited(environment: Found) -> Iterator[tuple[str, str]]:
    for key, one in environment.parts():
        if one.given and (place := _source(one.key)):
            yield key, place
        elif key in {"config", "secrets"}:
            yield from ((f"{key}.{name}", place) for name, each in one.parts() if (place := _source(each.key)))


def _source(node: Node) -> str:
    return f"{node.source}:{node.line}:{node.column}" if node.source else ""


def _before(stage: Stage, file: File) -> tuple[str, ...]:
    """Every environment that a release has passed before this one."""
    seen: dict[str, None] = {}
    left = list(stage.after)
    while left:
        name = left.pop()
        if name not in seen and name in file.environments:
            seen[name] = None
            left.extend(file.environments[name].stage.after)
    return tuple(seen)


def _contradictions(stage: Stage, policy: Policy, environment: Found, file: Found, before: tuple[str, ...], faults: Faults) -> None:
    """Everything that the file says and the policy does not let it say."""
    name, floor = stage.environment.name, policy.floor
    short = short_of(stage, floor, before)

    def against(at: Node, key: str, says: str, asked: Asked, least: str) -> None:
        faults.add(at, f"environments.{name}.{key} {says}, but the policy {policy.environments} asks for {least} ({asked.place})")

    for key in ("soak", "keep_warm", "replicas"):
        if key in short and environment[key].given:
            asked = policy.asked[key]
            against(environment[key].node, key, f"is {environment[key].node.text}", asked, f"at least {asked.text}")
    for service, one in environment["services"].parts():
        if (own := one["replicas"].value) is not None and own < floor.replicas:
            asked = policy.asked["replicas"]
            against(one["replicas"].node, f"services.{service}.replicas", f"is {own}", asked, f"at least {asked.text}")
    if floor.approvals is not None and environment["approvals"].given:
        _approvals(environment["approvals"], policy, against)
    if "analysis" in short and environment["analysis"].given:
        _analysis(environment["analysis"], policy, against)
    _way(stage, policy, environment, file, (*stage.after, *before), short, faults)


def _way(
    stage: Stage, policy: Policy, environment: Found, file: Found, before: tuple[str, ...], short: tuple[str, ...], faults: Faults
) -> None:
    """What the file must say by itself: how a release takes over, what it has passed, and the checks that it brings."""
    where, asks, floor = f"environments.{stage.environment.name}", f"but the policy {policy.environments} asks for", policy.floor
    if "strategy" in short:
        asked = policy.asked["strategy"]
        faults.add(_at(environment, "strategy"), f"{where}.strategy is {stage.strategy}, {asks} {asked.text} ({asked.place})")
    if "after" in short:
        missing = ", ".join(one for one in floor.after if one not in before)
        asked = policy.asked["after"]
        faults.add(_at(environment, "after"), f"{where}.after leaves out {missing}, {asks} {' and '.join(floor.after)} ({asked.place})")
    if "skips" in short:
        for one in file["hotfix"]["skips"].items():
            if one.value in floor.after:
                faults.add(one.node, f"hotfix.skips names {one.value}, {asks} it ({policy.asked['after'].place})")
    for service, found in file["services"].parts():
        for check in floor.checks:
            here = found["checks"][check]
            if not here.given or here["manual"].given:
                says = f"leaves the check {check} to a person" if here.given else f"has no check {check}"
                at = here.key if here.given else found.key
                faults.add(at, f"services.{service} {says}, {asks} it ({policy.asked['checks'].place})")


def _approvals(found: Found, policy: Policy, against: Against) -> None:
    wanted, asked = policy.floor.approvals, policy.asked["approvals"]
    assert wanted is not None
    needed, within, allow_self = found["needed"], found["within"], found["allow_self"]
    if needed.value < wanted.needed:
        against(needed.node if needed.given else found.node, "approvals", f"needs {needed.value}", asked, f"at least {wanted.needed}")
    if within.given and within.value > wanted.within:
        against(within.node, "approvals.within", f"is {within.node.text}", asked, "less")
    if allow_self.value and not wanted.allow_self:
        against(allow_self.node, "approvals.allow_self", "is true", asked, "the yes of somebody else")


def _analysis(found: Found, policy: Policy, against: Against) -> None:
    limits, asked = policy.floor.limits, policy.asked["analysis"]
    assert limits is not None
    if found["mode"].value == "health":
        node = found.node if found.node.kind is not Kind.MAPPING else found["mode"].node
        against(node, "analysis", "is health", asked, f"thresholds: {asked.text}")
        return
    pairs = (("error_rate", limits.error_rate, 1), ("times_baseline", limits.times_baseline, 1), ("needs", limits.needs, -1))
    for key, limit, sign in (*pairs, ("min_time", limits.min_time, -1)):
        one = found[key]
        if limit is not None and one.given and (one.value - limit) * sign > 0:
            against(one.node, f"analysis.{key}", f"is {one.node.text}", asked, asked.text)


def _at(environment: Found, key: str) -> Node:
    """Where the file says it, or else where the environment begins."""
    return environment[key].node if environment[key].given else environment.key
