"""Who goes first at one place: whoever asked first, a way back before all, and nobody waits for one that people keep waiting."""

from datetime import timedelta
from itertools import permutations

import pytest

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.environments.model import Place
from headway.promotion.model import Approvals
from headway.rollout.phases import Phase
from headway.testing import FakeWorld, sample_release, sample_stage

HERE = Place("tally", "production")


def world(**rules: object) -> FakeWorld:
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("production", strategy="rolling", soak=1.0, keep_warm=0.0, **rules)]
    return fake


def ask(fake: FakeWorld, version: str) -> str:
    fake.release(sample_release(version, at=fake.clock.now()))
    asked = str(Commands(fake.world).promote(version, "production", "ada")["rollout"])
    fake.clock.pass_time(1.0)
    return asked


def look_at(fake: FakeWorld, *names: str) -> None:
    """One turn of each, in this order."""
    now = fake.clock.now()
    held = {one.rollout.id: one for one in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10)}
    for name in names:
        if name in held:
            turn(held[name], now, fake.world)


def phase(fake: FakeWorld, name: str) -> Phase:
    standing = fake.world.records.standing(name)
    assert standing is not None
    return standing.rollout.phase


@pytest.mark.parametrize("order", [pytest.param(order, id="".join(map(str, order))) for order in permutations((0, 1, 2))])
def test_in_whatever_order_they_are_looked_at_the_one_who_asked_first_starts(order: tuple[int, ...]) -> None:
    fake = world()
    asked = [ask(fake, version) for version in ("1.0.0", "1.1.0", "1.2.0")]
    look_at(fake, *(asked[number] for number in order))
    look_at(fake, asked[0])
    assert [phase(fake, name) for name in asked] == [Phase.RUNNING, Phase.PENDING, Phase.PENDING]


def test_the_others_say_whom_they_wait_for() -> None:
    fake = world()
    first, second = ask(fake, "1.0.0"), ask(fake, "1.1.0")
    look_at(fake, second)
    standing = fake.world.records.standing(second)
    assert standing is not None
    assert standing.why == f"waits for {first}, which goes first here"


def test_one_that_lacks_an_approval_keeps_nobody_waiting() -> None:
    fake = world(approvals=Approvals(1))
    first, second = ask(fake, "1.0.0"), ask(fake, "1.1.0")
    Commands(fake.world).approve("1.1.0", "production", "bob", yes=True)
    look_at(fake, first, second)
    assert (phase(fake, first), phase(fake, second)) == (Phase.PENDING, Phase.RUNNING)


def test_all_of_them_get_there_one_after_the_other() -> None:
    fake = world()
    asked = [ask(fake, version) for version in ("1.0.0", "1.1.0", "1.2.0")]
    started: list[str] = []
    for _ in range(400):
        now = fake.clock.now()
        for held in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10):
            turned = turn(held, now, fake.world)
            while turned.held is not None:
                fake.clock.go_to(max(fake.clock.now(), turned.again))
                turned = turn(turned.held, turned.saved, fake.world)
            started += [held.rollout.id] if phase(fake, held.rollout.id) is not Phase.PENDING and held.rollout.id not in started else []
        fake.clock.pass_time(0.5)
    assert started == asked
    assert [phase(fake, name) for name in asked] == [Phase.COMPLETED] * 3
    live = fake.world.records.place(HERE).live
    assert live is not None
    assert live.version == "1.2.0"


def test_a_way_back_goes_before_what_waited_longer() -> None:
    fake = world()
    ask(fake, "1.0.0")
    ask(fake, "1.1.0")
    for _ in range(200):
        now = fake.clock.now()
        for held in fake.world.rollouts.claim(now, now + timedelta(seconds=15), "t", 10):
            turned = turn(held, now, fake.world)
            while turned.held is not None:
                fake.clock.go_to(max(fake.clock.now(), turned.again))
                turned = turn(turned.held, turned.saved, fake.world)
        fake.clock.pass_time(0.5)
    newer = ask(fake, "1.2.0")
    back = str(Commands(fake.world).rollback("production", "bob")["rollout"])
    look_at(fake, newer, back)
    assert (phase(fake, newer), phase(fake, back)) == (Phase.PENDING, Phase.RUNNING)
