"""Each way to be bad in production goes back by itself, and Headway's own moves cost users nothing."""

import pytest
from scene import File, Scene, lost_by_headway, straight_to_production


def long_soak(file: File) -> None:
    file["environments"]["production"]["soak"] = "8s"


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(straight_to_production)
    with made.users():  # the first release needs users to be judged by
        made.ended("1.0.0")
    return made


@pytest.mark.parametrize(
    ("version", "fault", "reason"),
    [
        pytest.param("1.1.0", "errors", "errors", id="wrong answers"),
        pytest.param("1.2.0", "slow", "slower than 300 ms", id="slow answers"),
        pytest.param("1.3.0", "hang", "errors", id="no answers"),
        pytest.param("1.4.0", "crash", "cannot start", id="an end while it starts"),
    ],
)
def test_a_bad_release_goes_back_by_itself(scene: Scene, version: str, fault: str, reason: str) -> None:
    with scene.users() as users:
        scene.repo.release(version, fault=fault, trailers=[f"Fixes: 1.{int(version[2]) - 1}.0"])
        scene.push()
        view = scene.ended(version, phase="rolled back")
        counts = users.leave()
    assert reason in "; ".join(view["reasons"])
    assert scene.live() == "1.0.0"
    assert lost_by_headway(counts, view) == []
    assert counts.ok > 0


def test_a_leak_that_shows_late_in_the_soak_still_goes_back(scene: Scene) -> None:
    scene.repo.change("tally/fault.py", "LEAKS_AFTER = 20.0", "LEAKS_AFTER = 5.5")
    scene.repo.release("1.5.0", fault="leak", trailers=["Fixes: 1.4.0"], edit=long_soak)
    with scene.users() as users:
        scene.push()
        view = scene.ended("1.5.0", phase="rolled back")
        counts = users.leave()
    said = [event["what"] for event in view["events"]]
    assert "failed verdict" in said
    everything = next(number for number, what in enumerate(said) if what.startswith("route 100 % to v1-5-0"))
    assert said.index("failed verdict") > everything, "it was to go bad in the soak, after it had all the traffic"
    assert scene.live() == "1.0.0"
    assert lost_by_headway(counts, view) == []
