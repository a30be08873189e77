"""Real pushes to a bare repository with Headway's hook: what comes of them, and who is on the record for it."""

import os
import subprocess
from pathlib import Path

import pytest
from scene import File, Scene, by_health


def with_tags(file: File) -> None:
    by_health(file)
    environments = file["environments"]
    plain = environments["dev"] | {"checks": []}
    del plain["trigger"]
    file["environments"] = {
        "dev": environments["dev"] | {"checks": []},
        "tagged": plain | {"trigger": {"tag": "v*"}},
    }


@pytest.fixture
def pushed(play) -> Scene:
    """A scene whose server watches a bare repository, to which the working tree pushes."""
    scene = play(with_tags, serve=False)
    bare = scene.folder / "tally.git"
    scene.repo.git("clone", "--quiet", "--bare", str(scene.repo.folder), str(bare))
    scene.repo.git("remote", "add", "origin", str(bare))
    scene.repos = [bare]
    scene.headway("hook", "install", str(bare))
    return scene


def push(scene: Scene, *refs: str, **environment: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(
        ("git", "-C", str(scene.repo.folder), "push", "--quiet", "origin", *refs), env=clean | environment, check=True, timeout=20
    )  # fmt: skip


def identity(scene: Scene, release: str) -> str:
    events = scene.ask("log")["events"]
    return next(str(one["data"]["identity"]) for one in events if release in one["what"])


def test_a_push_while_the_server_is_down_comes_when_it_is_back_and_both_are_on_record_with_who_pushed(pushed: Scene) -> None:
    repo = pushed.repo
    pushed.start()
    repo.git("checkout", "--quiet", "-b", "feature/x")
    repo.release("1.1.0")
    push(pushed, "feature/x", GL_USER="ada")
    assert pushed.ended("1.1.0", "dev")["asked_by"] == "ada"
    assert identity(pushed, "tally@1.1.0") == "GL_USER, says the repository's server"
    pushed.kill()
    repo.release("1.2.0")
    push(pushed, "feature/x", GL_USER="bob")
    repo.git("tag", "v1.2.0")
    push(pushed, "v1.2.0", GL_USER="carol")
    pushed.start()
    assert pushed.ended("1.2.0", "dev")["asked_by"] == "bob"
    assert pushed.ended("1.2.0", "tagged")["asked_by"] == "carol"
    release = pushed.ask("release", release="1.2.0")
    assert (release["cut_by"] in {"bob", "carol"}, release["author"].split()[0]) == (True, "alice")
    assert Path(pushed.repos[0], "hooks", "post-receive").exists()


def for_each_branch(file: File) -> None:
    by_health(file)
    dev = file["environments"]["dev"] | {"checks": [], "per_branch": {"limit": 2}, "keep_warm": "10m"}
    file["environments"] = {"dev": dev, "production": file["environments"]["production"] | {"after": "dev", "approvals": 0, "checks": []}}


def branches(scene: Scene) -> dict[str, str]:
    """The version that answers in each branch's environment."""
    places = scene.ask("status")["places"]
    return {one["environment"]: (one["live"] or {}).get("version") for one in places if one["branch"]}


def test_each_branch_has_real_processes_of_its_own_until_it_is_gone(play) -> None:
    scene = play(for_each_branch)
    repo = scene.repo
    for version, branch in (("1.1.0", "feature/x"), ("1.2.0", "feature/y"), ("1.3.0", "feature/x")):
        new = branch not in repo.git("branch", "--list", branch)
        repo.git("checkout", "--quiet", *(("-b", branch, "main") if new else (branch,)))
        repo.release(version)
        scene.push()
        scene.ended(version, "dev." + branch.replace("/", "-"))
    assert branches(scene) == {"dev.feature-x": "1.3.0", "dev.feature-y": "1.2.0"}
    x, y = scene.place("dev.feature-x"), scene.place("dev.feature-y")
    assert x["url"] != y["url"]
    assert "dev.feature-x" in scene.headway("status").text
    before = scene.running()

    repo.git("checkout", "--quiet", "-b", "feature/z", "main")
    repo.release("1.4.0")
    scene.push()
    scene.until(lambda: scene.ask("status"), lambda one: "limit" in str(one["unreleased"]), "the branch that has no room")
    # What passed in a branch's environment has passed dev.
    scene.headway("promote", "1.3.0", "--to", "production", "--wait", "30")

    repo.git("branch", "--quiet", "-D", "feature/x")
    scene.push()
    scene.ended("1.4.0", "dev.feature-z")
    assert branches(scene) == {"dev.feature-y": "1.2.0", "dev.feature-z": "1.4.0"}
    assert not (scene.home / "environments" / "dev.feature-x").exists()
    assert not scene.named("dev.feature-x"), "the live one and the one that was kept warm"
    assert before - scene.running()
    log = scene.headway("audit", "log").text
    for what in ("dev.feature-x made for feature/x", "dev.feature-x is being removed", "dev.feature-x ended"):
        assert what in log
    assert scene.ask("rollout", target="dev.feature-x")["release"] == "tally@1.3.0", "its record stays"
    assert scene.headway("audit", "verify").code == 0
