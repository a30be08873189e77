"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from support import postgres as private
from support.postgres import Postgres


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        private.begin_run()


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """A private PostgreSQL, one for all workers, started when first asked for."""
    return private.shared()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh database for one test."""
    with postgres.database() as url:
        yield url
