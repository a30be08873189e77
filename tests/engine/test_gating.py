"""Freezes, checklists, advice and questions, from the file's rules to a rollout that waits or starts."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from door import RELEASE, Scene

from headway.analysis.lately import Lately
from headway.analysis.model import Thresholds
from headway.engine.controller import turn
from headway.environments.model import Place
from headway.errors import Refused
from headway.promotion.model import Advisory, Approvals, BreakGlass, Freeze, Gate, Item
from headway.promotion.windows import Dated
from headway.rollout.phases import Phase
from headway.testing import NOON, sample_release

FROZEN = Freeze("inventory", Dated(datetime(2020, 1, 1), (NOON + timedelta(hours=2)).replace(tzinfo=None)), why="we count")


@pytest.fixture
def scene() -> Scene:
    return Scene(freezes=(FROZEN,), break_glass=BreakGlass(("dana",), within=600), notify=("oncall",))


def test_a_frozen_release_waits_and_starts_by_itself_at_the_opening(scene: Scene) -> None:
    asked = scene.commands.promote(RELEASE, "production", "erin")
    assert asked["waits"] == ["production is frozen by inventory (we count) until Mon 2026-03-02 14:00 UTC"] or "frozen" in str(
        asked["waits"]
    )
    assert scene.look()[0] is Phase.PENDING
    (row,) = scene.fake.ledger.tables.rows.values()
    assert row.due == NOON + timedelta(hours=2)
    scene.fake.clock.pass_time(7200)
    assert scene.look()[0] is Phase.RUNNING


def test_a_rollout_in_flight_is_not_stopped_by_a_freeze_that_begins(scene: Scene) -> None:
    scene.rules(freezes=())
    scene.commands.promote(RELEASE, "production", "erin")
    assert scene.look()[0] is Phase.RUNNING
    scene.rules(freezes=(FROZEN,))
    scene.fake.clock.pass_time(20)
    assert scene.look()[0] is Phase.RUNNING


def test_a_way_back_starts_while_everything_is_frozen(scene: Scene) -> None:
    scene.rules(freezes=(), thresholds=Thresholds(mode="health"), soak=0)
    place = Place("tally", "production")
    lives = scene.fake.ledger.tables
    for version in ("1.0.0", "1.1.0"):
        if version != "1.0.0":
            scene.fake.release(sample_release(version))
        scene.commands.promote(f"tally@{version}", "production", "erin")
        scene.complete(place)
    assert lives.place(place).live_release == "tally@1.1.0"
    scene.rules(freezes=(FROZEN,))
    scene.commands.rollback("production", "erin")
    now = scene.fake.clock.now()
    (held,) = [
        one for one in scene.fake.world.rollouts.claim(now, now + timedelta(seconds=15), "me", 10) if one.rollout.kind.value == "rollback"
    ]
    turn(held, now, scene.fake.world)
    found = scene.fake.world.records.standing(held.rollout.id)
    assert found is not None
    assert found.rollout.phase is not Phase.PENDING


def test_breaking_the_glass_starts_what_waits_is_on_the_record_and_is_loud(scene: Scene) -> None:
    scene.commands.promote(RELEASE, "production", "erin")
    scene.look()
    view = scene.gating.override(RELEASE, "production", "dana", "customers cannot pay")
    assert (view["freezes"], view["waits"], view["told"]) == (["inventory"], [], ["oncall"])
    assert scene.look()[0] is Phase.RUNNING
    event = next(one.event for one in scene.fake.world.records.events(f"release:{RELEASE}") if "glass" in one.event.what)
    assert (event.who, event.why, event.data["freezes"]) == ("dana", ("customers cannot pay",), ["inventory"])
    told = [letter.notice for letter in scene.fake.ledger.tables.letters.values() if "glass" in letter.notice.title]
    assert [(one.target, one.text) for one in told] == [("oncall", "customers cannot pay")]


def test_breaking_the_glass_lifts_no_approval(scene: Scene) -> None:
    scene.rules(approvals=Approvals(needed=1, people=("bob",)))
    scene.gating.override(RELEASE, "production", "dana", "customers cannot pay")
    assert scene.objections() == ["1.0.0 needs 1 more approval from bob"]


def test_who_may_not_break_the_glass_is_refused_and_leaves_no_trace(scene: Scene) -> None:
    with pytest.raises(Refused, match="erin may not break the glass; these may: dana"):
        scene.gating.override(RELEASE, "production", "erin", "hurry")
    assert scene.fake.world.statements.statements(RELEASE, "production") == ()
    assert "frozen" in scene.objections()[0]


def test_a_changed_configuration_needs_a_new_override(scene: Scene) -> None:
    scene.gating.override(RELEASE, "production", "dana", "customers cannot pay")
    assert scene.objections() == []
    (stage,) = scene.fake.pipelines.declared
    scene.rules(environment=replace(stage.environment, configuration=replace(stage.environment.configuration, digest="another")))
    assert "frozen" in scene.objections()[0]


def test_what_keeps_automation_out_lets_a_person_take_its_place() -> None:
    scene = Scene(freezes=(replace(FROZEN, binds=("automation",)),))
    first = scene.commands.promote(RELEASE, "production", "erin", automatic=True)
    assert "frozen" in str(first["waits"])
    assert scene.look()[0] is Phase.PENDING
    second = scene.commands.promote(RELEASE, "production", "erin")
    assert second["rollout"] != first["rollout"]
    assert second["waits"] == []
    gone = scene.fake.world.records.standing(str(first["rollout"]))
    assert gone is not None
    assert gone.rollout.phase is Phase.CANCELLED
    assert scene.look()[0] is Phase.RUNNING


def test_a_freeze_may_stop_approvals() -> None:
    scene = Scene(freezes=(replace(FROZEN, stops=("approve",)),), approvals=Approvals(needed=1))
    with pytest.raises(Refused, match="production is frozen to approve for by inventory"):
        scene.commands.approve(RELEASE, "production", "bob")


def test_freezes_are_listed_with_when_they_end_or_begin(scene: Scene) -> None:
    (one,) = scene.gating.freezes()["freezes"]  # type: ignore[misc]
    assert (one["name"], one["in_force"], one["until"], one["environments"]) == (
        "inventory",
        True,
        (NOON + timedelta(hours=2)).isoformat(),
        ["production"],
    )


def test_every_item_must_be_ticked_and_the_rollout_starts_with_the_last() -> None:
    scene = Scene(checklist=(Item("notes", "the notes are written"), Item("load", "it carries the load", people=("quinn",))))
    scene.commands.promote(RELEASE, "production", "erin")
    assert scene.look()[0] is Phase.PENDING
    assert scene.gating.tick_item(RELEASE, "production", "notes", "bob", comment="in the wiki")["open"] == 1
    with pytest.raises(Refused, match="bob may not tick load; these may: quinn"):
        scene.gating.tick_item(RELEASE, "production", "load", "bob")
    scene.look()
    shown = scene.gating.tick_item(RELEASE, "production", "load", "quinn")
    assert [(one["item"], one["state"], one["by"], one["said"]) for one in shown["items"]] == [  # type: ignore[attr-defined]
        ("notes", "ticked", "bob", "in the wiki"),
        ("load", "ticked", "quinn", ""),
    ]
    assert scene.look()[0] is Phase.RUNNING


def test_an_item_can_be_unticked_and_an_unknown_one_names_those_there_are() -> None:
    scene = Scene(checklist=(Item("notes", "the notes are written"),))
    scene.gating.tick_item(RELEASE, "production", "notes", "bob")
    assert scene.gating.tick_item(RELEASE, "production", "notes", "bob", good=False, comment="a typo")["open"] == 1
    with pytest.raises(Refused, match="its items: notes"):
        scene.gating.tick_item(RELEASE, "production", "note", "bob")


def test_a_gate_asks_about_what_the_engine_knows() -> None:
    scene = Scene(gates=(Gate("first", 'environment.live == "" && release.kind == "first" && people.asked_by == "erin"'),))
    assert scene.objections() == []
    scene.rules(gates=(Gate("measured", "metrics.requests > 100"),))
    assert scene.objections() == ["the gate measured cannot be answered for 1.0.0: requests is not known"]


def test_the_group_says_go_and_sees_the_risk() -> None:
    scene = Scene(advisory=Advisory("cab", ("dana", "frank"), needed=1))
    scene.commands.promote(RELEASE, "production", "erin")
    assert scene.look() == (Phase.PENDING, "1.0.0, whose risk is medium, waits for cab to say go (0 of 1): dana, frank")
    with pytest.raises(Refused, match="erin is not of cab"):
        scene.gating.advise(RELEASE, "production", "erin")
    with pytest.raises(Refused, match=r"a no-go for .* needs a reason"):
        scene.gating.advise(RELEASE, "production", "frank", go=False)
    assert "no-go" in str(scene.gating.advise(RELEASE, "production", "frank", go=False, comment="too full")["waits"])
    scene.gating.advise(RELEASE, "production", "dana")
    assert scene.look()[0] is Phase.PENDING
    scene.fake.clock.pass_time(1)
    assert scene.gating.advise(RELEASE, "production", "frank")["waits"] == []
    assert scene.look()[0] is Phase.RUNNING


def test_an_approval_can_be_taken_back_and_given_again() -> None:
    scene = Scene(approvals=Approvals(needed=1))
    with pytest.raises(Refused, match="bob has not approved"):
        scene.gating.revoke(RELEASE, "production", "bob")
    scene.commands.approve(RELEASE, "production", "bob")
    assert scene.objections() == []
    scene.fake.clock.pass_time(1)
    assert scene.gating.revoke(RELEASE, "production", "bob", "I looked at the wrong page")["waits"] != []
    scene.fake.clock.pass_time(1)
    scene.commands.approve(RELEASE, "production", "bob")
    assert scene.objections() == []


def test_the_word_of_the_revoked_counts_no_longer() -> None:
    scene = Scene(approvals=Approvals(needed=1))
    scene.commands.approve(RELEASE, "production", "bob")
    scene.rules(revoked=("Bob",))
    assert "needs 1 more approval" in scene.objections()[0]
    with pytest.raises(Refused, match="bob no longer speaks for anything here"):
        scene.commands.approve(RELEASE, "production", "bob")


def test_the_plan_shows_the_risk_the_opening_and_every_objection_at_once(scene: Scene) -> None:
    scene.rules(
        approvals=Approvals(needed=1),
        checklist=(Item("notes", "the notes are written"),),
        gates=(Gate("closed", "false"),),
        advisory=Advisory("cab", ("dana",)),
    )
    view = scene.commands.plan(RELEASE, "production", "erin")
    assert [word.partition(" ")[0] for word in view["objections"]] == ["the", "1.0.0", "1.0.0,", "notes", "production"]  # type: ignore[attr-defined]
    assert view["risk"]["level"] == "medium"  # type: ignore[index]
    assert view["opens"] == (NOON + timedelta(hours=2)).isoformat()


def test_a_gate_may_ask_what_is_live_just_now_and_silence_is_no_yes(scene: Scene) -> None:
    scene.rules(freezes=(), thresholds=Thresholds(mode="health"), soak=0)
    scene.commands.promote(RELEASE, "production", "erin")
    scene.complete(Place("tally", "production"))
    scene.fake.release(sample_release("1.1.0"))
    scene.rules(gates=(Gate("quiet", "live.error_rate < 0.01"),))

    def asked() -> object:
        return scene.commands.plan("tally@1.1.0", "production", "erin")["objections"]

    assert "cannot be answered for 1.1.0" in str(asked())
    live = scene.fake.live.lately
    live[Place("tally", "production")] = Lately(1000, 50, 60)
    assert "the gate quiet is closed" in str(asked())
    live[Place("tally", "production")] = Lately(0, 0, 60)
    assert "cannot be answered for 1.1.0" in str(asked()), "no traffic is no calm"
    live[Place("tally", "production")] = Lately(1000, 1, 60)
    assert asked() == []
