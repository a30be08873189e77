"""The files behind the repositories: one that cannot be read takes no other along."""

from datetime import UTC, datetime

import pytest

from headway.errors import HeadwayError, InvalidSpec
from headway.ports import Commit
from headway.spec.pipelines import FILE, Pipelines, Source
from headway.testing import FakeRepository

GOOD = "services: {web: {run: app}}\nenvironments: {dev: {trigger: {push: feature/*}}}\nnotify: {ops: {command: x}}\n"


def source(name: str, text: str | None) -> Source:
    repository = FakeRepository()
    commit = repository.commit(Commit(name.encode().hex().ljust(40, "0"), "ada", datetime(2030, 1, 1, tzinfo=UTC), "one"))
    if text is not None:
        repository.files[commit, FILE] = text
    return Source(name, "main", repository)


def test_a_broken_repository_hides_no_other() -> None:
    pipelines = Pipelines(lambda: [source("broken", "serivces: {}"), source("good", GOOD), source("bare", None)], lambda _: "")
    assert pipelines.services() == ("web",)
    assert set(pipelines.notify()) == {"ops"}
    assert [stage.environment.name for stage in pipelines.stages("web")] == ["dev"]


def test_where_none_can_be_read_the_first_fault_is_told() -> None:
    with pytest.raises(InvalidSpec, match="serivces"):
        Pipelines(lambda: [source("broken", "serivces: {}")], lambda _: "").services()


def test_no_repository_is_no_fault() -> None:
    assert Pipelines(lambda: [], lambda _: "").services() == ()


def test_a_service_of_a_broken_repository_is_told_with_its_fault() -> None:
    with pytest.raises(HeadwayError, match="serivces"):
        Pipelines(lambda: [source("broken", "serivces: {}"), source("good", GOOD)], lambda _: "").stages("shop")
