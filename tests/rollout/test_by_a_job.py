"""A plan whose database only a Job reaches: said before anybody approves, and the Job is the only step on data."""

import pytest

from headway.analysis.model import Thresholds
from headway.environments.model import Cluster, Database, Environment, InCluster
from headway.migration.abilities import ByTool, Promises
from headway.migration.model import Kind
from headway.migration.shipping import Shipped, Shipping
from headway.rollout.model import Plan
from headway.rollout.plan import back_sentences, promotion, sentences
from headway.testing import sample_release

TOOL = ByTool("dbmate", "shop", Promises(atomic=True, has_down=True, has_checksum=False), ("/dbmate", "--migrations-dir", "/db"))
ADDS = Shipped(2, "0002_orders.sql", "sha", Kind.EXPAND, "after 0002_orders.sql the old version comes back on the new schema")


def plan(inside: InCluster | None) -> Plan:
    database = Database("kubernetes:shop-database/url", tool="dbmate", inside=inside)
    shipping = Shipping(database, "the database of kubernetes:shop-database/url in shop", "db", (ADDS,), tool=TOOL)
    return promotion(
        sample_release("1.1.0"), Environment("production"), None, strategy="rolling", weights=(), batch=1, holdback=0,
        thresholds=Thresholds(mode="health"), soak=60, keep_warm=60, preview=(), checks=(), drill=False, binding={}, notify=(),
        migrations=shipping,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param({}, "without a backup, which Headway cannot make there", id="nobody backs up"),
        pytest.param({"backup": ("/backup", "all")}, "back up by `/backup all`, then", id="the release's own backs up"),
        pytest.param({"backup": ("/backup",), "image": "tools:1"}, "back up by `/backup` in tools:1, then", id="another image backs up"),
    ],
)
def test_the_plan_says_who_migrates_where_with_what_and_who_backs_up(more: dict[str, object], says: str) -> None:
    first = sentences(plan(InCluster(Cluster("k8s", "shop"), 600.0, **more)))[0]  # type: ignore[arg-type]
    assert first.startswith("in a Job in shop, once, within 600 s, with the release's image and `/dbmate --migrations-dir /db`")
    assert says in first
    assert "migrate the database of kubernetes:shop-database/url in shop: 0002_orders.sql (expand)" in first
    assert "it has a way down" in first


def test_the_way_back_is_said_as_everywhere() -> None:
    assert any("0002_orders.sql" in one for one in back_sentences(plan(InCluster(Cluster("k8s", "shop")))))


def test_nobody_is_asked_again_after_a_job_and_a_tool_that_headway_reaches_is() -> None:
    assert [step.kind for step in plan(InCluster(Cluster("k8s", "shop"))).steps].count("verify data") == 0
    assert [step.kind for step in plan(None).steps].count("verify data") == 1
