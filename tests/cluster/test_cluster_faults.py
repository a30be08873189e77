"""What rollouts stand on breaks in their middle: the API server for longer than a release may be undecided, the gateway, Headway itself."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cluster_scene import ClusterScene
from lab.life import without
from scene import Scene, View
from stand import Load, Namespace, until

from headway.adapters.ledger import open_ledger
from headway.engine.controller import LEASE
from support.always import Always
from support.postgres import Postgres

Image = Callable[..., str]
HOLD_FOR = 8.0


@pytest.fixture(scope="module")
def shop(namespaces: Callable[[], Namespace]) -> Namespace:
    return namespaces()


@pytest.fixture(scope="module")
def host(shop: Namespace) -> str:
    return f"shop.{shop.name}.test"


@pytest.fixture(scope="module")
def servers(
    shop: Namespace, little: Image, gateway: str, stats: str, host: str, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ClusterScene, Scene]]:
    """Two replicas of Headway: two servers on one PostgreSQL. No place is on a machine of either, so either may turn every rollout."""
    with postgres.database() as url:
        one = ClusterScene(tmp_path_factory.mktemp("scene"), database=url)
        two = Scene(tmp_path_factory.mktemp("other"), database=url)
        two.repos = [one.repo.folder]
        try:
            one.found(shop, gateway, stats, host, little("1.0.0"))
            file = one.repo.folder / "headway.yaml"
            file.write_text(file.read_text().replace("hold_for: 30s", f"hold_for: {HOLD_FOR:g}s"))
            one.start()
            two.start()
            with Load(gateway, host, rate=60):  # the first release needs users to be judged by
                one.end_of(one.promote("1.0.0", little("1.0.0")), "completed")
            yield one, two
            with closing(open_ledger(url)) as ledger:
                asked = [view["rollout"] for view in one.ask("rollouts")["rollouts"]]
                Always(ledger).at_the_end({}, {}, asked)
        finally:
            try:
                two.end()
            finally:
                one.end()


@pytest.fixture
def scene(servers: tuple[ClusterScene, Scene]) -> ClusterScene:
    return servers[0]


def in_the_middle(scene: ClusterScene, version: str, little: Image) -> View:
    """A canary with some of the traffic."""
    rollout = scene.promote(version, little(version))
    return scene.when(rollout, lambda view: 0 < view["weight"] < 100, "some of the traffic on the new release")


def completed(scene: ClusterScene, rollout: View, load: Load) -> View:
    """Its end, also if it had to be held for want of evidence: then a person says go on. The node takes its time to find its API again."""

    def look() -> View | None:
        view = scene.ask("rollout", target=rollout["rollout"])
        if view["phase"] == "held":
            scene.headway("retry", rollout["rollout"])
        told.append(f"{view['phase']}: {view['why']}")
        return view if view["ended"] else None

    told: list[str] = []
    try:
        until("the end", look)
    except AssertionError as never:
        raise AssertionError(f"{never}; it is {told[-1]}; users met {Counter(load.failures)}") from None
    return scene.end_of(rollout, "completed")


def test_of_two_servers_one_may_be_stopped_for_longer_than_its_lease_and_nothing_is_done_twice(
    servers: tuple[ClusterScene, Scene], little: Image, gateway: str, host: str
) -> None:
    one, two = servers
    with Load(gateway, host, rate=60) as load:
        for version, stopped, other in (("1.1.0", one, two), ("1.2.0", two, one)):
            rollout = in_the_middle(one, version, little)
            assert stopped.server is not None
            stopped.server.send_signal(signal.SIGSTOP)
            try:
                begun = time.monotonic()
                ended = other.when(rollout, lambda view: view["ended"], f"the end of {version}, which the other server has to take over")
                time.sleep(max(0.0, LEASE.total_seconds() + 2.0 - (time.monotonic() - begun)))
            finally:
                stopped.server.send_signal(signal.SIGCONT)
            assert ended["phase"] == "completed", ended
            until("the one that was away to answer", stopped.remote.answers)
            seen = Counter(event["what"] for event in stopped.ask("rollout", target=rollout["rollout"])["events"])
            assert [what for what, times in seen.items() if times > 1 and what.startswith(("route", "set "))] == []
        before = load.answers.copy()
        until("some more traffic", lambda: load.answers.total() > before.total() + 120)
        assert set(load.answers - before) == {"1.2.0"}
    assert load.failures == []


@pytest.mark.breaks_the_cluster
def test_an_api_server_that_is_away_for_longer_than_a_release_may_be_undecided_is_no_verdict(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    with Load(gateway, host, rate=60) as load:
        rollout = in_the_middle(scene, "1.3.0", little)
        with without("kube-apiserver"):
            scene.when(rollout, lambda view: "trying again" in view["why"], "the trouble to be told")
            # No longer than it takes: the longer it was away, the longer the cluster's parts wait before they ask again.
            time.sleep(HOLD_FOR)
            assert scene.ask("rollout", target=rollout["rollout"])["phase"] in {"running", "held"}
        ended = completed(scene, rollout, load)
    assert not [event for event in ended["events"] if event["what"] in {"failed verdict", "failed to run", "failed to be ready"}]
    assert load.failures == []


@pytest.mark.breaks_the_cluster
def test_a_gateway_whose_controller_is_away_goes_on_serving_and_the_rollout_goes_on_afterwards(
    scene: ClusterScene, little: Image, gateway: str, host: str
) -> None:
    with Load(gateway, host, rate=60) as load:
        rollout = in_the_middle(scene, "1.4.0", little)
        with without("contour"):
            told = scene.when(rollout, lambda view: view["trouble"] or view["ended"], "the trouble to be told")
            assert "no gateway has taken the HTTPRoute shop" in (told["trouble"] or ""), told
        completed(scene, rollout, load)
    assert load.failures == []


@pytest.mark.breaks_the_cluster
def test_a_gateway_that_dies_loses_users_but_no_release_their_trust(scene: ClusterScene, little: Image, gateway: str, host: str) -> None:
    with Load(gateway, host, rate=60) as load:
        rollout = in_the_middle(scene, "1.5.0", little)
        with without("envoy"):
            scene.when(rollout, lambda view: "Envoy" in view["why"], "the trouble to be told")
        until("it to serve again", lambda: _serves(load))
        lost = len(load.failures)
        completed(scene, rollout, load)
    assert load.failures[lost:] == []
    assert all("refused" in failure or "reset" in failure or "closed" in failure for failure in load.failures), set(load.failures)


def _serves(load: Load) -> bool:
    before, lost = load.answers.total(), len(load.failures)
    time.sleep(0.5)
    return load.answers.total() > before + 10 and len(load.failures) == lost


def test_nothing_of_it_is_held_against_anybody(scene: ClusterScene, tmp_path: Path) -> None:
    assert scene.headway("audit", "verify").code == 0
    phases = {view["release"]: view["phase"] for view in scene.ask("rollouts")["rollouts"]}
    assert set(phases.values()) == {"completed"}, phases
