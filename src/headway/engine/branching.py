"""Environments of branches: made by the first push, stopped when nobody pushes for long, removed when the branch is merged or gone.

Level-triggered like everything else: what is on record is compared with where the branches point, one step at a time, so that whatever
ends us half way is taken up by the next look.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from headway.engine.controller import US
from headway.environments.branches import BranchEnvironment, Fate, State, environment_of, fate, room
from headway.environments.model import Place
from headway.errors import HeadwayError, InvalidSpec, Refused, Unavailable
from headway.ports import Event, Repository, Standing, World
from headway.promotion.model import Stage
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Signal, Word
from headway.trains.forward import forward

log = structlog.get_logger()

REMEMBERED = 1000


class NoRoom(Refused):
    """No further environment may run; asked again when one ended."""


class Branching:
    """The environments of branches on this machine."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._making = threading.Lock()
        self._told: set[str] = set()
        """Rollouts that were told to end: said once, and once more after a restart."""
        self._known: dict[tuple[str, str, str], bool] = {}
        """Whether a service's commit is in another one, or what it changes is: what git said once it says for ever."""

    def wants(self, stage: Stage, ref: str, commit: str) -> bool:
        """Whether a push to this branch goes to this stage: not if its own environment would hold nothing that is not merged. NoRoom."""
        if stage.per_branch is None:
            return True
        if ref not in stage.trigger.push and self._merged(stage.service, ref, commit):
            return False
        self._demand_room(stage, ref)
        return True

    def environment(self, stage: Stage, ref: str, commit: str, by: str) -> str:
        """Where a push to this branch goes: the stage's environment or, with `per_branch`, the branch's own, made or started if need be."""
        if stage.per_branch is None:
            return stage.environment.name
        with self._making:  # two repositories' pushes at once must not share the last room
            known = self._demand_room(stage, ref)
            place = Place(stage.service, environment_of(stage.environment.name, ref))
            self._open(known, place, ref, commit, by)
        return place.environment

    def _demand_room(self, stage: Stage, ref: str) -> BranchEnvironment | None:
        """The branch's environment as it is known; NoRoom if it must not be made or started."""
        assert stage.per_branch is not None
        known = self._world.branched.get(Place(stage.service, environment_of(stage.environment.name, ref)))
        if known is not None and known.state is State.LEAVING:
            raise Unavailable(f"{known.place.environment} is just being removed; it is made again afterwards")
        if known is None or known.state is not State.OPEN:
            why = room(stage.per_branch, stage.environment.name, stage.service, self._world.branched.all(stage.service))
            if why is not None:
                raise NoRoom(f"{ref} gets no environment", (why,))
        return known

    def _open(self, known: BranchEnvironment | None, place: Place, ref: str, commit: str, by: str) -> None:
        now = self._world.clock.now()
        new = known is None or known.state is State.ENDED
        made = BranchEnvironment(place, ref, State.OPEN, now if known is None or new else known.created, now, commit, host=self._world.host)
        if known is not None and not new and (known.state, known.commit) == (State.OPEN, commit):
            return
        what = "made" if new else "started again" if known and known.state is State.STOPPED else "moved"
        self._save(made, f"{place.environment} {what} for {ref}", (f"{by} pushed {commit[:10]}",))

    # -- what becomes of them

    def tend(self) -> None:
        """One look at every environment that has not ended, each a step closer to what should become of it."""
        for one in self._world.branched.all():
            if one.host != self._world.host:
                continue
            try:
                self._tend(one)
            except HeadwayError as error:
                # What cannot be looked at stays as it is: no news of a branch is no news of its end.
                log.warning("an environment was not looked after", place=str(one.place), error=str(error))

    def _tend(self, one: BranchEnvironment) -> None:
        standings = self._world.records.standings(place=one.place)
        wanted = self._fate(one, standings)
        match wanted.state:
            case State.LEAVING:
                self._leave(one, wanted.why, standings)
            case State.STOPPED:
                self._stop(one, wanted.why, standings)
            case State.OPEN if one.state is State.STOPPED:
                again = replace(one, state=State.OPEN, pushed=self._world.clock.now(), why="")
                self._save(again, f"{one.place.environment} started again", (wanted.why,))

    def _fate(self, one: BranchEnvironment, standings: Sequence[Standing]) -> Fate:
        service = one.place.service
        stages = {stage.environment.name: stage for stage in self._world.pipelines.stages(service)}
        stage = stages.get(one.shared)
        refs = self._refs(service, one.ref)
        head = refs.get(one.ref)
        long_lived = stage is not None and one.ref in stage.trigger.push
        return fate(
            one,
            stage.per_branch if stage else None,
            head=head,
            merged=head is not None and not long_lived and self._merged(service, one.ref, head),
            asked=max((each.rollout.created for each in standings), default=None),
            busy=any(each.rollout.phase not in ENDED for each in standings),
            now=self._world.clock.now(),
        )

    def _refs(self, service: str, ref: str) -> Mapping[str, str]:
        repository = self._world.repositories[service]
        return repository.pulls() if ref.startswith("refs/") else repository.refs()

    def _merged(self, service: str, ref: str, commit: str) -> bool:
        """Whether a branch that changes reach users by has all of this one."""
        repository = self._world.repositories[service]
        heads = repository.refs()
        stages = self._world.pipelines.stages(service)
        trunks = {self._world.pipelines.repository(service).branch, *(stage.trigger.merge for stage in stages if stage.trigger.merge)}
        return any(self._contains(service, heads[trunk], commit) for trunk in sorted(trunks & heads.keys()) if trunk != ref)

    def _contains(self, service: str, head: str, commit: str) -> bool:
        asked = (service, head, commit)
        if asked not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            repository = self._world.repositories[service]
            self._known[asked] = repository.contains(head, commit) or _carried(repository, head, commit)
        return self._known[asked]

    def _stop(self, one: BranchEnvironment, why: str, standings: Sequence[Standing]) -> None:
        if self._kept_warm(standings):
            return  # what is kept for an instant way back goes first, by its own time
        beside = [
            other for other in self._world.branched.all() if other.place.environment == one.place.environment and other.place != one.place
        ]
        alive = [
            other
            for other in beside
            if other.state is not State.STOPPED
            and self._fate(other, self._world.records.standings(place=other.place)).state is not State.STOPPED
        ]
        if alive:
            return  # several services share it; it stops when none of them is needed
        with self._making:
            if self._world.branched.get(one.place) != one or self._unfinished(one.place):
                return  # somebody pushed, or asked for something, meanwhile
            if one.state is State.OPEN:  # written first: a crash in between leaves it running, and the next look stops it
                self._save(replace(one, state=State.STOPPED, why=why), f"{one.place.environment} stopped", (why,))
            self._world.grounds.rest(one.place.environment)

    def _leave(self, one: BranchEnvironment, why: str, standings: Sequence[Standing]) -> None:
        if one.state is not State.LEAVING and not self._ended(one.place, why, standings):
            return
        if one.state is not State.LEAVING:
            with self._making:
                if self._world.branched.get(one.place) != one:
                    return  # pushed to again meanwhile
                one = replace(one, state=State.LEAVING, why=why)
                self._save(one, f"{one.place.environment} is being removed", (why,))
        if warm := self._kept_warm(standings):
            # The place has a newer generation now, so each of them finds that there is nothing left to put in order.
            for standing in warm:
                self._say(standing, Word.WAKE, why)
            return
        self._world.grounds.clear(one.place)
        self._save(replace(one, state=State.ENDED), f"{one.place.environment} ended", (one.why, *self._without_data(standings)))

    def _without_data(self, standings: Iterable[Standing]) -> tuple[str, ...]:
        """Remove the branch's own databases, which its rollouts know: the file may no longer name them. What came of it.

        One that does not answer keeps the environment's end waiting; one that somebody else made, or nobody can name any more, stays.
        """
        plans = (one.rollout.plan for one in standings)
        shippings = (plan.migrations for plan in plans if plan is not None and plan.migrations is not None)
        said: list[str] = []
        for database in {shipping.database.url: shipping.database for shipping in shippings}.values():
            try:
                said += self._world.migrations.remove(database)
            except (InvalidSpec, Refused) as error:
                said.append(f"its database stays: {error}")
        return tuple(said)

    def _ended(self, place: Place, why: str, standings: Iterable[Standing]) -> bool:
        """Whether nothing waits or is under way there; what does is told to end. That says nothing against its release."""
        left = [one for one in standings if one.rollout.phase not in ENDED]
        for standing in left:
            if standing.rollout.id not in self._told:
                self._told.add(standing.rollout.id)
                self._say(standing, Word.ABORT, f"{place.environment} is being removed: {why}")
        return not left

    def _unfinished(self, place: Place) -> bool:
        return any(True for _ in self._world.records.standings(place=place, ended=False))

    def _say(self, standing: Standing, word: Word, why: str) -> None:
        now = self._world.clock.now()
        events = (Event(now, US, f"said {word.value}", (why,)),) if word is Word.ABORT else ()
        with suppress(Refused):  # it ended by itself meanwhile, as the next look finds
            self._world.rollouts.signal(standing.rollout.id, Signal(word, US, now, why), events)

    def _kept_warm(self, standings: Iterable[Standing]) -> list[Standing]:
        return [one for one in standings if one.rollout.phase is Phase.COMPLETED and not one.rollout.tidied]

    def _save(self, one: BranchEnvironment, what: str, why: tuple[str, ...]) -> None:
        now: datetime = self._world.clock.now()
        log.info(what, why="; ".join(why))
        data: dict[str, object] = {"environment": one.place.environment, "service": one.place.service, "ref": one.ref, "commit": one.commit}
        self._world.branched.save(one, Event(now, US, what, why, {**data, "state": one.state.value}))


def _carried(repository: Repository, head: str, commit: str) -> bool:
    """Whether that line makes the same changes by commits of its own, as after a squash or a rebase, and has not taken them back."""
    base = repository.fork(head, commit)
    altogether = repository.altogether(base, commit) if base is not None else ""
    if base is None or not altogether:
        return False  # one that changes nothing was not merged: somebody just wants it to run
    files = [file.path for file in repository.changed(base, commit)]
    return forward(repository.landed(base, commit, files), altogether, repository.landed(base, head, files)).whole
