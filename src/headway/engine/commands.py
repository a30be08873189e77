"""What people may ask of Headway, one method per verb. Every surface calls these and none has a rule of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from headway.engine.adopting import adopt, adopt_first
from headway.engine.callers import identity
from headway.engine.candidate import Asked, Considered, consider
from headway.engine.collecting import collect
from headway.engine.cutting import Tagging, cut
from headway.engine.data import taken
from headway.engine.drifting import standing as drifted
from headway.engine.everywhere import ways
from headway.engine.resetting import next_reset, reset
from headway.engine.views import View, event_view, place_view, preview_view, release_view, rollout_view
from headway.environments.branches import of_a_branch
from headway.environments.model import Cluster, Place
from headway.errors import HeadwayError, InvalidSpec, Refused, Unavailable
from headway.migration import keeping
from headway.migration.shipping import for_later
from headway.ports import Event, Standing, World
from headway.promotion import freezes, rehearsals, schedule
from headway.promotion.approvals import speakers
from headway.promotion.model import Approval, Override, Passed, Stage
from headway.promotion.people import same_person
from headway.releases.collection import NEWEST
from headway.releases.model import Release
from headway.rollout import dividing
from headway.rollout.hear import in_vain
from headway.rollout.model import Kind, Plan, Rollout, Start
from headway.rollout.phases import ACTIVE, ENDED, Phase
from headway.rollout.plan import back_sentences, sentences
from headway.rollout.queue import superseded
from headway.rollout.seen import Signal, Word

BLAME = "blame"
"""What the trials of a search for a culprit are cut from: their versions are labels, decide nothing, and nobody means one of them."""
MANY = 100_000
"""More rollouts than a server has waiting at once."""


class Commands:
    """The verbs. Names of people are what the caller says they are until the server has logins; the record says so."""

    def __init__(self, world: World, woken: Callable[[], None] = lambda: None) -> None:
        self._world = world
        self._woken = woken
        self._queueing = threading.Lock()

    # -- releases

    def cut(
        self,
        revision: str,
        by: str,
        service: str | None = None,
        version: str | None = None,
        artifact: str | None = None,
        digest: str | None = None,
        image: str | None = None,
        pre: str | None = None,
        tag: bool = False,
        sign: bool = False,
    ) -> View:
        """Make a release of a commit: checks, build, store, tag; or take an artifact or image that was built elsewhere, with its digest."""
        tagging = Tagging(sign) if tag or sign else None
        made = cut(
            self._world,
            self._service(service),
            revision,
            by,
            version=version,
            artifact=artifact,
            digest=digest,
            image=image,
            pre=pre,
            tagging=tagging,
        )
        return {**release_view(made.release), "evidence": list(made.evidence), "new": made.new, "tag": made.tag}

    def releases(self, service: str | None = None, most: int = 50) -> View:
        """The releases, newest first."""
        return {"releases": [release_view(one) for one in self._world.releases.all(service, most)]}

    def release(self, release: str) -> View:
        """One release, where it passed, and what stands against it."""
        found = self._release(release)
        passed = self._world.words.passed(found.digest, found.service)
        quarantined = [one for one in self._world.words.quarantines(found.service) if one.release == found.name]
        return {
            **release_view(found),
            "passed": [
                {
                    "release": one.release,
                    "environment": one.environment,
                    "what": one.what,
                    "good": one.good,
                    "at": one.at.isoformat(),
                    "by": one.by,
                }
                for one in passed
            ],
            "quarantined": [{"environment": one.environment, "why": list(one.why)} for one in quarantined],
            "events": [event_view(one) for one in self._world.records.events(f"release:{found.name}")],
        }

    def withdraw(self, release: str, by: str, why: str) -> View:
        """Mark a release unfit: no stage takes it any more."""
        found = self._release(release)
        self._world.releases.withdraw(found.name, why, Event(self._now(), by, "withdrawn", (why,)))
        self._wake_waiting(found.name)
        return {"release": found.name, "withdrawn": why}

    def clear(self, release: str, by: str, why: str) -> View:
        """Lift the quarantine of a release that was rolled back."""
        found = self._release(release)
        self._world.words.clear(found.name, Event(self._now(), by, "quarantine cleared", (why,)))
        self._wake_waiting()
        return {"release": found.name, "cleared": True}

    def collect(self, by: str, newest: int = NEWEST) -> View:
        """Remove artifacts that nothing runs or could go back to, beyond the newest of each service."""
        removed = collect(self._world, newest)
        return {"removed": list(removed), "kept": newest, "by": by}

    # -- promotion

    def plan(self, release: str, environment: str, by: str) -> View:
        """Exactly what would happen, every objection, the way back. Nothing is touched."""
        place, considered = self._consider(release, environment, by, told=True, anew=True)
        record = self._world.records.place(place)
        risk = considered.candidate.risk
        after = [] if record.active is None else [f"{record.active} is active there and ends first"]
        return {
            "release": considered.release.name,
            "environment": environment,
            "from": before.version if (before := record.live or considered.plan.old) else None,
            "adopts": list(considered.adoption.sentences) if considered.adoption else [],
            "digest": considered.release.digest,
            "binding": dict(considered.plan.binding),
            "steps": list(sentences(considered.plan, forsaken=bool(considered.forsaken))),
            "traffic": list(dividing.sentences(considered.plan)),
            "migrations": list(for_later(considered.plan.migrations)) if considered.plan.migrations else [],
            "rehearsal": self._rehearsed(considered),
            "way_back": [*back_sentences(considered.plan), *self._restorable(considered), *self._drilled(considered)],
            "by_hand": self._by_hand(considered.plan, place, considered.adoption.found.by_hand if considered.adoption else ()),
            "configuration": self._configuration(considered, place),
            "cluster": preview_view(considered.preview, considered.plan.new.cluster),
            "warnings": list(considered.warnings),
            "origins": dict(considered.stage.origins),
            "risk": {"level": risk.level, "score": risk.score, "reasons": list(risk.reasons)} if risk else None,
            "opens": considered.until.isoformat() if considered.until else None,
            "objections": [*considered.refusals, *considered.waits, *after],
            "refused": bool(considered.refusals),
        }

    def promote(
        self, release: str, environment: str, by: str, automatic: bool = False, at: str | None = None, delay: float | None = None
    ) -> View:
        """Queue the rollout; it starts when every gate agrees, not before `at` or `delay` seconds. Refused at once when none ever could."""
        start = self._start(at, delay)
        place, considered = self._consider(release, environment, by, automatic=automatic, start=start, anew=not automatic)
        if considered.refusals:
            raise Refused(f"{considered.release.name} may not enter {environment}", considered.refusals)
        with self._queueing:  # two who ask at once for the same ask for one rollout
            adoption = adopt_first(place, by, considered.adoption, self._world) if considered.adoption is not None else None
            standing = [one.rollout for one in self._world.records.standings(place=place, ended=False)]
            same = next((one for one in standing if one.release == considered.release.name and one.kind is Kind.PROMOTION), None)
            # A person asks for what a push asked for: what keeps automation out need not keep them out. Or for another time: that counts.
            other = same is not None and (same.automatic or same.start != start) and not automatic
            taken_over = (same.id,) if same is not None and same.phase is Phase.PENDING and other else ()
            if taken_over:
                same = None
            rollout = same or self._queue(considered, place, by, standing, taken_over, start)
        self._woken()
        return {
            "rollout": rollout.id,
            "release": rollout.release,
            "environment": environment,
            "new": same is None,
            "starts": rollout.start.at.isoformat() if rollout.start else None,
            "adopts": {"rollout": adoption.id, "release": adoption.release} if adoption is not None else None,
            "waits": list(considered.waits),
        }

    def adopt(self, environment: str, by: str, service: str | None = None, version: str | None = None, commit: str | None = None) -> View:
        """Put what serves in an environment, and no Headway started, on the record: it becomes the release that the next one replaces."""
        place = Place(self._service(service), environment)
        with self._queueing:
            rollout, adoption = adopt(place, by, self._world, version=version, commit=commit)
        self._woken()
        return {
            "rollout": rollout.id,
            "release": rollout.release,
            "environment": environment,
            "image": adoption.found.image,
            "commit": adoption.workload.commit,
            "adopts": list(adoption.sentences),
            "by_hand": list(adoption.found.by_hand),
        }

    def approve(self, release: str, environment: str, by: str, comment: str = "", yes: bool = True) -> View:
        """One person's yes (or no) to exactly this release, configuration and target."""
        place, considered = self._consider(release, environment, by="")
        people, allow_self = speakers((considered.stage.approvals, *considered.stage.also))
        standing = [one.rollout for one in self._world.records.standings(place=place, ended=False)]
        waiting = next((one for one in standing if one.release == considered.release.name), None)
        asked = [waiting.asked_by] if waiting else []
        if yes and not allow_self:
            mine = [name for name in (considered.release.author, *asked) if same_person(name, by)]
            if mine:
                raise Refused(f"{by} made or asked for {considered.release.name}; somebody else approves it", ())
        if people and not any(same_person(name, by) for name in people):
            raise Refused(f"{by} may not approve for {environment}", (f"these may: {', '.join(people)}",))
        if yes and considered.unproved:
            raise Refused(f"{considered.release.name} takes no approval for {environment} yet", considered.unproved)
        now = self._now()
        stage, seen = considered.stage, replace(considered.candidate, asked_by=by)
        overrides = [one for one in self._world.statements.statements(seen.release, environment) if isinstance(one, Override)]
        if frozen := freezes.objections(
            seen, environment, stage.freezes, overrides, stage.break_glass, now, action="approve", revoked=stage.revoked
        ):
            raise Refused(f"{considered.release.name} takes no approval now", (one.text for one in frozen))
        if any(same_person(name, by) for name in stage.revoked):
            raise Refused(f"{by} no longer speaks for anything here", ("see `people: revoked:` in headway.yaml",))
        binding = considered.plan.binding
        approval = Approval(
            considered.release.name,
            environment,
            by,
            now,
            binding["release"],
            binding["configuration"],
            binding["target"],
            yes,
            comment,
            seen.data_digest,
        )
        word = "approved" if yes else "rejected"
        self._world.words.approve(
            approval, Event(now, by, f"{word} for {environment}", (comment,) if comment else (), {**binding, "identity": identity()})
        )
        self._wake_waiting(considered.release.name)
        again = Asked(considered.release.name, place, asked[0] if asked else "", start=waiting.start if waiting else None)
        left = consider(again, self._world, now)
        return {
            "release": considered.release.name,
            "environment": environment,
            "by": by,
            "yes": yes,
            "rollout": waiting.id if waiting else None,
            "rehearsal": self._rehearsed(considered),
            "waits": [*left.refusals, *left.waits],
        }

    def tick(self, release: str, environment: str, check: str, by: str, good: bool = True, comment: str = "") -> View:
        """A person's answer to a manual check. A no takes the release out of that environment, if it still runs there."""
        found = self._release(release)
        place = Place(found.service, environment)
        stage = self._world.pipelines.stage(place)
        if check not in stage.manual:
            known = ", ".join(stage.manual) or "none"
            raise Refused(f"{environment} has no manual check {check}", (f"its manual checks: {known}",))
        now = self._now()
        passed = Passed(found.name, found.digest, environment, check, good, now, by, comment)
        word = "passed" if good else "failed"
        self._world.words.tick(passed, Event(now, by, f"{check} {word} in {environment}", (comment,) if comment else ()))
        self._wake_waiting()
        live = self._world.records.place(place).live_release
        if not good and live == found.name:
            self.rollback(environment, by, f"{check} failed: {comment}" if comment else f"{check} failed", service=found.service)
        return {"release": found.name, "environment": environment, "check": check, "good": good, "by": by}

    def reset(self, environment: str, by: str, service: str | None = None, why: str = "") -> View:
        """Have an environment's database made anew for what runs there. Refused where its data is real."""
        place = Place(self._service(service), environment)
        with self._queueing:
            rollout, considered = reset(place, by, f"{by} asked for it" + (f": {why}" if why else ""), self._world)
        self._woken()
        return {
            "rollout": rollout.id,
            "release": rollout.release,
            "environment": environment,
            "steps": list(sentences(considered.plan)),
            "waits": list(considered.waits),
        }

    # -- rollouts

    def tell(self, word: str, target: str, by: str, why: str = "") -> View:
        """Say one of `rollout.seen.Word` to a rollout, named by its id, by `service/environment`, or by the environment alone."""
        standing = self._find(target)
        if standing.rollout.phase in ENDED:
            raise _too_late(standing, word)
        if vain := in_vain(standing.rollout, Word(word)):
            raise Refused(f"{word} would change nothing: {standing.rollout.id} is {standing.rollout.phase.value}", (vain,))
        if word == Word.GIVE_UP.value and not why.strip():
            raise Refused(f"giving up the way back of {standing.rollout.id} needs a reason", ("--why says it; the record keeps it",))
        now = self._now()
        said = Event(now, by, f"said {word}", (why,) if why else ())
        try:
            self._world.rollouts.signal(standing.rollout.id, Signal(Word(word), by, now, why), (said,))
        except Refused:
            ended = self._find(standing.rollout.id)
            if ended.rollout.phase not in ENDED:
                raise
            raise _too_late(ended, word) from None  # it ended while this was said
        self._woken()
        return rollout_view(standing)

    def rollback(self, environment: str, by: str, why: str = "", service: str | None = None, accept_data_loss: bool = False) -> View:
        """Bring back the release before. Needs no approval and is never frozen; a rollout under way is aborted instead.

        Only where a migration took away what that release may need does a person have to accept it.
        """
        place = Place(self._to_go_back(environment, service), environment)
        active = self._world.records.place(place).active
        if active is not None:
            self.tell("abort", active, by, why)
            return {"rollout": active, "environment": environment, "aborted": True}
        record = self._world.records.place(place)
        if record.before is None or record.live is None:
            raise Refused(f"there is nothing to go back to in {environment}", self._never_before(place))
        gone = taken(self._world.releases.get(record.before_release or ""), place, self._world)
        if gone and not accept_data_loss:
            hint = "restore side by side and copy by key (`headway migrate restore`), or go back all the same with --accept-data-loss"
            raise Refused(f"{record.before.version} may not run on the database of {environment} any more", (*gone, hint))
        now = self._now()
        rollout = Rollout(
            id=self._world.new_id(),
            place=place,
            release=record.before_release or f"{place.service}@{record.before.version}",
            kind=Kind.ROLLBACK,
            asked_by=by,
            created=now,
            phase=Phase.PENDING,
            reasons=(f"rolled back by {by}" + (f": {why}" if why else ""),),
            host=self.host(place, record.before.cluster),
        )
        accepted = tuple(f"accepted: {one}" for one in gone)
        reason = (f"from {record.live.version} to {record.before.version}", *((why,) if why else ()), *accepted)
        self._world.rollouts.add(rollout, (Event(now, by, "rollback asked for", reason),))
        self._woken()
        return {"rollout": rollout.id, "environment": environment, "aborted": False, "to": record.before.version}

    def _never_before(self, place: Place) -> tuple[str, ...]:
        """Why nothing can be gone back to; a release that was left there comes again by a promotion, and by a person's word for it."""
        left = [one for one in self._world.words.quarantines(place.service) if one.environment == place.environment]
        if not left:
            return ("no release completed there before the present one",)
        name = max(left, key=lambda one: one.at).release
        again = f"headway release clear {name} --why REASON, then headway promote {name} --to {place.environment}"
        return (f"{name} was left by a way back, and no other way back returns to it; if it was not to blame: {again}",)

    def rollout(self, target: str) -> View:
        """One rollout with its plan and its record."""
        standing = self._find(target)
        plan = standing.rollout.plan
        return {
            **rollout_view(standing),
            "steps": list(sentences(plan)) if plan else [],
            "way_back": list(back_sentences(plan)) if plan else [],
            "by_hand": self._by_hand(plan, standing.rollout.place) if plan else [],
            "events": [event_view(one) for one in self._world.records.events(standing.rollout.id)],
        }

    def rollouts(self, environment: str | None = None, service: str | None = None, most: int = 50) -> View:
        """The rollouts, newest first."""
        standings = self._world.records.standings(most=most)
        kept = [
            one
            for one in standings
            if environment in {None, one.rollout.place.environment} and service in {None, one.rollout.place.service}
        ]
        return {"rollouts": [rollout_view(one) for one in kept]}

    def status(self, service: str | None = None) -> View:
        """What runs where, what is on its way, and why it waits. Where no file can be read, the ledger knows the places."""
        faults: list[View] = []
        stages: dict[Place, Stage] = {}
        try:
            found = {service: self._world.pipelines.stages(service)} if service else dict(ways(self._world))
            services = list(found)
            stages = {place: stage for way in found.values() for stage in way for place in self._places_of(stage)}
            places = list(stages)
        except HeadwayError as error:
            places = [place for place in self._known_places() if service in {None, place.service}]
            if not places:
                raise
            services = sorted({place.service for place in places})
            what = "nothing new is promoted while the pipeline cannot be read; ways back are open"
            faults = [{"service": service, "at": self._now().isoformat(), "what": what, "why": [str(error)]}]
        hidden = [place for place in self._known_places() if service is None and place.service not in services]
        for name in sorted({place.service for place in hidden}):
            what = "nothing new is promoted while its pipeline cannot be read; ways back are open"
            faults.append({"service": name, "at": self._now().isoformat(), "what": f"{name}: {what}", "why": [self._fault_of(name)]})
        return {
            "places": [self._place(place, stages.get(place)) for place in (*places, *hidden)],
            "unreleased": [*faults, *(one for name in services for one in self._unreleased(name))],
        }

    def _places_of(self, stage: Stage) -> list[Place]:
        """Where a stage runs: in its environment, or in those of the branches that have one."""
        shared = Place(stage.service, stage.environment.name)
        if stage.per_branch is None:
            return [shared]
        record = self._world.records.place(shared)
        before = [shared] if record.live is not None or record.active is not None else []  # from when branches shared it
        return before + [one.place for one in self._world.branched.all(stage.service) if one.shared == shared.environment]

    def _fault_of(self, service: str) -> str:
        """Why the pipeline of a service that the ledger knows cannot be read."""
        try:
            self._world.pipelines.stages(service)
        except HeadwayError as error:
            return str(error)
        return "no registered repository has it any more"

    # -- the record

    def log(self, target: str | None = None, most: int = 200) -> View:
        """The events of one rollout or release, or the newest of all."""
        stream = None
        if target is not None:
            stream = f"release:{self._release(target).name}" if "@" in target else self._find(target).rollout.id
        return {"events": [event_view(one) for one in self._world.records.events(stream, most)]}

    def verify(self) -> View:
        """Is the record as it was written?"""
        wrong = list(self._world.records.verify())
        return {"good": not wrong, "wrong": wrong}

    # -- small parts

    def _now(self) -> datetime:
        return self._world.clock.now()

    def _service(self, service: str | None) -> str:
        services = list(self._world.pipelines.services())
        if service is not None:
            if service not in services:
                raise Refused(f"there is no service {service}", (f"there are: {', '.join(services) or 'none'}",))
            return service
        if len(services) != 1:
            raise Refused("say which service: --service", (f"there are: {', '.join(services) or 'none; is a repository registered?'}",))
        return services[0]

    def _to_go_back(self, environment: str, service: str | None) -> str:
        """Which service is meant. A file that cannot be read, or names it no longer, stands in nobody's way back: the ledger knows it."""
        known = sorted({place.service for place in self._known_places() if place.environment == environment})
        if service in known:
            return str(service)
        try:
            self._world.pipelines.services()
        except HeadwayError:
            if service is None and len(known) == 1:
                return known[0]
            if service is None and known:
                raise Refused("say which service: --service", (f"there are: {', '.join(known)}",)) from None
        return self._service(service)

    def _known_places(self) -> list[Place]:
        """Where rollouts have been, whatever the files say now."""
        places = {one.rollout.place for one in self._world.records.standings(most=1000)}
        return sorted(places, key=lambda place: (place.service, place.environment))

    def _release(self, name: str) -> Release:
        """By its full name, or by its version alone where only one service has it."""
        if "@" in name:
            found = self._world.releases.get(name)
            if found is not None:
                return found
        versions = [one for one in self._world.releases.all(most=1000) if one.version == name]
        if len(versions) == 1:
            return versions[0]
        near = [one.name for one in self._world.releases.all(most=50) if one.ref != BLAME][:5]
        raise Refused(
            f"there is no release {name}" if not versions else f"{name} is a version of several services",
            (f"the newest: {', '.join(near) or 'none'}",),
        )

    def _consider(
        self,
        release: str,
        environment: str,
        by: str,
        *,
        automatic: bool = False,
        told: bool = False,
        anew: bool = False,
        start: Start | None = None,
    ) -> tuple[Place, Considered]:
        found = self._release(release)
        place = Place(found.service, environment)
        return place, consider(Asked(found.name, place, by, automatic, start), self._world, self._now(), told=told, anew=anew)

    def _start(self, at: str | None, delay: float | None) -> Start | None:
        if at is not None and delay is not None:
            raise InvalidSpec("a start has a time or a delay; give one of them")
        now = self._now()
        if delay is not None:
            if not 0 < delay <= schedule.FARTHEST.total_seconds():
                raise InvalidSpec(f"a delay of {delay:g} seconds is none, expected one of up to a year")
            return Start(now + timedelta(seconds=delay), "UTC")
        try:
            return schedule.start(at, now) if at is not None else None
        except ValueError as error:
            raise InvalidSpec(str(error)) from error

    def _queue(
        self,
        considered: Considered,
        place: Place,
        by: str,
        standing: list[Rollout],
        taken_over: tuple[str, ...],
        start: Start | None,
    ) -> Rollout:
        now = self._now()
        rollout = Rollout(
            id=self._world.new_id(),
            place=place,
            release=considered.release.name,
            kind=Kind.PROMOTION,
            asked_by=by,
            created=now,
            phase=Phase.PENDING,
            automatic=considered.candidate.automatic,
            start=start,
            host=self.host(place, considered.stage.environment.cluster),
        )
        asked = Event(now, by, f"promotion to {place.environment} asked for", considered.waits, {"identity": identity()})
        self._world.rollouts.add(rollout, (asked,), cancel=(*taken_over, *superseded(standing, considered.stage.newer)))
        return rollout

    def host(self, place: Place, cluster: Cluster | None = None) -> str:
        """Whose machine the place is on: whoever was there last, whichever server is asked; ours if nobody was; a cluster is on none."""
        if cluster is not None:
            return ""
        last = next(iter(self._world.records.standings(place=place, most=1)), None)
        return (last.rollout.host if last else "") or self._world.host

    def _find(self, target: str) -> Standing:
        """A rollout by id, the newest of a release, or the newest that has not ended (else the newest) of a place."""
        if found := self._world.records.standing(target):
            return found
        if "@" in target and (of := [one for one in self._world.records.standings(most=MANY) if one.rollout.release == target]):
            return of[0]
        service, _, environment = target.rpartition("/")
        standings = [
            one
            for one in self._world.records.standings(most=MANY)
            if one.rollout.place.environment == environment and service in {"", one.rollout.place.service}
        ]
        if not standings:
            raise Refused(
                f"there is no rollout {target}", ("name it by its id, its release, by service/environment, or by the environment",)
            )
        active = [one for one in standings if one.rollout.phase in ACTIVE]
        waiting = [one for one in standings if one.rollout.phase not in ENDED]
        return (active or waiting or standings)[0]

    def wake(self, service: str) -> None:
        """Have everything of a service that waits looked at again."""
        self._wake_waiting(service=service)

    def _wake_waiting(self, release: str | None = None, service: str | None = None) -> None:
        now = self._now()
        for one in self._world.records.standings(ended=False, most=MANY):
            asked = one.rollout
            if asked.phase is Phase.PENDING and release in {None, asked.release} and service in {None, asked.place.service}:
                self._world.rollouts.signal(one.rollout.id, Signal(Word.WAKE, "headway", now))
        self._woken()

    def _place(self, place: Place, stage: Stage | None) -> View:
        """`stage`: as the file has it; None, if it no longer names the place."""
        record = self._world.records.place(place)
        try:
            url: str | None = self._world.platform.url(place)
        except HeadwayError:
            url = None
        branch = self._world.branched.get(place) if of_a_branch(place.environment) else None
        # What is on its way says itself what is not as it was written.
        clustered = record.live is not None and record.live.cluster is not None and record.active is None
        drift = drifted(place, self._world) if clustered else ()
        due = next_reset(stage, self._world) if stage is not None else None
        standings = tuple(self._world.records.standings(place=place, ended=False))
        view = place_view(record, standings, url, branch, due.at if due is not None else None, drift)
        # Who looks at what is live must not believe that it is well: until something has completed there, what was given up is told.
        last = self._settled(place)
        if last is not None and last.phase is Phase.GIVEN_UP:
            view["given_up"] = f"the way back from {last.release} was given up: {last.reasons[-1]}"
        return view

    def _settled(self, place: Place) -> Rollout | None:
        """The last rollout after which it was certain what serves there: what is under way, or got nowhere, mended nothing yet."""
        for most in (1, 50):  # the newest one mostly says it, and a status of hundreds of places asks for no more
            found = (one.rollout for one in self._world.records.standings(place=place, most=most))
            if last := next((one for one in found if one.phase in {Phase.COMPLETED, Phase.GIVEN_UP}), None):
                return last
        return None

    def _drilled(self, considered: Considered) -> list[str]:
        """How long the way back of this very artifact took where it was drilled before."""
        before = [Place(considered.release.service, name) for name in considered.stage.after]
        drills = (
            (place, one.rollout)
            for place in before
            for one in self._world.records.standings(place=place)
            if one.rollout.drilled is not None and one.rollout.plan is not None and one.rollout.plan.new.digest == considered.release.digest
        )
        return [f"drilled in {place.environment}: it took {rollout.drilled:.2f} s" for place, rollout in drills]

    def _rehearsed(self, considered: Considered) -> list[str]:
        """What was found out on a clone."""
        if considered.rehearsing is None:
            return []
        said = self._world.statements.statements(considered.release.name, considered.stage.environment.name)
        return list(rehearsals.sentences(rehearsals.last(considered.subject, said)))

    def _restorable(self, considered: Considered) -> list[str]:
        """What a restore could bring back, and lose."""
        database = considered.stage.environment.database
        if considered.shelf is None or database is None:
            return []
        return list(keeping.sentences(database.backup, considered.shelf, self._now()))

    def _by_hand(self, plan: Plan, place: Place, adopted: Sequence[str] = ()) -> list[str]:
        """The way back while Headway itself is down: move the traffic, then put it on the record for the next start."""
        if plan.old is None or plan.old.name == plan.new.name:
            return []
        moves = adopted or self._world.platform.by_hand(place, plan.new.name, plan.old.name)
        return [*moves, f"headway rollback {place.environment} --service {place.service} --why 'done by hand'"] if moves else []

    def _unreleased(self, service: str) -> list[View]:
        """The branches whose newest commit did not become a release, and why."""
        newest = {str(one.event.data.get("ref")): one for one in self._world.records.events(f"repository:{service}", 200)}
        failed = (one.event for one in newest.values() if one.event.data.get("released") is None)
        return [{"service": service, "at": one.at.isoformat(), "what": one.what, "why": list(one.why)} for one in failed]

    def _configuration(self, considered: Considered, place: Place) -> list[str]:
        """What changes in the settings, name by name; a secret shows that it changed, never how."""
        live = self._world.records.place(place).live or considered.plan.old
        before = dict(live.configuration.values) if live else {}
        after = dict(considered.stage.environment.configuration.values)
        if live is not None and live.adopted is not None:  # what that is told only its own manifests know
            return [f"{key}: as {live.version}'s own manifests have it -> {value}" for key, value in sorted(after.items())]
        changed = [
            f"{key}: {before.get(key, 'unset')} -> {after.get(key, 'unset')}"
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ]
        secret = live is not None and not changed and live.configuration.digest != considered.candidate.configuration_digest
        return [*changed, *(["a secret's value or reference changed"] if secret else [])]


def _too_late(standing: Standing, word: str) -> Refused:
    rollout = standing.rollout
    return Refused(f"{rollout.id} is {rollout.phase.value}; there is nothing left to {word}", (_after_the_end(standing),))


def _after_the_end(standing: Standing) -> str:
    if standing.rollout.phase is Phase.COMPLETED:
        return f"to go back: headway rollback {standing.rollout.place.environment}"
    return f"to try again: headway promote {standing.rollout.release} --to {standing.rollout.place.environment}"


__all__ = ["Commands", "Unavailable"]
