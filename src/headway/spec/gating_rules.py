"""What freezes, checklists, gates, groups and trains say of each other and of the rest of the file."""

from collections.abc import Collection
from itertools import pairwise

from headway.spec.faults import Faults
from headway.spec.gating import groups
from headway.spec.nodes import shortened
from headway.spec.shapes import Found
from headway.trains.model import LATE

LONGEST_FREEZE = 31 * 86400.0


def agree(file: Found, faults: Faults) -> None:
    """Tell every fault that no key shows alone."""
    environments = file["environments"].value if isinstance(file["environments"].value, dict) else None
    known = {kind: file[kind].value if isinstance(file[kind].value, dict) else None for kind in ("gates", "checklists")}
    for name, freeze in file["freezes"].parts():
        _freeze(f"freezes.{name}", freeze, faults)
        _named(freeze["environments"], environments, f"freezes.{name}.environments", "environments", faults)
    for name, environment in file["environments"].parts():
        where = f"environments.{name}"
        _named(environment["checklist"], known["checklists"], f"{where}.checklist", "checklists", faults)
        _named(environment["gates"], known["gates"], f"{where}.gates", "gates", faults)
        _twice(environment["checklist"], file, where, faults)
        _advisory(environment["advisory"], file, where, faults)
    for name, checklist in file["checklists"].parts():
        for item, found in checklist["items"].parts():
            _item(f"checklists.{name}.items.{item}", found, environments, faults)
    _named(file["hotfix"]["skips"], environments, "hotfix.skips", "environments", faults)
    for name, train in file["trains"].parts():
        _train(f"trains.{name}", train, file, faults)
        for phase, found in train["phases"].parts():
            _named(found["gates"], known["gates"], f"trains.{name}.phases.{phase}.gates", "gates", faults)


def _named(found: Found, known: Collection[str] | None, where: str, what: str, faults: Faults) -> None:
    for one in found.items() if known is not None else ():
        if one.value not in (known or ()):
            faults.unknown(one.node, f'{where} names "{shortened(one.value)}", which is not there', one.value, known or (), what)


def _item(where: str, found: Found, environments: Collection[str] | None, faults: Faults) -> None:
    """A person, an expression or a command answers it: one of them."""
    answering = [key for key in ("when", "run", "by") if found[key].given]
    for key in answering[1:]:
        faults.add(found[key].key, f"{where} has {answering[0]} and {key}, expected one that answers it")
    for key in ("against", "timeout", "settings"):
        if found[key].given and not found["run"].given:
            faults.add(found[key].key, f"{where} has {key}, which only run uses")
    against = found["against"]
    if against.value is not None and environments is not None and against.value not in environments:
        says = f'{where}.against names "{shortened(against.value)}", which is not there'
        faults.unknown(against.node, says, against.value, environments, "environments")


def _freeze(where: str, found: Found, faults: Faults) -> None:
    for one, other in (("cron", "lasts"), ("lasts", "cron"), ("from", "until"), ("until", "from")):
        if found[one].given and not found[other].given:
            faults.add(found[one].key, f"{where} has {one}, expected {other} with it")
    start, end, lasts = found["from"], found["until"], found["lasts"]
    if start.value is not None and end.value is not None and end.value <= start.value:
        faults.add(end.node, f"{where} ends before it begins")
    if lasts.value is not None and lasts.value > LONGEST_FREEZE:
        faults.add(lasts.node, f"{where}.lasts is longer than 31d, expected a date for what is that long")


def _twice(found: Found, file: Found, where: str, faults: Faults) -> None:
    """Two checklists of one environment with an item of the same name: whose tick would it be?"""
    seen: dict[str, str] = {}
    for one in found.items():
        for item, _ in file["checklists"][one.value]["items"].parts():
            if item in seen:
                faults.add(one.node, f'{where}.checklist has "{shortened(item)}" from {seen[item]} and from {one.value}, expected it once')
            seen.setdefault(item, one.value)


def _advisory(found: Found, file: Found, where: str, faults: Faults) -> None:
    group, needed = found["group"].value, found["needed"].value
    if group is None:
        return
    known = groups(file)
    if group not in known:
        says = f'{where}.advisory names "{shortened(group)}", which is not there'
        faults.unknown(found["group"].node, says, group, known, "groups under people")
    elif needed is not None and needed > len(known[group]):
        faults.add(found.node, f"{where}.advisory needs {needed}, but {group} has {len(known[group])}; that could never open")


def _train(where: str, found: Found, file: Found, faults: Faults) -> None:
    services = file["services"].value if isinstance(file["services"].value, dict) else {}
    for key, known, what in (("service", services, "services"), ("to", file["environments"].value, "environments")):
        one = found[key]
        if one.value is not None and isinstance(known, dict) and one.value not in known:
            faults.unknown(one.node, f'{where}.{key} names "{shortened(one.value)}", which is not there', one.value, known, what)
    if len(services) > 1 and not found["service"].given:
        faults.add(found.key, f"{where} has no service, expected one of {', '.join(services)}")
    _phases(where, found, faults)


def _phases(where: str, found: Found, faults: Faults) -> None:
    read = [(name, one) for name, one in found["phases"].parts() if one["begins"].value is not None]
    cut = found["cut"].value
    for name, one in read:
        if cut is not None and one["begins"].value > cut:
            faults.add(one["begins"].node, f"{where}.phases.{name} begins before the cut")
    for (early, one), (late, other) in pairwise(sorted(read, key=lambda pair: -pair[1]["begins"].value)):
        if one["begins"].value == other["begins"].value:
            faults.add(other["begins"].node, f"{where}.phases.{late} begins when {early} does, expected one after the other")
        if None not in (one["late"].value, other["late"].value) and LATE.index(other["late"].value) < LATE.index(one["late"].value):
            faults.add(other.key, f"{where}.phases.{late} lets board what {early} before it does not; criteria tighten")
        if None not in (one["approvals"].value, other["approvals"].value) and other["approvals"].value < one["approvals"].value:
            faults.add(other.key, f"{where}.phases.{late} needs fewer approvals than {early} before it; criteria tighten")
