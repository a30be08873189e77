"""What the keys of a file say of each other: names that must exist, numbers that must agree, ways that must lead somewhere."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from headway.releases.stamping import KNOWN
from headway.spec import data_rules, gating_rules, job_rules, kubernetes_rules
from headway.spec.faults import Faults
from headway.spec.gating import expanded, groups
from headway.spec.keys import QUANTILES
from headway.spec.nodes import shortened
from headway.spec.shapes import NOTHING, Found
from headway.spec.views import DRILL

MOST_CIRCLES = 10


def agree(file: Found, faults: Faults) -> None:
    """Tell every fault that no key shows alone. What could not be read has been told, and is skipped here."""
    for name, service in file["services"].parts():
        _checks(name, service, faults)
        _run(name, service, file["environments"], faults)
        _stamps(name, service["build"]["stamp"], faults)
    for name, environment in file["environments"].parts():
        _names(name, environment, file, faults)
        _strategy(environment["strategy"], faults)
        _suits(name, environment, faults)
        _platform(name, environment, faults)
        _per_branch(name, environment, faults)
        _analysis(name, environment["analysis"], faults)
        kubernetes_rules.counted(name, environment, faults)
        _approvals(name, environment["approvals"], groups(file), faults)
        _database(name, environment, file, faults)
        job_rules.agree(name, environment, faults)
    data_rules.agree(file, afters(file["environments"]), faults)
    _circles(file["environments"], faults)
    _namespaces(file["environments"], faults)
    _ports(file, faults)
    _settings(file, faults)
    _in_the_cluster(file, faults)
    _differs(file, faults)
    gating_rules.agree(file, faults)


def _known(found: Found, known: Collection[str], where: str, what: str, faults: Faults) -> None:
    """Every name in this list must be one of these."""
    for one in found.items():
        if one.value not in known:
            faults.unknown(one.node, f'{where} names "{shortened(one.value)}", which is not there', one.value, known, what)


def _run(name: str, service: Found, environments: Found, faults: Faults) -> None:
    """A machine must be told what to start; an image says it itself."""
    local = any(environment["platform"].value != "kubernetes" for _, environment in environments.parts())
    if isinstance(service.value, dict) and not service["run"].given and (local or not environments.value):
        faults.add(service.key, f"services.{name} has no run, expected a command")


def _checks(name: str, service: Found, faults: Faults) -> None:
    checks = service["checks"]
    if _readable(checks):
        _known(service["build"]["checks"], checks.value, f"services.{name}.build.checks", f"checks of {name}", faults)
    for one in service["build"]["checks"].items():
        if checks[one.value]["manual"].given:
            faults.add(one.node, f'"{one.value}" is a manual check, expected one that runs by itself before the build')
    for check, found in checks.parts():
        if found["manual"].given:
            for key in ("timeout", "retries", "settings", "in", "image"):
                if found[key].given:
                    faults.add(found[key].key, f"services.{name}.checks.{check} is manual and has {key}, which only a command uses")
        elif found["image"].given and found["in"].value != "cluster":
            says = f"services.{name}.checks.{check} has an image and runs where Headway does, in none; expected in: cluster beside it"
            faults.add(found["image"].key, says)
        elif found["in"].value == "cluster" and check in service["build"]["checks"].values():
            says = f"services.{name}.checks.{check} runs in a cluster, and build.checks names it: before the build nothing is there"
            faults.add(found["in"].key, says)


def _stamps(name: str, stamps: Found, faults: Faults) -> None:
    for one in stamps.items():
        file = one["file"]
        if file.value is not None and not one["find"].given and file.value.rpartition("/")[2] not in KNOWN:
            says = f'services.{name}.build.stamp: nobody knows what form "{shortened(file.value)}" has'
            faults.add(file.node, f"{says}, expected find with it, or one of {', '.join(KNOWN)}")


def _readable(found: Found) -> bool:
    return isinstance(found.value, dict)


def _names(name: str, environment: Found, file: Found, faults: Faults) -> None:
    where = f"environments.{name}"
    services = file["services"]
    tables = [service["checks"] for _, service in services.parts() if _readable(service)]
    if tables and all(map(_readable, tables)):
        checks = {check: None for table in tables for check in table.value}
        _known(environment["checks"], {**checks, DRILL: None}, f"{where}.checks", "checks", faults)
        _known(environment["preview"], checks, f"{where}.preview", "checks", faults)
        for one in environment["preview"].items():
            if one.value in checks and any(table[one.value]["manual"].given for table in tables if one.value in table.value):
                faults.add(one.node, f'"{one.value}" is a manual check, expected one that runs by itself before there is traffic')
    _known(environment["after"], file["environments"].value, f"{where}.after", "environments", faults)
    if _readable(file["notify"]):
        _known(environment["notify"], file["notify"].value, f"{where}.notify", "targets of notify", faults)
    if _readable(services):
        for service, found in environment["services"].parts():
            if service not in services.value:
                says = f'{where}.services names "{shortened(service)}", which is not there'
                faults.unknown(found.key, says, service, services.value, "services")


def _strategy(strategy: Found, faults: Faults) -> None:
    canary = strategy["canary"]
    for before, after in pairwise(canary["weights"].items()):
        if after.value < before.value:
            faults.add(after.node, f"canary weights must rise; {before.value} is followed by {after.value}")
    if canary["alone"].given and not (canary["route"].given or canary["mirror"].given):
        faults.add(canary["alone"].key, "canary has alone, expected route or mirror with it: without them nobody is alone with it")


def _suits(name: str, environment: Found, faults: Faults) -> None:
    """Keys that mean nothing to the strategy that was chosen."""
    chosen = environment["strategy"].value
    if not isinstance(chosen, dict):
        return
    if environment["holdback"].given and environment["holdback"].value and "canary" not in chosen:
        faults.add(environment["holdback"].key, f"environments.{name}.holdback belongs to a canary, expected strategy: canary with it")
    if environment["preview"].given and "rolling" in chosen:
        faults.add(
            environment["preview"].key, f"environments.{name}.preview needs an idle side, expected strategy: canary or blue-green with it"
        )


def _platform(name: str, environment: Found, faults: Faults) -> None:
    """What belongs to one platform has no meaning on the other."""
    where, platform, own = f"environments.{name}", environment["platform"], environment["kubernetes"]
    overrides = [(f"{where}.services.{service}", found) for service, found in environment["services"].parts()]
    if platform.value == "kubernetes" and not own.given:
        faults.add(platform.node, f"{where} is on kubernetes, expected kubernetes: with manifests and namespace beside it")
    if platform.value == "kubernetes":
        for inside, found in [(where, environment), *overrides]:
            if found["port"].given:
                faults.add(found["port"].key, f"{inside}.port belongs to the local platform; a Service has its own")
        canary = environment["strategy"]["canary"]
        for key in ("sticky", "mirror"):  # in the middle of a rollout it would be too late to say so
            if canary[key].value:
                faults.add(canary[key].key, f"{where}.strategy.canary.{key} belongs to the local platform; a gateway has no route for it")
        return
    if own.given:
        faults.add(own.key, f"{where} has kubernetes:, expected platform: kubernetes with it")
    for inside, found in overrides:
        for key in ("manifests", "url"):
            if found[key].given:
                faults.add(found[key].key, f"{inside}.{key} belongs to the platform kubernetes")


def _namespaces(environments: Found, faults: Faults) -> None:
    """Two environments in one namespace would take each other's objects for their own."""
    taken: dict[tuple[object, object], str] = {}
    for name, environment in environments.parts():
        own = environment["kubernetes"]
        key = (own["context"].value, own["namespace"].value)
        if not own.given or key[1] is None:
            continue
        if key in taken:
            faults.add(own["namespace"].node, f"environments.{name}.kubernetes.namespace is {key[1]}, which {taken[key]} has")
        taken.setdefault(key, f"environments.{name}")


def _per_branch(name: str, environment: Found, faults: Faults) -> None:
    """What cannot be said of one environment that is many."""
    given, where = environment["per_branch"], f"environments.{name}"
    if not given["wanted"].value or not given.given:
        return
    if environment["platform"].value != "local":
        faults.add(given.key, f"{where}.per_branch belongs to the local platform: on a cluster all of them would share one namespace")
    trigger = environment["trigger"]
    for key in ("merge", "tag"):
        if trigger[key].given:
            faults.add(trigger[key].key, f"{where}.trigger has {key} beside per_branch, expected push or pulls: those are branches")
    if not trigger["push"].given and not trigger["pulls"].value:
        faults.add(given.key, f"{where}.per_branch has no branches, expected trigger: {{push: ...}} or {{pulls: true}} with it")
    ports = [(f"{where}.port", environment["port"])]
    ports += [(f"{where}.services.{service}.port", found["port"]) for service, found in environment["services"].parts()]
    for key, port in ports:
        if port.given:
            faults.add(port.key, f"{key} is one port for many environments, expected none with per_branch: each draws its own")


def _analysis(name: str, analysis: Found, faults: Faults) -> None:
    where = f"environments.{name}.analysis"
    given = [(key, found) for key, found in analysis.parts() if found.given and key != "mode"]
    if analysis["mode"].value == "health" and analysis["mode"].given:
        for key, found in given:
            faults.add(found.key, f"{where} is health and has {key}, which only thresholds use")
    latencies = [(key, found) for key, found in given if key in QUANTILES]
    for key, found in latencies[1:]:
        faults.add(found.key, f"{where} has {key} beside {latencies[0][0]}, expected one of them")
    least, most = analysis["min_time"], analysis["max_wait"]
    if least.value is not None and most.value is not None and least.value > most.value:
        at = least if least.given else most
        faults.add(at.node, f"{where}.min_time is longer than max_wait: no verdict could ever come in time")


def _approvals(name: str, approvals: Found, known: Mapping[str, tuple[str, ...]], faults: Faults) -> None:
    needed, people = approvals["needed"], approvals["from"]
    named = [person for name in people.values() for person in expanded((name,), known)]
    if people.given and needed.value is not None and people.value is not None and needed.value > len(named):
        at = needed if needed.given else approvals
        text = f"environments.{name}.approvals needs {needed.value}, but from names {len(named)}; that could never open"
        faults.add(at.node, text)


def _database(name: str, environment: Found, file: Found, faults: Faults) -> None:
    """One ledger of migrations in one database: services that share it share the folder."""
    folders = {service: one["migrations"]["dir"].value for service, one in file["services"].parts() if one["migrations"].given}
    own = {service for service, one in environment["services"].parts() if one["database"].given}
    left = {service: folder for service, folder in folders.items() if service not in own}
    if environment["database"].given and len(set(left.values())) > 1:
        where = f"environments.{name}"
        text = f"{where}.database is one for {', '.join(sorted(left))}, which have folders of their own; put it under {where}.services"
        faults.add(environment["database"].key, text)
    places = [(f"environments.{name}", environment["database"])]
    places += [(f"environments.{name}.services.{service}", one["database"]) for service, one in environment["services"].parts()]
    for where, database in places:
        if database.given:
            _schedule(f"{where}.database.backup", database["backup"], faults)


def _schedule(where: str, backup: Found, faults: Faults) -> None:
    if backup["every"].given and backup["at"].given:
        faults.add(backup["at"].key, f"{where}.at stands beside every, expected one of them")
    for key in ("drill", "at_most"):
        if backup[key].given and not (backup["every"].given or backup["at"].given):
            faults.add(backup[key].key, f"{where}.{key} belongs to a schedule, expected every or at beside it")


def afters(environments: Found) -> dict[str, tuple[str, ...]]:
    """What each environment comes after: what it says or, by hand and without a word, the one before it in the file."""
    result: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for name, environment in environments.parts():
        if environment["after"].given:
            result[name] = environment["after"].values()
        else:
            result[name] = () if environment["trigger"].given else before
        before = (name,)
    return result


def in_order(graph: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The pipeline's order: nothing before what it comes after, and otherwise as written."""
    place = {name: number for number, name in enumerate(graph)}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        order.extend(ready)
        sorter.done(*ready)
    return tuple(order)


def _circles(environments: Found, faults: Faults) -> None:
    graph = {name: {one for one in after if environments[one] is not NOTHING} for name, after in afters(environments).items()}
    for _ in range(MOST_CIRCLES):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]  # graphlib names what comes first first; `after` points the other way
            name = next((one for one in graph if one in circle and environments[one]["after"].given), circle[0])
            start = circle.index(name)
            shown = [*circle[start:-1], *circle[: start + 1]] if start else circle
            way = " after ".join(shown)
            faults.add(environments[name]["after"].node, f"{way}: that goes in a circle, expected one to come first")
            graph[name].discard(shown[1])
        else:
            return


def _ports(file: Found, faults: Faults) -> None:
    services = [name for name, _ in file["services"].parts()]
    taken: dict[int, str] = {}
    for name, environment in file["environments"].parts():
        where = f"environments.{name}"
        if environment["port"].given and len(services) > 1:
            faults.add(environment["port"].node, f"{where}.port is one port for {len(services)} services; put it under {where}.services")
        overrides = [(f"{where}.services.{service}.port", found["port"]) for service, found in environment["services"].parts()]
        own = [(f"{where}.port", environment["port"])] if not any(port.given for _, port in overrides) else []
        for key, port in [*own, *overrides]:
            if port.value is None:
                continue
            if port.value in taken:
                faults.add(port.node, f"{key} is {port.value}, which {taken[port.value]} has")
            taken.setdefault(port.value, key)


def _settings(file: Found, faults: Faults) -> None:
    environments = list(file["environments"].parts())
    overrides = [(f"environments.{name}.services.{one}.", found) for name, env in environments for one, found in env["services"].parts()]
    for where, found in [("", file), *((f"environments.{name}.", env) for name, env in environments), *overrides]:
        for variable, secret in found["secrets"].parts():
            if found["config"][variable] is not NOTHING:
                faults.add(secret.key, f"{where}secrets.{variable} is in {where}config too, expected one of them")


def _in_the_cluster(file: Found, faults: Faults) -> None:
    """A Secret of a cluster is read by its pods: nobody else can be given it."""
    environments = list(file["environments"].parts())
    local = [name for name, environment in environments if environment["platform"].value != "kubernetes"]
    layers = [("", file, local[:1])]
    for name, environment in environments:
        alone = [name] if name in local else []
        layers.append((f"environments.{name}.", environment, alone))
        layers += [(f"environments.{name}.services.{one}.", found, alone) for one, found in environment["services"].parts()]
    for where, layer, outside in layers:
        for variable, secret in layer["secrets"].parts():
            if outside and str(secret.value).startswith("kubernetes:"):
                says = f"{where}secrets.{variable} is in a cluster, and {outside[0]} is not; expected env:NAME or file:PATH for it"
                faults.add(secret.key, says)


def _differs(file: Found, faults: Faults) -> None:
    """A name that nobody sets is a slip, and would hide nothing."""
    environments = [environment for _, environment in file["environments"].parts()]
    overrides = [one for environment in environments for _, one in environment["services"].parts()]
    layers = [layer[kind] for layer in (file, *environments, *overrides) for kind in ("config", "secrets")]
    _known(file["differs"], {name: None for layer in layers for name, _ in layer.parts()}, "differs", "variables", faults)
