"""What people say to a canary that carries users, and what it does."""

import time

import pytest
from scene import File, Scene, lost_by_headway, straight_to_production


def patient(file: File) -> None:
    straight_to_production(file)
    production = file["environments"]["production"]
    production["analysis"] |= {"min_time": "60s", "max_wait": "10m"}
    production |= {"strategy": {"canary": [20, 60, 100]}, "soak": "60s", "keep_warm": "60s"}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(patient)
    view = made.when(made.rollout("1.0.0"), lambda one: one["weight"] == 100, "the first release to open")
    made.headway("advance", view["rollout"])
    made.ended("1.0.0")
    return made


def canary(scene: Scene, version: str, **more) -> dict:
    scene.repo.release(version, **more)
    scene.push()
    return scene.when(scene.rollout(version), lambda one: one["weight"] == 20, f"{version} to have its first share")


def test_pause_holds_resume_goes_on_and_advance_ends_each_wait(scene: Scene) -> None:
    with scene.users() as users:
        view = canary(scene, "1.1.0")
        scene.headway("pause", "production", "--why", "lunch")
        scene.when(view, lambda one: one["phase"] == "paused" and "lunch" in one["why"], "it to pause")
        scene.headway("advance", "production")
        time.sleep(1.5)  # long enough for a paused canary to move, if it would
        assert scene.rollout("1.1.0")["weight"] == 20
        scene.headway("resume", "tally/production")
        scene.when(view, lambda one: one["weight"] == 60, "the advance to be heard")
        scene.headway("advance", view["rollout"])
        scene.when(view, lambda one: one["weight"] == 100, "all the traffic")
        scene.headway("advance", "production")
        assert scene.headway("wait", view["rollout"], "--timeout", "30s")
        counts = users.leave()
    assert scene.live() == "1.1.0"
    assert lost_by_headway(counts) == []


def test_abort_goes_back_and_wait_says_so_by_its_exit_code(scene: Scene) -> None:
    with scene.users() as users:
        view = canary(scene, "1.2.0")
        scene.headway("abort", "production", "--why", "cold feet", by="bob")
        assert scene.headway("wait", view["rollout"], "--json", code=3).json["phase"] == "rolled back"
        counts = users.leave()
    assert scene.live() == "1.1.0"
    assert "aborted by bob: cold feet" in scene.ended("1.2.0", phase="rolled back")["why"]
    assert lost_by_headway(counts) == []


def test_rollback_brings_back_the_release_before_and_never_the_one_it_left(scene: Scene) -> None:
    with scene.users() as users:
        back = scene.headway("rollback", "production", "--why", "to see it", "--json").json
        scene.headway("wait", back["rollout"], "--timeout", "30")
        assert scene.live() == "1.0.0"
        assert "nothing to go back to" in scene.headway("rollback", "production", code=12).text
        assert "is in quarantine" in scene.headway("promote", "1.1.0", "--to", "production", code=11).text
        scene.headway("release", "clear", "1.1.0", "--why", "it was not to blame")
        again = scene.when(scene.rollout("1.1.0"), lambda one: one["weight"] == 20, "1.1.0 to come again")
        scene.headway("advance", again["rollout"])
        scene.when(again, lambda one: one["weight"] == 60, "more of it")
        scene.headway("advance", again["rollout"])
        scene.when(again, lambda one: one["weight"] == 100, "all of it")
        scene.headway("advance", again["rollout"])
        scene.ended("1.1.0")
        counts = users.leave()
    assert scene.live() == "1.1.0"
    assert lost_by_headway(counts) == []


def test_a_newer_release_waits_for_the_one_under_way(scene: Scene) -> None:
    view = canary(scene, "1.3.0", trailers=["Fixes: 1.2.0"])
    scene.repo.release("1.4.0")
    scene.push()
    newer = scene.when(scene.rollout("1.4.0"), lambda one: "waits for" in one["why"], "the newer to wait")
    assert newer["phase"] == "pending"
    assert view["rollout"] in newer["why"]
    scene.headway("abort", view["rollout"])
    scene.ended("1.3.0", phase="rolled back")
    # It contains what was just aborted, and says so instead of going out.
    scene.when(newer, lambda one: "still contains tally@1.3.0" in one["why"], "the newer to meet the quarantine")
    scene.headway("release", "clear", "1.3.0", "--why", "it was not to blame")
    scene.when(newer, lambda one: one["weight"] == 20, "the newer to go on")


def test_by_policy_a_newer_release_takes_the_place_of_one_that_still_waits(scene: Scene) -> None:
    scene.repo.edit(lambda file: file["environments"]["production"].update(newer="supersedes"))
    scene.repo.release("1.5.0")
    scene.push()
    scene.rollout("1.5.0")
    scene.repo.release("1.6.0")
    scene.push()
    assert "supersede" in scene.ended("1.5.0", phase="cancelled")["why"]
    assert scene.rollout("1.4.0")["phase"] == "running", "what is under way is never overtaken"
    assert scene.rollout("1.6.0")["phase"] == "pending"
    scene.headway("abort", scene.rollout("1.6.0")["rollout"])
    scene.headway("abort", scene.rollout("1.4.0")["rollout"])
    scene.ended("1.4.0", phase="rolled back")


def impatient(file: File) -> None:
    straight_to_production(file)
    file["environments"]["production"]["analysis"] |= {"max_wait": "1s", "hold_for": "1s"}
    file["environments"]["production"]["soak"] = "0s"


def test_without_users_nothing_is_good_and_retry_goes_on_when_they_come(play) -> None:
    scene = play(impatient)
    scene.when(scene.rollout("1.0.0"), lambda one: one["phase"] == "held", "the first release to be held")
    with scene.users():
        scene.headway("retry", "production")
        scene.ended("1.0.0")
    scene.repo.release("1.1.0")
    scene.push()
    view = scene.when(scene.rollout("1.1.0"), lambda one: one["phase"] == "held", "silence to be undecided")
    assert scene.headway("wait", view["rollout"], code=11)
    held = scene.when(view, lambda one: one["weight"] == 0, "the traffic to go back")
    assert "undecided" in held["why"]
    with scene.users() as users:
        scene.headway("retry", view["rollout"])
        scene.ended("1.1.0")
        assert lost_by_headway(users.leave()) == []
