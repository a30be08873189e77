"""Watches the refs of the registered repositories, level-triggered: what a branch points at now is what should have been asked for.

Looking is quick and finds out what moved; following it up may build for minutes. So that goes to a pool, one repository at a time, and
nothing is remembered of it but what is on the record: whatever ends a build half way, the next look finds the ref as unseen as before.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from headway.engine.branching import Branching, NoRoom
from headway.engine.commands import Commands
from headway.engine.cutting import cut
from headway.errors import Contradiction, HeadwayError, Unavailable
from headway.ports import Event, Governed, Pushed, World
from headway.promotion.model import Stage
from headway.promotion.stages import triggered

log = structlog.get_logger()

CLAIMED = "as the commit claims"
Submit = Callable[[Callable[[], None]], object]
"""Has something done, soon and elsewhere, or here and now."""


@dataclass(frozen=True, slots=True)
class Move:
    """A ref of a service's repository that points elsewhere than when it was dealt with."""

    service: str
    ref: str
    commit: str
    stages: tuple[Stage, ...]


def at_once(work: Callable[[], None]) -> None:
    """Without a pool: whoever looks waits for what comes of it."""
    work()


class Watcher:
    """Turns pushes, merges and tags into releases and promotions; a hook only makes it look sooner."""

    def __init__(self, world: World, commands: Commands, woken: Callable[[], None], submit: Submit = at_once) -> None:
        self._world = world
        self._commands = commands
        self._woken = woken
        self._submit = submit
        self.branching = Branching(world)
        self._looking = threading.Lock()
        self._busy: set[str] = set()
        """The repositories of which something is being built; guarded by `_looking`."""
        self._rules: dict[str, tuple[Stage, ...]] = {}
        self._dealt: dict[tuple[str, str], str] = {}
        """What the record said of each ref; asked again once the ref has moved."""
        self._still: dict[str, tuple[Mapping[str, Sequence[Stage]], Mapping[str, str]]] = {}
        """The rules and the refs of each repository of which nothing was left to be dealt with."""

    def look(self) -> int:
        """Have every ref that moved dealt with; how many did. A repository that is being built from is looked at afterwards."""
        # A hook and the clock may ask at once; a push that both dealt with would be built, and rolled out, twice.
        with self._looking:
            moves: dict[str, list[Move]] = {}
            for one in self._world.pipelines.governed():
                self._look_at(one, moves)
            self._busy |= moves.keys()
        for repository, found in moves.items():
            self._submit(lambda repository=repository, found=found: self._follow_all(repository, found))  # type: ignore[misc]
        return sum(map(len, moves.values()))

    def settle(self, services: Iterable[str]) -> None:
        """Take the branches of a repository that is new here as they are: what was pushed before we watched is no push now.

        The branches that stages are merged to are followed at once, so that an empty staging gets what main holds.
        """
        for service in services:
            stages = tuple(self._world.pipelines.stages(service))
            refs = {**self._world.repositories[service].refs(), **self._pulls({service: stages})}
            for ref, commit in sorted(refs.items()):
                wanted = triggered(stages, ref)
                if wanted and not any(stage.trigger.merge == ref for stage in wanted):
                    what = f"{ref} at {commit[:10]} was there before this repository was watched; push to it, and it goes"
                    self._note(service, ref, commit, what, (), CLAIMED, released="")

    def _look_at(self, one: Governed, moves: dict[str, list[Move]]) -> None:
        repository = one.home.name
        if repository in self._busy:
            return
        try:
            refs = {**one.refs, **self._pulls(one.stages)}
        except HeadwayError as error:
            log.warning("cannot look at the repository", repository=repository, error=str(error))
            return
        if (still := self._still.get(repository)) is not None and still[0] is one.stages and still[1] == refs:
            return  # hundreds of services are looked at every second, and nearly always nothing moved
        found = [move for service, stages in one.stages.items() for move in self._moves(service, stages, refs)]
        if found:
            self._still.pop(repository, None)
            moves[repository] = found
        else:
            self._still[repository] = (one.stages, refs)

    def _moves(self, service: str, stages: Sequence[Stage], refs: Mapping[str, str]) -> Iterator[Move]:
        stages = tuple(stages)
        if self._rules.setdefault(service, stages) != stages:
            # The protected branch changed its rules: what waits may have to wait for more now, or for less.
            self._rules[service] = stages
            self._commands.wake(service)
        merged = {stage.trigger.merge for stage in stages}
        # What was merged goes first: nobody's experiment keeps the way to production waiting.
        for ref, commit in sorted(refs.items(), key=lambda one: (one[0] not in merged, one)):
            wanted = triggered(stages, ref)
            if wanted and not self._is_dealt_with(service, ref, commit):
                yield Move(service, ref, commit, wanted)

    def _is_dealt_with(self, service: str, ref: str, commit: str) -> bool:
        if self._dealt.get((service, ref)) != commit:
            if self._world.refs.seen(service, ref) != commit:
                return False
            self._dealt[service, ref] = commit
        return True

    def _pulls(self, stages: Mapping[str, Sequence[Stage]]) -> Mapping[str, str]:
        """The heads of pull requests, where any stage is for them."""
        service = next((name for name, way in stages.items() if any(stage.trigger.pulls for stage in way)), None)
        return self._world.repositories[service].pulls() if service is not None else {}

    def _follow_all(self, repository: str, moves: Iterable[Move]) -> None:
        try:
            for move in moves:
                self._follow(move)
        except Exception:
            # A defect of ours, in one repository: it must be seen, and the others must not wait for it.
            log.exception("following a push broke", repository=repository)
        finally:
            with self._looking:
                self._busy.discard(repository)

    def _follow(self, move: Move) -> None:
        service, ref, commit = move.service, move.ref, move.commit
        who = Pushed("headway", CLAIMED)
        try:
            who = self._pusher(move)
            stages = [stage for stage in move.stages if self.branching.wants(stage, ref, commit)]
            if not stages:
                what = f"{ref} at {commit[:10]} has nothing that is not merged; its first commit of its own gives it an environment"
                self._note(service, ref, commit, what, (), who.identity, released="")
                return
            made = cut(self._world, service, commit, who.by, ref=ref)
            asked = [self.branching.environment(stage, ref, commit, who.by) for stage in stages]
            for environment in asked:
                self._commands.promote(made.release.name, environment, who.by, automatic=True)
        except NoRoom as full:
            self._wait_for_room(move, who, str(full))
            return
        except (Unavailable, Contradiction) as error:
            log.warning("will look again", service=service, ref=ref, error=str(error))
            return
        except HeadwayError as error:
            # The commit's own fault: said once, on the record, and not built again until the branch moves.
            what = f"{ref} at {commit[:10]} was not released"
            self._note(service, ref, commit, what, (str(error),), who.identity, released=None)
            return
        what = f"{ref} at {commit[:10]} became {made.release.name}, for {', '.join(asked)}"
        self._note(service, ref, commit, what, (f"pushed by {who.by}", *made.evidence), who.identity, released=made.release.name)

    def _wait_for_room(self, move: Move, who: Pushed, why: str) -> None:
        """Said once for each commit; the ref stays unseen, so that it goes as soon as there is room."""
        mark = f"waits:{move.ref}"
        if self._world.refs.seen(move.service, mark) != move.commit:
            what = f"{move.ref} at {move.commit[:10]} waits"
            self._note(move.service, move.ref, move.commit, what, (why,), who.identity, released=None, mark=mark)

    def _pusher(self, move: Move) -> Pushed:
        """Who pushed is what the repository's server says; without one, what the commit claims, and the record says so."""
        noted = self._world.pushes.pushed(move.service, move.ref, move.commit)
        return noted or Pushed(self._world.repositories[move.service].resolve(move.commit).author, CLAIMED)

    def _note(
        self, service: str, ref: str, commit: str, what: str, why: tuple[str, ...], identity: str, *, released: str | None, mark: str = ""
    ) -> None:
        log.info(what, why="; ".join(why))
        data: dict[str, object] = {"ref": ref, "commit": commit, "released": released, "identity": identity}
        self._world.refs.note(service, mark or ref, commit, Event(self._world.clock.now(), "headway", what, why, data))
        self._woken()
