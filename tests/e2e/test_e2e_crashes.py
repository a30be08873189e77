"""Whatever dies, users go on: Headway, its Envoy, a replica of the service."""

import contextlib
import random  # noqa: TID251 - any instant will do
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from scene import File, Scene, lost_by_headway, straight_to_production

SHARES = [10, 25, 40, 55, 70, 100]


def by_word(file: File) -> None:
    production = file["environments"]["production"]
    production["analysis"] |= {"min_time": "60s", "max_wait": "10m"}
    production |= {"strategy": {"canary": SHARES}, "soak": "60s", "keep_warm": "60s"}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(straight_to_production)
    with made.users():
        made.ended("1.0.0")
    return made


def test_six_kills_of_headway_within_one_canary_change_nothing(scene: Scene) -> None:
    seed = random.randrange(1_000_000)
    instants = random.Random(seed)
    before = scene.running()
    scene.repo.release("1.1.0", edit=by_word)
    with scene.users() as users:
        scene.push()
        view = scene.rollout("1.1.0")
        for share in SHARES:
            time.sleep(instants.uniform(0.0, 1.0))  # any instant will do, so chance picks it
            scene.kill()
            scene.start()
            scene.when(view, lambda one, share=share: one["weight"] == share and _waits(one), f"{share} %")
            scene.headway("advance", view["rollout"])
        scene.ended("1.1.0")
        counts = users.leave()
    assert before <= scene.running(), f"seed {seed}: what served before was to be left alone, kept warm"
    assert lost_by_headway(counts) == [], f"seed {seed}"
    assert scene.live() == "1.1.0"
    assert scene.headway("audit", "verify").code == 0


def _waits(view: dict) -> bool:
    return view["step"] is not None and any(word in view["steps"][view["step"]["at"]] for word in ("watch", "soak"))


def test_a_server_that_is_told_to_end_leaves_everything_running(scene: Scene) -> None:
    with scene.users() as users:
        before = scene.running()
        assert scene.server is not None
        scene.server.send_signal(signal.SIGTERM)
        assert scene.server.wait(timeout=20) == 0
        assert before <= scene.running()
        scene.start()
        assert before <= scene.running()
        assert lost_by_headway(users.leave()) == []
    assert scene.live() == "1.1.0"


def test_a_second_server_in_the_same_home_is_refused(scene: Scene) -> None:
    refused = scene.shell("serve", code=12)
    assert "another Headway works in" in refused.text
    assert "--home" in refused.text
    assert scene.remote.answers()


@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(lambda process: process.name() == "envoy", id="Envoy"),
        pytest.param(lambda process: "tally" in process.cmdline() and "shim" not in " ".join(process.cmdline()), id="a replica"),
    ],
)
def test_what_is_killed_comes_back_and_serves(scene: Scene, victim: Callable[[psutil.Process], bool]) -> None:
    def alive() -> set[int]:
        found = set()
        for process in scene.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end while we look at it
                if victim(process):
                    found.add(process.pid)
        return found

    before = alive()
    assert before
    dead = min(before)
    psutil.Process(dead).kill()
    scene.until(
        lambda: {"there": sorted(alive())}, lambda view: dead not in view["there"] and len(view["there"]) == len(before), "it to come back"
    )
    with scene.users() as users:
        time.sleep(1.0)  # users for a second: nobody notices any more
        counts = users.leave()
    assert counts.ok > 0
    assert lost_by_headway(counts) == []
