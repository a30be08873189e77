"""Who meets a canary first, from headway.yaml to a real Envoy: testers before it has weight, users who stay, copies nobody sees."""

import http.client
from urllib.parse import urlsplit

import pytest
from scene import File, Scene, View, lost_by_headway, straight_to_production

ASKED = {"x-tester": "yes"}
BETA = {"cookie": "beta=1"}


def invited(file: File) -> None:
    straight_to_production(file)
    file["environments"]["production"]["strategy"] = {
        "canary": {
            "weights": [10, 50],
            "route": {"header": {"name": "X-Tester", "value": "yes"}, "cookie": {"name": "beta", "value": "1"}},
            "sticky": True,
            "mirror": "50%",
            "alone": "3s",
        }
    }


@pytest.fixture(scope="module")
def scene(scenes) -> Scene:
    made = scenes(invited)
    with made.users():
        made.ended("1.0.0")
    return made


class Visitor:
    """Somebody with a browser: keeps cookies."""

    def __init__(self, scene: Scene) -> None:
        self._address = urlsplit(str(scene.place()["url"])).netloc
        self.cookie = ""
        self.met: list[str] = []

    def visit(self, headers: dict[str, str] | None = None) -> str:
        """Who answered."""
        connection = http.client.HTTPConnection(self._address, timeout=10)
        connection.request("GET", "/", headers=headers or ({"cookie": self.cookie} if self.cookie else {}))
        answer = connection.getresponse()
        answer.read()
        if headers is None and (given := answer.getheader("set-cookie")):
            self.cookie = given.partition(";")[0]
        connection.close()
        self.met.append(str(answer.getheader("x-headway-release")))
        return self.met[-1]


def alone(scene: Scene, release: str) -> View:
    """The rollout while only testers and copies reach the new release."""

    def has_testers(one: View) -> bool:
        return any("testers (header X-Tester" in event["what"] for event in one["events"])

    return scene.when(scene.rollout(release), has_testers, f"{release} to be alone")


def test_testers_come_first_users_stay_and_nobody_is_thrown_back(scene: Scene) -> None:
    visitors = [Visitor(scene) for _ in range(25)]
    tester = Visitor(scene)
    with scene.users() as users:
        scene.repo.release("1.1.0")
        scene.push()
        new = alone(scene, "1.1.0")["workload"]
        for visitor in visitors:
            visitor.visit()
        asked, beta = tester.visit(ASKED), tester.visit(BETA)
        assert scene.rollout("1.1.0")["weight"] == 0
        assert (asked, beta) == (new, new)
        assert new not in {who for visitor in visitors for who in visitor.met}
        while not scene.rollout("1.1.0")["ended"]:
            for visitor in visitors:
                visitor.visit()
        view = scene.ended("1.1.0")
        counts = users.leave()
    for visitor in visitors:
        assert visitor.met == sorted(visitor.met, key=lambda who: who == new), "nobody who had it lost it again"
        assert visitor.visit() == new
    good = next(event for event in view["events"] if event["what"] == "good before it has users")
    assert good["data"]["measured"]["new"]["requests"] > 20, "copies"
    assert lost_by_headway(counts, view) == []
    assert counts.failed == 0


def test_copies_of_reads_judge_a_bad_release_before_it_has_a_user(scene: Scene) -> None:
    with scene.users() as users:
        scene.repo.release("1.2.0", fault="errors")
        scene.push()
        view = scene.ended("1.2.0", phase="rolled back")
        counts = users.leave()
    assert "errors" in "; ".join(view["reasons"])
    assert counts.failed == 0
    assert view["workload"] not in counts.failed_by
    assert not [event for event in view["events"] if event["what"].startswith("route") and f"% to {view['workload']}," in event["what"]]
    assert Visitor(scene).visit(ASKED) != view["workload"], "testers are back on the old release too"


def test_after_an_abort_everybody_is_on_the_old_release(scene: Scene) -> None:
    visitors = [Visitor(scene) for _ in range(25)]
    with scene.users() as users:
        scene.repo.release("1.3.0", fault="none", trailers=["Fixes: 1.2.0"])
        scene.push()
        view = scene.when(scene.rollout("1.3.0"), lambda one: one["weight"] == 50, "half of the traffic")
        for visitor in visitors:
            visitor.visit()
        scene.headway("abort", view["rollout"])
        view = scene.ended("1.3.0", phase="rolled back")
        counts = users.leave()
    assert {who for visitor in visitors for who in visitor.met} > {view["workload"]}
    assert view["workload"] not in {visitor.visit() for visitor in visitors} | {visitors[0].visit(ASKED)}
    assert lost_by_headway(counts, view) == []
