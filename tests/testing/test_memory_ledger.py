"""The memory ledger keeps the word of the databases: their own suites, run against it."""

import importlib
import inspect
from collections.abc import Callable

import pytest

from headway.testing import FakeClock, MemoryLedger

SUITES = ("places", "rollouts", "words", "records")
OF_DATABASES = frozenset(
    {
        "test_looking_for_work_where_there_is_none_writes_nothing",  # counts SQL statements
        "test_words_that_databases_dislike_are_kept_all_the_same",  # memory dislikes none
    }
)
"""And whatever asks for the registry, which is a server's own and behind no port."""


def _shared() -> list[Callable[..., object]]:
    modules = [importlib.import_module(f"adapters.ledger.test_ledger_{suite}") for suite in SUITES]
    tests = [test for module in modules for name, test in vars(module).items() if name.startswith("test_") and name not in OF_DATABASES]
    return [test for test in tests if list(inspect.signature(test).parameters) == ["ledger"] and "registry" not in inspect.getsource(test)]


@pytest.mark.parametrize("test", _shared(), ids=lambda test: test.__name__.removeprefix("test_"))
def test_in_memory_too(test: Callable[[MemoryLedger], None]) -> None:
    test(MemoryLedger(FakeClock()))


def test_there_is_something_to_share() -> None:
    assert len(_shared()) > 30
