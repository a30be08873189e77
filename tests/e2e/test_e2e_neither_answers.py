"""The live release and the one on its way to replace it die together: it is told, given up, and a third one mends it."""

import contextlib

import psutil
from scene import File, Scene, straight_to_production


def watched_for_long(file: File) -> None:
    file["environments"]["production"]["analysis"] |= {"min_time": "60s", "max_wait": "10m"}


def watched_shortly(file: File) -> None:
    file["environments"]["production"]["analysis"] |= {"min_time": "1s"}


def needs_what_may_go(scene: Scene) -> None:
    """From here on the service starts only while what it depends on is there."""
    start = '        if self.kind == "crash":\n'
    needs = f'        if not os.path.exists("{scene.folder / "needed"}"):\n            raise SystemExit("tally: cannot start: no tables")\n'
    scene.repo.change("tally/fault.py", start, needs + start)


def replicas(scene: Scene) -> list[psutil.Process]:
    def serves(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end while we look at it
            return "tally" in process.cmdline() and "shim" not in " ".join(process.cmdline())
        return False

    return [one for one in scene.processes() if serves(one)]


def test_a_third_release_mends_what_two_dead_ones_left_and_every_step_tells_the_truth(play) -> None:
    scene = play(straight_to_production)
    with scene.users():
        scene.ended("1.0.0")
    (scene.folder / "needed").touch()
    needs_what_may_go(scene)
    scene.repo.release("1.0.1")
    with scene.users():
        scene.push()
        scene.ended("1.0.1")
        scene.repo.release("1.1.0", edit=watched_for_long)
        scene.push()
        view = scene.shifted("1.1.0")

        (scene.folder / "needed").unlink()
        for one in replicas(scene):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        stuck = scene.when(view, lambda one: one["ended"] or "none of 1.1.0 answers either" in one["why"], "both to be known dead")
        assert stuck["phase"] == "rolling back", stuck
        assert "no replica of 1.0.1 gets ready" in stuck["why"]
        assert "headway abort --give-up" in stuck["why"]
        scene.headway("abort", "production", "--give-up", "--why", "1.1.1 mends it", code=None)
        over = scene.ended("1.1.0", phase="given up")
        assert over["reasons"][-1] == "neither 1.0.1 nor 1.1.0 answers"
        assert scene.live() == "1.0.1", "the last that was good there"
        assert "neither 1.0.1 nor 1.1.0 answers" in " ".join(scene.shell("status").text.split())

        path = scene.repo.folder / "tally" / "fault.py"
        path.write_text(path.read_text().replace("if not os.path.exists", "if False and not os.path.exists"))
        scene.repo.release("1.1.1", trailers=["Fixes: tally@1.1.0"], edit=watched_shortly)
        scene.push()
        mended = scene.ended("1.1.1")
    said = {event["what"]: "; ".join(event["why"]) for event in mended["events"]}
    assert "no replica of 1.0.1, which is live, is ready" in said["all at once"], said
    assert "1.1.1 answers and gets all of the traffic" in said["all at once"]
    assert scene.live() == "1.1.1"
    assert "given up" not in scene.shell("status").text
    with scene.users() as users:
        counts = users.leave()
    assert counts.ok > 0
