"""Items that commands answer: run once for each artifact, bound to it, on the record, and never started twice."""

import pytest
from door import RELEASE, Scene

from headway.analysis.model import Thresholds
from headway.engine.itemruns import ItemRuns
from headway.environments.model import Place
from headway.errors import Refused, Unavailable
from headway.promotion.model import Command, Item
from headway.releases.model import CheckSpec
from headway.rollout.phases import Phase
from headway.rollout.seen import CheckState
from headway.testing import NOON, sample_release, sample_stage
from headway.testing.checks import CheckScript
from headway.trains.model import Timetable, Train

LOAD = Item("load", "it carries the load", command=Command(CheckSpec("load", ("./load.sh",), settings=("GREETING",))))


class Door(Scene):
    """Production asks for a load test before anything enters."""

    def __init__(self) -> None:
        super().__init__(checklist=(LOAD,))
        self.runs = ItemRuns(self.fake.world, self.commands)

    def wait(self, seconds: float = 5) -> None:
        """Time goes by, and the turn is taken."""
        self.runs.look()
        self.fake.clock.pass_time(seconds)
        self.runs.look()

    def answer(self) -> tuple[str, str]:
        (item,) = self.gating.checklist(RELEASE, "production")["items"]  # type: ignore[misc]
        return item["state"], item["said"]


@pytest.fixture
def door() -> Door:
    return Door()


def test_what_waits_is_tested_by_itself_and_starts_when_the_command_passed(door: Door) -> None:
    asked = door.commands.promote(RELEASE, "production", "erin")
    assert asked["waits"] == ["load on the checklist has no answer yet for 1.0.0: its command has not run yet"]
    door.wait()
    door.runs.look()
    assert door.answer() == ("open", "its command runs")
    door.wait()
    assert door.answer()[0] == "ticked"
    assert door.look()[0] is Phase.RUNNING
    (run,) = door.fake.checks.runs.values()
    assert (run.place, run.effect.workload.digest) == (Place("tally", "production"), sample_release().digest)
    said = [one.event.what for one in door.fake.world.records.events(f"release:{RELEASE}")]
    assert said == ["cut", "asked for load for production", "load passed for production"]


def test_a_failed_command_objects_with_its_last_words_and_its_log(door: Door) -> None:
    door.fake.checks.scripts["load"] = CheckScript(CheckState.FAILED)
    door.commands.promote(RELEASE, "production", "erin")
    for _ in range(4):
        door.wait()
    assert door.objections() == ["load on the checklist failed for 1.0.0: load failed after 3 s (log: load.log)"]
    assert len(door.fake.checks.runs) == 1, "bad news is not asked for again until it suits"


def test_a_person_may_have_it_run_again_but_cannot_tick_it(door: Door) -> None:
    door.fake.checks.scripts["load"] = CheckScript(CheckState.FAILED)
    door.commands.promote(RELEASE, "production", "erin")
    for _ in range(3):
        door.wait()
    with pytest.raises(Refused, match=r"answered by a machine: \./load\.sh; to have it run again: headway checklist run"):
        door.gating.tick_item(RELEASE, "production", "load", "dana")
    door.fake.checks.scripts["load"] = CheckScript()
    assert door.runs.run(RELEASE, "production", "load", "dana")["number"] == 2
    assert door.runs.run(RELEASE, "production", "load", "dana")["new"] is False, "one run at a time"
    for _ in range(2):
        door.wait()
    assert door.answer()[0] == "ticked"


def test_it_may_be_run_before_anybody_asks_for_the_promotion(door: Door) -> None:
    door.runs.look()
    assert door.fake.checks.runs == {}, "nothing waits, so nothing is tested unasked"
    door.runs.run(RELEASE, "production", "load", "dana")
    for _ in range(2):
        door.wait()
    assert door.commands.promote(RELEASE, "production", "erin")["waits"] == []


def test_trouble_on_our_side_is_no_answer_and_is_tried_again_but_not_for_ever(door: Door) -> None:
    door.fake.checks.scripts["load"] = CheckScript(CheckState.ERRORED)
    door.commands.promote(RELEASE, "production", "erin")
    for _ in range(20):
        door.wait(31)
    assert len(door.fake.checks.runs) == 3
    assert door.answer() == ("open", "load errored after 3 s")


def test_a_server_that_dies_at_any_point_starts_nothing_twice(door: Door) -> None:
    def die(_: str) -> None:
        raise Unavailable("gone")

    door.commands.promote(RELEASE, "production", "erin")
    door.runs.look()
    door.fake.checks.interrupt = die
    door.runs.look()
    door.fake.checks.interrupt = lambda _: None
    for _ in range(3):
        door.wait()
    assert [len(door.fake.checks.runs), *door.fake.checks.asked.values()] == [1, 1]
    assert door.answer()[0] == "ticked"


def test_another_artifact_is_another_answer(door: Door) -> None:
    door.commands.promote(RELEASE, "production", "erin")
    for _ in range(3):
        door.wait()
    door.fake.release(sample_release("1.1.0"))
    assert door.gating.checklist("tally@1.1.0", "production")["open"] == 1


def test_it_is_run_against_the_stage_before_once_the_release_is_live_there(door: Door) -> None:
    (production,) = door.fake.pipelines.declared
    door.fake.pipelines.declared = [sample_stage("staging", thresholds=Thresholds(mode="health"), soak=0), production]
    door.rules_of("production", after=("staging",))
    door.commands.promote(RELEASE, "production", "erin")
    door.runs.look()
    with pytest.raises(Refused, match="runs against staging once this release is live there; now it is nothing"):
        door.runs.run(RELEASE, "production", "load", "dana")
    assert door.objections()[-1].endswith("its command runs against staging once this release is live there; now it is nothing")
    assert door.fake.checks.runs == {}
    door.commands.promote(RELEASE, "staging", "erin")
    door.complete(Place("tally", "staging"))
    for _ in range(3):
        door.wait()
    (run,) = door.fake.checks.runs.values()
    assert run.place == Place("tally", "staging")
    assert run.effect.workload.configuration.values["GREETING"] == "staging"


def test_what_rides_on_a_train_is_tested_before_the_departure(door: Door) -> None:
    door.fake.pipelines.timetables = [Timetable("weekly", "tally", "0 10 * * tue", "UTC", 86400, "production")]
    riding = Train("weekly", "tally", NOON, NOON, "ongoing", sample_release().commit, RELEASE)
    door.fake.world.trains.save(riding, None, ())
    for _ in range(3):
        door.wait()
    assert door.answer()[0] == "ticked"
