"""May this release enter that stage, and what would happen? Asked alike by the plan, the promotion and the engine's own turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from headway.analysis.model import Thresholds
from headway.engine.adopting import Adoption, Looked, look_for
from headway.engine.data import SOON, alive, outlook
from headway.engine.dividing import dividing
from headway.engine.facts import facts, risk
from headway.engine.grounding import groundless
from headway.engine.sending import sending
from headway.engine.sizing import sizing
from headway.environments.branches import State, of_a_branch, shared_of
from headway.environments.manifests.changes import Preview
from headway.environments.model import Place, same_target
from headway.errors import HeadwayError, Refused
from headway.migration import keeping
from headway.migration.keeping import Attempt, Shelf
from headway.migration.shipping import Shipping
from headway.ports import Rehearsing, World
from headway.promotion import rehearsals, schedule
from headway.promotion.bindings import target_digest
from headway.promotion.gates import answers
from headway.promotion.model import Candidate, Item, Quarantine, Stage, Suspicion
from headway.promotion.objections import objections
from headway.promotion.risk import kind_of
from headway.promotion.stages import upstream
from headway.releases.model import Release
from headway.rollout.forsaken import beforehand
from headway.rollout.model import Plan, Start, Trial, Workload
from headway.rollout.plan import promotion, workload
from headway.rollout.routing import BY_WEIGHT
from headway.rollout.sizing import Sized, sentence
from headway.trains.hotfix import shorter
from headway.trains.model import Hotfix

RATE = 20.0
"""Requests a second for a commit that is judged by its traffic."""
ALONE = 5.0
"""And for so many seconds at least."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks for a release at a place."""

    release: str
    place: Place
    by: str
    automatic: bool = False
    """Nobody asked: a push or a merge did."""
    start: Start | None = None
    """Not before this."""
    trial: Trial | None = None
    """Only to find something out."""
    reset: str = ""
    """Why the database is to be made anew."""


@dataclass(frozen=True, slots=True)
class Considered:
    """The answer: objections that people can lift, those that nobody can, and the plan."""

    release: Release
    stage: Stage
    candidate: Candidate
    waits: tuple[str, ...]
    refusals: tuple[str, ...]
    plan: Plan
    until: datetime | None = None
    """When one of the objections may end by itself, such as a freeze."""
    answers: Mapping[str, bool | str] = field(default_factory=dict)
    """What the expressions of gates and checklists came to."""
    warnings: tuple[str, ...] = ()
    """What stands in no way, and a person should know."""
    preview: Preview | None = None
    """What a cluster said when it was asked to take it without doing it."""
    rehearsing: Rehearsing | None = None
    """What is to be tried on a clone before anybody approves; None: nothing."""
    subject: str = ""
    """What a rehearsal of that is about."""
    shelf: Shelf | None = None
    """What is kept of the database that is to be migrated, where a schedule asks for backups."""
    adoption: Adoption | None = None
    """What serves there already and becomes the release that is replaced, before anything else is done."""
    forsaken: str = ""
    """That the live release answers nobody, where somebody wants to be told; empty where it does, or nobody can say."""
    unproved: tuple[str, ...] = ()
    """What is not known of the data, or speaks against it: nobody can approve before that is settled."""


def consider(asked: Asked, world: World, now: datetime, *, told: bool = False, anew: bool = False) -> Considered:
    """Everything that stands between this release and that place, with the plan as it would be frozen now.

    What is to start later is asked as of then: a freeze, an approval's end or an hour of the day that it will meet keeps it out.

    `told`: work out the risk for somebody who wants to see it, also where no gate asks for it. `anew`: ask clusters and registries now.
    """
    release = world.releases.get(asked.release)
    if release is None:
        raise Refused(f"there is no release {asked.release}; `headway release list` shows those there are")
    _demand_branch(asked.place, world)
    stage, hotfix = _stage(release, asked.place, world)
    if asked.trial is not None:
        release, stage = _trying(release, stage, asked.trial, world)
    early = schedule.objections(asked.start, asked.by, now)
    until = asked.start.at if early and asked.start else None
    now = schedule.as_of(asked.start, now)
    live = world.records.place(asked.place).live
    if live is not None and not same_target(live.cluster, stage.environment.cluster):
        live = None  # it runs where the file no longer points: nothing that traffic could come from
    adopting = _adopting(asked, stage, release, live, world)
    live = adopting.adoption.workload if adopting.adoption is not None else live
    candidate = replace(_candidate(asked, release, stage), kind=kind_of(release.version, live.version if live else None, hotfix=hotfix))
    candidate = replace(candidate, lacks=_lacks(release, stage, world))
    given = world.words.approvals(release.name, asked.place.environment)
    passed = world.words.passed(release.digest, release.service)
    asking = bool(stage.gates) or any(item.when for item in stage.checklist)
    if told or asking or stage.advisory is not None:
        candidate = replace(candidate, risk=risk(release, stage, live, candidate.kind, world, now))
    data = outlook(release, stage, world, lacks=candidate.lacks, asked=asked.reset, trial=asked.trial is not None)
    candidate = replace(candidate, data_digest=data.shipping.subject if data.shipping else "")
    known = facts(release, stage, candidate, live, given, passed, world, now) if asking else {}
    found_out = {**answers(stage, known, now), **_unrun(stage, release, world)}
    said = world.statements.statements(release.name, asked.place.environment)
    found = objections(
        candidate,
        stage,
        given,
        passed,
        suspicions(release, world) if asked.trial is None else (),  # what is tried is suspected
        now,
        upstream=upstream(stage, world.pipelines.stages(release.service)),
        said=said,
        answers=found_out,
    )
    sent = sending(asked.place, release, stage, live, world, anew=anew)
    adopted = adopting.adoption.found.replicas if adopting.adoption else None
    divided = dividing(asked.place, release, stage, live, world, adopted)
    size = sizing(asked.place, workload(release, stage.environment), live, world, adopted)
    unasked = (*sent.waits, *size.waits, *adopting.waits, *divided.waits)
    rehearsing, subject = _rehearsing(asked.place, release, data.shipping, world)
    kept = _kept(stage, data.shipping, world)
    late = keeping.objections(stage.environment.database.backup, kept, now) if kept and stage.environment.database else ()
    untried = () if rehearsing is None else rehearsals.objections(candidate, rehearsing.shipping, subject, said)
    ends = [one.until for one in found if one.until is not None and one.until > now]
    plan = _plan(release, stage, candidate, live, data.shipping, size.sized, divided.beside)
    forsaken = _forsaken(asked.place, plan, world) if told else ""
    return Considered(
        release=release,
        stage=stage,
        candidate=candidate,
        waits=(
            *(one.text for one in (*early, *found) if one.kind == "waits"),
            *data.waits,
            *map(str, untried),
            *late,
            *unasked,
        ),
        refusals=(
            *(one.text for one in found if one.kind != "waits"),
            *data.refusals,
            *sent.refusals,
            *adopting.refusals,
            *divided.refusals,
            *groundless(asked.place, stage, world),
        ),
        plan=plan,
        until=until or min([*ends, *([now + SOON] if data.waits or unasked else [])], default=None),
        answers=found_out,
        warnings=(*sent.warnings, *_told_of(size.sized, release, live, stage), *((forsaken,) if forsaken else ())),
        preview=sent.preview,
        adoption=adopting.adoption,
        shelf=kept,
        rehearsing=rehearsing,
        subject=subject,
        forsaken=forsaken,
        unproved=(*data.refusals, *data.waits, *map(str, untried)),
    )


def _adopting(asked: Asked, stage: Stage, release: Release, live: Workload | None, world: World) -> Looked:
    """Asked only where nothing of ours is live, and not for what only finds something out."""
    if live is not None or asked.trial is not None or not release.image:
        return Looked()
    return look_for(asked.place, stage.environment.cluster, release.commit, world)


def _forsaken(place: Place, plan: Plan, world: World) -> str:
    try:
        return beforehand(plan, world.platform.look(place)) if plan.old is not None else ""
    except HeadwayError:
        return ""


def _kept(stage: Stage, shipping: Shipping | None, world: World) -> Shelf | None:
    """The backups that must be young where something is to be migrated and a schedule asks for them."""
    database = stage.environment.database
    if database is None or shipping is None or not shipping.subject or not database.backup.scheduled:
        return None
    try:
        return world.shelves.look(database)
    except HeadwayError as error:
        return Shelf("the database", backup=Attempt(world.clock.now(), ended=True, text=str(error)))


def _rehearsing(place: Place, release: Release, shipping: Shipping | None, world: World) -> tuple[Rehearsing | None, str]:
    """What is to be tried, and by what its results are known."""
    if shipping is None or not shipping.subject or not shipping.database.rehearsed or shipping.tool is not None:
        return None, ""
    if shipping.anew:  # it is tried as it is made, on an empty one beside; nothing that runs has to fit it
        return None, ""
    lives = alive(place, shipping.database, world)
    return Rehearsing(place, release, shipping, lives), rehearsals.subject(shipping, [one.workload.name for one in lives])


def _lacks(release: Release, stage: Stage, world: World) -> str | None:
    """What runs there, if neither of the two contains the other: then something would go that nobody merged."""
    if stage.diverged == "keep":
        return None
    record = world.records.place(Place(release.service, stage.environment.name))
    if record.live is None or record.live.commit == release.commit:
        return None
    repository = world.repositories[release.service]
    try:
        one, other = release.commit, record.live.commit
        return None if repository.contains(one, other) or repository.contains(other, one) else record.live_release
    except Refused:
        return record.live_release  # a commit that is in no branch any more: not knowing is no yes


def _demand_branch(place: Place, world: World) -> None:
    """A branch's own environment is there or it is not: nobody makes one by a slip of the keyboard."""
    if not of_a_branch(place.environment):
        return
    there = world.branched.get(place)
    if there is None:
        shared = shared_of(place.environment)
        names = [one.place.environment for one in world.branched.all(place.service) if one.shared == shared]
        raise Refused(f"no branch has the environment {place.environment}", (f"there are: {', '.join(names) or 'none; push to a branch'}",))
    if there.state in {State.LEAVING, State.ENDED}:
        raise Refused(f"{place.environment} has ended", (there.why,))


def against(item: Item, stage: Stage) -> str:
    """The environment whose URL an item's command sees."""
    named = item.command.against if item.command else None
    return named or (stage.after[0] if stage.after else stage.environment.name)


def not_yet(item: Item, stage: Stage, digest: str, world: World) -> str | None:
    """Why an item's command would say nothing of this artifact now: it is about what runs in the environment before."""
    where = against(item, stage)
    live = world.records.place(Place(stage.service, where)).live
    if where == stage.environment.name or (live is not None and live.digest == digest):
        return None
    return f"its command runs against {where} once this release is live there; now it is {live.version if live else 'nothing'}"


def _unrun(stage: Stage, release: Release, world: World) -> dict[str, str]:
    """The items whose command cannot run yet, each with why."""
    asking = (item for item in stage.checklist if item.command is not None)
    return {item.name: why for item in asking if (why := not_yet(item, stage, release.digest, world)) is not None}


def _stage(release: Release, place: Place, world: World) -> tuple[Stage, bool]:
    """The stage, as a hotfix meets it if this release is one. Its record says so, not the name of its branch."""
    stage = world.pipelines.stage(place)
    known = (one.train for one in world.trains.hotfixes(release.service))
    if not any(isinstance(one, Hotfix) and one.release == release.name and one.commit == release.commit for one in known):
        return stage, False
    return shorter(stage, world.pipelines.stages(release.service)), True


def _trying(release: Release, stage: Stage, trial: Trial, world: World) -> tuple[Release, Stage]:
    """Both for a rollout that only finds something out: plain and quick, judged by replicas and checks, and nobody is told.

    Where traffic spoke against a release, there are users while it is tried, and the judge has the limits that it had.
    """
    limits, check = trial.limits, trial.check
    if limits is not None:
        seconds = max(limits.min_time, ALONE, 1.2 * limits.needs / RATE)
        users = world.checks.users(trial.path, RATE, seconds)
        # Decided once they are gone: what cannot be told by then never will be.
        limits, check = replace(limits, max_wait=seconds, hold_for=0.0), users.name
        release = replace(release, checks={**release.checks, users.name: users})
    quick = replace(
        stage,
        checks=(*(name for name in stage.checks if name != check), *((check,) if check else ())),
        manual=(),
        preview=(),
        strategy="rolling",
        weights=(),
        holdback=0,
        drill=False,
        thresholds=limits or Thresholds(mode="health"),
        soak=0 if check else stage.soak,
        keep_warm=0,
        notify=(),
    )
    return release, quick


def suspicions(release: Release, world: World) -> tuple[Suspicion, ...]:
    """What git says about each standing quarantine of the service and this release."""
    standing = world.words.quarantines(release.service)
    return tuple(_suspicion(quarantine, release, world) for quarantine in standing)


def _suspicion(quarantine: Quarantine, release: Release, world: World) -> Suspicion:
    repository = world.repositories[release.service]
    if not repository.contains(release.commit, quarantine.commit):
        return Suspicion(quarantine, contained=False)
    suspects = {commit.id for commit in repository.between(quarantine.since, quarantine.commit)}
    for commit in repository.between(quarantine.commit, release.commit):
        named = (*commit.reverts, *commit.fixes)
        if any(_names(name, suspects, quarantine) for name in named):
            return Suspicion(quarantine, contained=True, answered_by=commit.id)
    return Suspicion(quarantine, contained=True)


def _names(name: str, suspects: set[str], quarantine: Quarantine) -> bool:
    """Does a `Fixes:` or a revert name the quarantined release, its version, or one of its commits?"""
    if name in {quarantine.release, quarantine.release.partition("@")[2]}:
        return True
    return len(name) >= 7 and any(suspect.startswith(name) for suspect in suspects)


def _candidate(asked: Asked, release: Release, stage: Stage) -> Candidate:
    configuration = stage.environment.configuration
    given = {*configuration.values, *configuration.secrets}
    return Candidate(
        release=release.name,
        version=release.version,
        digest=release.digest,
        author=release.author,
        asked_by=asked.by,
        configuration_digest=configuration.digest,
        target_digest=target_digest(stage),
        withdrawn=release.withdrawn,
        checks=tuple(release.checks),
        missing_settings=tuple(key for key in release.requires if key not in given),
        automatic=asked.automatic,
        image=release.image,
    )


def _told_of(sized: Sized | None, release: Release, live: Workload | None, stage: Stage) -> tuple[str, ...]:
    if sized is None:
        return ()
    return (sentence(sized, release.version, live.version if live else None, stage.environment.replicas),)


def _plan(
    release: Release,
    stage: Stage,
    candidate: Candidate,
    live: Workload | None,
    migrations: Shipping | None,
    sized: Sized | None,
    beside: int,
) -> Plan:
    # An environment without checks' definitions in the release meets an objection; the plan shows what can run.
    return promotion(
        release,
        stage.environment,
        live,
        strategy=stage.strategy,
        weights=stage.weights,
        batch=stage.batch,
        holdback=stage.holdback,
        drill=stage.drill,
        preview=stage.preview,
        thresholds=stage.thresholds,
        soak=stage.soak,
        keep_warm=stage.keep_warm,
        checks=stage.checks,
        binding={
            "release": candidate.digest,
            "configuration": candidate.configuration_digest,
            "target": candidate.target_digest,
            **({"data": candidate.data_digest} if candidate.data_digest else {}),
        },
        notify=stage.notify,
        routing=stage.routing or BY_WEIGHT,
        migrations=migrations,
        sized=sized,
        beside=beside,
    )
