"""The worker's own bookkeeping: whom it holds, and whom it lets go."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from headway.engine.commands import Commands
from headway.engine.worker import Worker
from headway.environments.model import Place
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Refused
from headway.rollout.model import Intent
from headway.testing import FakeWorld, sample_release, sample_stage


def test_a_rollout_that_was_claimed_anew_during_a_long_turn_is_not_let_go_by_the_end_of_that_turn() -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging", soak=1.0)]
    fake.release(sample_release("1.0.0"))
    rollout = str(Commands(fake.world).promote("1.0.0", "staging", "alice")["rollout"])
    worker = Worker(fake.world, iter(("first", "second")).__next__)
    worker._claim()
    slow = worker._items[rollout]
    fake.clock.pass_time(timedelta(minutes=1).total_seconds())  # its lease is long over
    worker._claim()
    anew = worker._items[rollout]
    assert anew is not slow
    worker._turn(slow)
    assert worker._items[rollout] is anew


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(InvalidSpec("headway.yaml:31:5: nonsense"), id="a file that broke meanwhile"),
        pytest.param(Refused("no registered repository has a service tally"), id="a repository that went"),
        pytest.param(Contradiction("it still gets traffic"), id="a target that knows better"),
    ],
)
def test_whatever_keeps_an_effect_from_being_done_stands_on_the_record(error: HeadwayError, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging", soak=1.0)]
    fake.release(sample_release("1.0.0"))
    rollout = str(Commands(fake.world).promote("1.0.0", "staging", "alice")["rollout"])

    def act(place: Place, intent: Intent) -> None:
        raise error

    monkeypatch.setattr(fake.world.platform, "act", act)
    worker = Worker(fake.world, iter(("first", "second")).__next__)
    worker._claim()
    worker._turn(worker._items[rollout])
    standing = fake.world.records.standing(rollout)
    assert standing is not None
    assert (standing.rollout.trouble, standing.why) == (str(error), f"{error}; trying again")


def test_a_defect_of_ours_inside_an_effect_stands_on_the_record_and_is_tried_again_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("staging", soak=1.0)]
    fake.release(sample_release("1.0.0"))
    rollout = str(Commands(fake.world).promote("1.0.0", "staging", "alice")["rollout"])
    tried: list[datetime] = []

    def act(place: Place, intent: Intent) -> None:
        tried.append(fake.clock.now())
        raise KeyError("nobody thought of this")

    monkeypatch.setattr(fake.world.platform, "act", act)
    worker = Worker(fake.world, iter(map(str, range(1000))).__next__)
    for _ in range(200):
        worker._claim()
        for item in worker._due():
            worker._turn(item)
        fake.clock.pass_time(0.5)
    standing = fake.world.records.standing(rollout)
    assert standing is not None
    assert standing.why.startswith("Headway stumbled over itself: KeyError('nobody thought of this')")
    told = [one.event for one in fake.world.records.events(rollout) if one.event.what == "in trouble"]
    assert len(told) == 1
    assert 5 < len(tried) < 12, "within 100 seconds, ever later"
    gaps = [(after - before).total_seconds() for before, after in pairwise(tried)]
    assert gaps == sorted(gaps)
