"""What is written, and when: every deed before it is done, what came of it soon after, and looking writes nothing."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from headway.engine.commands import Commands
from headway.engine.controller import LEASE, SHOWN, Turned, turn
from headway.ports import Held, World
from headway.rollout.model import Rollout
from headway.rollout.phases import ENDED, Phase
from headway.testing import FakeWorld, Script, sample_release, sample_stage


class Written:
    """The rollouts of a fake world, and what was saved of each when."""

    def __init__(self, world: World) -> None:
        self._rollouts = world.rollouts
        self.saved: list[tuple[datetime, Rollout]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rollouts, name)

    def save(self, held: Held, rollout: Rollout, **rest: Any) -> Held:
        self.saved.append((rest["now"], rollout))
        return self._rollouts.save(held, rollout, **rest)


class Story:
    """1.0.0 is live; 1.1.0 takes over as a canary whose instances are ready at once."""

    def __init__(self) -> None:
        self.fake = FakeWorld()
        self.fake.platform.requests = 200.0
        quick = Script(ready_after=0.0, stops_after=0.0)
        self.fake.platform.scripts |= {"1.0.0": quick, "1.1.0": quick}
        self.fake.pipelines.declared = [sample_stage("production", strategy="canary", weights=(10,), soak=4.0, keep_warm=60.0)]
        self.written = Written(self.fake.world)
        self.world = replace(self.fake.world, rollouts=self.written)  # type: ignore[arg-type]
        self.promote("1.0.0")
        self.until_it_is_given_back()
        self.written.saved.clear()
        self.promote("1.1.0")

    def promote(self, version: str) -> None:
        self.fake.release(sample_release(version))
        Commands(self.world).promote(version, "production", "ada")

    def claim(self) -> Turned:
        now = self.fake.clock.now()
        (held,) = self.world.rollouts.claim(now, now + LEASE, "t", 1)
        return Turned(held, now, now)

    def turn(self, turned: Turned) -> Turned:
        assert turned.held is not None
        self.fake.clock.go_to(turned.again)
        return turn(turned.held, turned.saved, self.world)

    def until_it_is_given_back(self) -> None:
        turned = self.claim()
        while turned.held is not None:
            turned = self.turn(turned)


def test_but_for_deeds_and_the_end_nothing_is_written_more_than_once_a_second() -> None:
    story = Story()
    turned, looks = story.claim(), 0
    while turned.held is not None:
        turned, looks = story.turn(turned), looks + 1
    saved = story.written.saved
    assert looks > 3 * len(saved), "looking writes nothing"
    for (before, _), (at, rollout) in pairwise(saved):
        assert rollout.intent is not None or rollout.phase in ENDED or at - before >= SHOWN


def test_no_deed_is_done_before_it_is_written() -> None:
    story = Story()
    story.until_it_is_given_back()
    intents = [rollout.intent.key for _, rollout in story.written.saved if rollout.intent is not None]
    done = [one.intent.key for one in story.fake.platform.done if one.intent.key.startswith(story.written.saved[0][1].id)]
    assert sorted(done) == sorted(set(intents))
    assert max(Counter(done).values()) == 1


def test_a_word_that_comes_just_after_a_save_does_not_wait_for_the_next_look() -> None:
    story = Story()
    turned = story.claim()
    while turned.held is not None and turned.held.rollout.weight.percent != 10:
        turned = story.turn(turned)
    assert turned.held is not None
    Commands(story.world).tell("abort", "production", "dana", "stop")
    turned = story.turn(turned)
    _, rollout = story.written.saved[-1]
    assert rollout.phase is Phase.ROLLING_BACK


def test_what_a_deed_led_to_is_on_the_record_a_second_later() -> None:
    story = Story()
    turned = story.claim()
    while turned.held is not None and turned.held.rollout.weight.percent != 10:
        turned = story.turn(turned)
    weighed = story.fake.clock.now()
    while turned.held is not None and story.fake.clock.now() < weighed + SHOWN + timedelta(seconds=0.5):
        turned = story.turn(turned)
    at, shown = next((at, rollout) for at, rollout in story.written.saved if rollout.weight.percent == 10)
    assert at <= weighed + SHOWN
    assert shown.intent is None
