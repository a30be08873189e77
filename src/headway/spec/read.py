"""headway.yaml: text in, nouns out, or every fault at once."""

from dataclasses import replace

from headway.analysis.model import Thresholds
from headway.environments.branches import PerBranch
from headway.environments.configuration import Layer, Setting
from headway.environments.local import SOURCES, Local
from headway.environments.model import Backups, Cluster, Database, Environment, InCluster, Prometheus
from headway.promotion.model import Approvals, Stage, Trigger
from headway.releases.model import BuildSpec, CheckSpec, Limits, MigrationSpec, RunSpec
from headway.releases.stamping import Stamp
from headway.spec.compose import compose
from headway.spec.faults import Faults
from headway.spec.file import Command, Declared, File, Override, ReleasePart, Webhook
from headway.spec.gating import expanded, groups, rules, trains
from headway.spec.governed import govern
from headway.spec.inherit import inherited
from headway.spec.keys import ANALYSIS, FILE, QUANTILES
from headway.spec.policies import NONE, Policies
from headway.spec.records import default
from headway.spec.rules import afters, agree, in_order
from headway.spec.shapes import NOWHERE, Found
from headway.spec.strategies import routing
from headway.spec.versions import policy


def read(text: str | bytes, path: str = "headway.yaml", policies: Policies = NONE, *, governs: bool = True) -> File:
    """The file as nouns. InvalidSpec has every fault at once, each with line, column, what was found and what was expected.

    With policies, what it does not say is inherited, and where it governs it may not say less than they ask.
    """
    faults = Faults(path)
    root = compose(text, faults)
    if root is None:
        faults.check()
    assert root is not None
    found = FILE.read(inherited(root, policies.defaults), NOWHERE, "", faults)
    agree(found, faults)
    faults.check()
    file = _file(found, path)
    if governs and policies is not NONE:
        file = govern(file, found, policies, faults)
        faults.check()
    return file


# From here on there are no faults: everything is there, of its type, and known.


def _file(found: Found, path: str) -> File:
    graph = afters(found["environments"])
    order = in_order(graph)
    return File(
        path=path,
        services={name: _service(service, path) for name, service in found["services"].parts()},
        settings=_layer(found, path),
        environments={name: _gated(name, found, graph[name], path) for name in order},
        notify={name: _target(target) for name, target in found["notify"].parts()},
        versions=policy(found["versions"]),
        trains=trains(found, order),
        differs=found["differs"].values(),
    )


def _gated(name: str, file: Found, after: tuple[str, ...], path: str) -> Declared:
    """The environment with what the rest of the file says of who may enter it, and when."""
    found = file["environments"][name]
    declared = _environment(name, found, after, path)
    approvals = replace(declared.stage.approvals, people=expanded(declared.stage.approvals.people, groups(file)))
    return replace(declared, stage=replace(declared.stage, approvals=approvals, **rules(file, name, found)))


def _service(found: Found, path: str) -> ReleasePart:
    build, migrations = found["build"], found["migrations"]
    health = found["health"].value
    return ReleasePart(
        run=RunSpec(
            argv=found["run"].value or (),
            health=health,
            ready=found["ready"].value or health,
            ready_within=found["ready_within"].value,
            grace=found["stop_grace"].value,
            request_timeout=found["request_timeout"].value,
            limits=Limits(found["limits"]["memory"].value, found["limits"]["open_files"].value),
        ),
        build=BuildSpec(
            argv=build["run"].value or (),
            output=build["output"].value,
            checks=build["checks"].values(),
            timeout=build["timeout"].value,
            stamps=tuple(Stamp(one["file"].value.removeprefix("./"), one["find"].value) for one in build["stamp"].items()),
        ),
        checks={name: _check(name, check) for name, check in found["checks"].parts()},
        requires=found["requires"].values(),
        local=_local(found["local"], path),
        migrations=_migrations(migrations),
    )


def _migrations(found: Found) -> MigrationSpec | None:
    if not found.given:
        return None
    command, in_image = found["command"].value or (), found["in_image"].value or ()
    return MigrationSpec(found["dir"].value, found["tool"].value, command, found["url_in"].value, in_image)


def _local(found: Found, path: str) -> Local:
    return Local(
        argv=found["run"].value or (),
        port=found["port"].value,
        settings=_layer(found, path),
        seed=found["seed"].value or (),
        mocks={name: mock.value for name, mock in found["mocks"].parts()},
        watch=found["watch"].values() or SOURCES,
    )


def _check(name: str, found: Found) -> CheckSpec:
    return CheckSpec(
        name=name,
        argv=found["run"].value or (),
        manual=found["manual"].value,
        timeout=found["timeout"].value,
        retries=found["retries"].value,
        settings=found["settings"].values(),
        inside=found["in"].value,
        image=found["image"].value or "",
    )


def _environment(name: str, found: Found, after: tuple[str, ...], path: str) -> Declared:
    trigger, approvals, strategy = found["trigger"], found["approvals"], found["strategy"]
    canary = strategy["canary"]["weights"].values()
    guarded = bool(after) or approvals["needed"].value > 0
    stage = Stage(
        service="",
        environment=Environment(
            name,
            found["replicas"].value,
            platform=found["platform"].value,
            port=found["port"].value,
            database=_database(found["database"], _cluster(found), guarded=guarded),
            data=found["data"].value,
            cluster=_cluster(found),
        ),
        after=after,
        trigger=Trigger(trigger["push"].values(), trigger["merge"].value, trigger["tag"].values(), bool(trigger["pulls"].value)),
        approvals=Approvals(
            needed=approvals["needed"].value,
            people=approvals["from"].values(),
            within=approvals["within"].value,
            allow_self=approvals["allow_self"].value,
        ),
        checks=found["checks"].values(),
        strategy="canary" if canary else "blue-green" if "blue-green" in strategy.value else "rolling",
        holdback=found["holdback"].value,
        preview=found["preview"].values(),
        # The last step is always all of it, so it is no share of its own.
        weights=tuple(weight for weight in canary if weight < 100),
        batch=strategy["rolling"]["batch"].value or 1,
        routing=routing(strategy["canary"]),
        thresholds=_thresholds(found["analysis"], "thresholds" if canary else "health"),
        soak=found["soak"].value,
        keep_warm=found["keep_warm"].value,
        newer=found["newer"].value,
        diverged=found["diverged"].value,
        per_branch=_per_branch(found["per_branch"]),
        notify=found["notify"].values(),
    )
    overrides = {
        service: Override(
            _layer(one, path),
            one["replicas"].value,
            one["port"].value,
            _database(one["database"], _cluster(found), guarded=guarded),
            one["manifests"].value,
            one["url"].value,
        )
        for service, one in found["services"].parts()
    }
    return Declared(stage, _layer(found, path), overrides)


def _database(found: Found, cluster: Cluster | None, *, guarded: bool) -> Database | None:
    """`guarded`: what enters comes from somewhere, or people have a say."""
    if not found.given:
        return None
    backup, inside = found["backup"], None
    if found["in"].value == "cluster" and cluster is not None:
        inside = InCluster(cluster, found["timeout"].value, backup["run"].value or (), backup["image"].value or "")
    keep = tuple(int(number) for number in backup["keep"].value.split(",")) if backup["keep"].given else None
    return Database(
        url=found["url"].value,
        together=found["together"].value,
        lock_timeout=found["lock_timeout"].value,
        statement_timeout=found["statement_timeout"].value,
        contract=found["contract"].value,
        lint=found["lint"].value or ("block" if guarded else "warn"),
        rehearse=found["rehearse"].value,
        old_release=found["old_release"].value,
        setting=found["setting"].value,
        backup=Backups(
            backup["folder"].value,
            (keep[0], keep[1], keep[2]) if keep else None,
            backup["key"].value,
            every=backup["every"].value,
            at=backup["at"].value,
            drill=backup["drill"].value,
            at_most=backup["at_most"].value,
        ),
        tool=found["tool"].value,
        seed=tuple(one.value for one in found["seed"].items()),
        reset=found["reset"].value,
        inside=inside,
    )


def _cluster(found: Found) -> Cluster | None:
    where = found["kubernetes"]
    if found["platform"].value != "kubernetes":
        return None
    return Cluster(
        manifests=where["manifests"].value,
        namespace=where["namespace"].value,
        context=where["context"].value or "",
        stats=where["stats"].values(),
        url=where["url"].value or "",
        gateway=where["gateway"].value,
        prometheus=_prometheus(where["prometheus"]),
        architecture=where["architecture"].values(),
        registry=where["registry"].value,
        copy_to=where["copy_to"].value or "",
    )


def _prometheus(found: Found) -> Prometheus | None:
    if not found.given:
        return None
    queries = {name: one.value for name, one in found["queries"].parts()}
    return Prometheus(
        url=found["url"].value,
        counts=found["counts"].value,
        every=found["scraped_every"].value,
        token=found["token"].value,
        ca=found["ca"].value,
        by=found["by"].value or "",
        **queries,
    )


def _per_branch(found: Found) -> PerBranch | None:
    return PerBranch(found["limit"].value, found["idle"].value) if found["wanted"].value else None


def _thresholds(found: Found, otherwise: str) -> Thresholds:
    """What was declared or, without a word, what suits the strategy."""
    if not found.given:
        found = Found({key.name: default(key) for key in ANALYSIS.keys if key.default is not None})
        mode = otherwise
    else:
        mode = found["mode"].value
    latency = next(((found[key].value, quantile) for key, quantile in QUANTILES.items() if found[key].given), None)
    return Thresholds(
        mode=mode,
        error_rate=found["error_rate"].value,
        latency_ms=latency[0] * 1000 if latency else None,
        quantile=latency[1] if latency else QUANTILES["latency_p95"],
        times_baseline=found["times_baseline"].value,
        needs=found["needs"].value,
        min_time=found["min_time"].value,
        max_wait=found["max_wait"].value,
        hold_for=found["hold_for"].value,
    )


def _target(found: Found) -> Webhook | Command:
    url = found["webhook"].value
    return Webhook(url) if url else Command(found["command"].value)


def _layer(found: Found, path: str) -> Layer:
    """The variables written at one place, plain and secret."""
    plain = {name: Setting(one.value, f"{one.key.source or path}:{one.key.line}") for name, one in found["config"].parts()}
    secret = {name: Setting(one.value, f"{one.key.source or path}:{one.key.line}", secret=True) for name, one in found["secrets"].parts()}
    return plain | secret
