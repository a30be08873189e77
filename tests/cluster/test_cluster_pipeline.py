"""The whole way on a cluster: dev, staging and production in three namespaces, with checks and migrations as Jobs, and an approval.

The migrations are dbmate's, in the release's image. In dev Headway runs it where it is itself; in staging a Job does, with the URL that
Headway knows; in production with one that is in the cluster, and that Headway never reads.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doors import door
from lab import images
from scene import Scene, View
from stand import Load, Namespace, Object, deployment, route, service, until

from support.postgres import Postgres

Image = Callable[..., str]
DBMATE = Path(sys.executable).with_name("dbmate")
USERS = """\
-- migrate:up
CREATE TABLE users (id integer primary key, name text);
DO $$ BEGIN IF to_regclass('slow') IS NOT NULL THEN PERFORM pg_sleep(5); END IF; END $$;
-- migrate:down
DROP TABLE users;
"""
ORDERS = "-- migrate:up\nALTER TABLE orders ADD COLUMN paid boolean;\n-- migrate:down\nALTER TABLE orders DROP COLUMN paid;\n"
PARCELS = """\
-- migrate:up
CREATE TABLE parcels AS SELECT CASE WHEN to_regclass('slow') IS NULL THEN '' ELSE pg_sleep(60)::text END AS slept;
-- migrate:down
DROP TABLE parcels;
"""
CHECKS, MIGRATIONS = "headway/check,headway/service=shop", "headway/migration,headway/service=shop"


class Pipeline(Scene):
    """A shop with three namespaces, three databases and one file."""

    def found(self, spaces: dict[str, Namespace], gateway: str, stats: str, host: str, image: str) -> None:
        self.spaces = spaces
        folder = self.repo.folder
        pattern = deployment("shop", f"{image.partition('@')[0]}:latest")
        for name, space in spaces.items():
            things: list[Object] = [pattern, service("shop"), *([route("shop", host, {"shop": 1})] if name == "production" else [])]
            where = folder / "k8s" / name
            where.mkdir(parents=True)
            (where / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
            assert space.name
        self.migrations = folder / "database" / "db" / "migrations"
        self.migrations.mkdir(parents=True)
        (self.migrations / "0001_users.sql").write_text(USERS)
        (folder / "headway.yaml").write_text(json.dumps(self._file(gateway, stats), indent=2))  # JSON is YAML
        self.repo.git("init", "--quiet", "--initial-branch=main")
        self.repo.commit("feat: a shop with users")

    def _file(self, gateway: str, stats: str) -> Object:
        def environment(name: str, **more: object) -> Object:
            return {
                "platform": "kubernetes",
                "replicas": 1,
                "kubernetes": {"manifests": f"k8s/{name}", "namespace": self.spaces[name].name, **_taken(more, "kubernetes")},
                "database": {"tool": "dbmate", **_taken(more, "database")},
                "config": {"TOLD_WHERE": name},
                "secrets": {"TOLD_TOKEN": f"env:{name.upper()}_TOKEN"},
                "analysis": "health",
                "soak": "0s",
                "keep_warm": "2s",
                **more,
            }

        by_job = {"in": "cluster", "timeout": "2m"}
        dbmate = {"dir": "database", "tool": "dbmate", "command": str(DBMATE), "in_image": "/dbmate --migrations-dir /db"}
        asks = {"run": "/little ask", "in": "cluster", "timeout": "40s"}
        return {
            "headway": 1,
            "services": {"shop": {"run": "little", "ready_within": "60s", "migrations": dbmate, "checks": {"smoke": asks}}},
            "environments": {
                "dev": environment("dev", database={"url": "env:DEV_DATABASE"}),
                "staging": environment(
                    "staging", after="dev", strategy="blue-green", checks=["smoke"], database={"url": "env:STAGING_DATABASE", **by_job}
                ),
                "production": environment(
                    "production",
                    after="staging",
                    approvals={"needed": 1, "from": ["bob"]},
                    preview=["smoke"],
                    strategy={"canary": [30, 100]},
                    analysis={"error_rate": "1%", "needs": 20, "min_time": "2s", "hold_for": "30s"},
                    database={"url": "kubernetes:shop-database/url", **by_job},
                    kubernetes={"stats": f"http://{stats}", "url": f"http://{gateway}"},
                ),
            },
        }

    def image(self, version: str, **behaviour: object) -> str:
        """The service with dbmate and the migrations as they are now."""
        files = {one.name: one.read_text() for one in self.migrations.iterdir()}
        return images.migrating(version, DBMATE, files, behaviour)

    def cut(self, version: str, image: str) -> None:
        (self.repo.folder / "version.txt").write_text(version)
        self.repo.commit(f"feat: {version}")
        self.headway("release", "cut", "HEAD", "--version", version, "--image", image)

    def promote(self, version: str, environment: str, phase: str = "completed") -> View:
        answer: View = self.headway("promote", f"shop@{version}", "--to", environment, "--json").json
        return self.ended_as(answer["rollout"], phase)

    def ended_as(self, rollout: str, phase: str) -> View:
        view = self.when(self.ask("rollout", target=rollout), lambda one: one["ended"], f"the end of {rollout}")
        said = "\n".join(f"{event['what']}: {'; '.join(event['why'])}" for event in view["events"])
        assert view["phase"] == phase, f"{view['release']} is {view['phase']}: {view['why']}\n{said}"
        return view


def _taken(more: dict[str, object], key: str) -> Object:
    found = more.pop(key, {})
    assert isinstance(found, dict)
    return found


@pytest.fixture
def spaces(namespace: Namespace) -> Iterator[dict[str, Namespace]]:
    made = {"production": namespace}
    for name in ("dev", "staging"):
        made[name] = Namespace(f"test-{secrets.token_hex(4)}")
        subprocess.run(["kubectl", "create", "namespace", made[name].name], check=True, capture_output=True)
    yield made
    for name in ("dev", "staging"):
        subprocess.run(["kubectl", "delete", "namespace", made[name].name, "--wait=false"], check=True, capture_output=True)


@pytest.mark.timeout(300)
def test_a_release_goes_from_dev_to_production_and_a_bad_one_ends_in_staging(
    spaces: dict[str, Namespace],
    little: Image,
    gateway: str,
    stats: str,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shop = f"shop.{spaces['production'].name}.test"
    tokens = {f"{name.upper()}_TOKEN": secrets.token_hex(12) for name in spaces}
    with (
        door(postgres.socket / ".s.PGSQL.5432") as opened,
        postgres.database() as dev,
        postgres.database() as staging,
        postgres.database() as production,
    ):
        there = {one: f"postgres://headway@{opened.address}/{_name(one)}?sslmode=disable" for one in (staging, production)}
        spaces["production"].kubectl("create", "secret", "generic", "shop-database", f"--from-literal=url={there[production]}")
        databases = {"DEV_DATABASE": dev, "STAGING_DATABASE": there[staging]}
        scene = Pipeline(tmp_path_factory.mktemp("pipeline"), environment=databases | tokens, service="shop")
        try:
            scene.found(spaces, gateway, stats, shop, little("1.0.0"))
            scene.start()
            image = scene.image("1.0.0")
            _to_production(scene, image, gateway, shop, postgres, _name(production))
            _the_record_and_the_cluster_agree(scene, image)
            _a_migration_that_fails_ends_in_staging(scene, postgres, _name(dev), _name(staging))
            _a_bad_one_ends_in_staging(scene, gateway, shop)
            _an_abort_ends_the_job_before_anything_else(scene, postgres, _name(staging))
            _no_secret_is_where_people_look(scene, [*tokens.values(), *there.values()])
        finally:
            scene.end()


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _to_production(scene: Pipeline, image: str, gateway: str, host: str, postgres: Postgres, database: str) -> None:
    scene.cut("1.0.0", image)
    assert "staging" in scene.headway("plan", "shop@1.0.0", "--to", "production").text, "nobody skips a stage"
    scene.promote("1.0.0", "dev")
    staged = scene.promote("1.0.0", "staging")
    assert any("smoke passed" in " ".join(event["why"]) for event in staged["events"]), staged["events"]
    answer = scene.headway("promote", "shop@1.0.0", "--to", "production", "--json", code=None).json
    rollout = scene.ask("rollout", target=answer["rollout"])
    scene.when(rollout, lambda view: "approv" in view["why"], "the wait for an approval")
    assert scene.spaces["production"].all("deployments") == [], "nothing is touched before the yes"
    plan = scene.headway("plan", "shop@1.0.0", "--to", "production").text
    assert "`/dbmate --migrations-dir /db`, without a backup" in plan
    assert "0001_users.sql" in plan
    with postgres.connect(database) as on:
        on.execute("CREATE TABLE slow ()")
    with Load(gateway, host, rate=60):
        scene.headway("approve", "shop@1.0.0", "--to", "production", "--comment", "seen in staging", by="bob")
        until("the migration at work", lambda: _sleeps(postgres, database))
        scene.kill()
        scene.start()
        live = scene.ended_as(answer["rollout"], "completed")
    (job,) = scene.spaces["production"].all("jobs", MIGRATIONS)
    assert job["status"]["succeeded"] == 1, "killed in its middle, Headway did not begin it again"
    assert any("migrated the database of kubernetes:shop-database/url" in _said(event) for event in live["events"]), live["events"]
    with postgres.connect(database) as on:
        assert on.execute("SELECT version FROM schema_migrations").fetchall() == [("0001",)]


def _sleeps(postgres: Postgres, database: str) -> bool:
    with postgres.connect() as on:
        found = on.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'", [database]).fetchall()
    return bool(found)


def _said(event: View) -> str:
    return f"{event['what']}: {'; '.join(event['why'])}"


def _the_record_and_the_cluster_agree(scene: Pipeline, image: str) -> None:
    for name, space in scene.spaces.items():
        (deployed,) = space.all("deployments")
        (container,) = deployed["spec"]["template"]["spec"]["containers"]
        assert container["image"] == image, f"the same image by digest in {name}"
    assert scene.spaces["dev"].all("jobs") == [], "there Headway runs the tool itself"
    (job,) = scene.spaces["staging"].all("jobs", CHECKS)
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == image
    until("the cluster's own word on the check", lambda: scene.spaces["staging"].all("jobs", CHECKS)[0]["status"].get("succeeded") == 1)
    (previewed,) = scene.spaces["production"].all("jobs", CHECKS)
    told = {one["name"]: one.get("value") for one in previewed["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert told["HEADWAY_URL"].startswith("http://10."), "the new release alone, before it has any traffic"


def _a_migration_that_fails_ends_in_staging(scene: Pipeline, postgres: Postgres, dev: str, staging: str) -> None:
    (scene.migrations / "0002_orders.sql").write_text(ORDERS)
    with postgres.connect(dev) as on:
        on.execute("CREATE TABLE orders (id integer)")
    scene.cut("1.1.0", scene.image("1.1.0"))
    scene.promote("1.1.0", "dev")
    bad = scene.promote("1.1.0", "staging", "rolled back")
    assert 'relation "orders" does not exist' in "; ".join(bad["reasons"]), "the tool's own word"
    assert "only its own table tells" in "; ".join(bad["reasons"])
    (deployed,) = scene.spaces["staging"].all("deployments")
    assert deployed["metadata"]["annotations"]["headway/version"] == "1.0.0", "no pod of the new release was made"
    with postgres.connect(staging) as on:
        assert on.execute("SELECT version FROM schema_migrations").fetchall() == [("0001",)]
        on.execute("CREATE TABLE orders (id integer)")
    scene.headway("release", "clear", "shop@1.1.0", "--why", "staging lacked a table")


def _a_bad_one_ends_in_staging(scene: Pipeline, gateway: str, host: str) -> None:
    scene.cut("1.2.0", scene.image("1.2.0", FAIL=100))
    scene.promote("1.2.0", "dev")
    with Load(gateway, host, rate=30) as load:
        bad = scene.promote("1.2.0", "staging", "rolled back")
        assert "smoke failed: exit 1" in "; ".join(bad["reasons"])
        assert "answered 500" in "; ".join(bad["reasons"])
        assert any("the schema keeps 0002_orders.sql" in _said(event) for event in bad["events"]), "its Job had got through"
        assert "quarantine" in scene.headway("plan", "shop@1.2.0", "--to", "production", code=None).text
    assert load.failures == []
    assert set(load.answers) == {"1.0.0"}


def _an_abort_ends_the_job_before_anything_else(scene: Pipeline, postgres: Postgres, staging: str) -> None:
    """As where Headway migrates itself: the run is ended, what is in its transaction never was, and the release before goes on."""
    scene.headway("release", "clear", "shop@1.2.0", "--why", "what failed is mended in 1.3.0")
    (scene.migrations / "0003_parcels.sql").write_text(PARCELS)
    scene.cut("1.3.0", scene.image("1.3.0"))
    scene.promote("1.3.0", "dev")
    with postgres.connect(staging) as on:
        on.execute("CREATE TABLE slow ()")
    before = {one["metadata"]["name"] for one in scene.spaces["staging"].all("jobs", MIGRATIONS)}
    answer = scene.headway("promote", "shop@1.3.0", "--to", "staging", "--json").json
    until("the migration at work", lambda: _sleeps(postgres, staging))
    scene.headway("abort", "staging", "--why", "not today")
    scene.ended_as(answer["rollout"], "rolled back")
    (job,) = [one for one in scene.spaces["staging"].all("jobs", MIGRATIONS) if one["metadata"]["name"] not in before]
    assert any(one["type"] == "Failed" for one in job["status"]["conditions"]), (
        "its end is the cluster's word, and came before that of the rollout"
    )
    pods = scene.spaces["staging"].all("pods", f"headway/migration={job['metadata']['name']}")
    assert not [one for one in pods if one["status"]["phase"] == "Running"]
    sizes = {
        one["metadata"]["annotations"]["headway/version"]: one["spec"]["replicas"] for one in scene.spaces["staging"].all("deployments")
    }
    assert {version for version, size in sizes.items() if size} == {"1.0.0"}
    with postgres.connect(staging) as on:
        assert on.execute("SELECT to_regclass('parcels')").fetchall() == [(None,)]
        assert ("0003",) not in on.execute("SELECT version FROM schema_migrations").fetchall()


def _no_secret_is_where_people_look(scene: Pipeline, values: list[str]) -> None:
    shown = [space.kubectl("get", "jobs,deployments,events,configmaps", "--output=json") for space in scene.spaces.values()]
    shown += [json.dumps(scene.ask("rollout", target=one["rollout"])) for one in scene.ask("rollouts")["rollouts"]]
    logs = [file.read_text() for file in scene.home.glob("checks/*/log")]
    assert any("TOLD_TOKEN=***" in log for log in logs), "a check may print what it was told; its log does not show it"
    migrated = [file.read_text() for file in scene.home.glob("migrations/headway-migrate-*/log")]
    assert any("Applied: 0001_users.sql" in log for log in migrated), "the whole log of a migration is in the home"
    for value in values:
        assert not any(value in text for text in (*shown, *logs, *migrated, scene.log()))
