"""What is asked for now and goes on later, whatever becomes of the server meanwhile: a start at a time, an item's command, a search."""

import pytest
from scene import File, Scene, by_health


def shop(file: File) -> None:
    by_health(file)
    file["checklists"] = {"ready": {"items": {"answers": {"text": "it answers where it runs", "run": ["python3", "checks/smoke.py"]}}}}
    file["environments"]["production"] |= {"approvals": 0, "checklist": ["ready"], "checks": []}


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(shop)
    made.ended("1.0.0", "staging")
    return made


def test_a_start_at_a_time_survives_kill_9_and_its_item_is_tested_in_staging_before(scene: Scene) -> None:
    asked = scene.headway("promote", "1.0.0", "--to", "production", "--in", "4s", "--json", code=11).json
    assert "it is to start" in asked["waits"][0]
    scene.kill()
    scene.start()
    scene.ended("1.0.0", "production")
    item = scene.headway("checklist", "show", "1.0.0", "--to", "production", "--json").json["items"][0]
    assert (item["state"], item["by"]) == ("ticked", "headway")
    events = [one["what"] for one in scene.ask("log", target="tally@1.0.0")["events"]]
    assert events.count("asked for answers for production") == 1


def test_the_commit_that_broke_a_release_is_found_though_the_server_was_killed_while_it_searched(scene: Scene) -> None:
    def commit(text: str) -> str:
        (scene.repo.folder / "NOTES").write_text(f"{text}\n")
        return scene.repo.commit(text)

    commit("docs: one")
    path = scene.repo.folder / "tally" / "fault.py"
    path.write_text(path.read_text().replace('FAULT = "none"', 'FAULT = "crash"'))
    culprit = commit("feat: two")
    commit("docs: three")
    scene.repo.release("1.1.0")
    scene.push()
    scene.ended("1.1.0", "staging", phase="rolled back")
    before = scene.live("staging")
    assert scene.ask("blame", release="1.1.0", by="dana")["state"] == "trying"
    scene.kill()
    scene.start()
    found = scene.headway("release", "blame", "1.1.0", "--json").json
    assert [(one["commit"], one["revert"]) for one in found["suspects"]] == [(culprit, f"git revert {culprit}")]
    assert len(found["tried"]) <= 3
    assert scene.live("staging") == before, "it was tried in another place"
