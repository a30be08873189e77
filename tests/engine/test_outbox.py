"""Notices reach people, later if need be, and never stand in the way."""

from datetime import timedelta

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.engine.outbox import AGAIN, deliver
from headway.testing import FakeWorld, sample_release, sample_stage


def told(fake: FakeWorld) -> None:
    """A rollout that completes, so that a notice waits."""
    fake.pipelines.declared = [sample_stage("staging", soak=0.0, notify=("oncall",))]
    fake.release(sample_release("1.0.0"))
    Commands(fake.world).promote("1.0.0", "staging", "alice")
    now = fake.clock.now()
    (held,) = fake.world.rollouts.claim(now, now + timedelta(seconds=60), "t", 1)
    turned = turn(held, now, fake.world)
    while turned.held is not None:
        fake.clock.pass_time(max(0.01, (turned.again - fake.clock.now()).total_seconds()))
        turned = turn(turned.held, turned.saved, fake.world)


def test_a_notice_arrives_once() -> None:
    fake = FakeWorld()
    told(fake)
    assert deliver(fake.world) == 1
    assert [notice.title for notice in fake.notifier.sent] == ["tally@1.0.0 completed in staging"]
    fake.clock.pass_time(3600)
    assert deliver(fake.world) == 0


def test_one_that_does_not_arrive_is_tried_again_later() -> None:
    fake = FakeWorld()
    told(fake)
    fake.notifier.down = True
    assert deliver(fake.world) == 0
    fake.notifier.down = False
    assert deliver(fake.world) == 0, "not before its time"
    fake.clock.pass_time(AGAIN[0] + 1)
    assert deliver(fake.world) == 1
