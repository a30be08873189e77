"""Which commit broke a release that was rolled back? Its commits are tried one after the other, halving: built, rolled out, judged.

Each is judged by the same evidence as the release: the check that failed, that it did not run, or, under requests that Headway makes, the
limits that its traffic broke. Every step is on the record before it
is done, so whoever asks again goes on where it was left. A trial lifts the quarantine for itself and nothing else: it enters only a place
where nothing else is asked, passes for nothing, and what was live there comes back in the end.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from headway.analysis.model import Thresholds
from headway.engine.callers import identity
from headway.engine.candidate import Asked, consider
from headway.engine.commands import BLAME, Commands
from headway.engine.cutting import cut
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import Failed, InvalidSpec, Refused
from headway.ports import Commit, Event, Standing, World
from headway.promotion.model import Inquiry, InquiryState
from headway.releases.culprit import Answer, Culprit, OneOf, Try, search
from headway.releases.model import Release
from headway.rollout.model import Kind, Rollout, RunCheck, Trial
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Signal, Word

NOT_RUN = frozenset({"failed to run", "failed to be ready"})
VERDICT = "failed verdict"
FAILURES = frozenset({"failed check", VERDICT, "aborted", *NOT_RUN})
ANSWERS = {"good": Answer.GOOD, "bad": Answer.BAD, "skip": Answer.SKIP}
MANY = 500
TURNS = 3
"""How often a trial that something else took the turn of is asked for."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What spoke against the release: a check by name, or None: it did not run, or was not ready, or its traffic broke the `limits`.

    `since` is the commit before it.
    """

    check: str | None
    text: str
    since: str
    limits: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One inquiry as it stands."""

    release: Release
    place: Place
    begun: Inquiry
    said: tuple[Inquiry, ...]
    commits: tuple[Commit, ...]

    @property
    def answers(self) -> dict[int, Answer]:
        at = {commit.id: index for index, commit in enumerate(self.commits)}
        return {at[one.commit]: ANSWERS[one.state] for one in self.said if one.state in ANSWERS and one.commit in at}

    @property
    def last(self) -> Inquiry:
        return self.said[-1]


class Blaming:
    """The verb: one step each time it is asked, until there is an answer."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {"blame": self.blame}

    def blame(
        self,
        release: str,
        by: str,
        environment: str | None = None,
        check: str | None = None,
        again: bool = False,
        path: str | None = None,
    ) -> View:
        """The next step towards the commit that broke this release, and how far it is. Asking again goes on; `again` starts anew."""
        name = str(self._commands.release(release)["release"])
        found = self._world.releases.get(name)
        assert found is not None, "it was there a moment ago"
        place = Place(found.service, self._where(found.service, environment))
        case = self._case(found, place)
        if case is None or again or (case.last.state == "ended" and _other(case.begun, check, path)):
            case = self._begin(found, place, by, check, path)
        while case.last.state != "ended":
            before = len(case.said)
            case = self._step(case, by)
            if len(case.said) == before:
                break
        return self._view(case)

    # -- steps, each of which says one thing more, or nothing while it waits

    def _step(self, case: _Case, by: str) -> _Case:
        if case.last.state == "asked":
            return self._awaited(case)
        answers = case.answers
        bad = len(case.commits) - 1
        if bad not in answers:  # the whole is tried first: what cannot be shown there cannot be searched for there
            return self._try(case, bad, by)
        if answers[bad] is not Answer.BAD:
            why = case.last.text if answers[bad] is Answer.SKIP else _nothing(case)
            return self._end(case, f"it cannot be found out in {case.place.environment}: {why}")
        match search(len(case.commits), answers):
            case Try(index):
                return self._try(case, index, by)
            case Culprit(index):
                return self._end(case, f"{_short(case.commits[index])} broke it")
            case OneOf(indices):
                return self._end(case, f"one of these {len(indices)} broke it; those between could not be tried")

    def _try(self, case: _Case, index: int, by: str) -> _Case:
        commit = case.commits[index]
        version = f"{case.release.version.partition('+')[0].partition('-')[0]}-{BLAME}.g{commit.id[:10]}"
        try:
            made = cut(self._world, case.place.service, commit.id, by, version=version, ref=BLAME).release
        except (Failed, InvalidSpec, Refused) as error:  # of the commit; trouble on our side is raised, and the step asked for again
            return self._say(case, "skip", f"does not build: {str(error).partition(chr(10))[0]}", commit.id)
        return self._say(case, "asked", "", commit.id, made.name)

    def _awaited(self, case: _Case) -> _Case:
        asked = case.last
        standing = self._standing(case)
        if standing is None:
            self._queue(case, asked.trial, _trial(case.begun))
            return case
        if standing.rollout.phase is Phase.HELD and case.begun.limits is not None:
            return self._undecided(case, asked, standing)
        if standing.rollout.phase not in ENDED:
            return case
        failure = self._failure(standing.rollout)
        if standing.rollout.phase is Phase.ROLLED_BACK and failure[0] == "aborted":
            return self._end(case, f"called off: {'; '.join(standing.rollout.reasons)}")
        if standing.rollout.phase is Phase.CANCELLED:
            return self._crowded_out(case, asked, "; ".join(standing.rollout.reasons))
        answer, why = _judged(standing, case.begun, failure)
        return self._say(case, answer, why, asked.commit, asked.trial)

    def _undecided(self, case: _Case, asked: Inquiry, standing: Standing) -> _Case:
        """Its traffic says neither yes nor no, and no more of it comes."""
        why = f"nothing can be told of it: {'; '.join(standing.rollout.reasons)}"
        with suppress(Refused):  # somebody else ended it meanwhile
            self._world.rollouts.signal(standing.rollout.id, Signal(Word.ABORT, case.begun.by, self._world.clock.now(), why))
        self._commands.wake(case.place.service)
        return self._say(case, "skip", why, asked.commit, asked.trial)

    def _crowded_out(self, case: _Case, asked: Inquiry, why: str) -> _Case:
        """It never started: a person called it off, something newer took its turn, or the file has changed since."""
        if why.startswith("withdrawn by"):
            return self._end(case, f"called off: {why}")
        asked_for = sum((one.state, one.commit) == ("asked", asked.commit) for one in case.said)
        if asked_for >= TURNS:
            return self._say(case, "skip", f"not tried: {why}", asked.commit, asked.trial)
        return self._say(case, "asked", why, asked.commit, asked.trial)

    def _end(self, case: _Case, text: str) -> _Case:
        """What was live comes back, as the trial that it is: nothing is marked by it either."""
        live = self._world.records.place(case.place).live_release
        before = self._before(case)
        if before is not None and live in {one.trial for one in case.said if one.trial}:
            self._queue(case, before, Trial(case.release.name))
        return self._say(case, "ended", text)

    def _before(self, case: _Case) -> str | None:
        """What somebody put there last, be it before the search or during it."""
        there = (one.rollout for one in self._world.records.standings(place=case.place))
        meant = [one for one in there if one.trial is None and one.phase is Phase.COMPLETED]
        return max(meant, key=lambda one: one.completed_at or one.created).release if meant else None

    # -- the record

    def _case(self, release: Release, place: Place) -> _Case | None:
        """The newest inquiry into this release there."""
        there = self._world.statements.statements(release.name, place.environment)
        said = [one for one in there if isinstance(one, Inquiry)]
        begun = max((number for number, one in enumerate(said) if one.state == "begun"), default=None)
        if begun is None:
            return None
        commits = self._world.repositories[place.service].mainline(said[begun].since, release.commit)
        return _Case(release, place, said[begun], tuple(said[begun:]), tuple(commits))

    def _begin(self, release: Release, place: Place, by: str, check: str | None, path: str | None) -> _Case:
        evidence = self._evidence(release, check)
        if evidence.check is not None and (evidence.check not in release.checks or not release.checks[evidence.check].argv):
            known = ", ".join(name for name, one in release.checks.items() if one.argv) or "none"
            raise Refused(f"{release.name} has no check {evidence.check} that runs by itself", (f"there are: {known}",))
        if not self._world.repositories[place.service].mainline(evidence.since, release.commit):
            raise Refused(
                f"no commit of {release.name} can have broken it",
                (evidence.text, f"it is the commit that served before, {evidence.since[:10]}: look at what changed in its settings"),
            )
        stage = self._world.pipelines.stage(place)
        now = self._world.clock.now()
        begun = Inquiry(release.name, place.environment, by, now, "begun", check=evidence.check, since=evidence.since, text=evidence.text)
        if evidence.limits is not None:
            begun = replace(begun, limits=evidence.limits, path=path or release.run.health)
        elif path is not None:
            raise Refused(f"{release.name} is not judged by its traffic here, so --path has no meaning", (evidence.text,))
        trial = Asked(release.name, place, by, trial=_trial(begun))
        waits = consider(trial, self._world, self._world.clock.now())
        against = [f"it comes after {', '.join(stage.after)}, which a trial has not passed"] if stage.after else []
        against += [f"{name} is asked there; a trial asks nobody" for name in ("approvals",) if stage.approvals.needed]
        if against or waits.refusals or waits.waits:
            raise Refused(f"nothing can be tried in {place.environment}", (*against, *waits.refusals, *waits.waits))
        self._state(begun, f"began to look for the commit that broke it, in {place.environment}", evidence.text)
        case = self._case(release, place)
        assert case is not None, "it was said a moment ago"
        return case

    def _say(self, case: _Case, state: InquiryState, text: str, commit: str = "", trial: str = "") -> _Case:
        said = replace(case.begun, at=self._world.clock.now(), state=state, commit=commit, trial=trial, text=text)
        what = {"asked": f"tries {commit[:10]} as {trial}", "ended": "ended the search"}.get(state, f"{commit[:10]} is {state}")
        self._state(said, what, text)
        return replace(case, said=(*case.said, said))

    def _state(self, said: Inquiry, what: str, why: str) -> None:
        data: dict[str, object] = {"commit": said.commit, "environment": said.environment, "identity": identity()}
        self._world.statements.state(said, Event(said.at, said.by, what, (why,) if why else (), data))

    # -- what happened

    def _evidence(self, release: Release, check: str | None) -> Evidence:
        """Why it was rolled back, and from which commit on it is suspected."""
        known = self._world.records.standings(most=MANY)
        for standing in known:
            rollout, plan = standing.rollout, standing.rollout.plan
            if rollout.trial is not None or plan is None or plan.old is None or rollout.place.service != release.service:
                continue
            if rollout.kind is Kind.ROLLBACK and plan.old.version == release.version:
                why, name, since = f"it was rolled back in {rollout.place.environment}: {'; '.join(rollout.reasons)}", None, plan.new.commit
            elif rollout.release == release.name and rollout.phase is Phase.ROLLED_BACK:
                what, name = self._failure(rollout)
                why, since = f"{what} in {rollout.place.environment}: {'; '.join(rollout.reasons)}", plan.old.commit
                if check is None and what in NOT_RUN:
                    return Evidence(None, why, since)
                if check is None and what == VERDICT:
                    return Evidence(None, why, since, plan.thresholds)
            else:
                continue
            if check or name:
                return Evidence(check or name, why, since)
            raise Refused(
                f"what spoke against {release.name} cannot be tried by itself",
                (why, "name a check that shows it: --check NAME, one of the release's own"),
            )
        raise Refused(
            f"{release.name} was not rolled back, so nothing is known against it", ("headway release show tells where it passed",)
        )

    def _failure(self, rollout: Rollout) -> tuple[str, str | None]:
        """How it failed, and by which check, if one did."""
        told = [one.event.what for one in self._world.records.events(rollout.id) if one.event.what in FAILURES]
        what = told[-1] if told else "aborted"
        step = rollout.plan.steps[rollout.cursor] if rollout.plan and rollout.cursor < len(rollout.plan.steps) else None
        return what, step.name if what == "failed check" and isinstance(step, RunCheck) else None

    def _standing(self, case: _Case) -> Standing | None:
        """The rollout of the trial that was asked for."""
        there = self._world.records.standings(place=case.place)
        mine = (one for one in there if one.rollout.release == case.last.trial and one.rollout.created >= case.last.at)
        return next((one for one in mine if one.rollout.trial is not None), None)

    def _queue(self, case: _Case, release: str, trial: Trial) -> None:
        now = self._world.clock.now()
        rollout = Rollout(
            id=self._world.new_id(),
            place=case.place,
            release=release,
            kind=Kind.PROMOTION,
            asked_by=case.begun.by,
            created=now,
            phase=Phase.PENDING,
            host=self._commands.host(case.place),
            trial=trial,
        )
        why = (f"to find the commit that broke {case.release.name}",)
        self._world.rollouts.add(rollout, (Event(now, case.begun.by, f"trial in {case.place.environment} asked for", why),))
        self._commands.wake(case.place.service)

    def _where(self, service: str, environment: str | None) -> str:
        stages = self._world.pipelines.stages(service)
        if environment is not None:
            return environment
        free = [stage.environment.name for stage in stages if not stage.after and not stage.approvals.needed]
        if not free:
            why = "name one that comes after nothing and needs no approval: --in ENVIRONMENT"
            raise Refused("there is no place to try commits in", (why,))
        return free[0]

    def _view(self, case: _Case) -> View:
        answers = case.answers
        ended = case.last.state == "ended"
        step = search(len(case.commits), answers) if answers.get(len(case.commits) - 1) is Answer.BAD else None
        suspects: Sequence[int] = ()
        if ended and isinstance(step, Culprit):
            suspects = (step.index,)
        elif ended and isinstance(step, OneOf):
            suspects = step.indices
        standing = self._standing(case) if case.last.state == "asked" else None
        return {
            "release": case.release.name,
            "environment": case.place.environment,
            "evidence": case.begun.text,
            "check": case.begun.check,
            "path": case.begun.path or None,
            "commits": len(case.commits),
            "state": "ended" if ended else "trying",
            "trying": None if ended else case.last.commit or None,
            "rollout": standing.rollout.id if standing else None,
            "why": standing.why if standing else "",
            "left": step.most + 1 if isinstance(step, Try) else None,
            "tried": [
                {"commit": one.commit, "subject": self._subject(case, one.commit), "answer": one.state, "why": one.text}
                for one in case.said
                if one.state in ANSWERS
            ],
            "said": case.last.text if ended else "",
            "suspects": [self._suspect(case, index) for index in suspects],
        }

    def _suspect(self, case: _Case, index: int) -> View:
        commit = case.commits[index]
        before = case.commits[index - 1].id if index else case.begun.since
        brought = len(self._world.repositories[case.place.service].between(before, commit.id))
        return {
            "commit": commit.id,
            "subject": commit.subject,
            "author": commit.author,
            "brought": brought,
            "revert": f"git revert {'-m 1 ' if brought > 1 else ''}{commit.id}",
        }

    def _subject(self, case: _Case, commit: str) -> str:
        return next((one.subject for one in case.commits if one.id == commit), "")


def _trial(begun: Inquiry) -> Trial:
    return Trial(begun.release, begun.check, begun.limits, begun.path)


def _other(begun: Inquiry, check: str | None, path: str | None) -> bool:
    """Is this another question than the one that was answered?"""
    return check not in {None, begun.check} or path not in {None, begun.path}


def _nothing(case: _Case) -> str:
    """What was wrong elsewhere is not there, and where to look next: its users may have asked for something else than Headway did."""
    nothing = f"{case.place.environment} shows nothing wrong with {case.release.version}"
    if case.begun.limits is None:
        return nothing
    return f"{nothing} under requests for {case.begun.path}; --path says where it shows, --check names a check that shows it"


def _judged(standing: Standing, begun: Inquiry, failure: tuple[str, str | None]) -> tuple[InquiryState, str]:
    """Good, bad by the same evidence, or nothing that can be used."""
    rollout, (what, name) = standing.rollout, failure
    if rollout.phase is Phase.COMPLETED:
        good = f"{begun.check} passed" if begun.check else "it runs"
        return "good", f"{begun.path} is answered within the limits" if begun.limits is not None else good
    why = "; ".join(rollout.reasons)
    wanted = frozenset({VERDICT}) if begun.limits is not None else NOT_RUN
    same = name == begun.check if begun.check is not None else what in wanted
    return ("bad", why) if same else ("skip", f"it failed in another way: {why}")


def _short(commit: Commit) -> str:
    return f"{commit.id[:10]} ({commit.subject})"
