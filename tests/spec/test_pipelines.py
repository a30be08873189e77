"""Which file answers for which service, and what a fault in one of them may not take along."""

import pytest

from headway.environments.model import Place
from headway.errors import InvalidSpec, Unavailable
from headway.spec.pipelines import Pipelines, Source
from headway.testing import FakeRepository

FILE = """
headway: 1
services:
  {service}: {{run: serve, health: /health}}
environments:
  staging: {{replicas: 1}}
  production:
    after: staging
    secrets: {{TOKEN: env:TOKEN}}
"""


def source(name: str, text: str) -> Source:
    return Source(name, "main", FakeRepository(heads={"main": name}, files={(name, "headway.yaml"): text}))


def nothing_there(reference: str) -> str:
    raise Unavailable(f"the secret {reference} is not there")


def test_a_secret_that_production_lacks_is_no_trouble_of_staging() -> None:
    pipelines = Pipelines(lambda: [source("one", FILE.format(service="shop"))], nothing_there)
    assert [stage.environment.name for stage in pipelines.stages("shop")] == ["staging", "production"]
    assert pipelines.stage(Place("shop", "staging")).environment.configuration.digest
    with pytest.raises(Unavailable, match="env:TOKEN is not there"):
        pipelines.stage(Place("shop", "production"))


def test_a_broken_file_stops_its_own_services_only() -> None:
    broken, good = source("broken", "headway: one"), source("good", FILE.format(service="shop"))
    pipelines = Pipelines(lambda: [broken, good], lambda _: "")
    assert pipelines.source("shop").name == "good"
    with pytest.raises(InvalidSpec):
        pipelines.source("till")
