"""kill -9 of Headway changes nothing for the users, and the next Headway takes everything over."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from local_stand import PLACE, RealClock, Stand, Users, eventually, host, kill, platform, release

from headway.adapters.local import declared
from headway.errors import Fenced, Unavailable
from headway.rollout.model import Fence, Intent, SetReplicas, SetWeights
from headway.rollout.seen import Probe


def test_kill_9_of_headway_is_not_noticed_and_the_next_one_adopts(home: Path) -> None:
    headway = host(home)
    port = declared.load(home / "prod" / "environment.json").places["web"].port
    with Users(port) as load:
        load.stay(200)
        kill(headway)
        load.stay(200)
        local = platform(home)
        assert local.adopt() == ("prod",)
        stand = Stand(local)
        before = stand.replicas("web-1"), stand.envoy()
        eventually(lambda: stand.settled("web-1", 2))
        assert local.look(PLACE).weights == {"web-1": 100}
        assert local.url(PLACE) == f"http://127.0.0.1:{port}"
        load.stay(200)
        assert (stand.replicas("web-1"), stand.envoy()) == before
        # And it is not only looked at: the next release takes over.
        local.act(PLACE, Intent("a", Fence(2, 1), SetReplicas(release("2"), 1), RealClock().now()))
        eventually(lambda: stand.settled("web-2", 1))
        local.act(PLACE, Intent("b", Fence(2, 2), SetWeights({"web-2": 100}), RealClock().now()))
        load.stay(200)
    local.close(stop=True)
    assert load.failed == {}


def test_a_second_headway_is_told_who_holds_the_environment(home: Path) -> None:
    headway = host(home)
    local = platform(home)
    with pytest.raises(Unavailable, match=rf"prod belongs to another Headway \(process {headway.pid}\)"):
        local.adopt()
    with pytest.raises(Unavailable, match=f"process {headway.pid}"):
        local.look(PLACE)
    local.close()
    kill(headway)


def test_letting_go_leaves_everything_running_and_stopping_leaves_nothing(home: Path) -> None:
    first = Stand(platform(home))
    first.local.reserve(PLACE)
    first.scale(release("1"), 1)
    first.weigh(web_1=100)
    running = first.replicas("web-1"), first.envoy()
    first.local.close()
    second = Stand(platform(home))
    second.local.adopt()
    assert (second.replicas("web-1"), second.envoy()) == running
    eventually(lambda: second.settled("web-1", 1))
    second.local.close(stop=True)
    assert second.replicas("web-1") == {}
    # What was declared stays declared: the next start brings it back.
    third = Stand(platform(home))
    third.local.adopt()
    eventually(lambda: third.settled("web-1", 1))
    assert third.get()[:2] == (200, "web-1")
    third.local.close(stop=True)


def test_what_died_while_nobody_looked_is_replaced(home: Path) -> None:
    first = Stand(platform(home))
    first.local.reserve(PLACE)
    first.scale(release("1"), 2)
    first.weigh(web_1=100)
    victim, *_ = before = first.replicas("web-1")
    identity = before[victim]
    envoy = first.envoy()
    first.local.close()
    os.kill(identity.pid, signal.SIGKILL)
    os.kill(envoy.pid, signal.SIGKILL)
    second = Stand(platform(home))
    second.local.adopt()
    eventually(lambda: second.settled("web-1", 2))
    assert victim not in second.replicas("web-1")
    assert second.get()[:2] == (200, "web-1")
    second.local.close(stop=True)


def test_a_stale_fence_is_refused_also_by_the_next_headway(home: Path) -> None:
    first = Stand(platform(home))
    first.local.reserve(PLACE)
    old = first.intent(SetReplicas(release("1"), 1), Fence(3, 7))
    first.local.act(PLACE, first.intent(SetReplicas(release("1"), 1), Fence(4, 0)))
    with pytest.raises(Fenced, match="generation 4, turn 0"):
        first.local.act(PLACE, old)
    first.local.close()
    second = Stand(platform(home))
    with pytest.raises(Fenced, match="generation 4, turn 0"):
        second.local.act(PLACE, old)
    assert second.local.probe(PLACE, old) is Probe.NOT_DONE
    second.local.close(stop=True)


def test_probe_knows_what_was_done_before_a_crash(home: Path) -> None:
    first = Stand(platform(home))
    first.local.reserve(PLACE)
    first.scale(release("1"), 1)
    done = first.act(SetWeights({"web-1": 100}))
    never = first.intent(SetWeights({}))
    first.local.close()
    second = Stand(platform(home))
    assert second.local.probe(PLACE, done) is Probe.DONE
    assert second.local.probe(PLACE, never) is Probe.NOT_DONE
    second.local.close(stop=True)


@pytest.mark.parametrize("told", [pytest.param(True, id="after Envoy was told"), pytest.param(False, id="before Envoy was told")])
def test_a_shift_that_a_crash_interrupted_is_done_or_not_done_never_half(home: Path, told: bool) -> None:
    first = Stand(platform(home))
    first.local.reserve(PLACE)
    first.scale(release("1"), 1)
    first.scale(release("2"), 1)
    first.weigh(web_2=100)
    route = (home / "prod" / "envoy" / "rds-web.json").read_bytes()
    first.weigh(web_1=100)
    first.local.close()
    # As kill -9 leaves it after the intention was written down.
    record = home / "prod" / "environment.json"
    state = declared.load(record)
    place = replace(state.places["web"], shifting=declared.Shifting("half", {"web-2": 100}))
    declared.save(record, replace(state, places={"web": place}))
    if told:
        (home / "prod" / "envoy" / "rds-web.json").write_bytes(route)
    second = Stand(platform(home))
    second.local.adopt()
    became = ("web-2", Probe.DONE) if told else ("web-1", Probe.NOT_DONE)
    assert second.local.look(PLACE).weights == {became[0]: 100}
    assert second.local.probe(PLACE, Intent("half", Fence(1, 9), SetWeights({"web-2": 100}), RealClock().now())) is became[1]
    assert second.get()[:2] == (200, became[0])
    second.local.close(stop=True)
