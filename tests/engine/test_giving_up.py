"""A way back that cannot be gone: a person gives it up, and the fix goes out from what answers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.environments.model import Place
from headway.errors import Refused
from headway.rollout.model import ALL, Rollout, Weight
from headway.rollout.phases import ENDED, Phase
from headway.testing import FakeWorld, Script, sample_release, sample_stage

HERE = Place("tally", "production")


class Story:
    """1.0.0 was live; 1.1.0 has all of its traffic, begins to fail, and no instance of 1.0.0 starts again."""

    def __init__(self, until: Weight = ALL, **rules: object) -> None:
        self.fake = FakeWorld()
        self.fake.platform.requests = 50.0
        self.fake.platform.scripts["1.1.0"] = Script(errors=0.2, spoils_after=20.0)
        judged = Thresholds(needs=1, min_time=1.0)
        plain = {"strategy": "rolling", "replicas": 2, "soak": 60.0, "keep_warm": 0.0, "thresholds": judged, "notify": ("oncall",), **rules}
        self.fake.pipelines.declared = [sample_stage("production", **plain)]
        self.commands = Commands(self.fake.world)
        self.promote("1.0.0")
        self.until(lambda one: one.phase in ENDED)
        self.promote("1.1.0")
        self.until(lambda one: one.weight == until)
        for name, instances in self.fake.platform.sites[HERE].groups.items():
            if name.startswith("v1-0-0"):
                instances.script = Script(never_ready=True)

    def promote(self, version: str) -> None:
        self.fake.release(sample_release(version, at=self.fake.clock.now()))
        self.commands.promote(version, "production", "ada")

    def rollout(self) -> Rollout:
        return self.fake.world.records.standings(place=HERE)[0].rollout

    def until(self, good: object, seconds: float = 900.0) -> None:
        end = self.fake.clock.now() + timedelta(seconds=seconds)
        while not good(self.rollout()):  # type: ignore[operator]
            assert self.fake.clock.now() < end, self.rollout()
            now = self.fake.clock.now()
            for held in self.fake.world.rollouts.claim(now, now + LEASE, "t", 10):
                turned = turn(held, now - timedelta(hours=1), self.fake.world)
                if turned.held is not None:
                    self.fake.ledger.tables.rows[held.rollout.id].lease_until = now
            self.fake.clock.pass_time(0.5)


@pytest.fixture
def stuck() -> Story:
    story = Story()
    story.until(lambda one: one.stuck)
    return story


def test_it_ends_and_what_answers_is_what_is_live(stuck: Story) -> None:
    stuck.commands.tell("give up", "production", "dana", "1.1.1 is on its way")
    stuck.until(lambda one: one.phase in ENDED)
    over, place = stuck.rollout(), stuck.fake.world.records.place(HERE)
    assert over.phase is Phase.GIVEN_UP
    assert over.reasons[-2:] == ("given up by dana: 1.1.1 is on its way", "1.1.0 keeps the traffic")
    assert (place.live_release, place.before_release, place.active) == ("tally@1.1.0", "tally@1.0.0", None)
    assert [one.release for one in stuck.fake.world.words.quarantines("tally")] == ["tally@1.1.0"]
    assert stuck.fake.ledger.tables.letters[max(stuck.fake.ledger.tables.letters)].notice.title == (
        "tally@1.1.0 was not rolled back, for a person gave up the way back in production"
    )


def test_then_the_fix_goes_out_and_what_would_not_start_is_retired(stuck: Story) -> None:
    stuck.commands.tell("give up", "production", "dana", "1.1.1 is on its way")
    stuck.until(lambda one: one.phase in ENDED)
    stuck.commands.clear("tally@1.1.0", "dana", "1.1.1 mends it")
    stuck.promote("1.1.1")
    stuck.until(lambda one: one.phase in ENDED and one.tidied, 1800.0)
    assert stuck.rollout().phase is Phase.COMPLETED
    site = stuck.fake.platform.sites[HERE]
    assert {name for name, instances in site.groups.items() if instances.started} == set(site.weights)
    assert stuck.fake.world.records.place(HERE).live_release == "tally@1.1.1"


def test_giving_up_needs_a_reason_and_something_to_give_up(stuck: Story) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        stuck.commands.tell("give up", "production", "dana")
    story = Story()
    with pytest.raises(Refused, match="only a way back that cannot be gone is given up"):
        story.commands.tell("give up", "production", "dana", "because")


@pytest.mark.parametrize("strategy", ["rolling", "canary"])
def test_where_neither_answers_the_third_that_is_good_gets_everybody(stuck: Story, strategy: str) -> None:
    for instances in stuck.fake.platform.sites[HERE].groups.values():
        instances.script = Script(never_ready=True)
    stuck.fake.platform.scripts |= {version: Script(never_ready=True) for version in ("1.0.0", "1.1.0")}
    stuck.commands.tell("give up", "production", "dana", "1.1.1 is on its way")
    stuck.until(lambda one: one.phase in ENDED)
    stuck.commands.clear("tally@1.1.0", "dana", "1.1.1 mends it")
    (stage,) = stuck.fake.pipelines.declared
    stuck.fake.pipelines.declared = [replace(stage, strategy=strategy)]
    stuck.promote("1.1.1")
    stuck.until(lambda one: one.phase in ENDED and one.tidied, 1800.0)
    assert (stuck.rollout().release, stuck.rollout().phase) == ("tally@1.1.1", Phase.COMPLETED)
    assert stuck.fake.world.records.place(HERE).live_release == "tally@1.1.1"


def test_where_neither_answers_the_fix_goes_out_to_everybody_and_every_step_says_so(stuck: Story) -> None:
    for instances in stuck.fake.platform.sites[HERE].groups.values():
        instances.script = Script(never_ready=True)
    stuck.commands.tell("give up", "production", "dana", "1.1.1 mends it")
    stuck.until(lambda one: one.phase in ENDED)
    over = stuck.rollout()
    neither = "neither 1.0.0 nor 1.1.0 answers"
    assert (over.phase, over.reasons[-1]) == (Phase.GIVEN_UP, neither)
    assert stuck.commands.status()["places"][0]["given_up"].endswith(neither)

    stuck.commands.clear("tally@1.1.0", "dana", "1.1.1 mends it")
    stuck.promote("1.1.1")
    fix = stuck.rollout().id
    assert stuck.commands.status()["places"][0]["given_up"].endswith(neither), "what is only under way has mended nothing"
    stuck.until(lambda one: one.id == fix and one.phase in ENDED and one.tidied, 1800.0)
    assert stuck.rollout().phase is Phase.COMPLETED
    site = stuck.fake.platform.sites[HERE]
    (serving,) = site.weights
    assert serving.startswith("v1-1-1")
    assert {name for name, instances in site.groups.items() if instances.started} == {serving}
    assert stuck.fake.world.records.place(HERE).live_release == "tally@1.1.1"
    said = [line.event for line in stuck.fake.world.records.events(fix)]
    assert [one.why for one in said if one.what == "all at once"] == [
        ("no replica of 1.1.0, which is live, is ready; 1.1.1 answers and gets all of the traffic",)
    ]
    assert "given_up" not in stuck.commands.status()["places"][0], "it is mended"


def test_where_it_had_a_share_only_the_plan_of_the_fix_says_that_no_share_will_be_left_with_the_dead() -> None:
    story = Story(until=Weight(10), strategy="canary", weights=(10, 50))
    for instances in story.fake.platform.sites[HERE].groups.values():
        instances.script = Script(never_ready=True)
    story.until(lambda one: one.stuck)
    story.commands.tell("give up", "production", "dana", "1.1.1 mends it")
    story.until(lambda one: one.phase in ENDED)
    (shown,) = story.commands.status()["places"]
    assert (shown["live"]["version"], shown["given_up"]) == (
        "1.0.0",
        "the way back from tally@1.1.0 was given up: neither 1.0.0 nor 1.1.0 answers",
    )

    story.fake.release(sample_release("1.1.1", at=story.fake.clock.now()))
    plan = story.commands.plan("1.1.1", "production", "ada")
    shares = [step for step in plan["steps"] if str(step).startswith("route")]
    everybody = "route all of the traffic to 1.1.1: 1.0.0, which is live, answers nobody"
    assert shares[:2] == [f"{everybody} (it would be 10 %)", f"{everybody} (it would be 50 %)"]
    silent = "no replica of 1.0.0, which is live, is ready"
    assert plan["warnings"] == [f"{silent}; unless one is by then, 1.1.1 gets all of the traffic at its first share"]
