"""The commit that broke a release is found by trying commits, and trying leaves no mark."""

from dataclasses import replace
from math import ceil, log2

import pytest
from door import Scene

from headway.analysis.model import Thresholds
from headway.engine.blaming import Blaming
from headway.engine.commands import Commands
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Commit
from headway.promotion.model import Approvals
from headway.releases.model import CheckSpec
from headway.rollout.phases import Phase
from headway.rollout.seen import CheckState
from headway.testing import NOON, FakeWorld, Script, sample_release, sample_stage
from headway.testing.checks import CheckScript
from headway.testing.sources import PLAIN

CHECKS = {name: CheckSpec(name, (f"./{name}",)) for name in ("smoke", "deep")}
QUICK = {"thresholds": Thresholds(mode="health"), "soak": 0.0}
BAD = "tally@1.1.0"


def commit_id(number: int) -> str:
    return f"{number:x}".rjust(2, "0").ljust(40, "a")


class Case(Scene):
    """1.0.0 is live everywhere; 1.1.0, some commits later, fails its deep check in production from one commit on."""

    def __init__(self, count: int = 8, culprit: int = 3, broken: tuple[int, ...] = ()) -> None:
        self.fake = FakeWorld()
        self.commands = Commands(self.fake.world)
        self.fake.pipelines.declared = [
            sample_stage("dev", checks=("smoke",), **QUICK),
            sample_stage("production", after=("dev",), checks=("smoke", "deep"), **QUICK),
        ]
        for number in range(count + 1):
            made = commit_id(number)
            self.fake.repository.commit(Commit(made, "ada", NOON, f"feat: {number}"))
            self.fake.pipelines.recipes["tally", made] = replace(PLAIN, checks=CHECKS)
        for number in broken:
            self.fake.builder.broken[commit_id(number)] = "a syntax error"
        for number in range(culprit + 1, count + 1):
            self.fails("deep", number)
        for version, number in (("1.0.0", 0), ("1.1.0", count)):
            made = replace(sample_release(version, checks=tuple(CHECKS.values())), commit=commit_id(number))
            self.fake.release(made)
            self.fake.checks.scripts["deep 1.1.0"] = CheckScript(CheckState.FAILED)
            for environment in ("dev", "production"):
                self.commands.promote(made.name, environment, "erin")
                self.settle(environment)

    def fails(self, check: str, number: int) -> None:
        self.fake.checks.scripts[f"{check} 1.1.0-blame.g{commit_id(number)[:10]}"] = CheckScript(CheckState.FAILED)

    def settle(self, environment: str) -> None:
        """Until nothing waits or runs there."""
        for _ in range(200):
            self.turn()
            there = self.fake.world.records.standings(place=Place("tally", environment), ended=False)
            if all(one.rollout.phase is Phase.COMPLETED for one in there):
                return
            self.fake.clock.pass_time(5)
        raise AssertionError("it does not settle")

    def blame(self, **asked: object) -> View:
        return Blaming(self.fake.world, self.commands).blame(BAD, "dana", **asked)  # type: ignore[arg-type]

    def found(self, **asked: object) -> View:
        """Asked again and again, each time by a Headway that knows nothing but the record."""
        view = self.blame(**asked)
        for _ in range(400):
            if view["state"] == "ended":
                self.settle("dev")
                return view
            self.turn()
            self.fake.clock.pass_time(1)
            view = self.blame(**{key: value for key, value in asked.items() if key != "again"})
        raise AssertionError("it does not end")

    def live(self, environment: str) -> str | None:
        return self.fake.world.records.place(Place("tally", environment)).live_release


@pytest.mark.parametrize(("count", "culprit"), [(1, 0), (2, 0), (2, 1), (5, 4), (8, 3), (9, 0), (13, 7)])
def test_the_culprit_is_found_by_halving_and_named_with_the_way_to_take_it_back(count: int, culprit: int) -> None:
    case = Case(count, culprit)
    view = case.found()
    (suspect,) = view["suspects"]  # type: ignore[misc]
    assert (suspect["commit"], suspect["revert"]) == (commit_id(culprit + 1), f"git revert {commit_id(culprit + 1)}")
    assert len(view["tried"]) <= ceil(log2(count)) + 1, "and one, to see that it shows there at all"  # type: ignore[arg-type]
    assert view["check"] == "deep"


def test_what_does_not_build_is_skipped_and_the_answer_is_honest() -> None:
    view = Case(8, 3, broken=(3, 4)).found()
    assert [one["commit"] for one in view["suspects"]] == [commit_id(3), commit_id(4), commit_id(5)]  # type: ignore[attr-defined]
    assert "one of these 3 broke it" in str(view["said"])
    skipped = [one for one in view["tried"] if one["answer"] == "skip"]  # type: ignore[attr-defined]
    assert all("does not build: " in one["why"] for one in skipped)


def test_what_fails_in_another_way_says_nothing_of_this_failure() -> None:
    case = Case(8, 5)
    case.fails("smoke", 5)
    view = case.found()
    (skipped,) = [one for one in view["tried"] if one["answer"] == "skip"]  # type: ignore[attr-defined]
    assert (skipped["commit"], "it failed in another way: smoke failed" in skipped["why"]) == (commit_id(5), True)
    assert [one["commit"] for one in view["suspects"]] == [commit_id(5), commit_id(6)]  # type: ignore[attr-defined]


def test_trying_leaves_no_mark_and_what_was_live_comes_back() -> None:
    case = Case()
    before = {environment: case.live(environment) for environment in ("dev", "production")}
    marks = case.fake.world.words.quarantines("tally")
    letters = len(case.fake.ledger.tables.letters)
    case.found()
    assert {environment: case.live(environment) for environment in ("dev", "production")} == before
    assert case.fake.world.words.quarantines("tally") == marks
    assert len(case.fake.ledger.tables.letters) == letters
    trials = [one for one in case.fake.world.releases.all("tally") if one.ref == "blame"]
    assert trials
    assert all(not case.fake.world.words.passed(one.digest, "tally") for one in trials)


def test_a_trial_opens_no_door_for_the_release_that_it_is_about() -> None:
    case = Case()
    case.blame()
    objections = case.commands.plan(BAD, "dev", "erin")["objections"]
    assert any("is in quarantine" in one for one in objections)  # type: ignore[attr-defined]
    trial = next(one for one in case.fake.world.releases.all("tally") if one.ref == "blame")
    asked = case.commands.plan(trial.name, "dev", "erin")["objections"]
    assert any("still contains" in one for one in asked)  # type: ignore[attr-defined]


def test_what_does_not_show_there_is_said_instead_of_searched_for() -> None:
    case = Case()
    for name in [name for name in case.fake.checks.scripts if "blame" in name]:
        del case.fake.checks.scripts[name]
    view = case.found()
    assert (view["suspects"], view["said"]) == ([], "it cannot be found out in dev: dev shows nothing wrong with 1.1.0")
    assert len(view["tried"]) == 1  # type: ignore[arg-type]


def test_an_answer_stands_until_somebody_wants_it_anew() -> None:
    case = Case()
    first = case.found()
    cut = len(case.fake.world.releases.all("tally"))
    assert case.blame() == first
    assert len(case.fake.world.releases.all("tally")) == cut
    assert case.found(again=True)["suspects"] == first["suspects"]


def test_whoever_aborts_a_trial_calls_it_off() -> None:
    case = Case()
    case.blame()
    case.commands.tell("abort", "dev", "frank", "we need dev")
    view = case.found()
    assert (view["suspects"], view["said"]) == ([], "called off: withdrawn by frank: we need dev")


def test_nothing_is_tried_where_people_are_asked_or_something_else_comes_before() -> None:
    case = Case()
    with pytest.raises(Refused, match="it comes after dev"):
        case.blame(environment="production")
    case.rules_of("dev", approvals=Approvals(1))
    with pytest.raises(Refused, match="there is no place to try commits in"):
        case.blame()


def test_a_release_that_was_not_rolled_back_has_nothing_against_it() -> None:
    case = Case()
    with pytest.raises(Refused, match=r"1\.0\.0 was not rolled back"):
        Blaming(case.fake.world, case.commands).blame("tally@1.0.0", "dana")


def test_what_only_traffic_shows_needs_a_check_that_shows_it() -> None:
    case = Case(4, 1)
    case.fake.checks.scripts["deep 1.1.0"] = CheckScript()
    case.commands.clear(BAD, "dana", "try again")
    case.commands.promote(BAD, "production", "erin")
    case.settle("production")
    case.commands.rollback("production", "dana", "customers say it is slow")
    case.settle("production")
    with pytest.raises(Refused, match="name a check that shows it"):
        case.blame()
    with pytest.raises(Refused, match="has no check slow that runs by itself"):
        case.blame(check="slow")
    assert [one["commit"] for one in case.found(check="deep")["suspects"]] == [commit_id(2)]  # type: ignore[attr-defined]


def test_where_only_the_settings_changed_no_commit_is_searched_for() -> None:
    case = Case(4, 1)
    again = replace(sample_release("1.0.1", checks=tuple(CHECKS.values())), commit=commit_id(0))
    case.fake.release(again)
    case.fake.checks.scripts["deep 1.0.1"] = CheckScript(CheckState.FAILED)
    for environment in ("dev", "production"):
        case.commands.promote(again.name, environment, "erin")
        case.settle(environment)
    with pytest.raises(Refused, match="look at what changed in its settings"):
        Blaming(case.fake.world, case.commands).blame(again.name, "dana")


def test_what_somebody_put_there_meanwhile_is_what_comes_back() -> None:
    case = Case(8, 6)
    while "blame" not in str(case.live("dev")):
        case.blame()
        case.turn()
        case.fake.clock.pass_time(1)
    fixed = replace(sample_release("1.2.0", checks=tuple(CHECKS.values())), commit=commit_id(0))
    case.fake.release(fixed)
    case.commands.promote(fixed.name, "dev", "erin")
    case.settle("dev")
    assert case.live("dev") == fixed.name
    assert case.found()["suspects"][0]["commit"] == commit_id(7)  # type: ignore[index]
    assert case.live("dev") == fixed.name


class Slipping(Case):
    """1.1.0 passed every check, and in production its users met errors from one commit on."""

    def __init__(self, count: int = 6, culprit: int = 2) -> None:
        super().__init__(count, culprit)
        self.commands.clear(BAD, "dana", "judged by its users instead")
        self.fake.checks.scripts.clear()
        self.fake.platform.requests = 20.0
        self.fake.platform.scripts |= {self.trial(number): FAILING for number in range(culprit + 1, count + 1)}
        judged = Thresholds(needs=50, min_time=5.0)
        self.rules_of("production", thresholds=judged, strategy="canary", weights=(10,), soak=10.0, checks=("smoke",))
        for name, instances in self.fake.platform.sites[Place("tally", "production")].groups.items():
            instances.script = FAILING if name.startswith("v1-1-0") else instances.script
        self.commands.promote(BAD, "production", "erin")
        self.settle("production")

    def trial(self, number: int) -> str:
        return f"1.1.0-blame.g{commit_id(number)[:10]}"


FAILING = Script(errors=0.2)


def test_what_its_users_saw_is_shown_again_by_requests_under_the_same_limits() -> None:
    case = Slipping()
    view = case.found()
    (suspect,) = view["suspects"]  # type: ignore[misc]
    assert (suspect["commit"], view["check"], view["path"]) == (commit_id(3), None, "/health")
    assert str(view["evidence"]).startswith("failed verdict in production: errors: ")
    assert {one["why"] for one in view["tried"] if one["answer"] == "good"} == {"/health is answered within the limits"}  # type: ignore[attr-defined]
    users = {run.effect.check.argv for run in case.fake.checks.runs.values() if run.effect.check.name == "users"}
    assert users == {("users", "/health", "20")}


def test_what_shows_elsewhere_than_at_its_health_is_asked_for_where_it_shows() -> None:
    case = Slipping(3, 1)
    case.found(path="/votes")
    assert ("users", "/votes", "20") in {run.effect.check.argv for run in case.fake.checks.runs.values()}


def test_where_no_request_arrives_nothing_is_called_good() -> None:
    case = Slipping(3, 1)
    case.fake.platform.requests = 0.0
    view = case.found()
    assert view["suspects"] == []
    assert "nothing can be told of it" in str(view["said"])
    assert case.live("dev") == "tally@1.1.0"


def test_a_path_has_a_meaning_only_where_traffic_is_judged() -> None:
    with pytest.raises(Refused, match="--path has no meaning"):
        Case().blame(path="/votes")
