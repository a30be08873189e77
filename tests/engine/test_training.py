"""Trains from the timetable to production, in virtual time; hotfixes from what is live into every line."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.controller import turn
from headway.engine.hotfixing import Hotfixing
from headway.engine.training import Training
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Commit
from headway.promotion.model import Approvals, Freeze, Trigger
from headway.promotion.windows import Dated
from headway.rollout.phases import Phase
from headway.testing import NOON, FakeWorld, sample_release, sample_stage
from headway.trains.model import Phase as TrainPhase
from headway.trains.model import Timetable

# NOON is Tuesday 2030-01-01 12:00 UTC.
DEPARTS = NOON + timedelta(days=2)
WEEKLY = Timetable("weekly", "tally", "0 12 * * thu", "UTC", 86400.0, "production", grace=3600.0)
EASY = {"thresholds": Thresholds(mode="health"), "soak": 0}


class Scene:
    """main with one commit, staging and production, and the world's clock."""

    def __init__(self, timetable: Timetable = WEEKLY, **rules: object) -> None:
        self.fake = FakeWorld()
        self.fake.pipelines.declared = [
            sample_stage("staging", trigger=Trigger(merge="main"), **EASY),
            sample_stage("production", after=("staging",), **{**EASY, **rules}),
        ]
        self.fake.pipelines.timetables = [timetable]
        self.commit("c1", "feat: the first")
        self.commands = Commands(self.fake.world)
        self.training = Training(self.fake.world, self.commands)
        self.hotfixing = Hotfixing(self.fake.world, self.commands)

    def commit(self, name: str, subject: str, branch: str = "main") -> str:
        made = name.encode().hex().ljust(40, "0")[:40]
        return self.fake.repository.commit(Commit(made, "ada", self.fake.clock.now(), subject), branch=branch)

    def at(self, when: datetime) -> None:
        """Let time go by, with everybody turning on the way."""
        while self.fake.clock.now() < when:
            now = self.fake.clock.now()
            self.fake.clock.go_to(min(when, now + timedelta(minutes=20), DEPARTS if now < DEPARTS else when))
            self.turn()

    def turn(self) -> None:
        self.training.look()
        for _ in range(60):
            now = self.fake.clock.now()
            for held in self.fake.world.rollouts.claim(now, now + timedelta(seconds=15), "me", 10):
                turned = turn(held, now - timedelta(hours=1), self.fake.world)  # saved long ago: what it finds is kept
                if turned.held is not None:
                    self.fake.ledger.tables.rows[held.rollout.id].lease_until = now
            self.fake.clock.pass_time(0.1)

    def trains(self) -> list[dict[str, object]]:
        found = self.training.trains()["trains"]
        assert isinstance(found, list)
        return found

    def train(self, state: str) -> dict[str, object]:
        return next(one for one in self.trains() if one["state"] == state)

    def live(self, environment: str) -> str | None:
        return self.fake.world.records.place(Place("tally", environment)).live_release

    def rules(self, **rules: object) -> None:
        staging, production = self.fake.pipelines.declared
        self.fake.pipelines.declared = [staging, replace(production, **rules)]  # type: ignore[arg-type]


def test_a_train_is_cut_passes_staging_and_departs_on_time() -> None:
    scene = Scene()
    scene.at(NOON + timedelta(hours=1))
    assert (scene.train("upcoming")["departs"], scene.train("upcoming")["release"]) == (DEPARTS.isoformat(), None)
    scene.at(DEPARTS - timedelta(hours=23))
    cut = scene.train("ongoing")
    assert scene.live("staging") == cut["release"]
    assert scene.live("production") is None
    scene.commit("c2", "feat: after the cut")
    scene.at(DEPARTS + timedelta(minutes=30))
    assert scene.live("production") == cut["release"]
    assert scene.train("departed")["train"] == cut["train"]
    assert scene.training.trains()["on_time"]["rate"] == 1.0  # type: ignore[index]
    assert scene.train("upcoming")["departs"] == (DEPARTS + timedelta(days=7)).isoformat()
    events = [one.event.what for one in scene.fake.world.records.events(f"train:{cut['train']}")]
    assert events == ["scheduled", "cut", f"departed with {cut['release']} for production"]


def test_a_train_that_lacks_an_approval_is_held_and_leaves_with_it() -> None:
    scene = Scene(approvals=Approvals(needed=1, people=("bob",)))
    scene.at(DEPARTS + timedelta(minutes=10))
    held = scene.train("held")
    assert held["objections"] == [f"{str(held['release']).partition('@')[2]} needs 1 more approval from bob"]
    scene.commands.approve(str(held["release"]), "production", "bob")
    scene.at(DEPARTS + timedelta(minutes=40))
    assert scene.live("production") == held["release"]
    assert scene.training.trains()["on_time"]["late"] == 1  # type: ignore[index]


def test_a_held_train_slips_when_its_grace_is_over_and_the_next_carries_it() -> None:
    scene = Scene(approvals=Approvals(needed=1, people=("bob",)))
    scene.at(DEPARTS + timedelta(hours=2))
    slipped = scene.train("slipped")
    assert "held for 3600 s, and no longer" in slipped["reasons"]  # type: ignore[operator]
    assert scene.live("production") is None
    assert slipped["commit"] in scene.train("upcoming")["carried"]  # type: ignore[operator]


def test_a_departure_into_a_freeze_is_foretold() -> None:
    frozen = Freeze("new year", Dated(datetime(2030, 1, 3), datetime(2030, 1, 5)))
    scene = Scene(freezes=(frozen,))
    scene.at(NOON + timedelta(hours=1))
    assert scene.train("upcoming")["objections"] == ["production will be frozen by new year then, until 2030-01-05T00:00:00+00:00"]


def test_a_late_change_boards_with_the_yes_of_another_and_what_rides_changes() -> None:
    scene = Scene()
    scene.at(DEPARTS - timedelta(hours=20))
    before = scene.train("ongoing")["release"]
    fix = scene.commit("c2", "fix: totals")
    with pytest.raises(Refused, match="has not been asked for yet"):
        scene.training.board(fix, "bob")
    asked = scene.training.board(fix, "alice", "totals are wrong", "fix")
    assert asked["waits"] == [f"{fix[:10]} needs 1 more to say yes in cut, other than alice"]
    assert scene.training.board(fix, "alice")["boarded"] is False
    boarded = scene.training.board(fix, "bob")
    assert boarded["boarded"] is True
    assert boarded["release"] != before
    scene.at(DEPARTS + timedelta(minutes=30))
    assert scene.live("production") == boarded["release"]


def test_nothing_boards_by_the_yes_of_the_revoked() -> None:
    scene = Scene(revoked=("bob",))
    scene.at(DEPARTS - timedelta(hours=20))
    fix = scene.commit("c2", "fix: totals")
    scene.training.board(fix, "alice", "totals are wrong", "fix")
    assert scene.training.board(fix, "bob")["boarded"] is False
    assert scene.training.board(fix, "carol")["boarded"] is True


def test_what_does_not_fit_stays_off_and_says_where_it_conflicts() -> None:
    scene = Scene()
    scene.at(DEPARTS - timedelta(hours=20))
    fix = scene.commit("c2", "fix: totals")
    scene.training.board(fix, "alice", "totals are wrong", "fix")
    scene.fake.repository.conflicts["train/weekly/2030-01-03-1200", fix] = ("app.py",)
    with pytest.raises(Refused, match=r"it conflicts in app\.py"):
        scene.training.board(fix, "bob")
    assert scene.train("ongoing")["aboard_late"] == []


def test_late_changes_are_thrown_out_of_a_train_that_is_not_good_to_go() -> None:
    scene = Scene(replace(WEEKLY, missed="eject"))
    scene.at(DEPARTS - timedelta(hours=20))
    first = scene.train("ongoing")["release"]
    fix = scene.commit("c2", "fix: totals")
    scene.training.board(fix, "alice", "totals are wrong", "fix")
    late = scene.training.board(fix, "bob")
    scene.commands.withdraw(str(late["release"]), "carol", "it leaks")
    scene.at(DEPARTS + timedelta(hours=1))
    gone = scene.train("departed")
    assert gone["release"] == first
    assert "was withdrawn: it leaks" in gone["late"][0]["ejected"]  # type: ignore[index]
    assert scene.live("production") == first
    assert scene.train("upcoming")["carried"] == [fix]


def test_people_say_go_and_a_no_go_holds_it() -> None:
    scene = Scene(replace(WEEKLY, go_needed=1, go_people=("dana", "frank")))
    scene.at(DEPARTS - timedelta(hours=2))
    assert "waits for 1 more to say go: dana, frank" in str(scene.train("ongoing")["objections"])
    scene.training.go("dana")
    with pytest.raises(Refused, match="a no-go needs a reason"):
        scene.training.go("frank", go=False)
    scene.training.go("frank", go=False, why="the queue is full")
    scene.at(DEPARTS + timedelta(minutes=10))
    assert scene.train("held")["objections"] == ["frank says no-go: the queue is full"]
    scene.training.go("frank")
    scene.at(DEPARTS + timedelta(minutes=50))
    assert scene.live("production") is not None


def test_a_go_is_void_once_something_else_rides_and_the_record_says_so() -> None:
    scene = Scene(replace(WEEKLY, go_needed=1, go_people=("dana",)))
    scene.at(DEPARTS - timedelta(hours=20))
    fix = scene.commit("c2", "fix: totals")
    scene.training.board(fix, "alice", "totals are wrong", "fix")
    cut = scene.train("ongoing")
    went = scene.training.go("dana")
    assert (went["objections"], went["calls"][0]["release"], went["calls"][0]["void"]) == ([], cut["release"], None)  # type: ignore[index]
    board = scene.training.board(fix, "bob")
    void = f"dana's go was for {cut['release']}, before {fix[:10]} boarded"
    assert f"{cut['train']} waits for 1 more to say go: dana; {void}" in board["objections"]  # type: ignore[operator]
    assert board["calls"][0]["void"] == void  # type: ignore[index]
    scene.at(DEPARTS - timedelta(hours=1))
    with pytest.raises(Refused, match=f"{fix[:10]} boarded"):
        scene.training.depart("alice")
    told = [one.event for one in scene.fake.world.records.events(f"train:{cut['train']}")]
    assert [one.what for one in told if "dana" in (one.who, one.what[:4])] == ["said go", "dana's go is void"]
    said, voided = (next(one for one in told if one.what == what) for what in ("said go", "dana's go is void"))
    assert said.data["release"] == cut["release"]
    assert said.data["rides"] != board["rides"]
    assert voided.why == (void,)
    scene.at(DEPARTS + timedelta(minutes=10))
    assert scene.live("production") is None
    scene.training.go("dana")
    scene.at(DEPARTS + timedelta(minutes=50))
    assert scene.live("production") == board["release"]


def test_who_went_for_late_changes_is_asked_again_when_they_are_thrown_out() -> None:
    scene = Scene(replace(WEEKLY, missed="eject", go_needed=1, go_people=("dana",)))
    scene.at(DEPARTS - timedelta(hours=20))
    fix = scene.commit("c2", "fix: totals")
    scene.training.go("dana")
    scene.training.board(fix, "alice", "totals are wrong", "fix")
    late = scene.training.board(fix, "bob")
    scene.training.go("dana")
    scene.commands.withdraw(str(late["release"]), "carol", "it leaks")
    scene.at(DEPARTS + timedelta(minutes=30))
    held = scene.train("held")
    assert held["objections"] == [
        f"{held['train']} waits for 1 more to say go: dana; dana's go was for {late['release']}, before {fix[:10]} was ejected"
    ]


def test_a_yes_to_a_late_change_does_not_outlast_its_words() -> None:
    scene = Scene(replace(WEEKLY, phases=(TrainPhase("freeze", 86400.0, "fixes", 2),)))
    scene.at(DEPARTS - timedelta(hours=20))
    fix = scene.commit("c2", "fix: totals")
    scene.training.board(fix, "alice", "a typo", "fix")
    scene.training.board(fix, "bob")
    again = scene.training.board(fix, "alice", "another way to pay", "blocker")
    assert again["waits"] == [
        f"{fix[:10]} needs 2 more to say yes in freeze, other than alice (0 of 2); it was asked for in other words when bob said yes"
    ]
    assert scene.training.board(fix, "carol")["boarded"] is False
    told = [one.event for one in scene.fake.world.records.events(f"train:{again['train']}")]
    reworded = [one for one in told if one.what == f"asked for {fix[:10]} to board late"][-1]
    assert reworded.why == ("another way to pay", "no longer a fix: a typo; the yes of bob was to that and counts no more")
    assert scene.training.board(fix, "bob")["boarded"] is True
    late = scene.training.board(fix, "mallory", "something else", "feature")["late"]
    assert [(one["kind"], one["why"], one["approved"]) for one in late] == [("blocker", "another way to pay", ["carol", "bob"])]  # type: ignore[attr-defined]


def test_a_train_can_be_cut_and_sent_early_but_not_against_an_objection() -> None:
    scene = Scene()
    scene.training.cut_now("alice")
    with pytest.raises(Refused, match="cannot depart"):
        scene.training.depart("alice")
    scene.at(NOON + timedelta(hours=1))
    assert scene.training.depart("alice")["state"] == "departed"
    scene.turn()
    scene.at(NOON + timedelta(hours=2))
    assert scene.live("production") is not None


def test_a_death_between_the_record_and_the_deed_is_made_good() -> None:
    scene = Scene()
    scene.at(DEPARTS - timedelta(minutes=1))
    asked = scene.commands.promote

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    scene.commands.promote = dies  # type: ignore[method-assign,assignment]
    scene.fake.clock.go_to(DEPARTS)
    with pytest.raises(KeyboardInterrupt):
        scene.training.look()
    assert scene.train("departed")["release"] is not None
    scene.commands.promote = asked  # type: ignore[method-assign]
    scene.at(DEPARTS + timedelta(minutes=40))
    assert scene.live("production") == scene.train("departed")["release"]
    assert len(scene.fake.world.records.standings(place=Place("tally", "production"))) == 1


@pytest.mark.parametrize("state", ["slipped", "cancelled"])
def test_people_may_end_a_train_for_a_reason(state: str) -> None:
    scene = Scene()
    scene.training.cut_now("alice")
    with pytest.raises(Refused, match="that needs a reason"):
        scene.training.end(state, "alice")
    assert scene.training.end(state, "alice", "the office moves")["reasons"] == ["alice: the office moves"]
    scene.at(DEPARTS + timedelta(hours=1))
    assert scene.live("production") is None


def test_a_phase_s_gates_keep_the_train() -> None:
    from headway.promotion.model import Gate

    closed = Gate("nobody", "false")
    scene = Scene(replace(WEEKLY, phases=(TrainPhase("freeze", 3600.0, "none", 2, (closed,)),)))
    scene.at(DEPARTS + timedelta(minutes=10))
    assert "the gate nobody is closed" in str(scene.train("held")["objections"])


def test_the_calendar_has_the_departures() -> None:
    assert "DTSTART:20300103T120000Z" in str(Scene().training.calendar()["calendar"])


# -- hotfixes


def shipped() -> Scene:
    """1.0.0 is live; main went on."""
    scene = Scene()
    scene.fake.release(replace(sample_release("1.0.0"), commit=scene.fake.repository.heads["main"]))
    for environment in ("staging", "production"):
        scene.commands.promote("tally@1.0.0", environment, "erin")
        scene.at(scene.fake.clock.now() + timedelta(minutes=40))
    assert scene.live("production") == "tally@1.0.0"
    scene.commit("c9", "feat: much later")
    return scene


def test_a_hotfix_goes_from_what_is_live_on_the_shorter_path_and_forward() -> None:
    scene = shipped()
    staging, production = scene.fake.pipelines.declared
    scene.fake.pipelines.declared = [staging, replace(production, skipped=("staging",))]
    started = scene.hotfixing.start("alice", "customers cannot pay")
    assert (started["branch"], started["skips"]) == ("hotfix/1.0.0-1", ["staging"])
    with pytest.raises(Refused, match="has no commit yet"):
        scene.hotfixing.ship("alice")
    with pytest.raises(Refused, match=r"fixes tally@1\.0\.0 already"):
        scene.hotfixing.start("carol", "me too")
    fix = scene.commit("f1", "fix: payments", "hotfix/1.0.0-1")
    out = scene.hotfixing.ship("alice")
    assert out["release"] == "tally@1.0.1"
    assert [(one["environment"], one["waits"]) for one in out["asked"]] == [  # type: ignore[attr-defined]
        ("production", ["1.0.1 needs 1 more approval from anybody but ada and alice"])
    ]
    with pytest.raises(Refused, match="somebody else approves it"):
        scene.commands.approve("tally@1.0.1", "production", "ada")
    scene.commands.approve("tally@1.0.1", "production", "bob")
    scene.at(scene.fake.clock.now() + timedelta(minutes=40))
    assert scene.live("production") == "tally@1.0.1"
    assert scene.hotfixing.status()["hotfixes"][0]["open"] == ["main"]  # type: ignore[index]
    done = scene.hotfixing.finish("alice")
    assert done["finished"] is not None
    assert scene.fake.repository.contains(scene.fake.repository.heads["main"], fix)


def test_a_release_from_a_branch_that_is_only_called_a_hotfix_skips_nothing() -> None:
    scene = shipped()
    scene.rules(skipped=("staging",))
    commit = scene.commit("x1", "feat: sneaky", "hotfix/mine")
    scene.fake.ledger.releases.add(replace(sample_release("1.0.7"), commit=commit, ref="hotfix/mine"), ())
    assert "1.0.7 has not passed staging" in str(scene.commands.plan("tally@1.0.7", "production", "erin")["objections"])


def test_a_conflict_stays_open_until_a_person_has_merged_it() -> None:
    scene = shipped()
    scene.hotfixing.start("alice", "customers cannot pay")
    fix = scene.commit("f1", "fix: payments", "hotfix/1.0.0-1")
    scene.hotfixing.ship("alice")
    scene.fake.repository.conflicts["main", fix] = ("app.py",)
    stuck = scene.hotfixing.finish("alice")
    assert (stuck["finished"], stuck["lines"][0]["done"], stuck["lines"][0]["conflict"]) == (None, None, ["app.py"])  # type: ignore[index]
    head = scene.fake.repository.heads["main"]
    by_hand = Commit("d" * 40, "alice", NOON, "Merge the hotfix by hand")
    scene.fake.repository.commit(by_hand, head, fix, branch="main")
    (seen,) = scene.hotfixing.status()["hotfixes"]  # type: ignore[misc]
    assert (seen["open"], seen["lines"][0]["done"]) == ([], "d" * 40)
    assert seen["finished"] is None, "it has not gone out yet"


def test_a_fix_that_was_picked_commit_by_commit_is_forward_once_all_of_it_is() -> None:
    scene = shipped()
    scene.hotfixing.start("alice", "customers cannot pay")
    first = scene.commit("f1", "fix: payments", "hotfix/1.0.0-1")
    second = scene.commit("f2", "fix: receipts", "hotfix/1.0.0-1")
    scene.hotfixing.ship("alice")
    repository = scene.fake.repository
    repository.conflicts["main", second] = ("app.py",)
    scene.hotfixing.finish("alice")
    repository.patches[scene.commit("m1", "fix: payments")] = first
    (half,) = scene.hotfixing.status()["hotfixes"]  # type: ignore[misc]
    assert half["lines"] == [{"branch": "main", "done": None, "picked": False, "lacks": [second], "conflict": ["app.py"]}]
    adapted = scene.commit("m2", "fix: receipts, as they are here")
    repository.picked[adapted] = (second,)
    (done,) = scene.hotfixing.status()["hotfixes"]  # type: ignore[misc]
    assert (done["open"], done["lines"][0]["done"], done["lines"][0]["picked"]) == ([], adapted, True)


def test_a_hotfix_that_is_given_up_says_why_and_makes_room_for_another() -> None:
    scene = shipped()
    scene.hotfixing.start("alice", "customers cannot pay")
    with pytest.raises(Refused, match="without a reason"):
        scene.hotfixing.drop("alice", " ")
    given_up = scene.hotfixing.drop("alice", "it was the bank")
    assert (given_up["finished"] is not None, given_up["dropped"]) == (True, "it was the bank")
    assert scene.hotfixing.start("carol", "they still cannot")["branch"] == "hotfix/1.0.0-2"


def test_a_line_that_came_since_is_open_too() -> None:
    scene = shipped()
    scene.hotfixing.start("alice", "customers cannot pay")
    scene.commit("f1", "fix: payments", "hotfix/1.0.0-1")
    scene.hotfixing.ship("alice")
    scene.fake.repository.create("1.0.x", scene.fake.repository.heads["main"])
    assert scene.hotfixing.status()["hotfixes"][0]["open"] == ["1.0.x", "main"]  # type: ignore[index]


def test_nothing_live_is_nothing_to_fix() -> None:
    with pytest.raises(Refused, match="nothing of tally is live"):
        Scene().hotfixing.start("alice", "x")


def test_what_runs_goes_on_when_a_train_is_held() -> None:
    scene = shipped()
    assert all(
        one.rollout.phase is Phase.COMPLETED for one in scene.fake.world.records.standings() if one.rollout.phase is not Phase.CANCELLED
    )
