"""Removing a service from an environment, and an environment from a machine, in order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from local_stand import PLACE, Stand, Users, eventually, platform, release

from headway.adapters.local import declared, listening, processes
from headway.environments.model import Place
from headway.errors import Fenced, Unavailable
from headway.rollout.model import Fence, Match, SetReplicas, SetWeights

SHOP = Place("shop", "prod")


def serving(stand: Stand) -> Stand:
    stand.scale(release("1", request_timeout=5.0), 1)
    stand.weigh(web_1=100)
    return stand


def test_a_removed_service_leaves_nothing_and_its_neighbour_does_not_notice(stand: Stand) -> None:
    serving(stand)
    shop = serving(Stand(stand.local, SHOP))
    shop.act(SetWeights({"web-1": 100}, sticky=True, matches=(Match("web-1", "header", "x", "y"),), mirrors={"web-1": 10}))
    port = int(stand.local.url(SHOP).rpartition(":")[2])
    identity, *_ = shop.replicas("web-1").values()
    home = stand.local._home / "prod"
    with Users(stand.local.reserve(PLACE)) as load, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shop.get, "/slow=1")
        eventually(lambda: stand.local.measure(SHOP).arms["web-1"].active > 0)
        stand.local.forget(SHOP)
        assert slow.result()[:2] == (200, "web-1")
        load.stay(100)
    assert load.failed == {}
    assert not processes.lives(identity)
    eventually(lambda: listening.is_free(port))
    assert [path for path in home.rglob("*") if "shop" in path.name] == []
    assert stand.local.look(SHOP).groups == {}
    with pytest.raises(Unavailable, match="shop in prod has no port yet"):
        stand.local.url(SHOP)
    stand.local.forget(SHOP)
    assert stand.get()[:2] == (200, "web-1")


def test_who_was_too_late_for_a_removed_service_stays_so_and_it_may_come_back(stand: Stand) -> None:
    serving(stand)
    late = stand.intent(SetReplicas(release("1"), 1), Fence(1, 0))
    stand.local.forget(PLACE)
    with pytest.raises(Fenced, match="generation 1"):
        stand.local.act(PLACE, late)
    again = stand.intent(SetReplicas(release("1"), 1), Fence(2, 1))
    stand.local.act(PLACE, again)
    eventually(lambda: stand.settled("web-1", 1))
    stand.local.act(PLACE, stand.intent(SetWeights({"web-1": 100}), Fence(2, 2)))
    assert stand.get()[:2] == (200, "web-1")


def test_a_removal_that_a_crash_interrupted_is_finished(home: Path) -> None:
    first = Stand(platform(home))
    serving(first)
    serving(Stand(first.local, SHOP))
    identity, *_ = first.replicas("web-1").values()
    first.local.close()
    record = home / "prod" / "environment.json"
    state = declared.load(record)
    declared.save(record, replace(state, places={**state.places, "web": state.places["web"].emptied()}))
    second = Stand(platform(home), SHOP)
    second.local.adopt()
    eventually(lambda: "web" not in declared.load(record).places)
    assert not processes.lives(identity)
    eventually(lambda: second.settled("web-1", 1))
    assert second.get()[:2] == (200, "web-1")
    second.local.close(stop=True)


def test_nothing_is_started_in_a_place_that_is_leaving(stand: Stand) -> None:
    serving(stand)
    supervisor = stand.local._supervisors["prod"]
    with supervisor._lock:
        supervisor._keeper.save("web", supervisor._keeper.state.places["web"].emptied())
        with pytest.raises(Unavailable, match="web is being removed from prod"):
            stand.act(SetReplicas(release("2"), 1))


def test_a_removed_environment_leaves_nothing(home: Path) -> None:
    stand = Stand(platform(home))
    elsewhere = Stand(stand.local, Place("web", "branch-login"))
    serving(stand)
    serving(elsewhere)
    theirs = (elsewhere.envoy(), *elsewhere.replicas("web-1").values())
    with Users(stand.local.reserve(PLACE)) as load, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(elsewhere.get, "/slow=1")
        eventually(lambda: stand.local.measure(elsewhere.place).arms["web-1"].active > 0)
        stand.local.forget_environment("branch-login")
        assert slow.result()[:2] == (200, "web-1")
        load.stay(50)
    assert load.failed == {}
    assert not any(processes.lives(one) for one in theirs)
    assert [folder.name for folder in home.iterdir()] == ["prod"]
    assert stand.local.look(elsewhere.place).groups == {}
    assert stand.local.adopt() == ("prod",)
    stand.local.forget_environment("branch-login")
    # And it may come back.
    serving(elsewhere)
    assert elsewhere.get()[:2] == (200, "web-1")
    stand.local.close(stop=True)


def test_asking_about_what_was_never_there_makes_nothing(home: Path) -> None:
    local = platform(home)
    local.forget(PLACE)
    local.forget_environment("prod")
    assert not (home / "prod").exists()
