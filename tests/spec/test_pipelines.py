"""Which file answers for which service, and what a fault in one of them may not take along."""

from collections.abc import Mapping

import pytest

from headway.environments.model import Place
from headway.errors import InvalidSpec, Unavailable
from headway.ports import Home
from headway.spec.pipelines import KEPT, Pipelines, Source
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


def test_all_services_are_told_with_each_repository_looked_at_once() -> None:
    asked: list[str] = []

    class Counted(FakeRepository):
        def refs(self) -> Mapping[str, str]:
            asked.append("refs")
            return super().refs()

    both = FILE.format(service="shop").replace("services:", "services:\n  till: {run: serve, health: /health}")
    repository = Counted(heads={"main": "one"}, files={("one", "headway.yaml"): both})
    pipelines = Pipelines(lambda: [Source("one", "main", repository)], lambda _: "")
    (told,) = pipelines.governed()
    assert (told.home, told.refs, sorted(told.stages)) == (Home("one", "main"), {"main": "one"}, ["shop", "till"])
    assert [stage.environment.name for stage in told.stages["till"]] == ["staging", "production"]
    assert asked == ["refs"]


def test_the_ways_are_the_same_object_until_the_file_governs_anew() -> None:
    one = source("one", FILE.format(service="shop"))
    assert isinstance(one.repository, FakeRepository)
    pipelines = Pipelines(lambda: [one], lambda _: "")
    (before,), (after,) = pipelines.governed(), pipelines.governed()
    assert after.stages is before.stages
    one.repository.heads["main"] = "two"
    one.repository.files["two", "headway.yaml"] = FILE.format(service="shop").replace("replicas: 1", "replicas: 3")
    (changed,) = pipelines.governed()
    assert changed.stages is not before.stages
    assert changed.stages["shop"][0].environment.replicas == 3


def test_of_all_repositories_those_that_cannot_be_read_are_left_out() -> None:
    broken, good = source("broken", "headway: one"), source("good", FILE.format(service="shop"))
    assert [one.home.name for one in Pipelines(lambda: [broken, good], lambda _: "").governed()] == ["good"]
    with pytest.raises(InvalidSpec):
        Pipelines(lambda: [broken], lambda _: "").governed()


def test_a_repository_that_takes_a_name_later_does_not_take_the_service_over() -> None:
    taker, owner = source("taker", FILE.format(service="till")), source("owner", FILE.format(service="shop"))
    assert isinstance(taker.repository, FakeRepository)
    pipelines = Pipelines(lambda: [taker, owner], lambda _: "")
    pipelines.governed()
    taker.repository.heads["main"] = "more"
    taker.repository.files["more", "headway.yaml"] = FILE.format(service="shop")
    assert [(one.home.name, list(one.stages)) for one in pipelines.governed()] == [("taker", []), ("owner", ["shop"])]
    assert pipelines.source("shop").name == "owner"


def test_more_repositories_than_files_are_kept_are_read_once_each() -> None:
    read: list[str] = []

    class Counted(FakeRepository):
        def read(self, commit: str, path: str) -> str | None:
            read.append(commit)
            return super().read(commit, path)

    names = [f"r{number}" for number in range(KEPT + 10)]
    sources = [
        Source(name, "main", Counted(heads={"main": name}, files={(name, "headway.yaml"): FILE.format(service=name)})) for name in names
    ]
    pipelines = Pipelines(lambda: sources, lambda _: "")
    for _ in range(3):
        pipelines.governed()
    assert read == names
