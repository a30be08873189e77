"""A database of each kind, empty, and a bench to try migrations on it."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases_bench import Bench

from headway.adapters.databases.address import address


@pytest.fixture
def lite(tmp_path: Path) -> Bench:
    return Bench(address(f"sqlite:///{tmp_path}/app.db"), tmp_path, _clock())


@pytest.fixture
def pg(tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(address(postgres_url), tmp_path, _clock())
    yield made
    server = request.getfixturevalue("postgres")
    name = postgres_url.partition("@/")[2].partition("?")[0]
    with server.connect() as on:
        for (left,) in on.execute("select datname from pg_database where starts_with(datname, %s)", (f"{name}_",)).fetchall():
            on.execute(f'drop database "{left}" with (force)')


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """The same test on both."""
    found: Bench = request.getfixturevalue("lite" if request.param == "SQLite" else "pg")
    return found


def _clock():
    ticks = itertools.count()
    return lambda: datetime(2026, 1, 31, 12, 0, next(ticks) % 60, tzinfo=UTC)
