"""Planned restarts of Envoy: a new one takes over, the old one finishes, and nobody outside notices."""

import contextlib
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_stand import PLACE, Stand, Users, eventually, host, kill, platform, release

from headway.adapters.local import envoy_config, processes
from headway.errors import Unavailable
from headway.rollout.model import Fence, SetReplicas

ALONE_WITHIN = 15.0


def serving(stand: Stand) -> Stand:
    stand.scale(release("1", request_timeout=1.0), 2)
    stand.weigh(web_1=100)
    return stand


def alone(stand: Stand) -> bool:
    return len(stand.envoys()) == 1


def test_replacing_envoy_under_traffic_loses_nothing_and_forgets_no_count(stand: Stand) -> None:
    serving(stand)
    before = stand.envoy()
    with Users(stand.local.reserve(PLACE), many=8, pause=0.015) as load, ThreadPoolExecutor(1) as pool:
        load.stay(300)
        slow = pool.submit(stand.get, "/slow=0.8")
        eventually(lambda: stand.local.measure(PLACE).arms["web-1"].active > 0)
        counted = stand.local.measure(PLACE).arms["web-1"].completed
        stand.local.restart_envoy("prod")
        assert stand.local.measure(PLACE).arms["web-1"].completed >= counted
        assert stand.envoy() != before
        # Both run, and weights are set as always.
        stand.scale(release("2"), 1)
        stand.weigh(web_1=50, web_2=50)
        load.stay(300)
        assert slow.result()[:2] == (200, "web-1")
        eventually(lambda: alone(stand), within=ALONE_WITHIN)
        load.stay(300)
    assert load.failed == {}
    assert not processes.lives(before)
    arms = stand.local.measure(PLACE).arms
    # Only what the old one answered after it had handed over is not counted.
    missing = load.seen.total() + 1 - arms["web-1"].completed - arms["web-2"].completed
    assert 0 <= missing < load.seen.total() * 0.1
    # Envoy's histograms lag one poll behind, so the old one's last are missing.
    assert 0.9 * arms["web-1"].completed < sum(arms["web-1"].latency.values()) <= arms["web-1"].completed


def test_a_replica_that_the_old_one_still_asks_is_not_ended(stand: Stand) -> None:
    serving(stand)
    stand.scale(release("2"), 1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(stand.get, "/slow=0.8")
        eventually(lambda: stand.local.measure(PLACE).arms["web-1"].active > 0)
        stand.local.restart_envoy("prod")
        stand.weigh(web_2=100)
        stand.scale(release("1", request_timeout=1.0), 0)
        assert slow.result()[:2] == (200, "web-1")


def test_one_handing_over_at_a_time_and_then_the_next(stand: Stand) -> None:
    serving(stand)
    stand.local.restart_envoy("prod")
    with pytest.raises(Unavailable, match="an earlier Envoy of prod still answers what it has"):
        stand.local.restart_envoy("prod")
    eventually(lambda: alone(stand), within=ALONE_WITHIN)
    with Users(stand.local.reserve(PLACE)) as load:
        load.stay(100)
        stand.local.restart_envoy("prod")
        load.stay(100)
    assert load.failed == {}


def test_an_environment_that_nobody_started_has_nothing_to_replace(stand: Stand) -> None:
    stand.local.close(stop=True)
    with pytest.raises(Unavailable, match="no Envoy of prod runs that could be replaced"):
        envoy = platform(stand.local._home)
        envoy._supervisor("prod")._keeper.envoy.lives.end(grace=1)
        envoy._supervisor("prod")._keeper.replace_envoy()


def restarted(stand: Stand) -> bool:
    return len(list((stand.local._home / "prod" / "envoy" / "runs").iterdir())) > 1


def test_an_upgraded_envoy_takes_over_when_headway_starts(home: Path) -> None:
    first = Stand(platform(home))
    serving(first)
    before = first.envoy()
    first.local.close()
    # As if it had been started by the wheel before.
    about = home / "prod" / "envoy" / "runs" / "1" / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "version": "0af1/1.40.0-before/Clean/RELEASE/BoringSSL"}))
    second = Stand(platform(home))
    with Users(int(second.local.url(PLACE).rpartition(":")[2])) as load:
        load.stay(100)
        second.local.adopt()
        eventually(lambda: second.settled("web-1", 2))
        assert second.envoy() != before
        eventually(lambda: alone(second), within=ALONE_WITHIN)
        load.stay(100)
    assert load.failed == {}
    second.local.close(stop=True)


def test_a_changed_bootstrap_takes_effect_without_a_lost_request(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Stand(platform(home))
    serving(first)
    before = first.envoy()
    first.local.close()
    as_it_is = envoy_config.bootstrap
    monkeypatch.setattr(envoy_config, "bootstrap", lambda *args, **named: as_it_is(*args, **named, connections=7_777))
    second = Stand(platform(home))
    second.local.adopt()
    eventually(lambda: second.settled("web-1", 2))
    assert second.envoy() != before
    assert "7777" in (home / "prod" / "envoy" / "bootstrap.json").read_text()
    second.local.close(stop=True)


def test_the_same_envoy_is_left_alone(home: Path) -> None:
    first = Stand(platform(home))
    serving(first)
    before = first.envoy()
    first.local.close()
    second = Stand(platform(home))
    second.local.adopt()
    eventually(lambda: second.settled("web-1", 2))
    assert second.envoys() == [before]
    second.local.close(stop=True)


def test_one_that_cannot_take_over_leaves_the_old_one_serving(home: Path) -> None:
    first = Stand(platform(home))
    serving(first)
    before = first.envoy()
    first.local.close()
    stub = home / "another-envoy"
    stub.write_text("#!/bin/sh\ncase $1 in --version) echo version: 0af1/1.44.0/Clean;; --mode) ;; *) echo not compatible; exit 1;; esac\n")
    stub.chmod(0o755)
    second = Stand(platform(home, envoy=stub))
    with Users(int(second.local.url(PLACE).rpartition(":")[2])) as load:
        second.local.adopt()
        eventually(lambda: second.settled("web-1", 2))
        load.stay(100)
        assert second.envoys() == [before]
        with pytest.raises(Unavailable, match=r"Envoy of prod exited with status 1.*not compatible.*The Envoy before it goes on"):
            second.local.restart_envoy("prod")
        second.local.act(PLACE, second.intent(SetReplicas(release("1"), 1), Fence(2, 1)))
        eventually(lambda: second.settled("web-1", 1))
        load.stay(100)
    assert load.failed == {}
    second.local.close(stop=True)


def test_a_successor_that_dies_in_the_middle_is_followed_by_one_that_serves(stand: Stand) -> None:
    serving(stand)
    stand.local.restart_envoy("prod")
    os.kill(stand.envoy().pid, signal.SIGKILL)

    def serves() -> bool:
        with contextlib.suppress(OSError):
            return alone(stand) and stand.get()[:2] == (200, "web-1")
        return False

    eventually(serves, within=ALONE_WITHIN)
    stand.scale(release("2"), 1)
    stand.weigh(web_2=100)
    assert stand.get()[:2] == (200, "web-2")


@pytest.mark.parametrize(
    "moment", [pytest.param("about.json", id="just before"), pytest.param("pid.json", id="just after the new one began")]
)
def test_kill_9_of_headway_in_the_middle_ends_with_one_envoy(home: Path, moment: str) -> None:
    headway = host(home, "restart")
    eventually((home / "prod" / "envoy" / "runs" / "2" / moment).exists)
    kill(headway)
    local = platform(home)
    stand = Stand(local)
    with Users(int(local.url(PLACE).rpartition(":")[2])) as load:
        local.adopt()
        eventually(lambda: stand.settled("web-1", 2))
        load.stay(100)
        eventually(lambda: alone(stand), within=ALONE_WITHIN)
        load.stay(100)
    assert load.failed == {}
    assert local.look(PLACE).weights == {"web-1": 100}
    local.close(stop=True)
