"""A release takes over under traffic, and no user notices."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import ANY

import pytest
from local_stand import PLACE, Stand, Users, eventually, release

from headway.adapters.local import processes
from headway.errors import Contradiction, Unavailable
from headway.rollout.model import SetReplicas, SetWeights


def users(stand: Stand) -> Users:
    return Users(stand.local.reserve(PLACE))


def test_a_release_takes_over_under_traffic_without_a_lost_request(stand: Stand) -> None:
    old, new = release("1"), release("2")
    stand.scale(old, 2)
    stand.weigh(web_1=100)
    with users(stand) as load:
        load.stay(200)
        stand.scale(new, 2)
        for weight in (10, 50, 100):
            stand.weigh(web_1=100 - weight, web_2=weight)
            load.stay(300)
        stand.scale(old, 0)
        load.stay(200)
        stand.weigh(web_2=100)
        stand.scale(old, 1)
        stand.weigh(web_1=100)
        stand.scale(new, 0)
        load.stay(200)
    assert load.failed == {}
    assert load.by("web-1") > 300
    assert load.by("web-2") > 300


def test_shrinking_and_growing_under_traffic_loses_nothing(stand: Stand) -> None:
    only = release("1")
    stand.scale(only, 1)
    stand.weigh(web_1=100)
    with users(stand) as load:
        for replicas in (3, 1, 2):
            stand.scale(only, replicas)
            load.stay(150)
    assert load.failed == {}


def test_weights_are_respected(stand: Stand) -> None:
    for version in ("1", "2"):
        stand.scale(release(version), 1)
    stand.weigh(web_1=80, web_2=20)
    assert stand.local.look(PLACE).weights == {"web-1": 80, "web-2": 20}
    with Users(stand.local.reserve(PLACE), pause=0.001) as load:
        load.stay(2000)
    share = load.by("web-2") / load.seen.total()
    assert 0.15 < share < 0.25  # five standard deviations at 2000 requests


def test_counters_equal_what_users_saw_and_never_go_back(stand: Stand) -> None:
    bad = release("2", sick="fails")
    stand.scale(release("1"), 1)
    stand.scale(bad, 1)
    stand.weigh(web_1=50, web_2=50)
    with users(stand) as load:
        load.stay(300)
    eventually(lambda: stand.local.measure(PLACE).arms["web-1"].active == 0)
    arms = stand.local.measure(PLACE).arms
    assert arms["web-1"].completed == load.by("web-1")
    assert arms["web-1"].failures == 0
    # The little service answers GET with errors, and POST well.
    assert (arms["web-2"].completed, arms["web-2"].failures) == (load.by("web-2"), load.seen["500", "web-2"])
    assert sum(arms["web-1"].latency.values()) == arms["web-1"].completed

    stand.weigh(web_1=100)
    stand.scale(bad, 0)
    assert stand.local.measure(PLACE).arms["web-2"].failures == arms["web-2"].failures
    stand.scale(bad, 1)
    assert stand.local.measure(PLACE).arms["web-2"].completed == arms["web-2"].completed
    stand.weigh(web_2=100)
    stand.get("/fail")
    assert stand.local.measure(PLACE).arms["web-2"].failures == arms["web-2"].failures + 1


def test_a_request_under_way_is_finished_before_its_replica_goes(stand: Stand) -> None:
    stand.scale(release("1", request_timeout=5.0), 1)
    stand.scale(release("2"), 1)
    stand.weigh(web_1=100)
    with Users(stand.local.reserve(PLACE), many=2) as load:
        slow = Slow(stand)
        stand.weigh(web_2=100)
        stand.act(SetReplicas(release("1", request_timeout=5.0), 0))
        eventually(lambda: "web-1" not in stand.local.look(PLACE).groups)
    assert slow.answer() == (200, "web-1")
    assert load.failed == {}


class Slow:
    """One request that takes its time."""

    def __init__(self, stand: Stand) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(stand.get, "/slow=1.5")
        eventually(lambda: stand.local.measure(PLACE).arms["web-1"].active > 0)

    def answer(self) -> tuple[int, str | None]:
        status, who, _ = self._future.result(10)
        self._pool.shutdown()
        return status, who


def test_every_answer_says_whose_it_is_even_when_nobody_could_give_it(stand: Stand) -> None:
    assert stand.get()[:2] == (503, None)  # no release yet: nobody's answer but ours
    stand.scale(release("1", request_timeout=0.3), 1)
    stand.weigh(web_1=100)
    assert stand.get()[:2] == (200, "web-1")
    assert stand.get("/slow=1")[:2] == (504, "web-1")


def test_no_traffic_before_a_replica_is_ready(stand: Stand) -> None:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    stand.act(SetReplicas(release("2", sick="deaf"), 1))
    with pytest.raises(Unavailable, match="web-2 has no ready replica"):
        stand.weigh(web_1=90, web_2=10)
    with pytest.raises(Unavailable, match="web-3 has no ready replica"):
        stand.weigh(web_3=100)
    assert stand.local.look(PLACE).weights == {"web-1": 100}
    assert stand.get()[:2] == (200, "web-1")


def test_a_release_with_traffic_cannot_be_removed(stand: Stand) -> None:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    with pytest.raises(Contradiction, match="still gets 100 % of web's traffic"):
        stand.act(SetReplicas(release("1"), 0))
    with pytest.raises(Contradiction, match="sum to 100"):
        stand.act(SetWeights({"web-1": 90}))
    assert stand.get()[:2] == (200, "web-1")


def test_a_replica_knows_where_it_is(stand: Stand) -> None:
    stand.scale(release("1", secrets={"PASSWORD": "env:PASSWORD"}), 1)
    stand.weigh(web_1=100)
    env = stand.get()[2]["env"]
    state = stand.folder("web-1").parents[1] / "state"
    assert env.pop("PORT").isdigit()
    assert env.pop("HEADWAY_INSTANCE").endswith("web-1/replicas/1")
    assert env == {
        "GREETING": "hello",
        "HEADWAY_ENVIRONMENT": "prod",
        "HEADWAY_RELEASE": "web-1",
        "HEADWAY_SERVICE": "web",
        "HEADWAY_STATE": str(state),
        "HEADWAY_VERSION": "1",
    }
    assert state.is_dir()


def test_secrets_are_masked_in_logs_and_nowhere_on_disk(stand: Stand) -> None:
    stand.scale(release("1", secrets={"PASSWORD": "env:PASSWORD"}), 1)
    stand.weigh(web_1=100)
    stand.get("/say")
    eventually(lambda: "the password is ***." in (stand.folder("web-1") / "1" / "log").read_text())
    home = stand.local._home
    value = b"the-value-of-" + b"the-reference"
    assert [path for path in home.rglob("*") if path.is_file() and value in path.read_bytes()] == []
    open_to_others = [path for path in home.rglob("*") if path.is_file() and "tree" not in path.parts and path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_stopping_everything_finishes_what_is_under_way(stand: Stand) -> None:
    stand.scale(release("1", request_timeout=5.0), 1)
    stand.weigh(web_1=100)
    identity, *_ = stand.replicas("web-1").values()
    slow = Slow(stand)
    stand.local.close(stop=True)
    assert slow.answer() == (200, "web-1")
    assert processes.state(stand.folder("web-1") / "1") == processes.Exited(0, None, ANY)
    assert not processes.lives(identity)
