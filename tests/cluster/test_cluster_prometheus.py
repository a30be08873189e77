"""Judged by a real Prometheus that scrapes the gateway: good, bad, and away for a while."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_scene import ClusterScene
from scraping import Scraping, scraping
from stand import Load, Namespace, until

from headway.engine.measures import Measures
from headway.ports import Tallied
from headway.testing import NOON
from headway.web.exposition import exposition

Image = Callable[..., str]


@pytest.fixture
def host(namespace: Namespace) -> str:
    return f"shop.{namespace.name}.test"


@pytest.fixture
def scraped(tmp_path: Path, stats: str) -> Iterator[Scraping]:
    with scraping(tmp_path, stats) as made:
        yield made


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, host: str, scraped: Scraping, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, gateway, stats, host, little("1.0.0"))
        file = made.repo.folder / "headway.yaml"
        counted = f"prometheus: {{url: {scraped.url}, scraped_every: 1s}}"
        file.write_text(file.read_text().replace(f"stats: http://{stats}", counted))
        assert counted in file.read_text()
        made.repo.commit("feat: judged by Prometheus")
        made.start()
        with Load(gateway, host, rate=60):  # the first release needs users to be judged by
            made.end_of(made.promote("1.0.0", little("1.0.0")), "completed")
        yield made
    finally:
        made.end()


def test_prometheus_tells_a_good_canary_from_a_bad_one_and_while_it_is_away_nobody_decides(
    scene: ClusterScene, scraped: Scraping, little: Image, gateway: str, host: str
) -> None:
    with Load(gateway, host, rate=60) as load:
        rollout = scene.promote("1.1.0", little("1.1.0"))
        scene.when(rollout, lambda view: view["weight"] > 0, "some traffic on the new release")
        scraped.kill()
        held = scene.when(rollout, lambda view: "has not been measured for" in view["why"], "the silence to be told")
        assert f"Prometheus at {scraped.url} does not answer" in held["why"]
        assert (held["phase"], held["weight"]) == ("running", 20)
        scraped.start()
        good = scene.end_of(rollout, "completed")
        assert load.failures == []
        bad = scene.end_of(scene.promote("1.2.0", little("1.2.0-fails", FAIL=50)), "rolled back")
        lost = list(load.failures)
        until("some more traffic", lambda: load.answers.total() > 200)
    assert "good at 20 %" in {event["what"] for event in good["events"]}
    assert "errors" in "; ".join(bad["reasons"])
    assert load.failures == lost, "after the way back nobody meets the bad release any more"
    assert all("500" in failure for failure in lost), lost
    assert len(lost) < 60, "it was found out at one of the next scrapes"
    _break_the_query(scene)
    scene.repo.commit("feat: counted by ourselves\n\nFixes: everything before")
    scene.headway("release", "cut", "HEAD", "--version", "1.3.0", "--image", little("1.1.0"))
    refused = scene.headway("promote", "shop@1.3.0", "--to", "production", code=12)
    assert "its query for requests, answers" in " ".join(refused.text.split())
    assert "Prometheus says: " in " ".join(refused.text.split())


def _break_the_query(scene: ClusterScene) -> None:
    file = scene.repo.folder / "headway.yaml"
    wrong = "scraped_every: 1s, queries: {requests: '{a}', failures: '{a}'}".replace("{a}", 'answers{code=~"5(.."}')
    file.write_text(file.read_text().replace("scraped_every: 1s", wrong))


def test_prometheus_own_tool_has_nothing_to_say_against_what_a_server_tells_it() -> None:
    """Here and not beside the text's other tests, because here Prometheus is always there."""
    if not shutil.which("promtool"):
        pytest.skip("promtool comes with Prometheus: apt-get install prometheus")
    measures = Measures()
    for what in ("ended", "rollbacks", "verdicts", "troubles", "requests"):
        measures.count(what, environment="production")
    rollouts = [
        Tallied("dev.feature-x", "running", 1, NOON),
        Tallied("production", "held", 1, NOON),
        Tallied("production", "pending", 7, NOON),
    ]
    text = exposition(measures, rollouts, NOON)
    checked = subprocess.run(("promtool", "check", "metrics"), input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
