"""`per_branch` in the file: what it means, and what cannot be said with it."""

import pytest

from headway.environments.branches import PerBranch
from headway.environments.model import Place
from headway.errors import InvalidSpec, Refused
from headway.promotion.stages import triggered
from headway.spec.pipelines import Pipelines, Source
from headway.spec.read import read
from headway.testing import FakeRepository

FILE = """
headway: 1
services:
  shop: {{run: serve}}
freezes:
  weekends: {{weekly: fri 16:00 to mon 08:00, environments: dev}}
environments:
  dev:
    trigger: {{push: [feature/*]}}
    replicas: 2
    {said}
  staging: {{after: dev}}
"""


def rules(said: str) -> PerBranch | None:
    return read(FILE.format(said=said)).environments["dev"].stage.per_branch


@pytest.mark.parametrize(
    ("said", "means"),
    [
        pytest.param("checks: []", None, id="nothing"),
        pytest.param("per_branch: false", None, id="no"),
        pytest.param("per_branch: true", PerBranch(10, 7 * 86400.0), id="yes"),
        pytest.param("per_branch: {limit: 3, idle: 2d}", PerBranch(3, 2 * 86400.0), id="with numbers"),
        pytest.param("per_branch: {wanted: false, limit: 3}", None, id="with numbers, and not now"),
    ],
)
def test_what_the_file_means(said: str, means: PerBranch | None) -> None:
    assert rules(said) == means


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        pytest.param("port: 8080\n    per_branch: true", "one port for many environments", id="a port"),
        pytest.param("services: {shop: {port: 8080}}\n    per_branch: true", "one port for many environments", id="a service's port"),
        pytest.param("database: env:DB\n    per_branch: true", "expected data: synthetic with it", id="a database with data that is real"),
        pytest.param(
            "database: env:DB\n    data: synthetic\n    per_branch: true",
            "expected a secret that is env:DB too",
            id="a database that the service never hears of",
        ),
        pytest.param("per_branch: {limit: 0}", "per_branch.limit", id="no room at all"),
        pytest.param("per_branch: sometimes", "per_branch", id="neither yes nor no"),
    ],
)
def test_what_cannot_be_said_with_it(said: str, fault: str) -> None:
    with pytest.raises(InvalidSpec, match=fault):
        rules(said)


@pytest.mark.parametrize(
    ("trigger", "fault"),
    [
        pytest.param("{push: [feature/*], merge: main}", "trigger has merge beside per_branch", id="a merge"),
        pytest.param("{pulls: true, tag: v*}", "trigger has tag beside per_branch", id="a tag"),
        pytest.param("{merge: main}", "per_branch has no branches", id="no branches"),
    ],
)
def test_it_is_about_branches(trigger: str, fault: str) -> None:
    text = FILE.format(said="per_branch: true").replace("{push: [feature/*]}", trigger)
    with pytest.raises(InvalidSpec, match=fault):
        read(text)


@pytest.fixture
def pipelines() -> Pipelines:
    text = FILE.format(said="per_branch: true")
    repository = FakeRepository(heads={"main": "one"}, files={("one", "headway.yaml"): text})
    return Pipelines(lambda: [Source("here", "main", repository)], lambda _: "")


def test_a_branch_s_stage_is_that_of_the_file_under_its_own_name(pipelines: Pipelines) -> None:
    (shared, _) = pipelines.stages("shop")
    mine = pipelines.stage(Place("shop", "dev.feature-x"))
    assert (mine.environment.name, mine.environment.replicas, mine.environment.port) == ("dev.feature-x", 2, None)
    assert mine.environment.configuration.digest
    assert [(one.name, "dev.feature-x" in one.environments) for one in mine.freezes] == [("weekends", True)], "frozen with it"
    assert triggered((shared,), "feature/x") == (shared,)


def test_nothing_goes_to_the_environment_that_they_are_made_from(pipelines: Pipelines) -> None:
    with pytest.raises(Refused, match="an environment for each branch"):
        pipelines.stage(Place("shop", "dev"))


def test_a_stage_that_is_not_per_branch_has_no_branches(pipelines: Pipelines) -> None:
    with pytest.raises(Refused, match=r"no environment staging\.feature-x"):
        pipelines.stage(Place("shop", "staging.feature-x"))
