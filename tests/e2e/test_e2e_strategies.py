"""What strategies do to users on real processes and a real Envoy, where no other story of these folders tells it."""

from collections.abc import Callable

import pytest
from scene import File, Scene, lost_by_headway, straight_to_production

THRESHOLDS = {"error_rate": "1%", "needs": 10, "min_time": "1s", "hold_for": "20s"}


def by(**rules: object) -> Callable[[File], None]:
    def edit(file: File) -> None:
        production = file["environments"]["production"]
        for key in ("holdback", "keep_warm"):
            production.pop(key, None)
        production |= {"analysis": THRESHOLDS, "soak": "2s", "checks": ["smoke"], **rules}

    return edit


NO_ROOM = by(strategy={"rolling": {"batch": 1}}, keep_warm="0s")


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(straight_to_production)
    with made.users():
        made.ended("1.0.0")
    return made


@pytest.mark.parametrize(
    ("version", "edit", "fault", "phase"),
    [
        pytest.param("1.1.0", NO_ROOM, "none", "completed", id="replica by replica, without room for both"),
        pytest.param("1.2.0", NO_ROOM, "errors", "rolled back", id="and back again, where the old one must grow first"),
        pytest.param("1.3.0", by(strategy="blue-green"), "errors", "rolled back", id="all at once, and bad only under users"),
        pytest.param("1.4.0", by(strategy={"canary": [50]}, holdback=20), "none", "completed", id="held back through the soak"),
    ],
)
def test_users_lose_nothing_by_it(scene: Scene, version: str, edit: Callable[[File], None], fault: str, phase: str) -> None:
    before = scene.live()
    with scene.users() as users:
        scene.repo.release(version, fault=fault, edit=edit, trailers=[f"Fixes: 1.{int(version[2]) - 1}.0"])
        scene.push()
        view = scene.ended(version, phase=phase)
        counts = users.leave()
    assert scene.live() == (version if phase == "completed" else before)
    assert lost_by_headway(counts, view) == []
    assert counts.failed == 0 or fault != "none"
    said = [event["what"] for event in view["events"]]
    if version == "1.4.0":
        everything = next(number for number, what in enumerate(said) if what.startswith("route 100 %"))
        assert everything > said.index("good at 80 %"), "everything came after the soak"
