"""Pushes and merges become releases and promotions, once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from headway.engine.commands import Commands
from headway.engine.pool import Pool
from headway.engine.watcher import Watcher
from headway.errors import Unavailable
from headway.ports import Built, Commit, Event, Pushed, Recorded
from headway.promotion.model import Trigger
from headway.releases.model import Recipe
from headway.testing import NOON, FakeBuilder, FakeWorld, sample_stage


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


def noted(fake: FakeWorld, service: str = "tally") -> Recorded:
    return fake.world.records.events(f"repository:{service}")[-1]


def test_who_pushed_is_what_the_server_noted_and_the_record_says_how_that_is_known(fake: FakeWorld, watcher: Watcher) -> None:
    commit = push(fake, "feature/x", "one", **{"release-as": "1.0.0"})
    fake.pushes.noted["tally", "feature/x", commit] = Pushed("bob", "GL_USER, says the repository's server")
    watcher.look()
    (rollout,) = fake.world.records.standings()
    release = fake.world.releases.get("tally@1.0.0")
    assert release is not None
    assert (rollout.rollout.asked_by, release.cut_by, release.author) == ("bob", "bob", "ada")
    event = noted(fake).event
    assert event.data["identity"] == "GL_USER, says the repository's server"
    assert event.why[0] == "pushed by bob"


def test_without_a_note_it_is_what_the_commit_claims_and_the_record_says_so(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "main", "one")
    watcher.look()
    assert noted(fake).event.data["identity"] == "as the commit claims"
    assert fake.world.records.standings()[0].rollout.asked_by == "ada"


def tag(fake: FakeWorld, name: str, commit: str) -> None:
    fake.repository.heads[f"refs/tags/{name}"] = commit


def test_a_tag_brings_its_commit_under_its_own_version(fake: FakeWorld, watcher: Watcher) -> None:
    fake.pipelines.declared.append(sample_stage("tagged", trigger=Trigger(tag=("v*",))))
    tag(fake, "v2.1.0", push(fake, "elsewhere", "one"))
    tag(fake, "nightly", push(fake, "elsewhere", "two"))
    assert watcher.look() == 1
    assert asked(fake) == [("tagged", "tally@2.1.0")]


def test_a_tag_of_a_release_that_is_on_record_brings_that_release(fake: FakeWorld, watcher: Watcher) -> None:
    fake.pipelines.declared.append(sample_stage("tagged", trigger=Trigger(tag=("v*",))))
    commit = push(fake, "main", "one", **{"release-as": "1.0.0"})
    watcher.look()
    tag(fake, "v1.0.0", commit)
    watcher.look()
    assert asked(fake) == [("staging", "tally@1.0.0"), ("tagged", "tally@1.0.0")]
    assert len(fake.builder.built) == 1, "built once"


def test_a_tag_that_was_moved_is_said_and_changes_nothing(fake: FakeWorld, watcher: Watcher) -> None:
    fake.pipelines.declared.append(sample_stage("tagged", trigger=Trigger(tag=("v*",))))
    tag(fake, "v2.1.0", push(fake, "elsewhere", "one"))
    watcher.look()
    tag(fake, "v2.1.0", push(fake, "elsewhere", "two"))
    watcher.look()
    assert "immutable" in " ".join(noted(fake).event.why)
    assert asked(fake) == [("tagged", "tally@2.1.0")]


def test_a_tag_that_is_no_version_is_a_label_of_its_own(fake: FakeWorld, watcher: Watcher) -> None:
    fake.pipelines.declared.append(sample_stage("tagged", trigger=Trigger(tag=("*",))))
    tag(fake, "nightly", push(fake, "elsewhere", "one"))
    watcher.look()
    ((_, release),) = asked(fake)
    assert "-nightly." in release


def test_a_pull_request_comes_where_the_stage_says_so_and_nowhere_else(fake: FakeWorld, watcher: Watcher) -> None:
    push(fake, "refs/pull/7/head", "one", **{"release-as": "1.0.0"})
    assert watcher.look() == 0
    fake.pipelines.declared.append(sample_stage("previews", trigger=Trigger(pulls=True)))
    watcher.look()
    assert asked(fake) == [("previews", "tally@1.0.0")]


@dataclass
class Slow(FakeBuilder):
    """Builds whose commits wait until they are let go."""

    held: dict[tuple[str, str], threading.Event] = field(default_factory=dict)
    at_once: list[str] = field(default_factory=list)
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        with self.lock:
            self.at_once.append(service)
            self.most = max(self.most, self.at_once.count(service))
        try:
            assert self.held.get((service, commit.id), DONE).wait(10), "never let go"
            return super().build(service, commit, recipe, version)
        finally:
            with self.lock:
                self.at_once.remove(service)


DONE = threading.Event()
DONE.set()


def until(good: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 10
    while not good():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.005)


@pytest.fixture
def slow() -> FakeWorld:
    fake = FakeWorld(builder=Slow())
    fake.pipelines.declared = [sample_stage("dev", service=name, trigger=Trigger(push=("feature/*",))) for name in ("shop", "tally")]
    return fake


def pooled(fake: FakeWorld) -> Watcher:
    return Watcher(fake.world, Commands(fake.world), lambda: None, Pool(2).submit)


def test_a_build_that_takes_long_keeps_no_other_repository_waiting(slow: FakeWorld) -> None:
    assert isinstance(slow.builder, Slow)
    commit = push(slow, "feature/x", "one")
    held = slow.builder.held["shop", commit] = threading.Event()
    watcher = pooled(slow)
    try:
        assert watcher.look() == 2
        until(lambda: [release for _, release in asked(slow) if release.startswith("tally@")], "the other repository's release")
        assert not [release for _, release in asked(slow) if release.startswith("shop@")]
    finally:
        held.set()
    until(lambda: len(asked(slow)) == 2, "both")


def test_a_repository_builds_one_commit_at_a_time_and_then_the_newest(slow: FakeWorld) -> None:
    assert isinstance(slow.builder, Slow)
    slow.pipelines.declared = slow.pipelines.declared[1:]
    first = push(slow, "feature/x", "one", **{"release-as": "1.0.0"})
    held = slow.builder.held["tally", first] = threading.Event()
    watcher = pooled(slow)
    try:
        assert watcher.look() == 1
        push(slow, "feature/x", "two", **{"release-as": "1.1.0"})
        push(slow, "feature/y", "three", **{"release-as": "1.2.0"})
        assert watcher.look() == 0, "looked at when the build is done"
    finally:
        held.set()
    until(lambda: watcher.look() or len(asked(slow)) == 3, "all three")
    until(lambda: len(asked(slow)) == 3, "all three")
    assert slow.builder.most == 1


def test_a_build_that_a_crash_swallowed_is_done_by_the_next_start(slow: FakeWorld) -> None:
    assert isinstance(slow.builder, Slow)
    slow.pipelines.declared = slow.pipelines.declared[1:]
    push(slow, "feature/x", "one", **{"release-as": "1.0.0"})
    died = Watcher(slow.world, Commands(slow.world), lambda: None, lambda work: None)
    assert died.look() == 1
    assert asked(slow) == []
    pooled(slow).look()
    until(lambda: asked(slow) == [("dev", "tally@1.0.0")], "the release")


def test_a_defect_in_following_one_push_does_not_lock_its_repository_for_ever(slow: FakeWorld) -> None:
    slow.pipelines.declared = slow.pipelines.declared[1:]
    push(slow, "feature/x", "one", **{"release-as": "1.0.0"})
    good, slow.builder.build = slow.builder.build, None  # type: ignore[method-assign,assignment]
    watcher = Watcher(slow.world, Commands(slow.world), lambda: None)
    watcher.look()
    slow.builder.build = good  # type: ignore[method-assign]
    watcher.look()
    assert asked(slow) == [("dev", "tally@1.0.0")]


@dataclass
class Away(FakeBuilder):
    """Nobody can build while it is away."""

    away: bool = True

    def build(self, service: str, commit: Commit, recipe: Recipe, version: str) -> Built:
        if self.away:
            raise Unavailable("nobody can build just now")
        return super().build(service, commit, recipe, version)


def test_a_push_that_could_not_be_dealt_with_is_tried_again_although_nothing_moved_since() -> None:
    fake = FakeWorld(builder=(builder := Away()))
    fake.pipelines.declared = [sample_stage("staging", trigger=Trigger(merge="main"))]
    push(fake, "main", "one", **{"release-as": "1.0.0"})
    watcher = Watcher(fake.world, Commands(fake.world), lambda: None)
    assert (watcher.look(), watcher.look(), asked(fake)) == (1, 1, [])
    builder.away = False
    watcher.look()
    assert asked(fake) == [("staging", "tally@1.0.0")]
    assert watcher.look() == 0


def test_a_look_at_many_services_of_which_nothing_moved_asks_the_record_for_nothing(fake: FakeWorld) -> None:
    names = [f"s{number}" for number in range(50)]
    fake.pipelines.declared = [sample_stage("staging", service=name, trigger=Trigger(merge="main")) for name in names]
    asks: list[str] = []
    noted = fake.world.refs

    class Counted:
        def seen(self, repository: str, ref: str) -> str | None:
            asks.append(ref)
            return noted.seen(repository, ref)

        def note(self, repository: str, ref: str, commit: str, event: Event) -> None:
            noted.note(repository, ref, commit, event)

    push(fake, "main", "one")
    watcher = Watcher(replace(fake.world, refs=Counted()), Commands(fake.world), lambda: None)
    assert watcher.look() == len(names)
    watcher.look()
    asks.clear()
    assert watcher.look() == 0
    assert asks == []
    push(fake, "main", "two")
    assert watcher.look() == len(names)
