"""What runs and is not as Headway wrote it: told once, set right by promoting the same release again, or accepted with a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from test_commands import run

from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.engine.drifting import Drifting
from headway.environments.model import Cluster, Place
from headway.errors import Refused
from headway.rollout.seen import Edit
from headway.testing import FakeWorld, sample_release, sample_stage

HERE = Place("tally", "production")


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    stage = sample_stage(soak=1.0, keep_warm=0.0, notify=("ops",))
    cluster = replace(stage.environment, platform="kubernetes", cluster=Cluster("k8s", "tally"))
    fake.pipelines.declared = [replace(stage, environment=cluster)]
    for version in ("1.0.0", "1.1.0"):
        fake.release(replace(sample_release(version), image="registry.example/tally@sha256:" + "ab" * 32))
    Commands(fake.world).promote("1.0.0", "production", "ada")
    run(fake)
    return fake


@pytest.fixture
def drifting(fake: FakeWorld) -> Drifting:
    return Drifting(fake.world)


def edit(fake: FakeWorld, found: str = "3") -> Edit:
    """Somebody sets another size."""
    live = fake.world.records.place(HERE).live
    assert live is not None
    made = Edit("Deployment tally-1", "spec.replicas", "2", found, "kubectl", workload=live.name, size=True)
    fake.platform.edits[HERE] = (made,)
    return made


def shown(fake: FakeWorld) -> list[str]:
    (place,) = Commands(fake.world).status()["places"]  # type: ignore[misc]
    return list(place["drift"])


def letters(fake: FakeWorld) -> list[str]:
    return [letter.notice.title for letter in fake.ledger.tables.letters.values() if "written" in letter.notice.title]


def looks(fake: FakeWorld, drifting: Drifting) -> int:
    fake.clock.pass_time(60)
    return drifting.look()


def test_what_is_as_it_was_written_is_no_news(fake: FakeWorld, drifting: Drifting) -> None:
    assert looks(fake, drifting) == 0
    assert drifting.drift("production")["differences"] == []
    assert shown(fake) == []


def test_a_hand_is_told_once_with_its_name_and_the_ways_out(fake: FakeWorld, drifting: Drifting) -> None:
    hand = edit(fake)
    assert [looks(fake, drifting), looks(fake, drifting)] == [1, 0]
    assert shown(fake) == [str(hand)]
    assert letters(fake) == ["tally in production is not as it was written"]
    view = drifting.drift("production")
    assert view["open"] == 1
    assert view["ways_out"] == [
        "set it right: headway promote tally@1.0.0 --to production",
        "let it be: headway drift production --service tally --accept --why REASON",
    ]


def test_the_same_release_promoted_again_sets_it_right(fake: FakeWorld, drifting: Drifting) -> None:
    edit(fake)
    looks(fake, drifting)
    Commands(fake.world).promote("1.0.0", "production", "ada")
    run(fake)
    assert looks(fake, drifting) == 1
    assert shown(fake) == []
    assert fake.platform.unanswered(HERE) == 0


def test_it_is_accepted_with_a_reason_until_somebody_touches_it_again(fake: FakeWorld, drifting: Drifting) -> None:
    edit(fake)
    with pytest.raises(Refused, match="say why"):
        drifting.accept_drift("production", "bob", " ")
    view = drifting.accept_drift("production", "bob", "a busy evening")
    assert view["open"] == 0
    assert "bob: a busy evening" in str(view["differences"])
    assert shown(fake) == []
    assert looks(fake, drifting) == 0
    with pytest.raises(Refused, match="nothing in production differs"):
        drifting.accept_drift("production", "bob", "again")
    hand = edit(fake, "9")
    looks(fake, drifting)
    assert shown(fake) == [str(hand)]


def test_while_something_is_on_its_way_that_tells_itself_what_differs(fake: FakeWorld, drifting: Drifting) -> None:
    edit(fake)
    rollout = str(Commands(fake.world).promote("1.1.0", "production", "ada")["rollout"])
    (held,) = fake.world.rollouts.claim(fake.clock.now(), fake.clock.now() + timedelta(seconds=15), "t", 10)
    turn(held, fake.clock.now(), fake.world)
    with pytest.raises(Refused, match=f"{rollout} is under way"):
        drifting.drift("production")
    assert looks(fake, drifting) == 0


def test_one_place_is_not_looked_at_all_the_time(fake: FakeWorld, drifting: Drifting) -> None:
    looks(fake, drifting)
    edit(fake)
    fake.clock.pass_time(timedelta(seconds=5).total_seconds())
    assert drifting.look() == 0


def test_of_many_places_one_is_looked_at_in_a_turn(fake: FakeWorld, drifting: Drifting) -> None:
    (stage,) = fake.pipelines.declared
    fake.pipelines.declared = [stage, replace(stage, environment=replace(stage.environment, name="second"))]
    edit(fake)
    fake.clock.pass_time(60)
    assert sorted(drifting.look() for _ in range(2)) == [0, 1]
    edit(fake, "9")
    assert drifting.look() == 0, "the round is over, and the next begins later"
