"""One of several servers leads; on SQLite there is only one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from headway.adapters.ledger import Ledger, open_ledger
from headway.adapters.ledger.lead import LASTS
from support.records import NOON


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Ledger]:
    opened = open_ledger(postgres_url)
    yield opened
    opened.close()


def test_the_first_who_asks_leads_and_goes_on_leading(shared: Ledger) -> None:
    assert shared.lead.take("one", NOON)
    assert not shared.lead.take("two", NOON)
    for second in range(1, 60):
        assert shared.lead.take("one", NOON + second * LASTS / 10)
        assert not shared.lead.take("two", NOON + second * LASTS / 10)


def test_who_was_stopped_for_long_leads_no_more(shared: Ledger) -> None:
    shared.lead.take("one", NOON)
    assert shared.lead.take("two", NOON + LASTS)
    assert not shared.lead.take("one", NOON + LASTS)


def test_the_next_start_of_the_same_home_leads_at_once(shared: Ledger) -> None:
    shared.lead.take("one", NOON)
    assert shared.lead.take("one", NOON + LASTS / 100)


def test_who_ends_in_order_lets_another_lead_at_once(shared: Ledger) -> None:
    shared.lead.take("one", NOON)
    shared.lead.give_up("two")
    assert not shared.lead.take("two", NOON)
    shared.lead.give_up("one")
    assert shared.lead.take("two", NOON)


def test_of_eight_who_ask_at_once_one_leads(shared: Ledger) -> None:
    for moment in (NOON, NOON + 2 * LASTS):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda host, at=moment: shared.lead.take(f"{host} at {at}", at), range(8))) == 1


def test_looking_writes_nothing_while_the_lease_is_young(shared: Ledger) -> None:
    shared.lead.take("one", NOON)
    before = shared.registry.get("lead")
    shared.lead.take("one", NOON + LASTS / 3)
    assert shared.registry.get("lead") == before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_only_server_of_a_file_leads(ledger: Ledger) -> None:
    assert ledger.lead.take("one", NOON)
    ledger.lead.give_up("one")
