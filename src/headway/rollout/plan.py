"""What a rollout will do, worked out once and then frozen into it."""

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping

from headway.analysis.model import Thresholds
from headway.environments.model import Environment, InCluster
from headway.migration import shipping as data
from headway.migration.abilities import ByTool
from headway.migration.shipping import Shipping
from headway.releases.model import Release
from headway.rollout.dividing import had
from headway.rollout.model import ALL, NONE, Backfill, Drill, Migrate, Plan, Reset, Shift, Soak, Step, VerifyData, Weight, Workload
from headway.rollout.routing import BY_WEIGHT, Routing
from headway.rollout.sizing import Sized
from headway.rollout.strategies import at_once, blue_green, canary, rolling, straight


def workload(release: Release, environment: Environment) -> Workload:
    """The release as it runs with this configuration; the same pair always has the same name."""
    configuration = environment.configuration
    mark = hashlib.sha256(f"{release.digest} {configuration.digest} {release.version}".encode()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9]+", "-", release.version.lower()).strip("-")[:40].rstrip("-")
    return Workload(
        f"v{slug}-{mark}",
        release.version,
        release.commit,
        release.digest,
        release.run,
        configuration,
        environment.port,
        environment.cluster.pulled(release.image) if environment.cluster is not None else release.image,
        environment.cluster,
    )


def promotion(
    release: Release,
    environment: Environment,
    live: Workload | None,
    *,
    strategy: str,
    weights: tuple[int, ...],
    batch: int,
    holdback: int,
    thresholds: Thresholds,
    soak: float,
    keep_warm: float,
    preview: Iterable[str],
    checks: Iterable[str],
    drill: bool,
    binding: Mapping[str, str],
    notify: tuple[str, ...],
    routing: Routing = BY_WEIGHT,
    migrations: Shipping | None = None,
    sized: Sized | None = None,
    beside: int = 0,
) -> Plan:
    """The plan that takes an environment from what is live to this release."""
    new = workload(release, environment)
    wanted = [name for name in checks if name in release.checks]
    idle = [name for name in preview if name in release.checks]
    old = live is not None and live.name != new.name
    replicas = sized.replicas if sized else environment.replicas
    steps: tuple[Step, ...]
    match strategy:
        case "canary":
            steps = canary(
                replicas,
                weights=weights,
                holdback=holdback,
                old=old,
                watch=thresholds.min_time,
                preview=idle,
                checks=wanted,
                soak=soak,
                routing=routing,
                beside=beside,
            )
        case "blue-green":
            steps = blue_green(replicas, preview=idle, checks=wanted, soak=soak)
        case _:
            steps = rolling(replicas, batch=batch, old=old, warm=keep_warm > 0 or sized is not None, checks=wanted, soak=soak)
    if sized:
        steps = at_once(steps, replicas)
    if drill and old:
        steps = tuple(one for step in steps for one in ((Drill(), step) if isinstance(step, Soak) else (step,)))
    if migrations is not None:
        steps = _with_data(steps, migrations)
    return Plan(
        new=new,
        old=live,
        replicas=replicas,
        steps=steps,
        strategy=strategy,
        thresholds=thresholds,
        checks={name: release.checks[name] for name in (*idle, *wanted)},
        keep_warm=keep_warm,
        binding=binding,
        notify=notify,
        routing=routing if strategy == "canary" and old else BY_WEIGHT,
        migrations=migrations,
        scaling=sized.scaling if sized else None,
        beside=beside if old else 0,
    )


def _with_data(steps: tuple[Step, ...], migrations: Shipping) -> tuple[Step, ...]:
    """The database is ready before any instance starts; it is asked again, and filled, once the release has its traffic."""
    if migrations.anew:  # what the files promise was asked while it was made; the seed need not keep to it
        return (Reset(), *steps)
    before = (Migrate(),) if migrations.apply else ()
    # By a Job nobody is asked twice: its tool keeps no promises to be asked for, and has said that it got through.
    asked = migrations.apply and migrations.database.inside is None
    after = (*((VerifyData(),) if asked else ()), *((Backfill(),) if migrations.fill else ()))
    return (*before, *(one for step in steps for one in ((*after, step) if isinstance(step, Soak) else (step,))))


def way_back(bad: Plan, good: Workload, sized: Sized | None = None) -> Plan:
    """The plan that brings back what served before a rollout that had completed."""
    replicas = sized.replicas if sized else bad.replicas
    return Plan(
        new=good,
        old=bad.new,
        replicas=replicas,
        steps=straight(replicas),
        strategy="straight back",
        thresholds=Thresholds(mode="health"),
        keep_warm=0.0,
        notify=bad.notify,
        scaling=sized.scaling if sized else None,
    )


def sentences(plan: Plan, *, forsaken: bool = False) -> tuple[str, ...]:
    """The plan in words, one per step, as the terminal, the API and the board show it.

    `forsaken`: the live release answers nobody, and no share of the traffic is left with it.
    """
    words = (f"{_sentence(step, plan)}{says}" for step, says in zip(plan.steps, had(plan), strict=True))
    if not forsaken or plan.old is None:
        return tuple(words)
    everybody = f"route all of the traffic to {plan.new.version}: {plan.old.version}, which is live, answers nobody"
    return tuple(
        f"{everybody} (it would be {step.weight.percent} %)" if isinstance(step, Shift) and step.weight < ALL else said
        for step, said in zip(plan.steps, words, strict=True)
    )


def back_sentences(plan: Plan) -> tuple[str, ...]:
    """The way back in words, printed before anything starts."""
    return (*_back(plan), *(data.way_back(plan.migrations) if plan.migrations is not None else ()))


def _back(plan: Plan) -> tuple[str, ...]:
    if plan.old is None:
        return (f"nothing ran here before {plan.new.version}: on failure its instances stop and the environment serves nothing",)
    if plan.old.name == plan.new.name:
        return (f"{plan.new.version} is what runs here now: on failure it stays as it is",)
    undersized = any(step.kind == "scale" and step.side.value == "old" for step in plan.steps)
    first = f"start {plan.old.version} again at {plan.replicas} replicas, then " if undersized else ""
    return (
        f"{first}route 100 % to {plan.old.version} in one move; then stop {plan.new.version}",
        f"{plan.old.version} stays warm for {plan.keep_warm:g} s after completion; until then `headway rollback` is one move",
    )


def _sentence(step: Step, plan: Plan) -> str:
    version = {"new": plan.new.version, "old": plan.old.version if plan.old else "nothing"}
    match step.kind:
        case "scale":
            verb = f"have {step.replicas} of {plan.replicas} replicas of" if step.replicas else "stop"
            return f"{verb} {version[step.side.value]}" + (", ready" if step.replicas else "")
        case "shift":
            return _shift_sentence(step.weight, plan)
        case "watch":
            return f"watch for at least {step.seconds:g} s until the judge says advance"
        case "check":
            return f"run the check {step.name}" + (f" against {version['new']} alone, before it has traffic" if step.preview else "")
        case "drill":
            return f"drill the way back: everything to {version['old']}, and forward again"
        case "migrate" | "reset" | "verify data" | "backfill":
            return _on_data(step.kind, plan)
        case "soak":
            return f"soak for {step.seconds:g} s: it must stay good"


def _by_a_job(tool: ByTool, inside: InCluster) -> str:
    """Who migrates where Headway does not reach the database, with what, for how long at most; and who backs up."""
    command = shlex.join(tool.command)
    image = f" in {inside.image}" if inside.image else ""
    backed = "without a backup, which Headway cannot make there,"
    if inside.backup:
        backed = f"back up by `{shlex.join(inside.backup)}`{image}, then"
    job = f"in a Job in {inside.cluster.namespace}, once, within {inside.timeout:g} s, with the release's image and `{command}`,"
    return f"{job} {backed}"


def _shift_sentence(weight: Weight, plan: Plan) -> str:
    new, routing = plan.new.version, plan.routing
    if weight > NONE:
        stay = "; users stay with the release they have" if routing.sticky and weight < ALL else ""
        return f"route {weight.percent} % of the traffic to {new}{stay}"
    testers = [f"who sends {' or '.join(map(str, routing.testers))} reaches {new}"] if routing.testers else []
    copies = [f"{new} gets copies of {routing.mirror} % of what users read, and nobody sees its answers"] if routing.mirror else []
    return f"{'; '.join((*testers, *copies))}; users all stay on {plan.old.version if plan.old else 'nothing'}"


def _on_data(kind: str, plan: Plan) -> str:
    assert plan.migrations is not None
    where, apply, fill = plan.migrations.where, plan.migrations.apply, plan.migrations.fill
    match kind:
        case "migrate":
            by = plan.migrations.tool
            names = ", ".join(f"{one.title} ({one.word})" for one in apply)
            said = f"; {by.name} declares: {', '.join(by.promises.words)}" if by else ""
            if by and (inside := plan.migrations.database.inside) is not None:
                return f"{_by_a_job(by, inside)} migrate {where}: {names}, what of it is not there yet{said}"
            return f"back up {where}, then migrate it{f' by {by.name}' if by else ''}: {names}{said}"
        case "reset":
            files = ", ".join((*(one.title for one in apply), *(" ".join(one) for one in plan.migrations.database.seed)))
            return f"move what {where} holds aside and make it anew by {files}: {'; '.join(plan.migrations.anew)}"
        case "backfill":
            return f"fill rows of {where}, in batches: {', '.join(one.title for one in fill)}"
    if plan.migrations.tool is not None:
        return f"ask {plan.migrations.tool.name} again whether all of it is in {where}"
    return f"ask again what was promised of {where}"
