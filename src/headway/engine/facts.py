"""What is known of a release and a place: for the file's own questions, and for its risk."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from headway.environments.branches import shared_of
from headway.environments.model import Place
from headway.errors import HeadwayError
from headway.migration.files import parse
from headway.migration.model import Dialect
from headway.ports import World
from headway.promotion.approvals import counted
from headway.promotion.expressions import names
from headway.promotion.gates import answers
from headway.promotion.model import Approval, Candidate, Passed, Risk, Stage
from headway.promotion.risk import Change, assess
from headway.promotion.stages import ROLLOUT
from headway.releases.conventional import HEADER
from headway.releases.model import Release
from headway.rollout.model import Rollout, Workload
from headway.rollout.phases import Phase

LATELY = timedelta(days=30)


def changes(release: Release, stage: Stage, live: Workload | None, kind: str, world: World, now: datetime) -> Change:
    """What this release changes against what is live there. What the repository cannot tell stays unknown."""
    settings = _settings(stage, live)
    if live is None or live.commit == release.commit:
        same = live is not None
        return Change(kind, commits=0 if same else None, lines=0 if same else None, settings=settings)
    repository = world.repositories[release.service]
    try:
        commits = repository.between(live.commit, release.commit)
        files = repository.changed(live.commit, release.commit)
    except HeadwayError:
        return Change(kind, settings=settings)
    headers = [header for commit in commits if (header := HEADER.match(commit.subject))]
    paths = tuple(file.path for file in files)
    return Change(
        kind=kind,
        commits=len(commits),
        lines=sum(file.added + file.removed for file in files),
        files=paths,
        breaking=tuple(header[4] for header in headers if header[3]),
        features=sum(header[1].lower() == "feat" for header in headers),
        irreversible=_irreversible(paths, release, world),
        settings=settings,
        failures=_failures(release, frozenset(paths), world, now),
    )


def risk(release: Release, stage: Stage, live: Workload | None, kind: str, world: World, now: datetime) -> Risk:
    """How much could go wrong, if it went there now."""
    return assess(changes(release, stage, live, kind, world, now), stage, now, stage.timezone)


def facts(
    release: Release,
    stage: Stage,
    candidate: Candidate,
    live: Workload | None,
    given: Sequence[Approval],
    passed: Sequence[Passed],
    world: World,
    now: datetime,
) -> dict[str, Any]:
    """The values behind promotion.gates.ROOTS, but for `time`. What is not known is not there."""
    done = [one for one in _rollouts(release, world) if one.phase is Phase.COMPLETED]
    manual = [one for one in passed if one.what != ROLLOUT]
    good = {one.what for one in manual if one.good} | {name for one in done if one.plan for name in one.plan.checks}
    bad = {one.what for one in manual if not one.good}
    about = candidate.risk
    return {
        "release": {
            "name": release.name,
            "service": release.service,
            "version": release.version,
            "kind": candidate.kind,
            "author": release.author,
            "commit": release.commit,
            "ref": release.ref,
            "digest": release.digest,
            "cut_at": release.cut_at,
            "age": now - release.cut_at,
            "passed": sorted(
                {name for one in passed if one.what == ROLLOUT and one.good for name in (one.environment, shared_of(one.environment))}
            ),
            **({"risk": about.level, "risk_score": about.score} if about else {}),
        },
        "environment": {
            "name": stage.environment.name,
            "after": list(stage.after),
            "replicas": stage.environment.replicas,
            "strategy": stage.strategy,
            "live": live.version if live else "",
        },
        "checks": {"defined": sorted(release.checks), "passed": sorted(good - bad), "failed": sorted(bad)},
        "metrics": _measured(done),
        "live": _live(Place(release.service, stage.environment.name), live, stage, world),
        "people": {
            "asked_by": candidate.asked_by,
            "author": release.author,
            "automatic": candidate.automatic,
            "approved": list(counted(candidate, given, stage.approvals, now)),
            "groups": {name: list(people) for name, people in stage.groups.items()},
        },
    }


def questions(release: Release, stage: Stage, candidate: Candidate, world: World, now: datetime) -> dict[str, bool | str]:
    """What the stage's expressions come to for this release."""
    if not stage.gates and not any(item.when for item in stage.checklist):
        return {}
    place = Place(release.service, stage.environment.name)
    live = world.records.place(place).live
    given = world.words.approvals(release.name, place.environment)
    passed = world.words.passed(release.digest, release.service)
    if candidate.risk is None:
        candidate = replace(candidate, risk=risk(release, stage, live, candidate.kind, world, now))
    return answers(stage, facts(release, stage, candidate, live, given, passed, world, now), now)


def _measured(done: list[Rollout]) -> dict[str, Any]:
    """What this artifact was measured at when it last took over a place with traffic."""
    for rollout in sorted(done, key=lambda one: one.completed_at or one.created, reverse=True):
        measured = rollout.evidence.new if rollout.evidence else None
        if measured is not None and (total := measured.total).requests:
            return {"requests": total.requests, "failures": total.failures, "error_rate": total.failures / total.requests}
    return {}


def _live(place: Place, live: Workload | None, stage: Stage, world: World) -> dict[str, Any]:
    """What is live there does just now; asked only where a gate wants to know."""
    asking = [*(gate.when for gate in stage.gates), *(item.when for item in stage.checklist if item.when)]
    if live is None or not any("live" in names(one) for one in asking):
        return {}
    found = world.live.measured(place, live.name)
    if found is None:
        return {"version": live.version}
    told = {"version": live.version, "requests": found.requests, "failures": found.failures, "seconds": found.seconds}
    return {**told, **({"error_rate": found.failures / found.requests} if found.requests else {})}


def _rollouts(release: Release, world: World) -> list[Rollout]:
    standings = (one for stage in world.pipelines.stages(release.service) for one in _standings(release, stage, world))
    return [one for one in standings if one.plan is not None and one.plan.new.digest == release.digest]


def _standings(release: Release, stage: Stage, world: World) -> list[Rollout]:
    place = Place(release.service, stage.environment.name)
    # A trial only found something out; what it came to is nobody's past.
    return [one.rollout for one in world.records.standings(place=place, most=50) if one.rollout.trial is None]


def _failures(release: Release, paths: frozenset[str], world: World, now: datetime) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The releases of this service that were rolled back lately, with the files that both changed."""
    repository = world.repositories[release.service]
    found: dict[str, tuple[str, ...]] = {}
    for stage in world.pipelines.stages(release.service):
        for rollout in _standings(release, stage, world):
            plan = rollout.plan
            if rollout.phase is not Phase.ROLLED_BACK or now - rollout.created > LATELY or plan is None or plan.old is None:
                continue
            try:
                touched = {file.path for file in repository.changed(plan.old.commit, plan.new.commit)}
            except HeadwayError:
                continue
            found.setdefault(rollout.release, tuple(sorted(touched & paths)))
    return tuple(found.items())


def _irreversible(paths: tuple[str, ...], release: Release, world: World) -> tuple[str, ...]:
    """The migrations among these files that have no way back. One that cannot be read has none that anybody knows of."""
    scripts = [path for path in paths if "migrations/" in path and path.endswith(".sql")]
    if not scripts:
        return ()
    texts = {path.rpartition("/")[2]: world.repositories[release.service].read(release.commit, path) for path in scripts}
    there = {name: text for name, text in texts.items() if text is not None}
    for dialect in Dialect:
        try:
            return tuple(migration.file for migration in parse(there, dialect) if migration.down is None)
        except HeadwayError:
            continue
    return tuple(there)


def _settings(stage: Stage, live: Workload | None) -> tuple[str, ...]:
    after = stage.environment.configuration
    if live is None:
        return ()
    before = live.configuration
    plain = {name for name in {*before.values, *after.values} if before.values.get(name) != after.values.get(name)}
    secret = {name for name in {*before.secrets, *after.secrets} if before.secrets.get(name) != after.secrets.get(name)}
    if not plain and not secret and before.digest != after.digest:
        return ("a secret's value",)
    return tuple(sorted(plain | secret))
