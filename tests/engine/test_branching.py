"""Each branch an environment of its own: made by a push, stopped when idle, removed when merged or gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headway.engine.commands import Commands
from headway.engine.controller import LEASE, Turned, turn
from headway.engine.watcher import Watcher
from headway.environments.branches import PerBranch, State, own
from headway.environments.model import Database, Place
from headway.errors import Refused, Unavailable
from headway.ports import Commit
from headway.promotion.model import Trigger
from headway.releases.model import MigrationSpec
from headway.rollout.phases import Phase
from headway.testing import NOON, FakeWorld, sample_stage

MINE = Place("tally", "dev.feature-x")


class Story:
    """A fake world with one stage that is per branch, turned by hand."""

    def __init__(self, limit: int = 2, idle: float = 3600.0, keep_warm: float = 0.0) -> None:
        self.fake = FakeWorld()
        self.fake.pipelines.declared = [
            sample_stage(
                "dev", trigger=Trigger(push=("feature/*", "develop")), per_branch=PerBranch(limit, idle), replicas=1, soak=0.0,
                keep_warm=keep_warm,
            ),
            sample_stage("staging", after=("dev",), replicas=1, soak=0.0),
        ]  # fmt: skip
        self.commands = Commands(self.fake.world)
        self.watcher = Watcher(self.fake.world, self.commands, lambda: None)
        self.held: dict[str, Turned] = {}
        self.push("main", "base")

    def push(self, branch: str, name: str, *parents: str, **trailers: str) -> str:
        commit = name.encode().hex().ljust(40, "0")[:40]
        parents = parents or (
            (self.fake.repository.heads["main"],) if branch not in self.fake.repository.heads and branch != "main" else ()
        )
        return self.fake.repository.commit(Commit(commit, "ada", NOON, name, trailers=trailers), *parents, branch=branch)

    def settle(self, seconds: float = 40.0, step: float = 1.0) -> None:
        """Look, turn and tend until that much time is over."""
        end = self.fake.clock.now() + timedelta(seconds=seconds)
        while self.fake.clock.now() < end:
            self.watcher.look()
            self.turn()
            self.watcher.branching.tend()
            self.fake.clock.pass_time(step)

    def turn(self) -> None:
        """What a worker does, in this thread."""
        now = self.fake.clock.now()
        for held in self.fake.world.rollouts.claim(now, now + LEASE, "t", 50):
            self.held[held.rollout.id] = Turned(held, now, now)
        for _ in range(20):
            due = [one for one in self.held.values() if one.held is not None and one.again <= now]
            for one in due:
                assert one.held is not None
                turned = turn(one.held, one.saved, self.fake.world)
                if turned.held is None:
                    del self.held[one.held.rollout.id]
                else:
                    self.held[one.held.rollout.id] = turned

    def state(self, place: Place = MINE) -> State | None:
        one = self.fake.world.branched.get(place)
        return one.state if one else None

    def live(self, place: Place = MINE) -> str | None:
        return self.fake.world.records.place(place).live_release

    def said(self, place: Place = MINE) -> list[str]:
        return [one.event.what for one in self.fake.world.records.events(f"environment:{place.service}/{place.environment}")]


@pytest.fixture
def story() -> Story:
    made = Story()
    made.push("feature/x", "one", **{"release-as": "1.1.0-x.1"})
    made.settle()
    return made


def test_the_first_push_makes_it_and_the_release_runs_there_and_nowhere_else(story: Story) -> None:
    assert (story.state(), story.live()) == (State.OPEN, "tally@1.1.0-x.1")
    places = story.commands.status()["places"]
    assert isinstance(places, list)
    assert [place["environment"] for place in places] == ["dev.feature-x", "staging"]
    assert story.said() == ["dev.feature-x made for feature/x"]


def test_a_release_that_passed_there_has_passed_the_environment_that_it_is_made_from(story: Story) -> None:
    assert story.commands.plan("1.1.0-x.1", "staging", "ada")["objections"] == []


def test_another_branch_has_another_and_its_release_is_no_way_past_the_first(story: Story) -> None:
    story.push("feature/y", "two", **{"release-as": "1.1.0-y.1"})
    story.settle()
    assert story.live(Place("tally", "dev.feature-y")) == "tally@1.1.0-y.1"
    assert story.live() == "tally@1.1.0-x.1"


def test_of_several_commits_all_must_have_arrived_as_one_or_one_by_one(story: Story) -> None:
    git = story.fake.repository
    first, second = git.heads["feature/x"], story.push("feature/x", "more", **{"release-as": "1.1.0-x.2"})
    git.patches[story.push("main", "the first alone")] = first
    story.settle()
    assert story.state() is State.OPEN
    git.patches[story.push("main", "both")] = f"{first}+{second}"
    story.settle()
    assert story.state() is State.ENDED


def test_what_was_taken_back_on_main_is_not_merged(story: Story) -> None:
    git = story.fake.repository
    squashed = story.push("main", "squashed")
    git.patches[squashed] = git.heads["feature/x"]
    git.commit(Commit("f" * 40, "ada", NOON, "Revert", reverts=(squashed,)), branch="main")
    story.settle()
    assert story.state() is State.OPEN


def test_nobody_promotes_to_what_is_no_branch_s(story: Story) -> None:
    with pytest.raises(Refused, match=r"no branch has the environment dev\.feature-z"):
        story.commands.promote("1.1.0-x.1", "dev.feature-z", "ada")


@pytest.mark.parametrize("how", ["gone", "merged", "squashed", "rebased"])
def test_with_its_branch_it_goes_and_its_record_stays(story: Story, how: str) -> None:
    if how == "gone":
        del story.fake.repository.heads["feature/x"]
    elif how != "merged":
        same = story.push("main", how)
        story.fake.repository.patches[same] = story.fake.repository.heads["feature/x"]
    else:
        story.push("main", "merge", story.fake.repository.heads["main"], story.fake.repository.heads["feature/x"])
    story.settle()
    assert story.state() is State.ENDED
    assert MINE not in story.fake.platform.sites
    assert story.live() is None
    assert story.said()[1:] == ["dev.feature-x is being removed", "dev.feature-x ended"]
    assert [one.rollout.phase for one in story.fake.world.records.standings(place=MINE)] == [Phase.COMPLETED]
    places = story.commands.status()["places"]
    assert isinstance(places, list)
    assert [place["environment"] for place in places] == ["staging"]


def test_what_is_kept_warm_goes_too_and_nothing_comes_back_by_itself() -> None:
    story = Story(keep_warm=600.0)
    for number in (1, 2):
        story.push("feature/x", f"commit {number}", **{"release-as": f"1.1.0-x.{number}"})
        story.settle()
    assert len(story.fake.platform.sites[MINE].groups) == 2
    del story.fake.repository.heads["feature/x"]
    story.settle(900, step=5.0)
    assert story.state() is State.ENDED
    assert MINE not in story.fake.platform.sites


def test_a_rollout_under_way_ends_first_and_its_commits_are_not_to_blame(story: Story) -> None:
    story.fake.pipelines.declared[0] = sample_stage(
        "dev", trigger=Trigger(push=("feature/*",)), per_branch=PerBranch(2, 3600.0), replicas=1, soak=600.0
    )
    story.push("feature/x", "two", **{"release-as": "1.1.0-x.2"})
    story.settle(20)
    assert story.fake.world.records.place(MINE).active is not None
    story.push("main", "merge", story.fake.repository.heads["main"], story.fake.repository.heads["feature/x"])
    story.settle(300, step=2.0)
    assert story.state() is State.ENDED
    assert [one.rollout.phase for one in story.fake.world.records.standings(place=MINE)] == [Phase.ROLLED_BACK, Phase.COMPLETED]
    assert story.fake.world.words.quarantines("tally") == ()


def test_a_branch_that_comes_again_gets_it_again(story: Story) -> None:
    head = story.fake.repository.heads.pop("feature/x")
    story.settle()
    story.push("feature/x", "again", head, **{"release-as": "1.1.0-x.2"})
    story.settle()
    assert (story.state(), story.live()) == (State.OPEN, "tally@1.1.0-x.2")


def test_a_branch_without_a_commit_of_its_own_gets_none_until_it_has_one() -> None:
    story = Story()
    story.fake.repository.heads["feature/x"] = story.fake.repository.heads["main"]
    story.settle(5)
    assert story.state() is None
    assert story.commands.status()["unreleased"] == []
    story.push("feature/x", "first", story.fake.repository.heads["main"])
    story.settle()
    assert story.state() is State.OPEN


def test_a_branch_that_the_file_names_stays_when_it_is_merged() -> None:
    story = Story()
    commit = story.push("develop", "one", **{"release-as": "1.1.0-d.1"})
    story.settle()
    story.fake.repository.heads["main"] = commit
    story.settle()
    assert story.state(Place("tally", "dev.develop")) is State.OPEN


def test_beyond_the_limit_a_branch_waits_visibly_and_goes_as_soon_as_there_is_room() -> None:
    story = Story(limit=1)
    story.push("feature/x", "one")
    story.settle()
    story.push("feature/y", "two")
    story.settle()
    assert story.state(Place("tally", "dev.feature-y")) is None
    (waiting,) = story.commands.status()["unreleased"]  # type: ignore[misc]
    assert "delete or merge one of feature/x" in " ".join(waiting["why"])
    assert len(story.fake.builder.built) == 1, "nothing is built for nothing"
    told = [one for one in story.fake.world.records.events("repository:tally") if "waits" in one.event.what]
    assert len(told) == 1, "said once"
    del story.fake.repository.heads["feature/x"]
    story.settle()
    assert story.state(Place("tally", "dev.feature-y")) is State.OPEN
    assert story.commands.status()["unreleased"] == []


def test_one_that_nobody_pushes_to_stops_and_the_next_push_starts_it_again(story: Story) -> None:
    story.settle(3700, step=20.0)
    assert story.state() is State.STOPPED
    assert set(story.fake.platform.rested) == {"dev.feature-x"}
    assert story.live() == "tally@1.1.0-x.1", "what was there is known"
    story.push("feature/x", "two", **{"release-as": "1.1.0-x.2"})
    story.settle()
    assert (story.state(), story.live()) == (State.OPEN, "tally@1.1.0-x.2")
    assert story.said() == ["dev.feature-x made for feature/x", "dev.feature-x stopped", "dev.feature-x started again for feature/x"]


def test_one_that_stopped_goes_with_its_branch_too(story: Story) -> None:
    story.settle(3700, step=20.0)
    del story.fake.repository.heads["feature/x"]
    story.settle()
    assert story.state() is State.ENDED


def test_a_repository_that_does_not_answer_ends_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise Unavailable("the disk is away")

    monkeypatch.setattr(story.fake.repository, "refs", gone)
    story.watcher.branching.tend()
    assert story.state() is State.OPEN


def test_a_file_that_says_so_no_longer_ends_them_all(story: Story) -> None:
    story.fake.pipelines.declared[0] = sample_stage("dev", trigger=Trigger(push=("feature/*",)))
    story.settle(30)
    assert story.state() is State.ENDED


def test_a_branch_s_own_database_goes_with_it_and_the_record_says_so() -> None:
    story = Story()
    shared, staging = story.fake.pipelines.declared
    database = Database(own(MINE.environment, "env:DEV"))  # as the file's reader hands it out for a branch
    story.fake.pipelines.declared = [
        replace(shared, environment=replace(shared.environment, database=database, data="synthetic")),
        staging,
    ]
    commit = story.push("feature/x", "x")
    migrating = replace(story.fake.pipelines.recipe("tally", commit), migrations=MigrationSpec("migrations"))
    story.fake.pipelines.recipes["tally", commit] = migrating
    story.fake.migrations.files[commit] = {"0001_users.sql": "-- migrate:up\nCREATE TABLE users (id integer primary key);"}
    story.settle()
    assert story.live() is not None
    assert database.url in story.fake.migrations.databases
    story.fake.migrations.down_until = story.fake.clock.now() + timedelta(seconds=20)
    del story.fake.repository.heads["feature/x"]
    story.settle(15)
    assert story.state() is State.LEAVING, "a database that does not answer is asked again"
    story.settle(20)
    assert story.state() is State.ENDED
    assert database.url not in story.fake.migrations.databases
    events = story.fake.world.records.events(f"environment:{MINE.service}/{MINE.environment}")
    assert any("was removed" in why for one in events for why in one.event.why)
