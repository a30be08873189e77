"""A promotion that is to start later: it waits in plain sight, its gates are asked as of then, and again then."""

from datetime import timedelta

import pytest
from door import RELEASE, Scene

from headway.errors import InvalidSpec
from headway.promotion.model import Approvals, Freeze, Gate
from headway.promotion.windows import Dated
from headway.rollout.phases import Phase
from headway.testing import NOON

TONIGHT = "2030-01-01 22:00 Europe/Berlin"
AHEAD = 9 * 3600
"""From NOON to tonight."""


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_waits_until_its_time_says_so_and_then_starts_by_itself(scene: Scene) -> None:
    asked = scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    assert asked["waits"] == ["it is to start Tue 2030-01-01 22:00 CET, erin said"]
    assert scene.look() == (Phase.PENDING, "it is to start Tue 2030-01-01 22:00 CET, erin said")
    (row,) = scene.fake.ledger.tables.rows.values()
    assert row.due is not None
    assert (row.due - NOON).total_seconds() <= AHEAD
    scene.fake.clock.pass_time(AHEAD - 1)
    assert scene.look()[0] is Phase.PENDING
    scene.fake.clock.pass_time(1)
    assert scene.look()[0] is Phase.RUNNING


def test_a_delay_is_as_good_as_a_time(scene: Scene) -> None:
    scene.commands.promote(RELEASE, "production", "erin", delay=90)
    scene.fake.clock.pass_time(89)
    assert scene.look()[0] is Phase.PENDING
    scene.fake.clock.pass_time(1)
    assert scene.look()[0] is Phase.RUNNING


def test_a_freeze_that_it_will_meet_is_told_at_once_and_one_that_will_be_over_is_not(scene: Scene) -> None:
    local = NOON.replace(tzinfo=None)
    tonight = Freeze("tonight", Dated(local + timedelta(hours=8), local + timedelta(hours=10)))
    today = Freeze("today", Dated(local - timedelta(hours=1), local + timedelta(hours=1)))
    scene.rules(freezes=(tonight, today))
    asked = scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    assert [("to start" in one, "by tonight" in one) for one in asked["waits"]] == [(True, False), (False, True)]  # type: ignore[attr-defined]
    scene.fake.clock.pass_time(AHEAD)
    assert scene.look()[0] is Phase.PENDING, "the freeze holds whatever was planned"
    scene.fake.clock.pass_time(3600)
    assert scene.look()[0] is Phase.RUNNING


def test_gates_are_asked_as_of_the_start(scene: Scene) -> None:
    scene.rules(gates=(Gate("evening", "time.hour >= 20"),))
    assert len(scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)["waits"]) == 1  # type: ignore[arg-type]
    scene.rules(gates=(Gate("evening", "time.hour >= 23"),))
    scene.fake.clock.pass_time(AHEAD)
    phase, why = scene.look()
    assert (phase, "evening" in why) == (Phase.PENDING, True)


def test_an_approval_may_come_before_the_start_and_one_that_ends_before_it_does_not_count(scene: Scene) -> None:
    scene.rules(approvals=Approvals(1, ("bob",), within=3600))
    scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    left = scene.commands.approve(RELEASE, "production", "bob")["waits"]
    assert any("approval" in one for one in left)  # type: ignore[attr-defined]
    scene.rules(approvals=Approvals(1, ("bob",)))
    assert scene.commands.approve(RELEASE, "production", "bob")["waits"] == ["it is to start Tue 2030-01-01 22:00 CET, erin said"]


def test_it_is_called_off_like_anything_that_waits(scene: Scene) -> None:
    scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    scene.commands.tell("abort", "production", "dana", "not tonight")
    scene.fake.clock.pass_time(1)
    now = scene.fake.clock.now()
    assert not [one for one in scene.fake.world.records.standings() if one.rollout.phase is Phase.RUNNING]
    (held,) = scene.fake.world.rollouts.claim(now, now + timedelta(seconds=15), "me", 10)
    from headway.engine.controller import turn

    turn(held, now, scene.fake.world)
    (standing,) = scene.fake.world.records.standings()
    assert (standing.rollout.phase, standing.why) == (Phase.CANCELLED, "withdrawn by dana: not tonight")


def test_asking_again_for_another_time_or_for_now_takes_the_place_of_the_first(scene: Scene) -> None:
    first = scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    same = scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT)
    assert (same["rollout"], same["new"]) == (first["rollout"], False)
    now = scene.commands.promote(RELEASE, "production", "erin")
    assert (now["new"], now["waits"]) == (True, [])
    assert scene.look()[0] is Phase.RUNNING


def test_a_time_that_is_not_clear_is_refused_before_anything_is_queued(scene: Scene) -> None:
    with pytest.raises(InvalidSpec, match="by whose clock"):
        scene.commands.promote(RELEASE, "production", "erin", at="22:00")
    with pytest.raises(InvalidSpec, match="one of them"):
        scene.commands.promote(RELEASE, "production", "erin", at=TONIGHT, delay=5)
    assert scene.fake.world.records.standings() == ()
