"""Policies of the server over a real repository: what stops a release, who opens the way, and where a person reads it."""

from pathlib import Path

import pytest
from scene import File, Repo, Scene, by_health

POLICIES = """\
headway: 1
people: {groups: {managers: [rita]}}
policies:
  production: {approvals: {needed: 1, from: [managers]}, keep_warm: 3s}
defaults:
  config: {REGION: north}
"""


def one_approval(file: File) -> None:
    by_health(file)
    file["environments"]["production"] |= {"approvals": 1}
    del file["environments"]["production"]["keep_warm"]
    del file["environments"]["dev"]


def of_another_team(file: File) -> None:
    one_approval(file)
    file["services"] = {"polls": file["services"]["tally"]}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    """A server over two repositories that know nothing of each other."""
    made: Scene = scenes(one_approval, serve=False)
    other = Repo(made.folder / "polls")
    other.found(of_another_team)
    made.repos.append(other.folder)
    made.start()
    made.ended("1.0.0", "staging")
    made.headway("promote", "tally@1.0.0", "--to", "production", code=11)
    return made


def put(scene: Scene, text: str) -> Path:
    path = scene.folder / "policies.yaml"
    path.write_text(text)
    return path


def test_the_yes_of_any_colleague_is_not_enough_once_a_policy_asks_for_a_managers(scene: Scene) -> None:
    path = put(scene, POLICIES)
    assert "no repository contradicts it" in scene.headway("policies", "check", str(path)).text
    scene.headway("policies", "use", str(path), by="olga")
    scene.headway("approve", "tally@1.0.0", "--to", "production", by="bob")
    waits = scene.rollout("1.0.0")
    assert waits["phase"] == "pending"
    scene.until(lambda: scene.place("staging", "polls"), lambda one: one["live"], "the other team's release")
    for release in ("tally@1.0.0", "polls@1.0.0"):  # what is in force holds for every repository
        plan = scene.headway("plan", release, "--to", "production")
        assert "needs 1 more approval from rita" in plan.text
        assert f"approvals: the policy production at {path}:4:" in plan.text
        assert "REGION: unset -> north" in plan.text


def test_a_file_that_contradicts_it_is_told_and_blocks_nothing_but_what_is_new(scene: Scene) -> None:
    scene.repo.edit(lambda file: file["environments"]["production"].update(keep_warm="1s"))
    scene.repo.commit("chore: no patience")
    said = scene.headway("policies", "show").text
    assert "environments.production.keep_warm is 1s, but the policy production asks for at least 3s" in said
    assert "keep_warm is 1s" in scene.headway("promote", "tally@1.0.0", "--to", "production", code=2).text
    assert scene.rollout("1.0.0")["phase"] == "pending"
    scene.repo.edit(lambda file: file["environments"]["production"].update(keep_warm="4s"))
    scene.repo.commit("chore: patience")


def test_with_a_managers_yes_as_well_it_goes(scene: Scene) -> None:
    # The change of the file above changed what the stage does, and so took back what bob had said.
    scene.headway("approve", "tally@1.0.0", "--to", "production", by="bob")
    scene.headway("approve", "tally@1.0.0", "--to", "production", by="rita")
    scene.ended("1.0.0")


def test_policies_that_cannot_be_read_stop_what_is_new_and_not_the_way_back(scene: Scene) -> None:
    put(scene, "policies: {production: {sok: 1s}}")
    assert 'did you mean "soak"?' in scene.headway("promote", "tally@1.0.0", "--to", "production", code=2).text
    assert scene.place()["live"]["version"] == "1.0.0"
    scene.headway("policies", "drop", by="olga")
    assert scene.headway("policies", "show").text.startswith("no policies are in force")
    log = scene.headway("audit", "log").text
    assert "policies put in force" in log
    assert "policies dropped" in log
    scene.headway("audit", "verify")
