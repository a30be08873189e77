"""Pushes and merges become releases and promotions, once."""

from datetime import timedelta

import pytest

from headway.engine.commands import Commands
from headway.engine.watcher import Watcher
from headway.ports import Commit
from headway.promotion.model import Trigger
from headway.testing import NOON, FakeWorld, sample_stage


@pytest.fixture
def fake() -> FakeWorld:
    fake = FakeWorld()
    fake.pipelines.declared = [
        sample_stage("dev", trigger=Trigger(push=("feature/*",)), newer="supersedes"),
        sample_stage("staging", trigger=Trigger(merge="main")),
        sample_stage("production", after=("staging",)),
    ]
    return fake


def push(fake: FakeWorld, branch: str, name: str, **trailers: str) -> str:
    commit = name.encode().hex().ljust(40, "0")[:40]
    return fake.repository.commit(Commit(commit, "ada", NOON + timedelta(minutes=1), name, trailers=trailers), branch=branch)


def asked(fake: FakeWorld) -> list[tuple[str, str]]:
    standings = fake.world.records.standings()
    return sorted((one.rollout.place.environment, one.rollout.release) for one in standings if one.rollout.phase.value == "pending")


@pytest.fixture
def watcher(fake: FakeWorld) -> Watcher:
    return Watcher(fake.world, Commands(fake.world), lambda: None)


def test_a_merge_to_main_goes_to_staging_under_the_version_its_commit_names(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one", **{"release-as": "1.0.0"})
    assert watcher.look() == 1
    assert asked(fake) == [("staging", "tally@1.0.0")]


def test_a_push_to_a_feature_branch_goes_to_dev(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one")
    push(fake, "feature/x", "two", **{"release-as": "1.1.0"})
    watcher.look()
    assert ("dev", "tally@1.1.0") in asked(fake)


def test_looking_again_changes_nothing(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one")
    watcher.look()
    before = asked(fake)
    assert watcher.look() == 0
    assert asked(fake) == before


def test_a_commit_that_does_not_build_is_said_once_and_not_built_again(fake: FakeWorld, watcher: Watcher) -> None:
    commit = push(fake, "main", "one")
    fake.builder.broken[commit] = "a semicolon"
    assert watcher.look() == 1
    assert watcher.look() == 0
    unreleased = Commands(fake.world).status()["unreleased"]
    assert isinstance(unreleased, list)
    assert [one["why"] for one in unreleased] == [[f"{commit[:10]} does not build: a semicolon"]]
    push(fake, "main", "two")
    watcher.look()
    assert Commands(fake.world).status()["unreleased"] == []


def test_branches_that_were_there_before_are_no_pushes_but_main_is_followed(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one", **{"release-as": "1.0.0"})
    push(fake, "feature/stale", "old")
    watcher.settle(["tally"])
    watcher.look()
    assert asked(fake) == [("staging", "tally@1.0.0")]
    push(fake, "feature/stale", "new", **{"release-as": "1.1.0"})
    watcher.look()
    assert ("dev", "tally@1.1.0") in asked(fake)


def test_a_rule_that_changes_has_what_waits_looked_at_again(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one", **{"release-as": "1.0.0"})
    watcher.look()
    (waiting,) = fake.world.records.standings(ended=False)
    now = fake.clock.now()
    (held,) = fake.world.rollouts.claim(now, now + timedelta(seconds=60), "t", 1)
    fake.world.rollouts.save(held, held.rollout, why="waits for somebody", due=None, until=None, now=now)
    watcher.look()
    assert fake.world.rollouts.claim(now, now, "t", 1) == ()
    fake.pipelines.declared[1] = sample_stage("staging", trigger=Trigger(merge="main"), soak=5.0)
    watcher.look()
    assert [held.rollout.id for held in fake.world.rollouts.claim(now, now, "t", 1)] == [waiting.rollout.id]
