"""Pipelines of other shapes, and whose file governs them."""

import pytest
from scene import File, Scene, by_health


def diamond(file: File) -> None:
    by_health(file)
    environments = file["environments"]
    for each in environments.values():
        each |= {"approvals": 0, "checks": []}
    environments["dev"]["trigger"] = {"merge": "main"}
    plain = {"replicas": 1, "strategy": "rolling", "analysis": "health", "soak": "0s"}
    file["environments"] = {
        "dev": environments["dev"],
        "browsers": plain | {"after": "dev"},
        "load": plain | {"after": "dev"},
        "production": environments["production"] | {"after": ["browsers", "load"]},
    }


def test_production_waits_for_both_of_the_two_environments_that_follow_dev(play) -> None:
    scene = play(diamond)
    scene.ended("1.0.0", "dev")
    assert "has not passed browsers" in scene.headway("promote", "1.0.0", "--to", "production", code=11).text
    scene.headway("promote", "1.0.0", "--to", "browsers", "--wait", "30")
    waits = scene.headway("plan", "1.0.0", "--to", "production").text
    assert "has not passed load" in waits
    assert "has not passed browsers" not in waits
    scene.headway("promote", "1.0.0", "--to", "load", "--wait", "30")
    scene.ended("1.0.0")


def two_services(file: File) -> None:
    by_health(file)
    file["services"]["polls"] = dict(file["services"]["tally"])
    staging = file["environments"]["staging"] | {"services": {"polls": {"config": {"GREETING": "hello from the polls"}}}}
    file["environments"] = {"staging": staging}


def test_two_services_of_one_repository_go_their_own_ways(play) -> None:
    scene = play(two_services)
    scene.ended("1.0.0", "staging")
    scene.until(lambda: scene.place("staging", "polls"), lambda one: one["live"] and not one["rollouts"], "the second service")
    one, other = scene.place("staging", "tally"), scene.place("staging", "polls")
    assert one["url"] != other["url"]
    assert one["live"]["digest"] == other["live"]["digest"], "the same bytes are stored once"
    assert "--service" in scene.headway("rollback", "staging", code=12).text
    assert "nothing to go back to" in scene.headway("rollback", "staging", "--service", "polls", code=12).text


@pytest.fixture(scope="module")
def governed(scenes) -> Scene:
    made = scenes(by_health)
    made.ended("1.0.0", "staging")
    return made


def on_a_branch(scene: Scene, name: str, version: str, edit) -> str:
    scene.repo.git("checkout", "--quiet", "-b", name, "main")
    scene.repo.release(version, edit=edit)
    scene.repo.git("checkout", "--quiet", "main")
    scene.push()
    scene.ended(version, "dev")
    return f"tally@{version}"


def test_a_feature_branch_that_removes_the_gates_still_meets_them(governed: Scene) -> None:
    def without_gates(file: File) -> None:
        production = file["environments"]["production"]
        production |= {"approvals": 0, "trigger": {"push": "feature/*"}}
        del production["after"]

    release = on_a_branch(governed, "feature/no-gates", "1.1.0", without_gates)
    waits = governed.headway("promote", release, "--to", "production", code=11).text
    assert "has not passed staging" in waits
    assert "needs 1 more approval" in waits
    assert governed.live() == "None"


def test_a_feature_branch_that_helps_itself_to_a_secret_does_not_get_it(governed: Scene) -> None:
    def with_a_secret(file: File) -> None:
        file["environments"]["dev"] |= {"secrets": {"LOOT": "env:HOME"}, "config": {"LOUD": "yes"}}
        file["services"]["tally"]["checks"]["smoke"] = {
            "run": ["python3", "-c", "import os; print('sees', sorted(os.environ)); assert 'LOOT' not in os.environ"],
            "settings": ["LOOT", "LOUD"],
        }

    on_a_branch(governed, "feature/loot", "1.2.0", with_a_secret)
    logs = "".join(path.read_text(errors="replace") for path in (governed.home / "checks").rglob("*log*") if path.is_file())
    assert "sees" in logs
    assert "LOUD" not in logs
