"""What stands between a release and production besides people: its past, its bytes, its way."""

import subprocess
import sys
from pathlib import Path

import pytest
from scene import File, Scene, by_health


def free(file: File) -> None:
    by_health(file)
    file["environments"]["production"]["approvals"] = 0


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(free)
    made.ended("1.0.0", "staging")
    made.headway("promote", "1.0.0", "--to", "production", "--wait", "30")
    return made


def to_production(scene: Scene, version: str, *, phase: str = "completed", code: int = 0) -> None:
    scene.push()
    scene.ended(version, "staging")
    scene.headway("promote", version, "--to", "production", "--wait", "30", code=code)
    scene.ended(version, phase=phase)


def test_what_runs_in_production_is_by_digest_what_passed_staging(scene: Scene) -> None:
    release = scene.headway("release", "show", "1.0.0", "--json").json
    passed = {one["environment"] for one in release["passed"] if one["good"] and one["what"] == "rollout"}
    assert {"staging", "production"} <= passed
    assert scene.place("staging")["live"]["digest"] == scene.place()["live"]["digest"] == release["digest"]


def test_a_plan_shows_steps_objections_and_the_way_back_and_touches_nothing(scene: Scene) -> None:
    scene.repo.git("checkout", "--quiet", "-b", "feature/plan")
    scene.repo.release("1.0.1")
    scene.repo.git("checkout", "--quiet", "main")
    scene.headway("release", "cut", "feature/plan")
    scene.when(scene.rollout("1.0.1", "dev"), lambda view: view["ended"], "dev to take it")

    def world() -> object:
        return scene.ask("rollouts"), scene.ask("log", most=1000), scene.ask("releases"), scene.running()

    before = world()
    plan = scene.headway("plan", "1.0.1", "--to", "production")
    assert world() == before
    assert "1.0.1 has not passed staging" in plan.text
    assert "route 100 % of the traffic to 1.0.1" in plan.text
    assert "route 100 % to 1.0.0 in one move" in plan.text
    assert scene.headway("plan", "1.0.1", "--to", "production", "--json").json["objections"]


def test_a_withdrawn_release_is_refused_and_the_plan_says_so(scene: Scene) -> None:
    scene.headway("release", "cut", "main", "--version", "1.0.2")
    scene.headway("release", "withdraw", "1.0.2", "--why", "it was a mistake")
    assert "it was a mistake" in scene.headway("plan", "1.0.2", "--to", "staging", code=12).text
    assert "it was a mistake" in scene.headway("promote", "1.0.2", "--to", "staging", code=12).text


def test_what_ci_built_is_taken_by_its_digest_and_no_other(scene: Scene) -> None:
    digest = scene.ask("release", release="1.0.0")["digest"]
    elsewhere = scene.folder / "ci"
    scene.repo.git("clone", "--quiet", str(scene.repo.folder), str(elsewhere))
    subprocess.run((sys.executable, "build.py"), cwd=elsewhere, check=True, capture_output=True)
    artifact = ("release", "cut", "main", "--version", "2.0.0", "--artifact", str(elsewhere / "dist"))

    refused = scene.headway(*artifact, "--digest", "sha256:" + "0" * 64, code=12)
    assert "is not the artifact that was announced" in refused.text
    assert "there is no release" in scene.headway("release", "show", "2.0.0", code=12).text
    assert "--digest" in scene.headway(*artifact, code=2).text
    assert digest in scene.headway(*artifact, "--digest", digest).text, "the same commit, built elsewhere, is the same artifact"


def test_a_release_with_the_bad_commit_waits_until_a_fix_or_a_revert_is_named(scene: Scene) -> None:
    scene.repo.release("1.1.0", fault="crash@production")
    to_production(scene, "1.1.0", phase="rolled back", code=3)
    assert scene.live() == "1.0.0"

    scene.repo.release("1.2.0", fault="none")
    scene.push()
    scene.when(scene.rollout("1.2.0", "staging"), lambda one: "still contains tally@1.1.0" in one["why"], "staging not to take it either")
    waits = scene.headway("promote", "1.2.0", "--to", "production", code=11)
    assert "still contains tally@1.1.0" in waits.text
    assert "Fixes:" in waits.text

    scene.repo.release("1.3.0", trailers=["Fixes: tally@1.1.0"])
    to_production(scene, "1.3.0")

    scene.repo.release("1.4.0", fault="crash@production")
    to_production(scene, "1.4.0", phase="rolled back", code=3)
    scene.repo.git("revert", "--no-commit", "HEAD")
    bad = scene.repo.git("rev-parse", "HEAD")
    scene.repo.commit(f'Revert "feat: 1.4.0"\n\nThis reverts commit {bad}.\n\nRelease-As: 1.5.0')
    to_production(scene, "1.5.0")
    assert scene.live() == "1.5.0"
    scene.ended("1.2.0", phase="cancelled")


def test_a_quarantine_is_lifted_by_a_person_and_the_record_says_who(scene: Scene) -> None:
    scene.repo.release("1.6.0", fault="crash@production")
    to_production(scene, "1.6.0", phase="rolled back", code=3)
    scene.repo.release("1.7.0", fault="none")
    scene.push()
    scene.headway("promote", scene.rollout("1.7.0", "staging")["release"], "--to", "production", code=11)
    scene.headway("release", "clear", "1.6.0", "--why", "the database was down", by="bob")
    scene.ended("1.7.0", "staging")
    scene.ended("1.7.0")
    said = scene.ask("log", target="tally@1.6.0")["events"]
    assert [(one["who"], one["why"]) for one in said if one["what"] == "quarantine cleared"] == [("bob", ["the database was down"])]


def test_an_artifact_that_was_tampered_with_never_reaches_production(scene: Scene) -> None:
    before = scene.live()
    scene.repo.release("1.8.0")
    scene.push()
    scene.ended("1.8.0", "staging")
    digest = scene.ask("release", release="1.8.0")["digest"]
    tree = scene.home / "artifacts" / digest.replace(":", "-") / "tree"
    victim = next(tree.rglob("answers.py"))
    _overwrite(victim, victim.read_text() + "# an addition\n")

    scene.headway("promote", "1.8.0", "--to", "production")
    view = scene.ended("1.8.0", phase="rolled back")
    assert "was tampered with" in view["why"]
    assert "answers.py" in view["why"]
    assert scene.live() == before


def _overwrite(path: Path, text: str) -> None:
    for each in (path.parent, path):
        each.chmod(0o700)
    path.write_text(text)
