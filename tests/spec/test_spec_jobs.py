"""Who migrates a database, as the file says it: Headway from where it runs, or a Job beside the release."""

import pytest

from headway.environments.model import Cluster, InCluster
from headway.errors import InvalidSpec
from headway.spec.read import read
from headway.spec.views import stages

FILE = """\
headway: 1
services:
  shop: {{run: serve, migrations: {{dir: db, tool: dbmate, in_image: /dbmate}}}}
environments:
  production:
    platform: {platform}
    {kubernetes}
    services: {{shop: {{{own}}}}}
    database: {{{database}}}
"""
THERE = "kubernetes: {manifests: k8s, namespace: shop}"
SECRET = "url: kubernetes:shop-database/url"


def said(database: str, platform: str = "kubernetes", kubernetes: str = THERE, own: str = "") -> str:
    return FILE.format(database=database, platform=platform, kubernetes=kubernetes, own=own)


def test_a_job_runs_where_the_service_is_with_a_url_that_only_pods_read() -> None:
    file = read(said(f"{SECRET}, in: cluster, tool: dbmate, timeout: 5m, backup: {{run: /backup all}}", own="manifests: other"))
    database = stages(file, "shop")[0].environment.database
    assert database is not None
    assert database.url == "kubernetes:shop-database/url"
    assert database.inside == InCluster(Cluster("other", "shop"), 300.0, ("/backup", "all"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            said(SECRET), "database.url is kubernetes:shop-database/url, which only pods read, expected in: cluster", id="from outside"
        ),
        pytest.param(said(f"{SECRET}, in: cluster"), "names no tool of the release's own, expected tool: alembic", id="no tool"),
        pytest.param(said(f"{SECRET}, in: cluster, tool: headway"), "by a server that reaches the database", id="our own runner"),
        pytest.param(
            said("url: env:DB, in: cluster, tool: dbmate", "local", ""), "expected platform: kubernetes with it", id="no cluster to run in"
        ),
        pytest.param(
            said(f"{SECRET}, in: cluster, tool: dbmate, rehearse: copy"), "rehearse needs Headway to reach the database", id="rehearsed"
        ),
        pytest.param(
            said(f"{SECRET}, in: cluster, tool: dbmate, backup: {{keep: '7,1,1'}}"), "expected run: in its place", id="our own backups"
        ),
        pytest.param(
            said(f"{SECRET}, in: cluster, tool: dbmate, backup: {{image: x}}"), "expected run beside it", id="an image for nothing"
        ),
        pytest.param(said("url: env:DB, backup: {run: /backup}"), "backup.run is for a Job", id="their backup, from here"),
        pytest.param(said("url: env:DB, timeout: 5m"), "timeout is a Job's, expected in: cluster", id="a timeout, from here"),
        pytest.param(said("url: postgres://shop:x@db/shop, in: cluster, tool: dbmate"), "url is written out", id="the URL itself"),
        pytest.param(said(f"{SECRET}, in: cluster, tool: dbmate, seed: a.sql"), "seed is for a database that Headway makes", id="a seed"),
    ],
)
def test_what_contradicts_itself_is_told_where_it_stands(text: str, fault: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        read(text)
    assert fault in str(told.value)
    assert "shop:x" not in str(told.value)
