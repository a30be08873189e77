"""Blue-green: the new side is looked at while idle, then takes everything in one move, and users lose nothing by it."""

import pytest
from scene import File, Scene, lost_by_headway, straight_to_production


def blue_green(file: File) -> None:
    straight_to_production(file)
    file["environments"]["production"] |= {"strategy": "blue-green", "preview": ["e2e"], "checks": ["smoke"]}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(blue_green)
    with made.users():
        made.ended("1.0.0")
    return made


def test_the_idle_side_is_checked_alone_and_takes_over_in_one_move(scene: Scene) -> None:
    with scene.users() as users:
        scene.repo.release("1.1.0")
        scene.push()
        view = scene.ended("1.1.0")
        counts = users.leave()
    said = [event["what"] for event in view["events"]]
    shifts = [what for what in said if what.startswith("route")]
    assert len(shifts) == 1, shifts
    assert said.index("check e2e passed") < said.index(shifts[0]) < said.index("check smoke passed")
    assert scene.live() == "1.1.0"
    assert counts.failed == 0


def test_users_never_meet_a_release_whose_idle_side_fails(scene: Scene) -> None:
    with scene.users() as users:
        scene.repo.release("1.2.0", fault="errors")
        scene.push()
        view = scene.ended("1.2.0", phase="rolled back")
        counts = users.leave()
    assert "e2e failed" in "; ".join(view["reasons"])
    assert not [event for event in view["events"] if event["what"].startswith("route")]
    assert counts.failed == 0
    assert lost_by_headway(counts, view) == []
