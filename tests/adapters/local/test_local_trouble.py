"""What goes wrong on one machine, and what is said about it."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from local_stand import PLACE, Stand, Users, eventually, nothing_left, platform, release

from headway.adapters.local import envoy_config, envoy_routes, listening, processes, watches
from headway.environments.model import Place
from headway.errors import Failed, Unavailable
from headway.ports import Platform
from headway.rollout.model import SetReplicas


def test_a_release_that_crashes_on_start_is_bad_news(stand: Stand) -> None:
    stand.act(SetReplicas(release("1", sick="crashes"), 1))
    eventually(lambda: bool(stand.group("web-1").bad_news))
    group = stand.group("web-1")
    assert group.ready == 0
    assert "exits within 60 s, the last: exited with status 1" in group.bad_news[0]
    assert group.log[-1] == "no database today"


def test_a_command_that_cannot_start_is_bad_news_at_once(stand: Stand) -> None:
    stand.act(SetReplicas(release("1", argv=("no-such-program", "$PORT")), 1))
    eventually(lambda: bool(stand.group("web-1").bad_news))
    assert stand.group("web-1").bad_news[0].startswith("cannot start no-such-program")


def test_a_release_that_never_gets_ready_is_bad_news_after_its_time(stand: Stand) -> None:
    stand.act(SetReplicas(release("1", sick="deaf", ready_within=0.5), 1))
    eventually(lambda: bool(stand.group("web-1").bad_news))
    assert stand.group("web-1").bad_news[0].startswith("not ready within 0.5 s: GET /health on port")


def test_a_release_that_hangs_its_health_path_is_never_ready(stand: Stand) -> None:
    stand.act(SetReplicas(release("1", sick="hangs", ready="/ready", ready_within=5.0), 1))
    eventually(lambda: stand.group("web-1").running == 1)
    crew = stand.local._supervisors["prod"]._keeper.crews["web", "web-1"]
    eventually(lambda: any(one.stage.value == "joining" for one in crew.replicas))
    with pytest.raises(Unavailable, match="no ready replica"):
        stand.weigh(web_1=100)


def test_a_replica_that_hangs_is_not_ready_any_more_and_then_replaced(tmp_path: Path) -> None:
    with nothing_left(tmp_path / "home"):
        stand = Stand(platform(tmp_path / "home", sick_for=1.0))
        stand.scale(release("1", grace=0.3), 2)
        stand.weigh(web_1=100)
        number, victim = next(iter(stand.replicas("web-1").items()))
        os.kill(victim.pid, signal.SIGSTOP)
        eventually(lambda: stand.group("web-1").ready == 1)
        assert stand.get()[:2] == (200, "web-1")
        eventually(lambda: stand.settled("web-1", 2))
        assert not processes.lives(victim)
        assert stand.group("web-1").log[0] == f"headway: replica {number} /health did not answer well for 1 s"
        assert stand.group("web-1").bad_news == ()
        assert [stand.get()[:2] for _ in range(10)] == [(200, "web-1")] * 10
        stand.local.close(stop=True)


def test_a_killed_replica_is_replaced_and_the_others_answer(stand: Stand) -> None:
    stand.scale(release("1"), 2)
    stand.weigh(web_1=100)
    victim = next(iter(stand.replicas("web-1").values()))
    with Users(stand.local.reserve(PLACE)) as load:
        load.stay(100)
        os.kill(victim.pid, signal.SIGKILL)
        load.stay(100)
        eventually(lambda: stand.settled("web-1", 2))
        load.stay(100)
    # Requests that it had were the release's loss; not one is without a name.
    assert {who for (_, who) in load.failed} <= {"web-1"}
    assert sum(load.failed.values()) <= 4
    assert stand.group("web-1").log[0].endswith("killed by SIGKILL")
    assert stand.group("web-1").bad_news == ()


def test_a_stranger_on_the_port_does_not_pass_for_a_replica(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        identity = processes.start(
            stand.local._home / "prod" / "sleeper", (sys.executable, "-c", "import time; time.sleep(60)"), cwd=Path("/"), env={}
        )
        assert not listening.owns(identity, port)
    processes.stop(stand.local._home / "prod" / "sleeper", grace=1)


def test_a_dead_envoy_is_started_again_and_serves_the_same(stand: Stand) -> None:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    before = stand.envoy()
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: not processes.lives(before))

    def serves() -> bool:
        try:
            return stand.get()[:2] == (200, "web-1")
        except OSError:
            return False

    eventually(serves, within=5.0)
    assert stand.envoy() != before
    stand.scale(release("2"), 1)
    stand.weigh(web_2=100)
    assert stand.get()[:2] == (200, "web-2")


def test_a_route_that_envoy_refuses_is_put_back(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    stand.scale(release("2"), 1)
    file = stand.local._home / "prod" / "envoy" / "rds-web.json"
    before = file.read_bytes()
    right = envoy_routes.rds

    def wrong(service: envoy_config.Service) -> envoy_config.Json:
        text = repr(right(service)).replace("web--web-2", "web--nobody")
        return dict(eval(text))

    monkeypatch.setattr(envoy_routes, "rds", wrong)
    with pytest.raises(Unavailable, match=r"did not take rds-web.json: update rejected; put back"):
        stand.weigh(web_2=100)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert stand.local.look(PLACE).weights == {"web-1": 100}
    assert stand.get()[:2] == (200, "web-1")
    stand.weigh(web_2=100)
    assert stand.get()[:2] == (200, "web-2")


def test_a_taken_port_names_its_owner_and_the_way_out(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"port {port} for web in prod is taken by process {os.getpid()} .*set another `port:`"):
            stand.local.reserve(PLACE, port)
        with pytest.raises(Unavailable, match=f"port {port} for shop in prod"):
            stand.local.reserve(Place("shop", "prod"), port)
    assert stand.get()[0] == 503  # still where it was
    assert stand.local.reserve(PLACE, port) == port
    assert stand.local.url(PLACE) == f"http://127.0.0.1:{port}"
    assert stand.get()[0] == 503


def test_a_port_that_somebody_takes_in_the_moment_after_it_was_found_free_is_left_to_them(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, place = listening.draw, Place("shop", "prod")
    with socket.create_server(("127.0.0.1", 0)) as other:
        lost = other.getsockname()[1]
        monkeypatch.setattr(listening, "draw", lambda out_of, taken=(): right(out_of, taken) if lost in taken else lost)
        port = stand.local.reserve(place)
    assert port in listening.PLACES
    assert stand.local.url(place) == f"http://127.0.0.1:{port}"
    assert stand.get()[0] == 503, "and its neighbour still listens"


def test_a_tampered_artifact_is_bad_news_and_a_missing_one_is_our_trouble(tmp_path: Path) -> None:
    def artifacts(digest: str) -> Path:
        if digest == "sha256:1":
            raise Failed("the artifact sha256:1 was changed after it was stored")
        raise Unavailable("the artifact sha256:2 is not here")

    home = tmp_path / "home"
    with nothing_left(home):
        stand = Stand(platform(home, artifacts))
        stand.act(SetReplicas(release("1"), 1))
        stand.act(SetReplicas(release("2"), 1))
        eventually(lambda: stand.group("web-1").bad_news == ("the artifact sha256:1 was changed after it was stored",))
        eventually(lambda: stand.group("web-2").log == ("headway: the artifact sha256:2 is not here",))
        assert stand.group("web-2").bad_news == ()
        stand.local.close(stop=True)


def test_a_home_with_a_very_long_name_works(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 30)
    with nothing_left(home):
        stand = Stand(platform(home))
        stand.scale(release("1"), 1)
        stand.weigh(web_1=100)
        assert stand.get()[:2] == (200, "web-1")
        stand.local.close(stop=True)


def test_two_services_share_an_environment_and_two_environments_nothing(stand: Stand) -> None:
    shop, elsewhere = Stand(stand.local, Place("shop", "prod")), Stand(stand.local, Place("web", "staging"))
    for one in (stand, shop, elsewhere):
        one.scale(release("1"), 1)
        one.weigh(web_1=100)
        assert one.get()[:2] == (200, "web-1")
    assert stand.envoy() == shop.envoy() != elsewhere.envoy()
    assert len({stand.local.url(one.place) for one in (stand, shop, elsewhere)}) == 3


def test_a_secret_that_cannot_be_read_is_our_trouble_and_the_neighbour_goes_on(stand: Stand) -> None:
    stand.act(SetReplicas(release("1", secrets={"TOKEN": "env:NOT_THERE"}), 1))
    stand.scale(release("2"), 1)
    stand.weigh(web_2=100)
    assert stand.get()[:2] == (200, "web-2")
    assert stand.group("web-1").running == 0
    assert stand.group("web-1").bad_news == ()


def test_it_is_a_platform(stand: Stand) -> None:
    platform: Platform = stand.local
    assert platform.look(Place("nobody", "prod")).groups == {}
    with pytest.raises(Unavailable, match="nobody in prod has no port yet"):
        platform.url(Place("nobody", "prod"))


def test_where_envoy_may_watch_no_more_files_the_next_release_waits_and_users_go_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    limit = tmp_path / "max_user_instances"
    limit.write_text("3\n")
    monkeypatch.setattr(watches, "LIMIT", limit)
    with pytest.raises(Unavailable, match=r"of the 3 inotify instances .* sysctl -w fs.inotify.max_user_instances=8192"):
        stand.act(SetReplicas(release("2"), 1))
    assert stand.get()[:2] == (200, "web-1")
    limit.write_text("8192\n")
    stand.scale(release("2"), 1)
