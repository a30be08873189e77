"""Editing the pipeline voids approvals."""

from dataclasses import fields, replace
from datetime import time

import pytest

from headway.analysis.model import Thresholds
from headway.environments.branches import PerBranch
from headway.environments.model import Cluster, Configuration, Database, Environment, Prometheus
from headway.promotion.bindings import target_digest
from headway.promotion.model import Advisory, Approvals, BreakGlass, Freeze, Gate, Item, Stage, Trigger
from headway.promotion.windows import Weekly
from headway.rollout.routing import Routing

STAGE = Stage("tally", Environment("production", replicas=3, port=8080))

OTHER: dict[str, object] = {
    "service": "mail",
    "environment": Environment("staging", replicas=3, port=8080),
    "after": ("staging",),
    "approvals": Approvals(needed=1),
    "also": (Approvals(needed=1, people=("rita",)),),
    "checks": ("smoke",),
    "manual": ("uat",),
    "strategy": "canary",
    "weights": (10, 50),
    "batch": 2,
    "thresholds": Thresholds(error_rate=0.5),
    "soak": 1.0,
    "keep_warm": 1.0,
    "trigger": Trigger(merge="main"),
    "holdback": 5,
    "drill": True,
    "routing": Routing(sticky=True),
    "preview": ("smoke",),
    "newer": "supersedes",
    "notify": ("oncall",),
    "freezes": (Freeze("weekends", Weekly(5, time(), 0, time())),),
    "break_glass": BreakGlass(("carol",)),
    "checklist": (Item("notes", "the notes are written"),),
    "gates": (Gate("calm", "time.hour < 16"),),
    "advisory": Advisory("cab", ("dana",)),
    "skipped": ("staging",),
    "groups": {"qa": ("carol",)},
    "revoked": ("mallory",),
    "timezone": "Asia/Tokyo",
    "origins": {"soak": "policies.yaml:3:11"},
    "per_branch": PerBranch(limit=3),
    "diverged": "refuse",
}
UNBOUND = {"trigger", "newer", "notify", "freezes", "break_glass", "groups", "revoked", "timezone", "origins", "per_branch", "diverged"}


def test_every_key_of_a_stage_is_thought_of() -> None:
    assert OTHER.keys() == {field.name for field in fields(Stage)}


@pytest.mark.parametrize("name", OTHER)
def test_a_change_of_what_the_stage_does_changes_the_digest(name: str) -> None:
    changed = replace(STAGE, **{name: OTHER[name]})
    assert (target_digest(changed) == target_digest(STAGE)) is (name in UNBOUND)


@pytest.mark.parametrize("change", [{"replicas": 4}, {"platform": "kubernetes"}, {"port": 8081}, {"port": None}])
def test_where_it_runs_is_bound(change: dict[str, object]) -> None:
    assert target_digest(replace(STAGE, environment=replace(STAGE.environment, **change))) != target_digest(STAGE)


def test_the_configuration_has_a_digest_of_its_own() -> None:
    configured = replace(STAGE.environment, configuration=Configuration({"A": "1"}, digest="sha256:x"))
    assert target_digest(replace(STAGE, environment=configured)) == target_digest(STAGE)


def test_a_whole_number_is_the_same_number_however_it_was_read() -> None:
    assert target_digest(replace(STAGE, soak=900)) == target_digest(replace(STAGE, soak=900.0))


def test_what_a_cluster_could_not_say_before_voids_no_approval_until_it_is_said() -> None:
    def digest(cluster: Cluster) -> str:
        return target_digest(replace(STAGE, environment=replace(STAGE.environment, cluster=cluster)))

    assert digest(Cluster("k8s", "shop")) == "sha256:4a4ab47be4ffe45ff653db9b20cf390693da7203e96973133a6522277a831eae"
    assert digest(Cluster("k8s", "shop")) != digest(Cluster("k8s", "shop", prometheus=Prometheus("http://p")))
    assert digest(Cluster("k8s", "shop")) != digest(Cluster("k8s", "shop", copy_to="registry.prod.example/shop"))


def test_the_digest_is_stable_over_releases_of_headway() -> None:
    """If this fails, upgrading voids every approval that was given: say so in the changelog, or keep the form."""
    assert target_digest(STAGE) == "sha256:4179ecf735d436b7b43a279481f6accdfcb8e569d93b820a6be2c0b40f5c7a51"


def test_a_database_without_a_clock_keeps_the_digest_of_before_there_were_any() -> None:
    known = Stage("tally", Environment("production", database=Database("env:DB")))
    assert target_digest(known) == "sha256:b50f050529e4c187ae8c06e2c31be0b74cbe5e973832c9dfa3c20dc888faad24"
    timed = replace(known, environment=replace(known.environment, database=Database("env:DB", reset="0 4 * * *")))
    assert target_digest(timed) != target_digest(known)
