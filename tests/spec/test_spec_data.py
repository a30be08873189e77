"""Whose data may be made anew, as the file says it: never by omission, and never where anybody would miss it."""

import pytest

from headway.environments.model import Place
from headway.errors import InvalidSpec
from headway.spec.pipelines import Pipelines, Source
from headway.spec.policies import read_policies
from headway.spec.read import read
from headway.testing import FakeRepository

FILE = """\
headway: 1
services:
  shop: {{run: serve, migrations: migrations}}
environments:
  dev:
    trigger: {{push: ["feature/*"]}}
    {dev}
  production:
    after: dev
    {production}
"""
DEV = 'data: synthetic\n    diverged: reset\n    database: {url: env:DEV, seed: [seed/dev.sql, "python -m shop.seed"]}'


def said(dev: str = DEV, production: str = "database: env:REAL") -> str:
    return FILE.format(dev=dev, production=production)


def test_seeds_are_files_and_commands_in_their_order() -> None:
    stage = read(said()).environments["dev"].stage
    assert stage.diverged == "reset"
    assert stage.environment.data == "synthetic"
    assert stage.environment.database is not None
    assert stage.environment.database.seed == (("seed/dev.sql",), ("python", "-m", "shop.seed"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(said(DEV.replace("data: synthetic\n    ", "")), "7:15: .*expected data: synthetic with it", id="without a word of it"),
        pytest.param(said(DEV.replace("synthetic", "real")), "expected data: synthetic with it", id="data that is real"),
        pytest.param(said("data: synthetic\n    diverged: reset"), "expected database: with it", id="no database"),
        pytest.param(said(f"{DEV}\n    approvals: 1"), "7:11: .*synthetic and has approvals", id="people approve"),
        pytest.param(
            said(DEV.replace("env:DEV", "env:REAL")), "as environments.production.database is, which is real", id="the same reference"
        ),
        pytest.param(
            said(DEV.replace("env:DEV", "env:DEV2"), "data: synthetic\n    database: env:DEV"),
            "comes after dev",
            id="what comes after another",
        ),
        pytest.param(said(DEV.replace("{url", "{tool: alembic, url")), "is migrated by alembic, expected headway", id="another tool"),
        pytest.param(said("database: {url: env:DEV, seed: a.sql}"), "has seed, expected data: synthetic", id="a seed for what is real"),
        pytest.param(said('database: {url: env:DEV, reset: "0 4 * * *"}'), "made anew by a clock", id="a clock for what is real"),
        pytest.param(
            said('data: synthetic\n    per_branch: true\n    database: {url: env:DEV, reset: "0 4 * * *"}\n    secrets: {DB: env:DEV}'),
            "reset stands beside per_branch",
            id="a clock for each branch's own",
        ),
        pytest.param(said(DEV.replace("seed: [", 'reset: "at four", seed: [')), "five fields of cron", id="no time"),
        pytest.param(said(DEV.replace("seed/dev.sql", "../dev.sql")), "inside of the repository", id="a seed from elsewhere"),
        pytest.param(said(DEV.replace("diverged: reset", "diverged: resett")), 'did you mean "reset"', id="a slip"),
    ],
)
def test_what_would_make_data_anew_that_somebody_misses_is_refused_where_it_stands(text: str, fault: str) -> None:
    with pytest.raises(InvalidSpec, match=fault):
        read(text)


def test_a_clock_makes_it_anew_where_the_file_says_when() -> None:
    stage = read(said(DEV.replace("seed: [", 'reset: "0 4 * * sun", seed: ['))).environments["dev"].stage
    assert stage.environment.database is not None
    assert stage.environment.database.reset == "0 4 * * sun"


def test_no_policy_says_it_for_a_repository() -> None:
    policies = read_policies("headway: 1\ndefaults:\n  environments:\n    dev: {data: synthetic, diverged: reset}\n", "policies.yaml")
    with pytest.raises(InvalidSpec, match=r"expected it in the environment itself"):
        read(said("database: env:DEV"), policies=policies)


def test_a_branchs_database_is_its_own_and_the_service_hears_of_it() -> None:
    text = said("data: synthetic\n    per_branch: true\n    database: env:DEV\n    secrets: {DB: env:DEV, KEY: env:KEY}")
    repository = FakeRepository(heads={"main": "one"}, files={("one", "headway.yaml"): text})
    stage = Pipelines(lambda: [Source("shop", "main", repository)], lambda reference: reference).stage(Place("shop", "dev.feature-x"))
    assert stage.environment.database is not None
    assert stage.environment.database.url == "branch:dev.feature-x:env:DEV"
    assert stage.environment.configuration.secrets == {"DB": "branch:dev.feature-x:env:DEV", "KEY": "env:KEY"}
