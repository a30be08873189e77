"""A place where nothing moves is asked one short question; whatever moves, or was done there, is looked at as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from kube_things import PLACE

from headway.adapters.kubernetes.glancing import BRIEF, WHOLE, Glances
from headway.adapters.kubernetes.kinds import DEPLOYMENT, POD, ROUTE, SERVICE, WORKLOAD_LABEL, Kind
from headway.errors import Unavailable


def thing(name: str, workload: str = "", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {WORKLOAD_LABEL: workload} if workload else {}}, "spec": {"replicas": 2}, **more}


def taken(*, yes: bool = True) -> dict[str, Any]:
    conditions = [{"type": kind, "status": "True" if yes else "False"} for kind in ("Accepted", "ResolvedRefs")]
    return {"parents": [{"conditions": conditions}]}


@dataclass
class LittleApi:
    """A namespace, and what was asked of it."""

    things: dict[Kind, list[dict[str, Any]]]
    rows: tuple[tuple[str, ...], ...] | None = (("shop-1", "1/1", "Running", "0"),)
    asked: list[str] = field(default_factory=list)

    def list(self, kind: Kind, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        self.asked.append(kind.plural)
        return self.things.get(kind, [])

    def table(self, kind: Kind, labels: Mapping[str, str]) -> tuple[tuple[str, ...], ...] | None:
        self.asked.append("table")
        return self.rows

    def since(self) -> "list[str]":
        asked, self.asked = self.asked, []
        return asked


@dataclass
class Scene:
    api: LittleApi
    now: float = 100.0

    def __post_init__(self) -> None:
        self.glances = Glances(lambda: self.now)

    def look(self, after: float = 1.0) -> "list[str]":
        """What is asked for a look so many seconds later."""
        self.now += after
        self.glances.look(self.api, PLACE)  # type: ignore[arg-type]
        return self.api.since()


ALL = ["table", "deployments", "pods", "services", "httproutes"]


@pytest.fixture
def scene() -> Scene:
    route = thing("shop", status=taken())
    things = {DEPLOYMENT: [thing("shop-1", "v1")], SERVICE: [thing("shop")], POD: [thing("shop-1-x", "v1")], ROUTE: [route]}
    return Scene(LittleApi(things))


def test_where_nothing_moves_the_pods_table_is_all_that_is_asked_for(scene: Scene) -> None:
    assert scene.look() == ALL
    assert [scene.look() for _ in range(4)] == [["table"]] * 4


def test_a_pod_that_moves_has_all_of_it_looked_at(scene: Scene) -> None:
    scene.look()
    scene.api.rows = (("shop-1", "0/1", "CrashLoopBackOff", "2"),)
    assert scene.look() == ALL
    assert scene.look() == ["table"]


def test_what_the_table_does_not_tell_is_seen_a_few_seconds_later(scene: Scene) -> None:
    scene.look()
    asked = [scene.look() for _ in range(int(WHOLE) + 1)]
    assert asked.count(ALL) == 1
    assert asked.index(ALL) <= WHOLE


def test_after_something_was_done_all_of_it_is_looked_at(scene: Scene) -> None:
    scene.look()
    scene.glances.forget(PLACE)
    assert scene.glances.lately(PLACE) is None
    assert scene.look(0.1) == ALL


def test_what_was_done_while_somebody_looked_is_not_overlooked(scene: Scene) -> None:
    class Interrupted(LittleApi):
        def list(self, kind: Kind, labels: Mapping[str, str]) -> list[dict[str, Any]]:
            scene.glances.forget(PLACE)
            return super().list(kind, labels)

    scene.api = Interrupted(scene.api.things)
    scene.look()
    assert scene.look() == ALL


def test_who_looks_four_times_a_second_asks_twice(scene: Scene) -> None:
    scene.look()
    asked = [scene.look(0.25) for _ in range(4)]
    assert asked == [[], ["table"], [], ["table"]]
    assert BRIEF < 0.5


def test_a_cluster_that_does_not_answer_is_trouble_and_no_old_news(scene: Scene) -> None:
    class Away(LittleApi):
        def table(self, kind: Kind, labels: Mapping[str, str]) -> None:
            return None

        def list(self, kind: Kind, labels: Mapping[str, str]) -> list[dict[str, Any]]:
            raise Unavailable("the cluster did not answer")

    scene.look()
    scene.api = Away(scene.api.things)
    with pytest.raises(Unavailable):
        scene.look()


def test_as_long_as_a_gateway_has_not_taken_a_route_every_look_is_a_whole_one(scene: Scene) -> None:
    scene.api.things[ROUTE] = [thing("shop", status=taken(yes=False))]
    assert [scene.look(), scene.look()] == [ALL, ALL[1:]]
    assert scene.glances.lately(PLACE) is None
    scene.api.things[ROUTE] = [thing("shop", status=taken())]
    assert [scene.look(), scene.look(), scene.look()] == [ALL[1:], ALL, ["table"]]


def test_pods_without_our_labels_are_in_no_table_so_all_is_looked_at(scene: Scene) -> None:
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}}
    scene.api.things[DEPLOYMENT] = [thing("shop", "adopted-5d6f") | {"spec": spec}]
    scene.look()
    assert scene.look()[0] == "deployments"


def test_a_cluster_that_gives_no_table_is_looked_at_as_a_whole(scene: Scene) -> None:
    scene.api.rows = None
    assert [scene.look(), scene.look()] == [ALL, ALL]
