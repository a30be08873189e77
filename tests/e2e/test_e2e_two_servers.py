"""Two servers on one PostgreSQL: each has its own machine's places, either may be asked, and nothing is done twice."""

import signal
import time
from collections import Counter

import pytest
from scene import Scene, lost_by_headway, straight_to_production


@pytest.fixture(scope="module")
def servers(scenes, postgres) -> tuple[Scene, Scene]:
    """One that has production, and another that has nothing yet, on the same ledger."""
    with postgres.database() as url:
        one, two = scenes(straight_to_production, database=url, serve=False), scenes(database=url, serve=False)
        two.repos = []
        one.start()
        with one.users():
            one.ended("1.0.0")
        two.start()
        yield one, two
        for scene in (two, one):
            scene.shell("down", code=None)


def test_a_push_that_both_hear_of_is_released_and_rolled_out_once(servers: tuple[Scene, Scene]) -> None:
    one, two = servers
    with one.users() as users:
        one.repo.release("1.1.0")
        for scene in (two, one, two, one):
            scene.push()
        one.ended("1.1.0")
        counts = users.leave()
    assert lost_by_headway(counts) == []
    seen = [Counter(view["release"] for view in scene.ask("rollouts")["rollouts"]) for scene in servers]
    assert seen == [{"tally@1.0.0": 1, "tally@1.1.0": 1}] * 2
    cuts = [event for event in two.ask("log", target="tally@1.1.0")["events"] if event["what"] == "cut"]
    assert len(cuts) == 1


def test_the_server_that_was_not_there_may_be_asked_and_the_other_does_it(servers: tuple[Scene, Scene]) -> None:
    one, two = servers
    before = {process.pid for process in two.processes()}
    with one.users() as users:
        asked = two.headway("rollback", "production", "--why", "asked elsewhere", by="bob").text
        one.until(one.place, lambda place: (place["live"] or {}).get("version") == "1.0.0", "1.0.0 to be back")
        counts = users.leave()
    assert "1.0.0" in asked
    assert lost_by_headway(counts) == []
    assert {process.pid for process in two.processes()} <= before, "nothing runs beside the server that has no places"
    assert two.live() == "1.0.0"


def test_a_server_that_is_stopped_and_goes_on_finds_its_rollout_as_it_left_it(servers: tuple[Scene, Scene]) -> None:
    one, two = servers
    assert one.server is not None
    with one.users() as users:
        one.repo.release("1.2.0", trailers=("Fixes: 1.1.0",))
        one.push()
        view = one.shifted("1.2.0")
        one.server.send_signal(signal.SIGSTOP)
        try:
            time.sleep(2.0)  # the other server's time to do something that it must not
            standing = two.ask("rollout", target=view["rollout"])
            assert not standing["ended"]
        finally:
            one.server.send_signal(signal.SIGCONT)
        ended = one.ended("1.2.0")
        counts = users.leave()
    assert lost_by_headway(counts) == []
    effects = [event["what"] for event in ended["events"] if event["what"].startswith(("route", "set "))]
    assert len(effects) == len(set(effects))
    assert two.headway("audit", "verify").code == 0
