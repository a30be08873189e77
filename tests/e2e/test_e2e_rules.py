"""Freezes, glass, checklists, questions, advice, trains and hotfixes: the file's rules, asked by the command line of a real server."""

import pytest
from scene import File, Scene, by_health


def ruled(file: File) -> None:
    by_health(file)
    file["people"] = {"groups": {"cab": ["dana", "frank"]}, "break_glass": "oncall"}
    file["freezes"] = {
        "inventory": {
            "from": "2020-01-01 00:00",
            "until": "2099-01-01 00:00",
            "environments": "production",
            "why": "we count what is left",
        }
    }
    file["checklists"] = {"release": {"usual": False, "items": {"notes": "the notes say what changes", "passed": {
        "text": "it passed what comes before", "when": "environment.after.all(name, name in release.passed)"}}}}  # fmt: skip
    file["gates"] = {"smoke-passed": '"smoke" in checks.passed'}
    file["trains"] = {"weekly": {"departs": "0 10 29 2 *", "timezone": "Europe/Berlin", "cut": "1d", "to": "production"}}
    file["hotfix"] = {"skips": ["staging"]}
    file["environments"]["production"] |= {
        "approvals": 0,
        "checklist": "release",
        "gates": "smoke-passed",
        "advisory": {"group": "cab", "risk": "low"},
    }


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(ruled)
    made.ended("1.0.0", "staging")
    return made


def test_the_plan_tells_the_risk_and_every_objection_at_once(scene: Scene) -> None:
    plan = scene.headway("plan", "1.0.0", "--to", "production")
    for said in ("risk:", "waits for cab to say go", "notes on the checklist is not ticked", "production is frozen by inventory"):
        assert said in plan.text
    assert "smoke-passed" not in plan.text  # staging's rollout ran it
    assert "passed on the checklist" not in plan.text


def test_freezes_are_listed_and_the_way_in_needs_the_right_person_and_a_reason(scene: Scene) -> None:
    (freeze,) = scene.headway("freeze", "list", "--json").json["freezes"]
    assert (freeze["name"], freeze["in_force"], freeze["environments"]) == ("inventory", True, ["production"])
    assert "inventory" in scene.headway("freeze", "list").text
    override = ("freeze", "override", "1.0.0", "--to", "production", "--why")
    assert "erin may not break the glass" in scene.headway(*override, "hurry", by="erin", code=12).text
    assert "needs a reason" in scene.headway(*override, " ", by="oncall", code=12).text


def test_one_after_the_other_the_objections_go_and_the_release_goes_in_by_itself(scene: Scene) -> None:
    asked = scene.headway("promote", "1.0.0", "--to", "production", by="erin", code=11)
    assert "frozen by inventory" in asked.text
    scene.headway("checklist", "show", "1.0.0", "--to", "production", code=11)
    scene.headway("checklist", "tick", "1.0.0", "notes", "--to", "production", "-m", "in the wiki", by="bob")
    assert "answered by a machine" in scene.headway("checklist", "tick", "1.0.0", "passed", "--to", "production", by="bob", code=12).text
    assert "2 of 2" in scene.headway("checklist", "show", "1.0.0", "--to", "production").text
    assert "is not of cab" in scene.headway("advise", "1.0.0", "--to", "production", by="bob", code=12).text
    scene.headway("advise", "1.0.0", "--to", "production", by="dana")
    assert scene.rollout("1.0.0")["phase"] == "pending"
    broken = scene.headway("freeze", "override", "1.0.0", "--to", "production", "--why", "customers cannot pay", by="oncall")
    assert "oncall broke the glass" in broken.text
    scene.ended("1.0.0")
    log = scene.headway("audit", "log", "tally@1.0.0").text
    assert "broke the glass for production" in log
    assert "customers cannot pay" in log
    scene.headway("audit", "verify")


def test_a_train_is_cut_held_back_by_the_freeze_and_slips_for_a_reason(scene: Scene) -> None:
    assert "BEGIN:VCALENDAR" in scene.headway("train", "calendar").out
    scene.until(lambda: scene.ask("trains"), lambda view: view["trains"], "the timetable's first train")
    scene.repo.release("1.1.0")
    scene.headway("train", "cut")
    (train,) = [one for one in scene.headway("train", "status", "--json").json["trains"] if one["state"] == "ongoing"]
    scene.ended(train["release"].rpartition("@")[2], "staging")
    assert (
        scene.repo.git("rev-parse", f"train/weekly/{train['departs'][:10]}-{train['departs'][11:16].replace(':', '')}") == train["commit"]
    )
    refused = scene.headway("train", "depart", code=12)
    assert "production is frozen by inventory" in refused.text
    scene.headway("train", "slip", "--why", "inventory takes longer")
    assert "inventory takes longer" in scene.headway("train", "status").text


def test_a_hotfix_branches_from_what_is_live_and_is_open_until_main_has_it(scene: Scene) -> None:
    started = scene.headway("hotfix", "start", "--why", "customers cannot pay", "--json").json
    assert started["live"] == "tally@1.0.0"
    scene.repo.git("checkout", "--quiet", started["branch"])
    assert scene.repo.git("rev-parse", "HEAD") == started["base"]
    fix = scene.repo.release("1.0.1")
    scene.repo.git("checkout", "--quiet", "main")
    shipped = scene.headway("hotfix", "ship", "--json", code=11).json
    assert shipped["release"] == "tally@1.0.1"
    waits = " ".join(line for one in shipped["asked"] for line in one["waits"])
    assert "needs 1 more approval" in waits
    assert "has not passed staging" not in waits
    stuck = scene.headway("hotfix", "finish", code=11)
    assert "main" in stuck.text
    (seen,) = scene.headway("hotfix", "status", "--json", code=11).json["hotfixes"]
    assert seen["open"] == ["main"]
    scene.repo.git("merge", "--quiet", "-X", "ours", "-m", "Merge the hotfix", fix)
    assert "has it" in scene.headway("hotfix", "status", code=11).text
    (seen,) = scene.headway("hotfix", "status", "--json", code=11).json["hotfixes"]
    assert (seen["open"], seen["finished"]) == ([], None), "it is over when it is out, too"
