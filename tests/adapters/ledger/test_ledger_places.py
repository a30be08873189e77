"""What is live, what was before, and where a rollback would go."""

from dataclasses import replace

import pytest

from headway.adapters.ledger import Ledger
from headway.errors import Contradiction
from headway.ports import PlaceRecord
from headway.promotion.model import Passed
from headway.rollout.model import ALL, Kind
from headway.rollout.phases import Phase
from support.records import MINUTE, NOON, PRODUCTION, STAGING, begin, end, pending, step, workload


def test_a_place_nobody_has_been_to_is_empty(ledger: Ledger) -> None:
    assert ledger.records.place(PRODUCTION) == PlaceRecord(PRODUCTION)


def test_starting_takes_the_next_generation_and_changes_nothing_that_is_live(ledger: Ledger) -> None:
    begin(ledger, pending("r1"))
    assert ledger.records.place(PRODUCTION) == PlaceRecord(PRODUCTION, generation=1, active="r1")
    assert ledger.records.place(STAGING) == PlaceRecord(STAGING)


def test_completing_makes_the_new_workload_live_and_remembers_the_one_before(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1", "1.0.0")))
    end(ledger, begin(ledger, pending("r2", "1.1.0")))
    assert ledger.records.place(PRODUCTION) == PlaceRecord(
        PRODUCTION, 2, workload("1.1.0"), "tally@1.1.0", workload("1.0.0"), "tally@1.0.0", None
    )


def test_a_rollout_that_was_rolled_back_changes_nothing_but_the_generation(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1", "1.0.0")))
    end(ledger, begin(ledger, pending("r2", "1.1.0")), Phase.ROLLED_BACK)
    assert ledger.records.place(PRODUCTION) == PlaceRecord(PRODUCTION, 2, workload("1.0.0"), "tally@1.0.0", None, None, None)


def test_an_artifact_passes_where_it_completed(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1", place=STAGING)), now=NOON + MINUTE)
    expected = Passed("tally@1.0.0", "sha256:1.0.0", "staging", "rollout", True, NOON + MINUTE, by="ada")
    assert ledger.words.passed("sha256:1.0.0", "tally") == (expected,)
    assert ledger.words.passed("sha256:1.0.0", "other") == ()


def test_what_a_given_up_way_back_left_with_the_traffic_is_live_passed_nothing_and_keeps_the_place_from_nobody(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1", "1.0.0")))
    held = begin(ledger, pending("r2", "1.1.0", created=NOON + MINUTE), NOON + MINUTE)
    held = step(ledger, held, lambda it: replace(it, phase=Phase.ROLLING_BACK, weight=ALL), now=NOON + MINUTE)
    step(ledger, held, lambda it: replace(it, phase=Phase.GIVEN_UP), last=True, now=NOON + MINUTE)
    place = ledger.records.place(PRODUCTION)
    assert (place.live_release, place.before_release, place.active) == ("tally@1.1.0", "tally@1.0.0", None)
    assert place.live is not None
    assert ledger.words.passed(place.live.digest, "tally") == ()
    begin(ledger, pending("r3", "1.2.0", created=NOON + 2 * MINUTE), NOON + 2 * MINUTE)
    assert ledger.records.place(PRODUCTION).active == "r3"


def test_where_neither_answered_nothing_else_is_live_than_before(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1", "1.0.0")))
    held = begin(ledger, pending("r2", "1.1.0", created=NOON + MINUTE), NOON + MINUTE)
    held = step(ledger, held, lambda it: replace(it, phase=Phase.ROLLING_BACK), now=NOON + MINUTE)
    step(ledger, held, lambda it: replace(it, phase=Phase.GIVEN_UP), last=True, now=NOON + MINUTE)
    assert ledger.records.place(PRODUCTION).live_release == "tally@1.0.0"


def test_an_artifact_that_was_rolled_back_did_not_pass(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("r1")), Phase.ROLLED_BACK)
    assert ledger.words.passed("sha256:1.0.0", "tally") == ()


def test_tidying_after_completion_does_not_complete_twice(ledger: Ledger) -> None:
    held = step(ledger, begin(ledger, pending("r1")), lambda it: replace(it, phase=Phase.COMPLETED))
    step(ledger, held, lambda it: replace(it, tidied=True), last=True)
    assert len(ledger.words.passed("sha256:1.0.0", "tally")) == 1


def test_nothing_completes_without_a_plan(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    with pytest.raises(Contradiction, match="no plan"):
        step(ledger, held, lambda it: replace(it, phase=Phase.COMPLETED, plan=None))
    assert ledger.records.standing("r1").rollout.phase is Phase.RUNNING


UP, BACK = Kind.PROMOTION, Kind.ROLLBACK


@pytest.mark.parametrize(
    ("story", "live", "before"),
    [
        pytest.param([(UP, "1")], "1", None, id="the first release has nothing before it"),
        pytest.param([(UP, "1"), (UP, "2")], "2", "1", id="the second has the first"),
        pytest.param([(UP, "1"), (UP, "2"), (BACK, "1")], "1", None, id="back to the first, there is no further back"),
        pytest.param([(UP, "1"), (UP, "2"), (UP, "3"), (BACK, "2")], "2", "1", id="back to the second, the first is before it again"),
        pytest.param(
            [(UP, "1"), (UP, "2"), (UP, "3"), (BACK, "2"), (BACK, "1")], "1", None, id="a rollback of a rollback goes further back"
        ),
        pytest.param([(UP, "1"), (UP, "2"), (BACK, "1"), (UP, "3")], "3", "1", id="after a fix the good one is before it"),
        pytest.param([(UP, "1"), (UP, "1")], "1", None, id="the same again has no new before"),
        pytest.param([(UP, "1"), (UP, "2"), (UP, "2")], "2", "1", id="the same again keeps its before"),
        pytest.param([(UP, "1"), (UP, "2"), (UP, "1"), (UP, "2"), (BACK, "1")], "1", None, id="never before: what was just rolled back"),
        pytest.param(
            [(UP, "0"), (UP, "1"), (UP, "2"), (UP, "1"), (UP, "2"), (BACK, "1")],
            "1",
            "0",
            id="past what was just rolled back, the older one",
        ),
        pytest.param([(UP, "1"), (BACK, "0")], "0", None, id="back to what the ledger never saw live"),
    ],
)
def test_where_a_rollback_would_go(ledger: Ledger, story: list[tuple[Kind, str]], live: str, before: str | None) -> None:
    for number, (kind, version) in enumerate(story):
        end(ledger, begin(ledger, pending(f"r{number}", version, kind=kind)))
    place = ledger.records.place(PRODUCTION)
    assert place.live == workload(live)
    assert place.before == (workload(before) if before else None)
    assert place.before_release == (f"tally@{before}" if before else None)
