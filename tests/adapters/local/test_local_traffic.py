"""What routes do besides dividing: sticky users, requests that ask for the new release, copies. On a real Envoy."""

import http.client
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from local_stand import PLACE, Stand, eventually, platform, release

from headway.errors import Contradiction, Unavailable
from headway.rollout.model import Match, SetReplicas, SetWeights

ASKED = Match("web-2", "header", "x-headway-release", "new")
BETA = Match("web-2", "cookie", "beta", "yes")


def both(stand: Stand) -> Stand:
    for version in ("1", "2"):
        stand.scale(release(version), 1)
    return stand


class Visitor:
    """Somebody with a browser: keeps cookies."""

    def __init__(self, stand: Stand) -> None:
        self._port = int(stand.local.url(PLACE).rpartition(":")[2])
        self.cookie = ""

    def visit(self, method: str = "GET", **headers: str) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        cookies = {"cookie": self.cookie} if self.cookie else {}
        connection.request(method, "/", body=b"x" if method == "POST" else None, headers={**cookies, **headers})
        reply = connection.getresponse()
        reply.read()
        if given := reply.getheader("set-cookie"):
            self.cookie = given.partition(";")[0]
        connection.close()
        return reply.getheader("x-headway-release")


def test_nobody_is_thrown_back_while_the_weight_grows(stand: Stand) -> None:
    both(stand)
    stand.act(SetWeights({"web-1": 90, "web-2": 10}, sticky=True))
    visitors = [Visitor(stand) for _ in range(200)]
    seen = [visitor.visit() for visitor in visitors]
    # 20 expected; four standard deviations.
    assert 3 < Counter(seen)["web-2"] < 37
    assert len({visitor.cookie for visitor in visitors}) == 200
    thrown_back = 0
    for weight in (10, 50, 100):
        stand.act(SetWeights({"web-1": 100 - weight, "web-2": weight}, sticky=True))
        now = [visitor.visit("POST") for visitor in visitors]
        assert now == [visitor.visit() for visitor in visitors]
        thrown_back += sum(was == "web-2" and is_now != "web-2" for was, is_now in zip(seen, now, strict=True))
        seen = now
    assert thrown_back == 0
    assert set(seen) == {"web-2"}


def test_half_of_the_users_have_the_new_release_at_weight_50(stand: Stand) -> None:
    both(stand)
    stand.act(SetWeights({"web-1": 50, "web-2": 50}, sticky=True))
    assert 140 < sum(Visitor(stand).visit() == "web-2" for _ in range(400)) < 260


def test_without_sticky_nobody_gets_a_cookie(stand: Stand) -> None:
    both(stand)
    stand.weigh(web_1=50, web_2=50)
    visitor = Visitor(stand)
    visitor.visit()
    assert visitor.cookie == ""


def test_who_asks_for_the_new_release_gets_it_before_it_has_weight(stand: Stand) -> None:
    both(stand)
    stand.act(SetWeights({"web-1": 100}, matches=(ASKED, BETA)))
    visitor = Visitor(stand)
    assert visitor.visit() == "web-1"
    assert visitor.visit(**{"x-headway-release": "new"}) == "web-2"
    assert visitor.visit("POST", **{"x-headway-release": "new"}) == "web-2"
    assert visitor.visit(**{"x-headway-release": "newest"}) == "web-1"
    visitor.cookie = "theme=dark; beta=yes"
    assert visitor.visit() == "web-2"
    visitor.cookie = "beta=yesterday"
    assert visitor.visit() == "web-1"
    assert stand.local.look(PLACE).weights == {"web-1": 100}
    # And it is over when the next weights do not name it.
    stand.weigh(web_1=100)
    visitor.cookie = "beta=yes"
    assert visitor.visit() == "web-1"


def test_copies_reach_the_new_release_and_count_for_nobody(stand: Stand) -> None:
    stand.scale(release("1"), 1)
    stand.scale(release("2", sick="fails"), 1)
    stand.act(SetWeights({"web-1": 100}, mirrors={"web-2": 100}))
    visitor = Visitor(stand)
    assert {visitor.visit() for _ in range(50)} == {"web-1"}

    eventually(lambda: stand.local.measure(PLACE).copies["web-2"].completed == 50)
    readings = stand.local.measure(PLACE)
    assert readings.copies["web-2"].failures == 50
    assert readings.arms["web-1"].completed == 50
    assert (readings.arms["web-2"].completed, readings.arms["web-2"].failures) == (0, 0)
    assert stand.local.look(PLACE).mirrors == {"web-2": 100}
    # Turned off, they end, and the release can go.
    stand.weigh(web_1=100)
    stand.scale(release("2", sick="fails"), 0)
    assert {visitor.visit() for _ in range(10)} == {"web-1"}


def test_what_writes_is_never_copied(stand: Stand) -> None:
    both(stand)
    for sticky in (False, True):
        stand.act(SetWeights({"web-1": 100}, sticky=sticky, mirrors={"web-2": 100}))
        before = stand.local.measure(PLACE).copies["web-2"].completed
        visitor = Visitor(stand)
        for _ in range(5):
            visitor.visit("POST")
            visitor.visit()
        eventually(lambda before=before: stand.local.measure(PLACE).copies["web-2"].completed == before + 5)


def test_a_copied_release_that_hangs_does_not_slow_users_down(stand: Stand) -> None:
    both(stand)
    stand.act(SetWeights({"web-1": 100}, mirrors={"web-2": 100}))
    identity, *_ = stand.replicas("web-2").values()
    stand.get("/")
    os.kill(identity.pid, signal.SIGSTOP)
    assert [stand.get()[:2] for _ in range(20)] == [(200, "web-1")] * 20
    os.kill(identity.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(SetWeights({"web-1": 100}, matches=(Match("web-3", "header", "x", "y"),)), id="matched"),
        pytest.param(SetWeights({"web-1": 100}, mirrors={"web-3": 10}), id="mirrored"),
    ],
)
def test_nothing_is_sent_to_a_release_that_is_not_ready(stand: Stand, effect: SetWeights) -> None:
    both(stand)
    stand.weigh(web_1=100)
    with pytest.raises(Unavailable, match="web-3 has no ready replica"):
        stand.act(effect)
    assert stand.get()[:2] == (200, "web-1")


def test_who_is_matched_or_mirrored_cannot_be_removed(stand: Stand) -> None:
    both(stand)
    for effect in (SetWeights({"web-1": 100}, matches=(ASKED,)), SetWeights({"web-1": 100}, mirrors={"web-2": 10})):
        stand.act(effect)
        with pytest.raises(Contradiction, match=r"web-2 still gets some .* of web's traffic"):
            stand.act(SetReplicas(release("2"), 0))
    with pytest.raises(Contradiction, match="not web-2: 101 %"):
        stand.act(SetWeights({"web-1": 100}, mirrors={"web-2": 101}))


def test_a_route_that_envoy_refuses_changes_nothing(stand: Stand) -> None:
    both(stand)
    stand.act(SetWeights({"web-1": 100}, matches=(ASKED,)))
    with pytest.raises(Unavailable, match=r"did not take rds-web.json: update (rejected|failure); put back"):
        stand.act(SetWeights({"web-1": 100}, matches=(Match("web-2", "header", "", "y"),)))
    assert Visitor(stand).visit(**{"x-headway-release": "new"}) == "web-2"


def test_the_next_headway_keeps_what_was_asked(home: Path) -> None:
    first = Stand(platform(home))
    both(first)
    first.act(SetWeights({"web-1": 100}, sticky=True, matches=(ASKED,), mirrors={"web-2": 100}))
    first.local.close()
    second = Stand(platform(home))
    second.local.adopt()
    eventually(lambda: second.settled("web-2", 1))
    visitor = Visitor(second)
    assert visitor.visit() == "web-1"
    assert visitor.cookie
    assert visitor.visit(**{"x-headway-release": "new"}) == "web-2"
    second.local.close(stop=True)
