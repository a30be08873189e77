"""Who must say yes, to what exactly, and for how long."""

import time

import pytest
from scene import File, Scene, by_health


def two_of_four(file: File) -> None:
    by_health(file)
    file["environments"]["production"]["approvals"] = {"needed": 2, "from": ["alice", "bob", "carol", "dave"], "within": "7d"}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    return scenes(two_of_four)


def through_staging(scene: Scene, version: str, **more) -> str:
    scene.repo.release(version, **more)
    scene.push()
    scene.ended(version, "staging")
    return f"tally@{version}"


def test_who_made_it_who_asked_for_it_and_who_is_not_on_the_list_may_not_approve(scene: Scene) -> None:
    scene.ended("1.0.0", "staging")
    waiting = scene.headway("promote", "tally@1.0.0", "--to", "production", by="carol", code=11)
    assert "needs 2 more approvals" in waiting.text
    for person, why in (("alice", "made or asked for"), ("carol", "made or asked for"), ("mallory", "may not approve")):
        refused = scene.headway("approve", "tally@1.0.0", "--to", "production", by=person, code=12)
        assert why in refused.text
    assert scene.headway("wait", "production", "--timeout", "0.1", code=11)
    assert scene.live() == "None"


def test_two_of_four_are_two_different_people(scene: Scene) -> None:
    release = through_staging(scene, "1.1.0")
    scene.headway("promote", release, "--to", "production", by="erin", code=11)
    for by, left in (("bob", "1 more approval"), ("Bob <bob@example.org>", "1 more approval")):
        assert left in scene.headway("approve", release, "--to", "production", by=by).text
    last = scene.headway("approve", release, "--to", "production", "--json", by="dave").json
    assert last["waits"] == []
    scene.ended("1.1.0")
    assert scene.live() == "1.1.0"


def test_an_approval_is_void_when_the_configuration_it_was_given_for_changes(scene: Scene) -> None:
    release = through_staging(scene, "1.2.0")
    scene.headway("promote", release, "--to", "production", by="erin", code=11)
    scene.headway("approve", release, "--to", "production", by="bob")

    scene.repo.edit(lambda file: file["environments"]["production"]["config"].update(GREETING="good evening"))
    scene.repo.commit("chore: another greeting in production")

    told = scene.headway("approve", release, "--to", "production", by="carol").text
    assert "1 of 2: carol" in told
    assert "bob's yes does not count: since then the configuration changed" in told
    plan = scene.headway("plan", release, "--to", "production", by="erin")
    assert "GREETING: hello -> good evening" in plan.text
    assert "1 of 2: carol" in plan.text
    assert scene.live() != "1.2.0"


def test_a_no_is_final(scene: Scene) -> None:
    release = through_staging(scene, "1.3.0")
    scene.headway("promote", release, "--to", "production", by="erin", code=11)
    scene.headway("reject", release, "--to", "production", "-m", "not on a Friday", by="bob")
    view = scene.ended("1.3.0", phase="cancelled")
    assert "rejected by bob" in view["why"]
    assert "not on a Friday" in scene.headway("promote", release, "--to", "production", by="erin", code=12).text


def test_an_approval_expires(scene: Scene) -> None:
    release = through_staging(
        scene, "1.4.0", edit=lambda file: file["environments"]["production"].update(approvals={"needed": 2, "within": "1s"})
    )
    scene.headway("approve", release, "--to", "production", by="bob")
    time.sleep(1.1)  # the second that it is good for
    scene.headway("approve", release, "--to", "production", by="dave")
    plan = scene.headway("plan", release, "--to", "production", by="erin").text
    assert "expired" in plan
    assert "1 more approval" in plan or "2 more approvals" in plan
