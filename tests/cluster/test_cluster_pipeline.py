"""The whole way on a cluster: dev, staging and production in three namespaces, with checks as Jobs, a migration and an approval."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator

import pytest
from scene import Scene, View
from stand import Load, Namespace, Object, deployment, route, service, until

Image = Callable[..., str]
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, name text);\n-- migrate:down\nDROP TABLE users;\n"
JOBS = "headway/service=shop"


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
        (folder / "migrations").mkdir()
        (folder / "migrations" / "0001_users.sql").write_text(USERS)
        (folder / "headway.yaml").write_text(json.dumps(self._file(gateway, stats), indent=2))  # JSON is YAML
        self.repo.git("init", "--quiet", "--initial-branch=main")
        self.repo.commit("feat: a shop with users")

    def _file(self, gateway: str, stats: str) -> Object:
        def environment(name: str, **more: object) -> Object:
            return {
                "platform": "kubernetes",
                "replicas": 1,
                "kubernetes": {"manifests": f"k8s/{name}", "namespace": self.spaces[name].name, **_taken(more, "kubernetes")},
                "database": {"url": f"env:{name.upper()}_DATABASE", "lint": "off", "rehearse": "off"},
                "config": {"TOLD_WHERE": name},
                "secrets": {"TOLD_TOKEN": f"env:{name.upper()}_TOKEN"},
                "analysis": "health",
                "soak": "0s",
                "keep_warm": "2s",
                **more,
            }

        asks = {"run": "/little ask", "in": "cluster", "timeout": "40s"}
        return {
            "headway": 1,
            "services": {"shop": {"run": "little", "ready_within": "60s", "migrations": "migrations", "checks": {"smoke": asks}}},
            "environments": {
                "dev": environment("dev"),
                "staging": environment("staging", after="dev", strategy="blue-green", checks=["smoke"]),
                "production": environment(
                    "production",
                    after="staging",
                    approvals={"needed": 1, "from": ["bob"]},
                    preview=["smoke"],
                    strategy={"canary": [30, 100]},
                    analysis={"error_rate": "1%", "needs": 20, "min_time": "2s", "hold_for": "30s"},
                    kubernetes={"stats": f"http://{stats}", "url": f"http://{gateway}"},
                ),
            },
        }

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


def test_a_release_goes_from_dev_to_production_and_a_bad_one_ends_in_staging(
    spaces: dict[str, Namespace], little: Image, gateway: str, stats: str, postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = f"shop.{spaces['production'].name}.test"
    tokens = {f"{name.upper()}_TOKEN": secrets.token_hex(12) for name in spaces}
    with postgres.database() as dev, postgres.database() as staging, postgres.database() as production:
        databases = {"DEV_DATABASE": dev, "STAGING_DATABASE": staging, "PRODUCTION_DATABASE": production}
        scene = Pipeline(tmp_path_factory.mktemp("pipeline"), environment=databases | tokens, service="shop")
        try:
            scene.found(spaces, gateway, stats, host, little("1.0.0"))
            scene.start()
            _to_production(scene, little, gateway, host)
            _the_record_and_the_cluster_agree(scene, little)
            _a_bad_one_ends_in_staging(scene, little, gateway, host)
            _no_secret_is_where_people_look(scene, tokens)
        finally:
            scene.end()


def _to_production(scene: Pipeline, little: Image, gateway: str, host: str) -> None:
    scene.cut("1.0.0", little("1.0.0"))
    assert "staging" in scene.headway("plan", "shop@1.0.0", "--to", "production").text, "nobody skips a stage"
    scene.promote("1.0.0", "dev")
    staged = scene.promote("1.0.0", "staging")
    assert any("smoke passed" in " ".join(event["why"]) for event in staged["events"]), staged["events"]
    answer = scene.headway("promote", "shop@1.0.0", "--to", "production", "--json", code=None).json
    rollout = scene.ask("rollout", target=answer["rollout"])
    scene.when(rollout, lambda view: "approv" in view["why"], "the wait for an approval")
    assert scene.spaces["production"].all("deployments") == [], "nothing is touched before the yes"
    with Load(gateway, host, rate=60):
        scene.headway("approve", "shop@1.0.0", "--to", "production", "--comment", "seen in staging", by="bob")
        live = scene.ended_as(answer["rollout"], "completed")
    assert any(event["what"].startswith("migrated the database") for event in live["events"])


def _the_record_and_the_cluster_agree(scene: Pipeline, little: Image) -> None:
    for name, space in scene.spaces.items():
        (deployed,) = space.all("deployments")
        (container,) = deployed["spec"]["template"]["spec"]["containers"]
        assert container["image"] == little("1.0.0"), f"the same image by digest in {name}"
    (job,) = scene.spaces["staging"].all("jobs", JOBS)
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == little("1.0.0")
    until("the cluster's own word on the check", lambda: scene.spaces["staging"].all("jobs", JOBS)[0]["status"].get("succeeded") == 1)
    (previewed,) = scene.spaces["production"].all("jobs", JOBS)
    told = {one["name"]: one.get("value") for one in previewed["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert told["HEADWAY_URL"].startswith("http://10."), "the new release alone, before it has any traffic"


def _a_bad_one_ends_in_staging(scene: Pipeline, little: Image, gateway: str, host: str) -> None:
    scene.cut("1.1.0", little("1.1.0-fails", FAIL=100))
    scene.promote("1.1.0", "dev")
    with Load(gateway, host, rate=30) as load:
        bad = scene.promote("1.1.0", "staging", "rolled back")
        assert "smoke failed: exit 1" in "; ".join(bad["reasons"])
        assert "answered 500" in "; ".join(bad["reasons"])
        assert "quarantine" in scene.headway("plan", "shop@1.1.0", "--to", "production", code=None).text
    assert load.failures == []
    assert set(load.answers) == {"1.0.0"}


def _no_secret_is_where_people_look(scene: Pipeline, tokens: dict[str, str]) -> None:
    shown = [space.kubectl("get", "jobs,deployments,events,configmaps", "--output=json") for space in scene.spaces.values()]
    shown += [json.dumps(scene.ask("rollout", target=one["rollout"])) for one in scene.ask("rollouts")["rollouts"]]
    logs = [file.read_text() for file in scene.home.glob("checks/*/log")]
    assert any("TOLD_TOKEN=***" in log for log in logs), "a check may print what it was told; its log does not show it"
    for value in tokens.values():
        assert not any(value in text for text in (*shown, *logs, scene.log()))
