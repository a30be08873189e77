"""The version of a release that nobody named."""

from pathlib import Path

import pytest

from headway.adapters.git import GitRepository
from headway.engine.cutting import cut
from headway.errors import InvalidSpec, Refused
from headway.promotion.model import Trigger
from headway.releases.policy import Api, Policy
from headway.testing import NOON
from headway.testing.world import FakeWorld, sample_stage
from headway.trains.model import Hotfix, Line
from support.histories import Told, on, revert, tag, tell, touching


class World:
    """A real repository in a world of fakes."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.fake = FakeWorld()
        self.fake.pipelines.declared.append(sample_stage("staging", trigger=Trigger(merge="main")))
        self.fake.world.repositories["tally"] = GitRepository(told.path)  # type: ignore[index]

    def cut(self, ref: str, commit: str | None = None) -> str:
        return cut(self.fake.world, "tally", commit or self.told.git("rev-parse", ref), "ada", ref=ref).release.version


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tell(tmp_path / "r", "feat: base", tag("v1.3.0")))


def test_a_merge_to_the_trunk_gets_the_next_version(world: World) -> None:
    world.told.commit("feat: a")
    assert world.cut("main") == "1.4.0"


def test_where_nothing_is_merged_to_the_protected_branch_is_the_trunk(world: World) -> None:
    world.fake.pipelines.declared[:] = [sample_stage("staging")]
    world.told.commit("feat: a")
    assert world.cut("main") == "1.4.0"
    on("feature/x")(world.told)  # type: ignore[operator]
    world.told.commit("fix: b")
    assert world.cut("feature/x") == "1.4.1-feature-x.1"


def test_releases_on_record_count_as_tags_do(world: World) -> None:
    world.told.commit("feat: a")
    assert world.cut("main") == "1.4.0"
    world.told.commit("fix: b")
    assert world.cut("main") == "1.4.1"
    world.told.commit("feat!: c")
    assert world.cut("main") == "2.0.0"


def test_asking_again_gives_the_same_version(world: World) -> None:
    world.told.commit("feat: a")
    assert [world.cut("main"), world.cut("main")] == ["1.4.0", "1.4.0"]


def test_a_branch_gets_pre_releases_of_what_it_would_become(world: World) -> None:
    on("feature/x")(world.told)  # type: ignore[operator]
    world.told.commit("feat: a")
    assert world.cut("feature/x") == "1.4.0-feature-x.1"
    world.told.commit("fix: b")
    assert world.cut("feature/x") == "1.4.0-feature-x.2"
    world.told.commit("feat!: c")
    assert world.cut("feature/x") == "2.0.0-feature-x.1"


def test_a_branch_that_has_nothing_to_release_is_numbered_all_the_same(world: World) -> None:
    on("123")(world.told)  # type: ignore[operator]
    world.told.commit("try something")
    assert world.cut("123") == "1.3.1-branch-123.1"


def test_what_a_branch_was_called_does_not_decide_what_comes_next(world: World) -> None:
    on("feature/x")(world.told)  # type: ignore[operator]
    world.told.commit("feat: a")
    assert world.cut("feature/x") == "1.4.0-feature-x.1"
    revert("feat: a")(world.told)  # type: ignore[operator]
    world.told.commit("fix: b")
    world.told.git("branch", "-f", "main", "feature/x")
    assert world.cut("main") == "1.3.1"


def test_the_trunk_without_anything_to_release_gets_a_label_of_its_own(world: World) -> None:
    commit = world.told.commit("docs: a")
    assert world.cut("main") == f"1.3.1-main.g{commit[:10]}"


def test_a_commit_that_says_its_version_gets_it(world: World) -> None:
    world.told.commit("fix: a\n\nRelease-As: 1.5.0")
    assert world.cut("main") == "1.5.0"
    second = world.told.commit("fix: b\n\nRelease-As: 1.5.0")
    assert world.cut("main") == f"1.5.0-main.g{second[:10]}"


def test_a_maintenance_branch_keeps_its_line(world: World) -> None:
    on("1.3.x")(world.told)  # type: ignore[operator]
    world.told.commit("fix: a")
    assert world.cut("1.3.x") == "1.3.1"
    world.told.commit("feat: b")
    with pytest.raises(Refused, match=r"does not fit the line 1\.3\.x"):
        world.cut("1.3.x")


def test_a_release_of_a_commit_that_is_gone_still_has_its_number(world: World) -> None:
    world.told.commit("feat: a")
    assert world.cut("main") == "1.4.0"
    world.told.git("update-ref", "refs/heads/main", "v1.3.0")
    world.told.git("reflog", "expire", "--expire=now", "--all")
    world.told.git("gc", "-q", "--prune=now")
    world.told.commit("feat: other")
    with pytest.raises(Refused, match=r"1\.4\.0 exists already"):
        world.cut("main")


def test_a_commit_by_its_id_is_of_the_trunk_if_it_lies_there(world: World) -> None:
    commit = world.told.commit("feat: a")
    assert world.cut(commit, commit) == "1.4.0"


API = Policy(api=Api(python=("pkg",)))


def test_what_the_interface_lost_decides_on_the_trunk_and_not_on_branches(world: World) -> None:
    touching("pkg/__init__.py", "x = 1")(world.told)  # type: ignore[operator]
    assert world.cut("main").startswith("1.3.1-main.g")
    world.told.git("tag", "v1.4.0")
    world.fake.pipelines.policy = API
    touching("pkg/__init__.py", "y = 1")(world.told)  # type: ignore[operator]
    world.told.git("branch", "feature/x")
    assert world.cut("feature/x") == "1.4.1-feature-x.1"
    assert world.cut("main") == "2.0.0"


def test_what_cannot_be_compared_gets_no_version_on_the_trunk(world: World) -> None:
    touching("pkg/__init__.py", "x = 1")(world.told)  # type: ignore[operator]
    world.told.git("tag", "v1.4.0")
    world.fake.pipelines.policy = API
    touching("pkg/__init__.py", "fix: (")(world.told)  # type: ignore[operator]
    with pytest.raises(Refused, match="cannot be parsed"):
        world.cut("main")


# -- candidates


def candidate(world: World, ref: str = "main") -> str:
    return cut(world.fake.world, "tally", ref, "ada", pre="rc").release.version


def test_candidates_are_counted_and_asking_again_gives_the_same_one(world: World) -> None:
    world.told.commit("feat: a")
    assert [candidate(world), candidate(world)] == ["1.4.0-rc.1", "1.4.0-rc.1"]
    world.told.commit("fix: b")
    assert candidate(world) == "1.4.0-rc.2"
    world.told.commit("feat!: c")
    assert candidate(world) == "2.0.0-rc.1"


def test_a_candidate_counts_those_that_others_tagged(world: World) -> None:
    world.told.commit("feat: a")
    world.told.git("tag", "v1.4.0-rc.9")
    world.told.commit("fix: b")
    assert candidate(world) == "1.4.0-rc.10"


def test_nothing_new_since_the_last_candidate_makes_none(world: World) -> None:
    world.told.commit("feat: a")
    candidate(world)
    world.told.commit("docs: b")
    with pytest.raises(Refused, match="nothing to release has come since"):
        candidate(world)


def test_what_is_released_is_no_candidate_any_more(world: World) -> None:
    world.told.commit("feat: a")
    assert world.cut("main") == "1.4.0"
    with pytest.raises(Refused, match=r"released already, as 1\.4\.0"):
        candidate(world)


def test_a_channel_that_cannot_be_counted_is_said(world: World) -> None:
    world.told.commit("feat: a")
    with pytest.raises(InvalidSpec, match="cannot be counted"):
        cut(world.fake.world, "tally", "main", "ada", pre="rc1")


def test_a_hotfix_that_was_picked_is_in_the_trunk_and_the_next_version_is_beyond_it(world: World) -> None:
    on("hotfix/1.3.0-1")(world.told)  # type: ignore[operator]
    world.told.commit("fix: payments")
    fixed = cut(world.fake.world, "tally", "hotfix/1.3.0-1", "ada", version="1.3.1", ref="hotfix/1.3.0-1").release
    on("main")(world.told)  # type: ignore[operator]
    world.told.commit("fix: other")
    with pytest.raises(Refused, match=r"1\.3\.1 exists already"):
        world.cut("main")  # and lacks the hotfix, too
    picked = world.told.commit("fix: payments, as they are here")
    line = Line("main", done=picked, picked=True)
    hotfix = Hotfix("1.3.0-1", "tally", "hotfix/1.3.0-1", "b" * 40, "tally@1.3.0", "ada", NOON, "why", release=fixed.name, lines=(line,))
    world.fake.world.trains.save(hotfix, None, ())
    assert world.cut("main") == "1.3.2"
    world.told.commit("feat: more")
    assert world.cut("main") == "1.4.0"
