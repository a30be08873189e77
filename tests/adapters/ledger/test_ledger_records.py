"""What people see when they ask."""

from headway.adapters.ledger import Ledger
from headway.environments.model import Place
from headway.ports import Tallied
from support.records import MINUTE, NOON, PRODUCTION, STAGING, begin, end, pending


def names(standings) -> list[str]:
    return [each.rollout.id for each in standings]


def test_standings_come_newest_first_and_may_leave_out_what_ended(ledger: Ledger) -> None:
    end(ledger, begin(ledger, pending("old", "1.0.0")))
    begin(ledger, pending("running", "1.1.0", created=NOON + MINUTE), NOON + MINUTE)
    ledger.rollouts.add(pending("waiting", "1.2.0", created=NOON + 2 * MINUTE), ())
    ledger.rollouts.add(pending("elsewhere", "1.2.0", STAGING, created=NOON + 3 * MINUTE), ())
    assert names(ledger.records.standings()) == ["elsewhere", "waiting", "running", "old"]
    assert names(ledger.records.standings(ended=False)) == ["elsewhere", "waiting", "running"]
    assert names(ledger.records.standings(place=PRODUCTION, ended=False)) == ["waiting", "running"]
    assert names(ledger.records.standings(most=1)) == ["elsewhere"]


def test_what_has_not_ended_is_counted_by_environment_and_phase(ledger: Ledger) -> None:
    assert ledger.records.tally() == ()
    end(ledger, begin(ledger, pending("old", "1.0.0")))
    begin(ledger, pending("running", "1.1.0", created=NOON + MINUTE), NOON + MINUTE)
    for number in (3, 2):
        ledger.rollouts.add(pending(f"waiting {number}", "1.2.0", created=NOON + number * MINUTE), ())
    ledger.rollouts.add(pending("elsewhere", "1.2.0", STAGING, created=NOON + 4 * MINUTE), ())
    assert ledger.records.tally() == (
        Tallied("production", "pending", 2, NOON + 2 * MINUTE),
        Tallied("production", "running", 1, NOON + MINUTE),
        Tallied("staging", "pending", 1, NOON + 4 * MINUTE),
    )


def test_what_has_not_started_is_known_by_its_service_oldest_first(ledger: Ledger) -> None:
    begin(ledger, pending("running", "1.0.0"))
    ledger.rollouts.add(pending("second", "1.1.0", created=NOON + 2 * MINUTE), ())
    ledger.rollouts.add(pending("first", "1.1.0", STAGING, created=NOON + MINUTE), ())
    ledger.rollouts.add(pending("another's", "1.1.0", Place("abacus", "production"), created=NOON), ())
    assert ledger.records.waiting("tally") == ("first", "second")
    assert ledger.records.waiting("abacus") == ("another's",)


def test_a_rollout_nobody_queued_has_no_standing(ledger: Ledger) -> None:
    assert ledger.records.standing("r9") is None
    assert ledger.records.events("r9") == ()
