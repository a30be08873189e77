"""What serves already becomes the release that is replaced: nobody restarts it, and a bad successor goes back to it."""

from dataclasses import replace

import pytest
from test_commands import run
from test_images import HERE, IMAGE, on

from headway.engine.commands import Commands
from headway.environments.model import Configuration, Place
from headway.errors import Refused
from headway.ports import Commit
from headway.releases.model import RunSpec
from headway.rollout.adoption import Foundling, commit_in, version_of
from headway.rollout.model import Adopted, Workload
from headway.testing import ERRORS, NOON, FakeWorld, sample_release

PRODUCTION = Place("tally", "production")
OLD = "registry.example/tally@sha256:" + "0d" * 32
FOUND = Foundling(
    "adopted-6d4cf56db6",
    "Deployment tally",
    Adopted("tally", "tally", ("tally",)),
    image=OLD,
    named="registry.example/tally:0.9.0",
    replicas=3,
    ready=3,
    others=("spec.selector of Service tally was written by helm so far; Headway writes it from then on",),
    by_hand=("kubectl patch service tally",),
)


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    fake.pipelines.declared = [replace(on(HERE), strategy="canary", weights=(10, 100), keep_warm=60.0)]
    fake.repository.commit(Commit("0" * 40, "ada", NOON, "Make 0.9.0"))
    fake.repository.heads["refs/tags/v0.9.0"] = "0" * 40
    fake.release(replace(sample_release("1.0.0"), image=IMAGE))
    fake.adoptions.there[PRODUCTION] = FOUND
    one = Workload(FOUND.workload, "0.9.0", "", "", RunSpec(()), Configuration())
    fake.platform.install(PRODUCTION, one, 3)
    return fake


@pytest.fixture
def commands(fake: FakeWorld) -> Commands:
    return Commands(fake.world)


def touched(fake: FakeWorld) -> list[int]:
    """The sizes that what was adopted was given, after its adoption."""
    asked = [one.intent.effect for one in fake.platform.done if one.intent.effect.kind == "set replicas"]
    return [effect.replicas for effect in asked if effect.workload.name == FOUND.workload][1:]


def test_the_plan_says_beforehand_what_is_adopted_who_wrote_it_and_how_to_go_back_by_hand(fake: FakeWorld, commands: Commands) -> None:
    plan = commands.plan("1.0.0", "production", "ada")
    assert plan["objections"] == []
    assert plan["from"] == "0.9.0"
    adopts = "\n".join(map(str, plan["adopts"]))  # type: ignore[call-overload]
    assert f"Deployment tally serves there already ({OLD}, 3 of 3 replicas ready) and is adopted first, as 0.9.0 of 0000000000" in adopts
    assert "helm" in adopts
    assert plan["by_hand"][0] == "kubectl patch service tally"  # type: ignore[index]
    assert "route 100 % to 0.9.0 in one move" in str(plan["way_back"])
    assert fake.platform.done == [], "nothing is touched"


def test_a_promotion_adopts_first_and_what_was_adopted_goes_as_any_old_release_does(fake: FakeWorld, commands: Commands) -> None:
    asked = commands.promote("1.0.0", "production", "ada")
    assert asked["adopts"] == {"rollout": "r1", "release": "tally@0.9.0"}
    run(fake)
    record = fake.world.records.place(PRODUCTION)
    assert record.live is not None
    assert record.live.version == "1.0.0"
    assert record.before_release == "tally@0.9.0"
    assert fake.platform.unanswered(PRODUCTION) == 0
    assert touched(fake) == [], "it stays warm, as it was"
    run(fake, 70)
    assert touched(fake) == [0]


def test_a_bad_canary_goes_back_to_what_was_adopted_which_nobody_scaled(fake: FakeWorld, commands: Commands) -> None:
    (stage,) = fake.pipelines.declared
    fake.pipelines.declared = [replace(stage, environment=replace(stage.environment, replicas=5))]
    fake.platform.scripts["1.0.0"] = ERRORS
    asked = commands.promote("1.0.0", "production", "ada")
    run(fake)
    assert commands.rollout(str(asked["rollout"]))["phase"] == "rolled back"
    record = fake.world.records.place(PRODUCTION)
    assert record.live_release == "tally@0.9.0"
    assert fake.platform.look(PRODUCTION).weights == {FOUND.workload: 100}
    assert touched(fake) == [], "three carried everything before, so three carry it again, though the file wants five of what is new"


def test_a_completed_release_goes_back_to_what_was_adopted(fake: FakeWorld, commands: Commands) -> None:
    commands.promote("1.0.0", "production", "ada")
    run(fake)
    assert commands.rollback("production", "ada")["to"] == "0.9.0"
    run(fake)
    assert fake.platform.look(PRODUCTION).weights == {FOUND.workload: 100}


def test_it_can_be_adopted_by_itself_under_a_version_that_somebody_says(fake: FakeWorld, commands: Commands) -> None:
    adopted = commands.adopt("production", "ada", version="0.8.7", commit="main" if "main" in fake.repository.heads else "0" * 40)
    assert adopted["release"] == "tally@0.8.7"
    run(fake)
    record = fake.world.records.place(PRODUCTION)
    assert record.live is not None
    assert (record.live.version, record.live.digest) == ("0.8.7", OLD.partition("@")[2])
    assert fake.world.words.passed(record.live.digest, "tally") == (), "that it ran proves nothing to the stages after this one"
    (asked, *_) = fake.world.records.events(str(adopted["rollout"]))
    assert "helm" in " ".join(asked.event.why)
    assert "kubectl patch service tally" in " ".join(asked.event.why)
    with pytest.raises(Refused, match=r"on the record already, as 0\.8\.7"):
        commands.adopt("production", "ada")


def test_an_adoption_that_is_called_off_stops_nobody(fake: FakeWorld, commands: Commands) -> None:
    adopted = commands.adopt("production", "ada")
    fake.platform.scripts.clear()
    fake.platform.down_until = fake.clock.now().replace(minute=1)
    run(fake, 5)
    commands.tell("abort", str(adopted["rollout"]), "ada")
    run(fake, 90)
    assert commands.rollout(str(adopted["rollout"]))["ended"]
    assert fake.platform.look(PRODUCTION).group(FOUND.workload).ready == 3
    assert fake.world.words.quarantines("tally") == ()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(replace(FOUND, named="registry.example/tally:latest"), "--commit REVISION", id="nobody knows of which commit it is"),
        pytest.param(replace(FOUND, unfit="wait for its end"), "cannot be adopted wait for its end", id="not as it is"),
    ],
)
def test_what_cannot_be_adopted_keeps_a_release_out_and_says_why(fake: FakeWorld, commands: Commands, found: Foundling, says: str) -> None:
    fake.adoptions.there[PRODUCTION] = found
    plan = commands.plan("1.0.0", "production", "ada")
    assert plan["refused"]
    assert says in " ".join(str(plan["objections"]).replace("  - ", " ").split())
    with pytest.raises(Refused):
        commands.promote("1.0.0", "production", "ada")


def test_what_cannot_be_looked_at_is_waited_for(fake: FakeWorld, commands: Commands) -> None:
    fake.adoptions.unavailable = True
    asked = commands.promote("1.0.0", "production", "ada")
    run(fake, 5)
    assert commands.rollout(str(asked["rollout"]))["phase"] == "pending"
    fake.adoptions.unavailable = False
    run(fake, 40)
    assert "headway adopt production" in str(commands.rollout(str(asked["rollout"]))["why"]), "it does not start beside what nobody judged"
    commands.adopt("production", "ada")
    run(fake)
    assert commands.rollout(str(asked["rollout"]))["phase"] == "completed"


def test_a_release_that_is_this_very_image_says_what_it_is(fake: FakeWorld, commands: Commands) -> None:
    fake.adoptions.there[PRODUCTION] = replace(FOUND, named="registry.example/tally:latest")
    fake.release(replace(sample_release("0.9.5"), image=OLD))
    assert commands.plan("1.0.0", "production", "ada")["from"] == "0.9.5"


@pytest.mark.parametrize(
    ("found", "version"),
    [
        pytest.param(replace(FOUND, says="v2.1.0"), "2.1.0", id="its label says it"),
        pytest.param(FOUND, "0.9.0", id="its tag says it"),
        pytest.param(replace(FOUND, named="registry.example:5000/tally"), "0.0.0-adopted.g0d0d0d0", id="nothing says it"),
    ],
)
def test_what_it_is_called(found: Foundling, version: str) -> None:
    assert version_of(found) == version


@pytest.mark.parametrize(
    ("tag", "commit"),
    [
        pytest.param("main-1a2b3c4", "1a2b3c4", id="a branch and a commit"),
        pytest.param("1a2b3c4d5e", "1a2b3c4d5e", id="a commit"),
        pytest.param("20260301", None, id="a day"),
        pytest.param("latest", None, id="a word"),
    ],
)
def test_a_tag_may_name_a_commit(tag: str, commit: str | None) -> None:
    assert commit_in(tag) == commit
