"""Thousands of random rollouts in virtual time, with kill -9 at every durable point, against the list of what must always hold.

A world has one to three environments, releases good and bad, people who promote, approve, pause and abort, outages, and one or two
servers that die or stop and go on. `laws.py` and `watched.py` hold the laws; the planted bugs below prove that they can be broken.
"""

from pathlib import Path

import pytest
from on_a_database import OnADatabase
from simulation import Simulation
from watched import Broken

from headway.adapters.ledger import open_ledger
from headway.engine import candidate, controller, look
from headway.engine.controller import Turned
from headway.ports import Held, World
from headway.rollout.effects import landed
from headway.rollout.model import Intent, Rollout
from headway.rollout.moves import Decision
from headway.rollout.phases import ACTIVE, ENDED
from headway.rollout.seen import Probe
from headway.testing import platform

BLOCKS = 24
WORLDS = 50
STARTED, CRASHED = 2000 // BLOCKS, 10_000 // BLOCKS
"""What each block goes through at least, so that all together are 2,000 rollouts with 10,000 crashes."""


@pytest.mark.parametrize("block", range(BLOCKS), ids=lambda block: f"worlds {block * WORLDS} to {(block + 1) * WORLDS - 1}")
def test_what_must_always_hold_holds_through_any_number_of_crashes(block: int) -> None:
    outcomes = [Simulation(seed).run() for seed in range(block * WORLDS, (block + 1) * WORLDS)]
    assert sum(outcome.started for outcome in outcomes) >= STARTED
    assert sum(outcome.crashes for outcome in outcomes) >= CRASHED
    went_through = {phase for outcome in outcomes for phase in outcome.phases}
    # A block is chance: it may miss one phase, and another block has it.
    assert len((ACTIVE | ENDED) - went_through) <= 1


@pytest.mark.parametrize("seed", range(6), ids=lambda seed: f"world {seed}")
def test_on_a_real_database_it_holds_and_the_story_is_the_same_to_the_last_crash(seed: int, tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    try:
        outcome = Simulation(seed, ledger=lambda clock: OnADatabase(ledger, clock)).run()
    finally:
        ledger.close()
    assert outcome.crashes
    assert outcome == Simulation(seed).run(), "the memory ledger has drifted from the real one"


def test_the_same_seed_is_the_same_story() -> None:
    assert Simulation(7).run() == Simulation(7).run()


def broken_within(worlds: int) -> str:
    """The first law that does not hold, and where."""
    for seed in range(worlds):
        try:
            Simulation(seed).run()
        except Broken as broken:
            return str(broken)
    pytest.fail(f"{worlds} worlds did not show it")


def test_a_controller_that_acts_before_it_writes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def acts_first(held: Held, decision: Decision, intent: Intent, world: World, now: object) -> Turned:
        controller._carry_out(decision.rollout, intent, world)
        then = world.clock.now()
        held = controller._save(held, decision, world, then, due=then, until=then + controller.LEASE)
        return Turned(controller.replace(held, rollout=landed(decision.rollout, then)), then, then)

    monkeypatch.setattr(controller, "_do", acts_first)
    assert "the record has not heard of it" in broken_within(3)


def test_a_look_that_repeats_without_asking_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def repeats(rollout: Rollout, world: World) -> tuple[Probe | None, str | None]:
        return (Probe.NOT_DONE if rollout.intent else None), None

    monkeypatch.setattr(look, "_probe", repeats)
    assert "is done again" in broken_within(20)


def test_gates_that_forget_the_quarantine_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "suspicions", lambda release, world: ())
    assert "with the commits of" in broken_within(20)


def test_a_target_that_forgets_its_fence_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(platform.Site):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, platform.Fence(0, 0) if name == "fence" else value)

    monkeypatch.setattr(platform, "Site", Forgetful)
    assert "came after" in broken_within(400)


def test_a_way_back_that_stops_the_instances_first_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.rollout import back

    monkeypatch.setattr(back, "give_back", lambda *_: None)
    assert "left the traffic where it was" in broken_within(20)


def test_a_plan_that_starts_instances_before_it_migrates_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.rollout import plan

    monkeypatch.setattr(plan, "_with_data", lambda steps, _: steps)
    assert "without ['0" in broken_within(20)


def test_a_contract_that_does_not_wait_for_the_old_release_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.testing import migrations

    everything = type("Everything", (), {"__contains__": lambda *_: True})()
    monkeypatch.setattr(migrations, "known", lambda _: everything)
    assert "takes something away while" in broken_within(60)
