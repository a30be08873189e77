"""A word that comes before the end is on the record is heard, however late: what it is about has not ended yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Event, Held
from headway.rollout.model import Rollout
from headway.rollout.phases import ENDED, Phase
from headway.rollout.seen import Sight, Signal
from headway.testing import FakePlatform, FakeWorld, sample_release, sample_stage
from headway.testing.ledger import MemoryRollouts

HERE = Place("tally", "production")


@dataclass
class LongLook(FakePlatform):
    """Takes its time to look, and in that time things happen."""

    meanwhile: Callable[[], None] = lambda: None

    def look(self, place: Place, *, lately: bool = False) -> Sight:
        seen = super().look(place, lately=lately)
        self.meanwhile()
        return seen


@dataclass
class LongSave(MemoryRollouts):
    """Between the turn's last look into its inbox and its save somebody speaks; or it ends while somebody does."""

    before: Callable[[Rollout], None] = lambda _: None
    meanwhile: Callable[[], None] = lambda: None

    def signal(self, id: str, signal: Signal, events: Sequence[Event] = ()) -> None:
        self.meanwhile()
        super().signal(id, signal, events)

    def save(self, held: Held, rollout: Rollout, **rest: Any) -> Held:
        self.before(rollout)
        return super().save(held, rollout, **rest)


class Story:
    """1.0.0 is live; 1.1.0 goes out, and while it does somebody may speak."""

    def __init__(self) -> None:
        self.fake = FakeWorld()
        self.fake.pipelines.declared = [sample_stage("production", strategy="rolling", soak=5.0, keep_warm=60.0)]
        self.platform = LongLook(**vars(self.fake.platform))
        self.rollouts = LongSave(self.fake.ledger.tables)
        self.world = replace(self.fake.world, platform=self.platform, rollouts=self.rollouts)
        self.commands = Commands(self.world)
        assert self.promote("1.0.0").phase is Phase.COMPLETED

    def promote(self, version: str) -> Rollout:
        self.fake.release(sample_release(version, at=self.fake.clock.now()))
        self.commands.promote(version, "production", "ada")
        return self.end(version)

    def end(self, version: str) -> Rollout:
        for _ in range(400):
            now = self.fake.clock.now()
            for held in self.world.rollouts.claim(now, now + LEASE, "t", 10):
                turn(held, now - timedelta(hours=1), self.world)
                self.fake.ledger.tables.rows[held.rollout.id].lease_until = now
            newest = self.fake.world.records.standings(place=HERE)[0].rollout
            if newest.release.endswith(version) and newest.phase in ENDED:
                return newest
            self.fake.clock.pass_time(0.5)
        raise AssertionError("it never ended")

    def abort(self) -> None:
        self.commands.tell("abort", "production", "dana", "wrong day")


def ends(spoken_at: int | None) -> tuple[Phase, int]:
    """How a release ends whose abort is said during the look of that number, and how many looks it took."""
    story, looks = Story(), 0

    def count() -> None:
        nonlocal looks
        looks += 1
        if looks == spoken_at:
            story.abort()

    story.platform.meanwhile = count
    return story.promote("1.1.0").phase, looks


def test_an_abort_during_the_look_after_which_it_would_have_completed_takes_it_back() -> None:
    completed, last = ends(None)
    assert completed is Phase.COMPLETED
    assert ends(last)[0] is Phase.ROLLED_BACK


def test_an_abort_in_the_moment_before_its_end_would_be_on_the_record_takes_it_back() -> None:
    story, spoken = Story(), []

    def speak(after: Rollout) -> None:
        if after.phase is Phase.COMPLETED and not spoken:
            spoken.append(after.id)
            story.abort()

    story.rollouts.before = speak
    assert story.promote("1.1.0").reasons == ("aborted by dana: wrong day",)
    assert spoken, "it came that far"
    assert story.fake.world.records.place(HERE).live_release == "tally@1.0.0"


def test_an_abort_that_comes_after_the_end_is_told_so_with_the_way_back_and_is_on_no_record() -> None:
    story = Story()
    story.fake.release(sample_release("1.1.0", at=story.fake.clock.now()))
    asked = str(story.commands.promote("1.1.0", "production", "ada")["rollout"])
    story.rollouts.meanwhile = lambda: over(story)
    with pytest.raises(Refused, match=r"completed; there is nothing left to abort\n  - to go back: headway rollback production"):
        story.abort()
    assert "said abort" not in [one.event.what for one in story.fake.world.records.events(asked)]


def over(story: Story) -> None:
    story.rollouts.meanwhile = lambda: None
    assert story.end("1.1.0").phase is Phase.COMPLETED
