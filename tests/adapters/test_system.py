"""Ids sort by when they were made, and the clock is in UTC."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from time import time_ns

import pytest

from headway.adapters import system
from headway.adapters.system import SystemClock, new_id, token


def test_the_clock_is_now_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now.timestamp() - time_ns() / 1e9) < 5


def test_an_id_is_short_plain_and_sorts_after_those_before() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert all(re.fullmatch(r"[a-z0-9]{20}", found) for found in made)


def test_nobody_gets_the_id_of_another() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id(), range(5000)))
    assert len({found[:10] for found in made}) == 5000


def test_a_clock_that_is_set_back_does_not_reorder_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(system.time, "time_ns", lambda: 0)
    assert new_id() > before


def test_a_token_is_nothing_to_guess() -> None:
    made = {token() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(found) == 32 for found in made)
