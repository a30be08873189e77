"""What a release brings, where it came from, and a candidate that becomes stable, on real git."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway.adapters.git import GitRepository
from headway.adapters.gitwrite import GitTags
from headway.engine.commands import Commands
from headway.engine.cutting import cut
from headway.engine.releasing import Releasing
from headway.errors import Refused
from headway.promotion.model import Quarantine, Trigger
from headway.releases.model import BuildSpec
from headway.releases.policy import Policy
from headway.releases.stamping import Stamp
from headway.testing.sources import PLAIN
from headway.testing.world import FakeWorld, sample_stage
from support.histories import Told, back_to, on, tag, tell


class Desk:
    """The verbs over a real repository in a world of fakes."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.fake = FakeWorld()
        self.fake.pipelines.declared.append(sample_stage("staging", trigger=Trigger(merge="main")))
        self.world = self.fake.world
        self.world.repositories["tally"] = GitRepository(told.path)  # type: ignore[index]
        self.tags = GitTags(lambda _: told.path)
        self.commands = Commands(self.world)
        self.releasing = Releasing(self.world, self.commands)

    def cut(self, version: str | None = None, ref: str = "main") -> str:
        return cut(self.world, "tally", ref, "ada", version=version).release.name

    def ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        return self.releasing.verbs()[verb](**arguments)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tell(tmp_path / "r", "feat: base", tag("v1.2.0"), "feat(api): count faster", "docs: say so"))


# -- notes


def test_notes_tell_what_came_since_the_last_release_of_the_line(desk: Desk) -> None:
    desk.cut()
    desk.told.commit("fix: a leak\n\nSigned-off-by: ada")
    desk.told.commit("feat!: drop the old form")
    name = desk.cut()
    told = desk.ask("notes", release=name)
    assert (name, told["since"]) == ("tally@2.0.0", "tally@1.3.0")
    assert [(one["section"], one["text"]) for one in told["entries"]] == [("Fixed", "A leak"), ("Changed", "Drop the old form")]


def test_notes_of_an_older_release_are_what_they_were(desk: Desk) -> None:
    old = desk.cut()
    before = desk.ask("notes", release=old)
    desk.told.commit("fix: later")
    desk.told.git("tag", "v1.3.1")
    desk.cut("1.9.0")
    assert desk.ask("notes", release=old) == before
    assert (before["since"], [one["text"] for one in before["entries"]]) == ("v1.2.0", ["Count faster"])


def test_its_own_tag_is_not_the_release_before(desk: Desk) -> None:
    name = desk.cut()
    desk.told.git("tag", "v1.3.0")
    assert desk.ask("notes", release=name)["since"] == "v1.2.0"


def test_a_maintenance_line_has_a_past_of_its_own(desk: Desk) -> None:
    back_to("feat: base", "1.2.x")(desk.told)  # type: ignore[operator]
    desk.told.commit("fix: in the old line")
    name = desk.cut(ref="1.2.x")
    assert name == "tally@1.2.1"
    assert desk.ask("notes", release=name)["text"] == "### Fixed\n\n- In the old line\n"


@pytest.mark.parametrize(
    ("audience", "text"),
    [
        pytest.param("users", "### Added\n\n- **api:** Count faster\n", id="users"),
        pytest.param("operators", "Nothing to act on.\n", id="operators"),
    ],
)
def test_notes_are_for_somebody(desk: Desk, audience: str, text: str) -> None:
    assert desk.ask("notes", release=desk.cut(), audience=audience)["text"] == text


def test_notes_for_nobody_are_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="users, developers, operators"):
        desk.ask("notes", release=desk.cut(), audience="bosses")


def test_the_first_release_tells_everything(tmp_path: Path) -> None:
    desk = Desk(tell(tmp_path / "r", "feat: a", "fix: b"))
    told = desk.ask("notes", release=desk.cut())
    assert (told["since"], [one["text"] for one in told["entries"]]) == (None, ["A", "B"])


def test_notes_of_a_folder_tell_of_that_folder(desk: Desk) -> None:
    desk.fake.pipelines.policy = Policy(folders={"tally": "api"})
    desk.told.commit("feat: inside", file="api/x")
    desk.told.commit("feat: outside", file="web/x")
    told = desk.ask("notes", release=desk.cut())
    assert [one["text"] for one in told["entries"]] == ["Inside"]


# -- changelog


def test_the_changelog_has_the_release_and_what_people_wrote(desk: Desk) -> None:
    desk.cut()
    old = "# Changes\n\n## [Unreleased]\n\nA word of ours.\n\n## [1.2.0] - 2025-01-01\n\n- Ours too\n"
    told = desk.ask("changelog", old=old)
    assert told["release"] == "tally@1.3.0"
    assert told["changed"]
    for line in ("A word of ours.", "- Ours too", "## [Unreleased]", "- **api:** Count faster"):
        assert line in told["text"]
    again = desk.ask("changelog", old=told["text"])
    assert (again["changed"], again["text"]) == (False, told["text"])


def test_without_a_file_it_goes_on_from_the_one_in_the_commit(desk: Desk) -> None:
    desk.told.commit("# Ours", file="CHANGELOG.md")
    desk.cut()
    assert desk.ask("changelog")["text"].startswith("# Ours\n")


def test_what_a_branch_calls_its_builds_is_no_news(desk: Desk) -> None:
    desk.cut()
    on("feature/x")(desk.told)  # type: ignore[operator]
    desk.told.commit("feat: x")
    desk.cut(ref="feature/x")
    assert desk.ask("changelog")["release"] == "tally@1.3.0"


# -- provenance


def test_provenance_says_what_was_built_from_what(desk: Desk) -> None:
    name = desk.cut()
    told = desk.ask("provenance", release=name)
    release = desk.world.releases.get(name)
    assert release is not None
    said = told["statement"]
    assert said["subject"][0]["digest"] == {"sha256": release.digest.removeprefix("sha256:")}
    assert said["predicate"]["buildDefinition"]["resolvedDependencies"] == [{"name": "source", "digest": {"gitCommit": release.commit}}]


def test_what_was_stamped_is_told_and_a_candidate_is_stamped_as_what_it_may_become(desk: Desk) -> None:
    stamping = replace(PLAIN, build=BuildSpec(stamps=(Stamp("VERSION"),)))
    desk.fake.pipelines.recipes[("tally", desk.told.git("rev-parse", "main").strip())] = stamping
    candidate = desk.ask("provenance", release=desk.cut("1.3.0-rc.2"))
    built = candidate["statement"]["predicate"]["buildDefinition"]["externalParameters"]["build"]
    assert built["stamped"] == {"VERSION": "1.3.0"}


def test_we_say_nothing_of_what_we_did_not_build(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built/file").write_text("x")
    digest = desk.fake.store.put(tmp_path / "built").digest
    name = cut(desk.world, "tally", "main", "ada", artifact=str(tmp_path / "built"), digest=digest).release.name
    with pytest.raises(Refused, match="built elsewhere"):
        desk.ask("provenance", release=name)


# -- a candidate becomes stable


def test_a_candidate_becomes_stable_without_a_build(desk: Desk) -> None:
    candidate = desk.cut("1.3.0-rc.2")
    built = list(desk.fake.builder.built)
    made = desk.ask("stable", release="1.3.0-rc.2", by="grace", tag=True)
    first, second = desk.world.releases.get(candidate), desk.world.releases.get("tally@1.3.0")
    assert first is not None
    assert second is not None
    assert (made["release"], made["new"], made["tag"], second.cut_by) == ("tally@1.3.0", True, "v1.3.0", "grace")
    assert (second.digest, second.commit, second.run, second.author) == (first.digest, first.commit, first.run, first.author)
    assert desk.fake.builder.built == built
    assert desk.ask("provenance", release="1.3.0")["statement"] == desk.ask("provenance", release=candidate)["statement"]


def test_becoming_stable_twice_is_becoming_it_once(desk: Desk) -> None:
    desk.cut("1.3.0-rc.1")
    desk.ask("stable", release="1.3.0-rc.1", by="ada")
    again = desk.ask("stable", release="1.3.0-rc.1", by="ada", tag=True)
    assert (again["new"], again["tag"]) == (False, "v1.3.0")
    assert [one.event.what for one in desk.world.records.events("release:tally@1.3.0")] == ["became stable"]


def test_what_is_cut_next_comes_after_the_stable_one(desk: Desk) -> None:
    desk.cut("1.3.0-rc.1")
    desk.ask("stable", release="1.3.0-rc.1", by="ada")
    desk.told.commit("fix: later")
    assert desk.cut() == "tally@1.3.1"


def made_elsewhere(desk: Desk) -> None:
    desk.told.commit("fix: later")
    desk.cut("1.3.0")


def withdrawn(desk: Desk) -> None:
    desk.commands.withdraw("1.3.0-rc.1", "ada", "it leaks")


def quarantined(desk: Desk) -> None:
    why = Quarantine("tally", "tally@1.3.0-rc.1", desk.told.head(), None, desk.fake.clock.now(), ("errors: 3 over 1",), "staging")
    desk.fake.ledger.tables.quarantines.append(why)


def tagged_elsewhere(desk: Desk) -> None:
    desk.told.commit("fix: later")
    desk.told.git("tag", "v1.3.0")


def overtaken(desk: Desk) -> None:
    desk.told.git("tag", "v1.4.0", "main")


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        pytest.param(made_elsewhere, "tally@1.3.0 exists", id="1.3.0 is another artifact"),
        pytest.param(withdrawn, "it leaks", id="it was withdrawn"),
        pytest.param(quarantined, "quarantined since staging: errors: 3 over 1", id="it was rolled back"),
        pytest.param(tagged_elsewhere, "v1.3.0 exists already", id="1.3.0 is a tag elsewhere"),
        pytest.param(overtaken, "not greater than v1.4.0", id="a greater one is in it"),
    ],
)
def test_what_speaks_against_it_is_said(desk: Desk, happened: Any, said: str) -> None:
    desk.cut("1.3.0-rc.1")
    happened(desk)
    with pytest.raises(Refused) as refused:
        desk.ask("stable", release="1.3.0-rc.1", by="ada")
    assert said in " ".join(refused.value.objections)


def test_a_stable_one_and_a_branch_build_are_no_candidates(desk: Desk) -> None:
    desk.cut()
    on("feature/x")(desk.told)  # type: ignore[operator]
    desk.told.commit("feat: x")
    for name in ("tally@1.3.0", desk.cut(ref="feature/x")):
        with pytest.raises(Refused, match=r"stable already|no candidate"):
            desk.ask("stable", release=name, by="ada")
