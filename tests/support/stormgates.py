"""The gates of a storm: what people say to releases that wait for them, and whether anything went in that nobody had let in."""

import random  # noqa: TID251 - any instant will do
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headway.engine.commands import Commands
from headway.engine.gating import Gating
from headway.environments.model import Place
from headway.errors import Contradiction, Refused
from headway.ports import World
from headway.promotion.model import Approval, Approvals, Stage
from headway.releases.model import Release
from headway.rollout.model import Kind, Rollout
from headway.rollout.phases import Phase
from headway.testing import sample_stage
from support.broken import Broken

SAYS, ALSO = "bob", "carol"
ASKS = "ada"
"""Who made the releases and asks for them: her own yes must never count."""
BEFORE, AFTER = "staging", "production"
NEVER_BEGAN = {Phase.PENDING, Phase.CANCELLED}


def stages(service: str, **rules: object) -> tuple[Stage, Stage]:
    """Nobody gets to the second who was not in the first, and not without one yes of two people."""
    first = sample_stage(BEFORE, service=service, soak=0.05, keep_warm=0.1, thresholds=rules["thresholds"])
    approvals = Approvals(needed=1, people=(SAYS, ALSO))
    return first, sample_stage(AFTER, service=service, after=(BEFORE,), approvals=approvals, newer="supersedes", **rules)


@dataclass
class Yes:
    """One person's yes; from when it may have stood, and until when, if it was taken back."""

    begun: datetime
    ended: datetime | None = None


@dataclass
class StormGates:
    """What was said, by the conductor's own book; `look` compares with it, and with the ledger, who went in."""

    world: World
    commands: Commands
    chance: random.Random
    services: Sequence[str]
    cut: dict[str, Release] = field(default_factory=dict)
    """What was cut, by name, as it was when it was cut."""
    said: dict[tuple[str, str], list[Yes]] = field(default_factory=dict)
    """By release and person."""
    seen: set[str] = field(default_factory=set)
    spoken: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self.gating = Gating(self.world, self.commands)

    def speak(self) -> None:
        """One word to one of those that wait."""
        waiting = [one.rollout for one in self.world.records.standings(ended=False)]
        waiting = [
            one for one in waiting if one.phase is Phase.PENDING and one.place.service in self.services and one.place.environment == AFTER
        ]
        if not waiting:
            return
        name = self.chance.choice(waiting).release
        who = self.chance.choice((SAYS, ALSO))
        word = self.chance.choice((self._yes, self._yes, self._yes, self._takes_back, self._says_so_herself, self._cuts_another))
        word(name, who)
        self.spoken += 1

    def _yes(self, name: str, who: str) -> None:
        yes = Yes(self.world.clock.now())
        self.said.setdefault((name, who), []).append(yes)
        self.commands.approve(name, AFTER, who)

    def _takes_back(self, name: str, who: str) -> None:
        try:
            self.gating.revoke(name, AFTER, who)
        except Refused:
            return  # of who has said nothing
        for yes in self.said[name, who]:
            yes.ended = yes.ended or self.world.clock.now()

    def _says_so_herself(self, name: str, _who: str) -> None:
        try:
            self.commands.approve(name, AFTER, ASKS)
        except Refused:
            self.refused += 1
            return
        raise Broken(f"{ASKS} approved {name}, which she made and asked for")

    def _cuts_another(self, name: str, _who: str) -> None:
        """Under the same name: a release is what it was when it was cut."""
        other = replace(self.cut[name], digest=f"sha256:{'f' * 64}")
        try:
            self.world.releases.add(other, ())
        except (Refused, Contradiction):
            self.refused += 1
            return
        raise Broken(f"{name} was cut a second time, as something else")

    def look(self) -> None:
        """A release enters only when every gate agreed to exactly it; and what enters is, by digest, what passed the stage before."""
        for service in self.services:
            place = Place(service, AFTER)
            for one in self.world.records.standings(place=place, most=10):
                rollout = one.rollout
                if rollout.id not in self.seen and rollout.kind is Kind.PROMOTION and rollout.phase not in NEVER_BEGAN and rollout.plan:
                    self._entered(rollout)
                    self.seen.add(rollout.id)

    def _entered(self, rollout: Rollout) -> None:
        plan, release = rollout.plan, self.cut[rollout.release]
        assert plan is not None
        if plan.new.digest != release.digest or plan.binding["release"] != release.digest:
            raise Broken(f"{rollout.id} runs {plan.new.digest}, and {release.name} was cut as {release.digest}")
        at = next(one.event.at for one in self.world.records.events(rollout.id) if one.event.what == "started")
        passed = [one for one in self.world.words.passed(release.digest, release.service) if one.environment == BEFORE and one.good]
        if not any(one.release == release.name and one.at <= at for one in passed):
            raise Broken(f"{release.name} entered {AFTER} at {at}, and had not passed {BEFORE}")
        self._stayed_itself(release, passed[0].at)
        here = self.world.words.approvals(release.name, AFTER)
        if not any(_bound(one, plan.binding) and one.at <= at for one in here):
            raise Broken(f"{release.name} entered {AFTER}, and nobody had agreed to exactly {plan.binding}")
        stood = [yes for (name, _), all_ in self.said.items() if name == release.name for yes in all_]
        if not any(yes.begun <= at and (yes.ended is None or at <= yes.ended) for yes in stood):
            raise Broken(f"{release.name} entered {AFTER} at {at}, by the conductor's book without anybody's yes: {stood}")

    def _stayed_itself(self, release: Release, at: datetime) -> None:
        """What passed the stage before ran there as the same artifact."""
        ran = [one.rollout for one in self.world.records.standings(place=Place(release.service, BEFORE), most=40)]
        digests = {one.plan.new.digest for one in ran if one.release == release.name and one.plan is not None}
        if digests - {release.digest}:
            raise Broken(f"{release.name} passed {BEFORE} at {at} as {digests}, and is {release.digest}")

    def waiting(self) -> Iterator[str]:
        """Those that will wait for ever, once nobody speaks any more."""
        for one in self.world.records.standings(ended=False):
            if one.rollout.phase is Phase.PENDING and one.rollout.place.service in self.services:
                yield one.rollout.id


def _bound(one: Approval, binding: Mapping[str, str]) -> bool:
    bound = (one.release_digest, one.configuration_digest, one.target_digest)
    return one.yes and one.by in {SAYS, ALSO} and bound == (binding["release"], binding["configuration"], binding["target"])
