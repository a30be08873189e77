"""Headway in the cluster as a company has it: its image, its chart by helm, two replicas on PostgreSQL, asked over the network."""

import json
import re
import secrets
import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from cluster_scene import ClusterScene
from doors import Door, door
from githost import repositories
from lab import ourselves
from lab import postgres as programs
from lab.layout import CHECKOUT
from scene import Said, View
from stand import Load, Namespace, Object, ask, until

from headway.adapters.remote import Remote
from support.postgres import GUARDED, PASSWORD, Postgres

pytestmark = pytest.mark.timeout(900)  # the first run makes the image
Image = Callable[..., str]
CHART = CHECKOUT / "deploy" / "chart"
NAME = "headway"
MOUNTED = {"postgres": "/opt/postgres", "backups": "/var/backups/shop"}
PARCELS = """\
-- migrate:up
CREATE TABLE parcels AS SELECT 7 AS id, CASE WHEN to_regclass('slow') IS NULL THEN '' ELSE pg_sleep(15)::text END AS slept;
-- migrate:down
DROP TABLE parcels;
"""
EVERYTHING = {
    "image": "registry.example/headway:1",
    "repositories": ["https://git.example/shop.git"],
    "branch": "trunk",
    "git": {"secret": "git"},
    "args": ["--open-metrics"],
    "env": [{"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "password"}}}],
    "volumes": [{"name": "more", "secret": {"secretName": "more"}}],
    "volumeMounts": [{"name": "more", "mountPath": "/run/more"}],
    "pullSecrets": ["registry"],
    "serviceAccount": {"annotations": {"cloud.example/role": "releases"}},
    "podLabels": {"team": "releases"},
    "podAnnotations": {"since": "today"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "only", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "ingress": {"host": "headway.example", "className": "edge", "tlsSecret": "headway-tls", "annotations": {"a.example/b": "c"}},
    "httpRoute": {"parentRefs": [{"name": "edge", "namespace": "gateways"}], "hostnames": ["headway.example"]},
    "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}], "egress": [{}]},
}


def helm(*argv: str, told: object = None) -> str:
    values = ("--values=-",) if told is not None else ()
    done = subprocess.run(["helm", *argv, *values], input=json.dumps(told), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"helm {' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


def test_with_everything_in_it_the_chart_is_what_the_api_server_takes(namespace: Namespace) -> None:
    everything = EVERYTHING | {"environments": [namespace.name]}
    helm("lint", str(CHART), told=everything)
    made = helm("template", NAME, str(CHART), "--namespace", namespace.name, told=everything)
    assert made.count("\nkind: ") == 10
    namespace.kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", text=made)
    monitored = helm("template", NAME, str(CHART), told=everything | {"serviceMonitor": {"enabled": True}})
    assert "\nkind: ServiceMonitor" in monitored, "its kind is the operator's, which is not in this cluster"


def test_a_value_that_it_does_not_know_is_refused(namespace: Namespace) -> None:
    done = subprocess.run(["helm", "template", str(CHART), "--set", "image=x,replica=3"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "replica" in done.stderr


class Installed(ClusterScene):
    """The scene whose server runs in the cluster."""

    database: str

    @property
    def backups(self) -> Path:
        """Where the servers' backups of the shop's database are, for this machine."""
        return self.folder / "backups"

    def install(self, own: Namespace, image: str, repository: str, database: str, credentials: str, shop: str) -> None:
        self.own = own
        self.host = f"headway.{own.name}.test"
        said = {name: self.headway("token", name) for name in ("alice", "metrics")}
        self.asking = {name: re.findall(r"HEADWAY_TOKEN=(\S+)", one.text)[0] for name, one in said.items()}
        lines = "".join(one.out for one in said.values())
        told = {
            "database": database,
            "key": secrets.token_hex(32),
            "tokens": lines,
            "metrics": self.asking["metrics"],
            "password": PASSWORD,
        }
        secret = {"headway": told, "git": {"credentials": credentials}, "shop": {"database": shop}}
        own.apply(*(_secret(name, **data) for name, data in secret.items()))
        self.values = {
            "image": image,
            "repositories": [repository],
            "environments": [self.namespace.name],
            "git": {"secret": "git"},
            "env": [
                {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "headway", "key": "password"}}},
                {"name": "SHOP_DATABASE", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "database"}}},
                {"name": "PATH", "value": "/opt/postgres/bin:/opt/headway/bin:/usr/local/bin:/usr/bin:/bin"},
            ],
            "volumes": [{"name": name, "hostPath": {"path": str(self.folder / name)}} for name in MOUNTED],
            "volumeMounts": [{"name": name, "mountPath": where} for name, where in MOUNTED.items()],
            "httpRoute": {"parentRefs": [{"name": "edge", "namespace": "gateways"}], "hostnames": [self.host]},
        }
        helm("install", NAME, str(CHART), "--namespace", own.name, "--wait", "--timeout=180s", told=self.values)
        self.address = f"http://{own.get('service', NAME)['spec']['clusterIP']}"
        self.remote = Remote.at(self.address, self.asking["alice"])

    def command_line(self, by: str = "ops") -> tuple[str, ...]:
        asked = ("--server", self.address) if hasattr(self, "address") else ("--home", str(self.home))
        return ("", "-m", "headway", *asked)

    def cut(self, version: str, image: str) -> None:
        (self.repo.folder / "version.txt").write_text(version)
        commit = self.repo.commit(f"feat: {version}")
        self.headway("release", "cut", commit, "--version", version, "--image", image)

    def pods(self) -> dict[str, str]:
        """The servers and where each is."""
        found = self.own.all("pods", "app.kubernetes.io/name=headway")
        return {one["metadata"]["name"]: one["status"].get("podIP", "") for one in found if "deletionTimestamp" not in one["metadata"]}

    def leader(self) -> str:
        """Which of them leads, by what each tells Prometheus."""
        return str(until("one to lead", lambda: next((name for name, ip in self.pods().items() if self._leads(ip)), None)))

    def _leads(self, ip: str) -> bool:
        request = urllib.request.Request(f"http://{ip}:8080/metrics", headers={"Authorization": f"Bearer {self.asking['metrics']}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return "\nheadway_leader 1\n" in answer.read().decode()
        except OSError:
            return False

    def ready(self) -> list[bool]:
        """Of each of them, whether it is ready."""
        found = self.own.all("pods", "app.kubernetes.io/name=headway")
        return [every["status"] == "True" for one in found for every in one["status"]["conditions"] if every["type"] == "Ready"]

    def restarts(self) -> int:
        found = self.own.all("pods", "app.kubernetes.io/name=headway")
        return sum(status["restartCount"] for one in found for status in one["status"]["containerStatuses"])

    def process(self, pod: str) -> psutil.Process:
        """The server in this pod, as this machine has it."""
        uid = self.own.get("pod", pod)["metadata"]["uid"]
        mine = [one for one in psutil.process_iter() if one.name() == "headway" and uid in Path(f"/proc/{one.pid}/cgroup").read_text()]
        assert len(mine) == 1, mine
        return mine[0]

    def half_way(self, version: str, image: str) -> View:
        rollout = self.promote(version, image)
        return self.when(rollout, lambda view: 0 < view["weight"] < 100, "some of the traffic")

    def ended_well(self, rollout: View) -> View:
        """Waited for through whichever server answers."""

        def look() -> View | None:
            try:
                view = self.ask("rollout", target=rollout["rollout"])
            except Exception as away:
                told.append(repr(away))
                return None
            told.append(f"{view['phase']}: {view['why']}")
            return view if view["ended"] else None

        told: list[str] = []
        view: View = until("the end of it", look)
        assert view["phase"] == "completed", told[-3:]
        return view


def _secret(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


@pytest.fixture(scope="module")
def record(postgres: Postgres) -> Iterator[Door]:
    """PostgreSQL, as pods reach it."""
    with door(postgres.socket / ".s.PGSQL.5432") as made:
        yield made


@pytest.fixture(scope="module")
def scene(
    namespaces: Callable[[], Namespace],
    little: Image,
    gateway: str,
    stats: str,
    postgres: Postgres,
    record: Door,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installed]:
    own, shop = namespaces(), namespaces()
    folder = tmp_path_factory.mktemp("scene")
    image = ourselves.headway("test")
    with ExitStack() as open_, pytest.MonkeyPatch.context() as patch:
        database = open_.enter_context(postgres.database())
        counters = open_.enter_context(door(stats))
        password = secrets.token_hex(12)
        repos = open_.enter_context(repositories(folder, "headway", password))
        made = Installed(folder)
        made.found(shop, gateway, counters.address, f"shop.{shop.name}.test", little("1.0.0"))
        file = folder / made.service / "headway.yaml"
        text = file.read_text().replace("    kubernetes:\n", "    kubernetes:\n      registry: skip\n")
        file.write_text(text.replace("[20, 50, 100]", "[50, 100]").replace("hold_for: 30s", "hold_for: 3m"))
        made.repo.commit("chore: the registry is the nodes' alone")
        made.database = urlsplit(open_.enter_context(postgres.database())).path.strip("/")
        programs.client(postgres.folder / "data", folder / "postgres")
        made.backups.mkdir()
        shutil.chown(made.backups, 10001, 10001)  # as `fsGroup` does where a volume is a claim's
        url = f"postgresql://{GUARDED}@{record.address}{urlsplit(database).path}"
        credentials = repos.replace("://", f"://headway:{password}@")
        shops = f"postgresql://{GUARDED}:{PASSWORD}@{record.address}/{made.database}"
        made.install(own, image, f"{repos}/{made.service}", url, credentials, shops)
        patch.setenv("HEADWAY_TOKEN", made.asking["alice"])
        yield made


def test_installed_by_helm_two_of_them_answer_and_helm_tests_it(scene: Installed, gateway: str) -> None:
    assert len(scene.pods()) == 2
    assert "Succeeded" in helm("test", NAME, "--namespace", scene.own.name, "--timeout=60s")
    assert scene.leader()
    until("the gateway to lead to them", lambda: _told(gateway, scene.host) == "ready")


def _told(gateway: str, host: str) -> str:
    try:
        return ask(gateway, host, "/readyz")
    except OSError as error:
        return str(error)


def test_the_leading_pod_dies_in_mid_canary_and_another_goes_on(scene: Installed, little: Image, gateway: str) -> None:
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=40) as load:
        first = scene.promote("1.0.0", little("1.0.0"))
        scene.ended_well(first)
        lost = len(load.failures)  # before the first release nobody is there
        rollout = scene.half_way("1.1.0", little("1.1.0"))
        led = scene.leader()
        scene.own.kubectl("delete", "pod", led, "--force", "--grace-period=0")
        scene.ended_well(rollout)
        assert scene.leader() != led
        assert load.failures[lost:] == []


def test_the_leading_pod_stands_still_in_mid_canary_and_does_no_harm_when_it_goes_on(scene: Installed, little: Image, gateway: str) -> None:
    until("both to be ready", lambda: scene.ready() == [True, True])
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=40) as load:
        rollout = scene.half_way("1.2.0", little("1.2.0"))
        scene.headway("pause", "production", "--why", "so that it is not over before its leader stands still, however slow this machine is")
        led = scene.leader()
        (other,) = (ip for name, ip in scene.pods().items() if name != led)
        by_the_service = scene.address, scene.remote
        scene.address, scene.remote = f"http://{other}:8080", Remote.at(f"http://{other}:8080", scene.asking["alice"])
        stopped = scene.process(led)
        stopped.suspend()
        try:
            scene.headway("resume", "production")
            scene.ended_well(rollout)
            until("the other to say that it leads", lambda: scene._leads(other))
        finally:
            stopped.resume()
            scene.address, scene.remote = by_the_service
        until("it to be back", lambda: scene.ready() == [True, True])
        # Of itself it says what it last knew, until it looks; on a slow machine it may by then have its turn again.
        until("one of them to lead, and no more", lambda: sum(map(scene._leads, scene.pods().values())) == 1)
        before, load.answers = load.answers, Counter()
        until("some traffic", lambda: load.answers.total() > 80)
        assert load.failures == []
    assert set(before) == {"1.1.0", "1.2.0"}
    assert set(load.answers) == {"1.2.0"}


def test_while_the_record_is_away_none_is_ready_and_then_they_go_on(scene: Installed, little: Image, gateway: str, record: Door) -> None:
    restarts = scene.restarts()
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=40) as load:
        rollout = scene.half_way("1.3.0", little("1.3.0"))
        record.shut()
        try:
            until("none to be ready", lambda: not any(scene.ready()))
        finally:
            record.open()
        until("both to be ready", lambda: all(scene.ready()))
        scene.ended_well(rollout)
        assert load.failures == []
    assert scene.restarts() == restarts, "it is no reason to start anew"


def test_its_own_migrations_are_run_by_the_server_and_by_another_if_that_one_dies(
    scene: Installed, little: Image, gateway: str, postgres: Postgres
) -> None:
    """The database is reached by the server's pods; `pg_dump`, and a place that outlives a pod, are given to them as the page says."""
    until("both to be ready", lambda: scene.ready() == [True, True])
    with postgres.connect(scene.database) as on:
        on.execute("CREATE TABLE slow ()")
    (scene.repo.folder / "db").mkdir()
    (scene.repo.folder / "db" / "0001_parcels.sql").write_text(PARCELS)
    file = scene.repo.folder / "headway.yaml"
    text = file.read_text().replace("    run: little\n", "    run: little\n    migrations: db\n")
    named = f"    database: {{url: env:SHOP_DATABASE, backup: {{folder: {MOUNTED['backups']}}}}}\n"
    file.write_text(text.replace("    replicas: 2\n", f"    replicas: 2\n{named}"))
    said: list[Said] = []
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=40) as load:
        scene.cut("1.3.1", little("1.3.1"))
        scene.ask("poke")
        go = ("promote", "shop@1.3.1", "--to", "production", "--json")
        until("the file that names the database to govern", lambda: said.append(scene.headway(*go, code=None)) or said[-1].code == 0)
        rollout = scene.ask("rollout", target=said[-1].json["rollout"])
        until("the migration at work", lambda: _sleeps(postgres, scene.database))
        led = scene.leader()
        scene.own.kubectl("delete", "pod", led, "--force", "--grace-period=0")
        with postgres.connect(scene.database) as on:
            assert on.execute("SELECT to_regclass('parcels')").fetchall() == [(None,)]
        until("another to lead", lambda: scene.leader() != led)
        with postgres.connect(scene.database) as on:
            on.execute("DROP TABLE slow")
        view = scene.ended_well(rollout)
        assert load.failures == []
    told = "\n".join(f"{event['what']}: {'; '.join(event['why'])}" for event in view["events"])
    assert "/var/backups/shop" in told, told
    assert "was lost; not applied: 0001" in told, told
    assert PASSWORD not in told
    with postgres.connect(scene.database) as on:
        assert on.execute("SELECT id FROM parcels").fetchall() == [(7,)]
        assert on.execute("SELECT version, state FROM schema_migrations").fetchall() == [(1, "applied")]
    assert [one for one in scene.backups.rglob("*") if one.is_file() and ".tmp" not in one.name], "it outlives the pod that made it"


def _sleeps(postgres: Postgres, database: str) -> bool:
    with postgres.connect() as on:
        found = on.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'", [database]).fetchall()
    return bool(found)


def test_helm_upgrades_it_with_a_rollout_in_flight(scene: Installed, little: Image, gateway: str) -> None:
    before = set(scene.pods())
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=40) as load:
        rollout = scene.half_way("1.4.0", little("1.4.0"))
        scene.headway("pause", "production", "--why", "so that it lasts until all of them are new, however slow this machine is")
        upgraded = scene.values | {"podAnnotations": {"turned": str(time.monotonic())}}
        helm("upgrade", NAME, str(CHART), "--namespace", scene.own.name, "--wait", "--timeout=180s", told=upgraded)
        assert not before & set(scene.pods()), "both are new"
        standing = scene.ask("rollout", target=rollout["rollout"])
        assert 0 < standing["weight"] < 100, standing
        scene.headway("resume", "production")
        scene.ended_well(rollout)
        assert load.failures == []


def test_uninstalled_it_leaves_behind_what_it_released(scene: Installed, gateway: str) -> None:
    host = f"shop.{scene.namespace.name}.test"
    helm("uninstall", NAME, "--namespace", scene.own.name, "--wait", "--timeout=120s")
    assert scene.pods() == {}
    with Load(gateway, host, rate=40) as load:
        until("some traffic", lambda: load.answers.total() > 60)
    assert set(load.answers) == {"1.4.0"}
    assert load.failures == []
