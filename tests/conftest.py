"""What every test may ask for."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from support import postgres as private
from support.postgres import Postgres

# How long an example takes is the machine's business: time is measured in bench/, never in a test.
settings.register_profile("headway", deadline=None)
settings.load_profile("headway")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        private.begin_run()


def pytest_report_header() -> str | None:
    """What is left out is said."""
    left_out = "tests/cluster is left out: no cluster; `make test-cluster` starts one, HEADWAY_TEST_KUBECONFIG names yours"
    return None if os.environ.get("HEADWAY_TEST_KUBECONFIG") else left_out


SHARED_CLUSTER = tuple(f"test_cluster_{name}.py" for name in ("table", "trouble", "faults", "chart"))
"""Of the tests on a cluster, those that stand on what one of them has set up."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under xdist the tests of a file that stand on a server or a cluster, and the long pages, share a worker; others go anywhere."""
    from xdist.scheduler import LoadScopeScheduling

    class Shared(LoadScopeScheduling):  # type: ignore[misc,unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.endswith("test_e2e_table.py"):  # a server for each strategy
                return f"{file}[{nodeid.rpartition('[')[2].partition('-')[0]}"
            if "cluster/" in file and not file.endswith(SHARED_CLUSTER):
                return nodeid  # each has a namespace of its own
            shared = "e2e/" in file or "cluster/" in file or file.endswith(("test_tutorial.py", "test_third_party_page.py"))
            return file if shared else nodeid

    return Shared(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """A private PostgreSQL, one for all workers, started when first asked for."""
    return private.shared()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh database for one test."""
    with postgres.database() as url:
        yield url
