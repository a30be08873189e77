"""What only users saw of a release is shown again in dev, by Headway's own requests through a real Envoy, and its commit is named."""

from scene import File, Scene, straight_to_production

VERDICT = "failed verdict in production: errors: "


def with_dev(file: File) -> None:
    """dev takes what a person brings, by health; production what is merged, judged by its users."""
    dev = file["environments"]["dev"] | {"checks": []}
    del dev["trigger"]
    straight_to_production(file)
    file["environments"] = {"dev": dev, **file["environments"]}
    file["environments"]["production"]["soak"] = "5s"


def commit(scene: Scene, text: str, fault: str | None = None) -> str:
    (scene.repo.folder / "NOTES").write_text(f"{text}\n")
    if fault is not None:
        scene.repo.change("tally/fault.py", 'FAULT = "none"', f'FAULT = "{fault}"')
    return scene.repo.commit(text)


def came_back(scene: Scene) -> None:
    scene.until(lambda: scene.live("dev"), lambda live: live == "1.0.0", "1.0.0 in dev again")


def home(scene: Scene) -> None:
    """What was live in dev before the search is brought back by a rollout of its own, which ends after the answer is given."""
    scene.until(lambda: scene.place("dev"), lambda place: (place["live"] or {}).get("version") == "1.0.0", "1.0.0 in dev again")


def test_the_commit_whose_answers_broke_the_limits_in_production_is_found_in_dev(play) -> None:
    scene = play(with_dev)
    with scene.users():
        scene.ended("1.0.0")
        scene.headway("promote", "1.0.0", "--to", "dev")
        scene.ended("1.0.0", "dev")
        commit(scene, "docs: one")
        culprit = commit(scene, "feat: two", "errors")
        commit(scene, "docs: three")
        scene.repo.release("1.1.0")
        scene.push()
        scene.ended("1.1.0", phase="rolled back")

    # Its health stays good, and that is what is asked for unless somebody says where it shows.
    nothing = scene.shell("release", "blame", "1.1.0", code=12)
    assert VERDICT in nothing.text
    assert "dev shows nothing wrong with 1.1.0" in nothing.text
    assert "--path" in nothing.text, "what to do next"
    came_back(scene)

    found = scene.shell("release", "blame", "1.1.0", "--path", "/votes", "--json").json
    assert [(one["commit"], one["revert"]) for one in found["suspects"]] == [(culprit, f"git revert {culprit}")]
    assert found["evidence"].startswith(VERDICT)
    assert all("errors: " in one["why"] for one in found["tried"] if one["answer"] == "bad"), found["tried"]
    assert {one["why"] for one in found["tried"] if one["answer"] == "good"} == {"/votes is answered within the limits"}
    assert len(found["tried"]) <= 3
    assert scene.live() == "1.0.0", "nothing was tried in production"
    came_back(scene)
