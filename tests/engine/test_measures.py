"""What a server counts of what it writes down."""

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.measures import Counted, Measures
from headway.engine.worker import Worker
from headway.errors import Unavailable
from headway.promotion.model import Approvals
from headway.rollout.phases import ENDED
from headway.testing import FakeWorld, sample_release, sample_stage
from headway.testing.scripts import ERRORS, GOOD


class Story:
    """A world whose rollouts a worker turns, and counts."""

    def __init__(self, **rules: object) -> None:
        self.fake = FakeWorld()
        self.fake.platform.requests = 50.0
        canary = {"strategy": "canary", "weights": (10, 50), "soak": 2.0, "keep_warm": 0.0, "thresholds": Thresholds(min_time=3.0)}
        self.fake.pipelines.declared = [sample_stage("production", **canary | rules)]
        self.measures = Measures()
        object.__setattr__(self.fake.world, "rollouts", Counted(self.fake.world.rollouts, self.measures))
        tokens = (f"t{number}" for number in range(10**6))
        self.worker = Worker(self.fake.world, tokens.__next__, measures=self.measures)
        self.commands = Commands(self.fake.world)

    def bring(self, version: str, *, good: bool = True) -> None:
        """Release it to production, and turn until that has ended."""
        self.fake.platform.scripts[version] = GOOD if good else ERRORS
        self.fake.release(sample_release(version, at=self.fake.clock.now()))
        self.commands.promote(version, "production", "ada")
        self.turn()

    def turn(self, turns: int = 400) -> None:
        for _ in range(turns):
            self.worker._claim()
            for item in self.worker._due():
                self.worker._turn(item)
            if all(one.rollout.phase in ENDED for one in self.fake.world.records.standings()):
                return
            self.fake.clock.pass_time(0.25)

    def counted(self, what: str) -> dict[str, int]:
        return {" ".join(value for _, value in labels): number for labels, number in self.measures.counts(what).items()}


def test_what_ended_is_counted_by_environment_and_how() -> None:
    story = Story()
    story.bring("1.0.0")
    story.bring("1.1.0")
    assert story.counted("ended") == {"production completed": 2}
    assert story.counted("verdicts") == {"production advance": 4}, "after the soak; at 10 %, at 50 %, and after the soak"
    assert story.counted("rollbacks") == {}
    assert story.measures.turns().count > 10


def test_a_release_that_fails_its_verdict_is_a_verdict_and_a_rollback() -> None:
    story = Story()
    story.bring("1.0.0")
    story.bring("1.1.0", good=False)
    assert story.counted("verdicts") == {"production advance": 1, "production roll back": 1}
    assert story.counted("rollbacks") == {"production failed verdict": 1}
    assert story.counted("ended") == {"production completed": 1, "production rolled back": 1}


def test_a_way_back_that_a_person_asked_for_is_one_too() -> None:
    story = Story()
    story.bring("1.0.0")
    story.bring("1.1.0")
    story.commands.rollback("production", "bob", "checkout is slow")
    story.turn()
    assert story.counted("rollbacks") == {"production asked for": 1}


def test_one_that_waits_and_is_taken_over_by_a_newer_one_counts_as_cancelled() -> None:
    story = Story(approvals=Approvals(1), newer="supersedes")
    for version in ("1.0.0", "1.1.0"):
        story.fake.release(sample_release(version, at=story.fake.clock.now()))
        story.commands.promote(version, "production", "ada")
    assert story.counted("ended") == {"production cancelled": 1}
    assert [(one.environment, one.phase, one.count) for one in story.fake.world.records.tally()] == [("production", "pending", 1)]


def test_trouble_that_is_not_the_releases_is_counted() -> None:
    story = Story()
    story.fake.release(sample_release("1.0.0"))
    story.commands.promote("1.0.0", "production", "ada")

    def act(*_: object) -> None:
        raise Unavailable("the cluster does not answer")

    story.fake.platform.act = act  # type: ignore[method-assign]
    story.turn(2)
    assert story.counted("troubles") == {"production": 1}


def test_turns_are_told_apart_by_how_long_they_took() -> None:
    measures = Measures()
    for seconds in (0.004, 0.06, 0.06, 7.0, 70.0):
        measures.turned(seconds)
    turns = measures.turns()
    assert (turns.count, round(turns.seconds, 3)) == (5, 77.124)
    assert turns.within == (1, 1, 1, 3, 3, 3, 3, 3, 3, 4)
