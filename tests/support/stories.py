"""One table of what may happen to a release, by strategy. It knows no platform: the same rows are played on this machine and on a cluster.

Every story has a service of its own, with 1.0.0 in it and users at its door. All of them are played at the same time, by one server.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headway.errors import Refused

if TYPE_CHECKING:
    from support.street import Act

View = dict[str, Any]
Behaviour = Mapping[str, Any]
Play = Callable[["Act"], View]

STRATEGIES: Mapping[str, object] = {"rolling": "rolling", "canary": {"canary": [50, 100]}, "blue-green": "blue-green"}
RULES: Mapping[str, object] = {
    "after": [],
    "replicas": 1,
    "analysis": {"error_rate": "1%", "latency_p95": "1s", "needs": 10, "min_time": "1s", "max_wait": "15s", "hold_for": "20s"},
    "soak": "6s",
    "keep_warm": "3s",
}
READY_WITHIN, REQUEST_TIMEOUT = "25s", "4s"

FAILS: Behaviour = {"FAIL": 50}
SLOW: Behaviour = {"SLOW": 2000}
HANGS: Behaviour = {"HANG": 100}
CRASHES: Behaviour = {"CRASH": 0}
NEVER_READY: Behaviour = {"UNREADY": -1}
UNREADY_LATER: Behaviour = {"UNREADY": 4}


def ends_by_itself(behaviour: Behaviour) -> Play:
    def play(act: "Act") -> View:
        return act.end(act.release("2.0.0", behaviour))

    return play


def aborted(act: "Act") -> View:
    rollout = act.release("2.0.0")
    act.when(rollout, lambda one: one["weight"] > 0, "some traffic on it")
    act.tell("abort", rollout, "wrong day")
    return act.end(rollout)


def paused(act: "Act") -> View:
    rollout = act.release("2.0.0")
    act.when(rollout, lambda one: one["weight"] > 0, "some traffic on it")
    act.tell("pause", rollout, "wait for me")
    held = act.when(rollout, lambda one: one["phase"] == "paused", "the pause")
    act.pass_time(8.0)  # longer than its soak
    still = act.look(rollout)
    assert (still["phase"], still["weight"]) == ("paused", held["weight"]), still
    act.tell("resume", rollout, "go on")
    return act.end(rollout)


def overtaken(act: "Act") -> View:
    first = act.release("2.0.0")
    act.when(first, lambda one: one["weight"] > 0, "some traffic on it")
    second = act.release("3.0.0")
    act.when(second, lambda one: one["ended"] or f"waits for {first}" in one["why"], "the newer one to wait")
    assert act.end(first)["phase"] == "completed"
    return act.end(second)


def held_and_tried_again(act: "Act") -> View:
    """Without users there is no evidence, and silence is not a pass."""
    act.door.away = True
    rollout = act.release("2.0.0")
    held = act.when(rollout, lambda one: one["phase"] == "held" or one["ended"], "the hold")
    assert held["phase"] == "held", held
    assert "0 requests answered" in "; ".join(held["reasons"]), held["reasons"]
    act.when(rollout, lambda one: one["weight"] == 0, "the retreat")
    act.door.away = False
    assert act.door.served_by() == {"1.0.0"}
    act.tell("retry", rollout, "they are back")
    return act.end(rollout)


def back_and_there_again(act: "Act") -> View:
    """A rollback of a rollback is a promotion, on a person's word for the release that was left."""
    assert act.end(act.release("2.0.0"))["phase"] == "completed"
    back = act.end(act.back("it is Friday"))
    assert (back["phase"], back["kind"], act.live()) == ("completed", "rollback", "1.0.0"), back
    assert act.door.served_by() == {"1.0.0"}
    try:
        act.back("no, it was good")
    except Refused as refused:
        assert f"{act.service}@2.0.0 was left by a way back" in str(refused), refused
    else:
        raise AssertionError("a way back returned to what a way back had left")
    act.clear("2.0.0", "it was good")
    return act.end(act.promote("2.0.0"))


def killed(act: "Act") -> View:
    """SIGKILL of Headway at instants that nobody chose, three times within the rollout."""
    rollout = act.release("2.0.0")
    act.street.be_killed()
    return act.end(rollout)


@dataclass(frozen=True)
class Row:
    """One story, and how it must end under every strategy."""

    name: str
    play: Play
    ends: str
    serves: str
    """Whom users meet afterwards."""
    says: str = ""
    """What is found in the reasons, as a pattern."""
    meet: str = "$^"
    """Failures that users may meet while the bad release has traffic, as a pattern: the release's own doing, none of Headway's."""
    traffic: bool = True
    """Does the release get any?"""


ROWS = (
    Row("good", ends_by_itself({}), "completed", "2.0.0"),
    Row("errors", ends_by_itself(FAILS), "rolled back", "1.0.0", r"errors: ", "500 "),
    Row("slow", ends_by_itself(SLOW), "rolled back", "1.0.0", r"slower than 1000 ms"),
    Row("hangs", ends_by_itself(HANGS), "rolled back", "1.0.0", r"errors: |hanging", "504 "),
    Row("crashes", ends_by_itself(CRASHES), "rolled back", "1.0.0", r"status 3.*panic: no DATABASE", traffic=False),
    Row("never-ready", ends_by_itself(NEVER_READY), "rolled back", "1.0.0", r"of 2.0.0 are ready after|not ready within", traffic=False),
    Row("unready-later", ends_by_itself(UNREADY_LATER), "rolled back", "1.0.0", r"errors: |are ready after", "503 "),
    Row("aborted", aborted, "rolled back", "1.0.0", r"aborted by alice: wrong day"),
    Row("paused", paused, "completed", "2.0.0"),
    Row("newer", overtaken, "completed", "3.0.0"),
    Row("held", held_and_tried_again, "completed", "2.0.0"),
    Row("back", back_and_there_again, "completed", "2.0.0"),
    Row("killed", killed, "completed", "2.0.0"),
)


@dataclass
class Story:
    """A row under one strategy, and what came of it."""

    row: Row
    strategy: str
    view: View = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    live: str = ""
    failures: list[str] = field(default_factory=list)
    trouble: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def service(self) -> str:
        return f"{self.row.name}-{self.strategy}"

    def check(self) -> None:
        """Did it end as the table says, in the words that the table says, and did nobody lose a request to Headway's own moves?"""
        if self.trouble is not None:
            raise self.trouble
        said = "\n".join(f"{event['what']}: {'; '.join(event['why'])}" for event in self.view["events"])
        assert self.view["phase"] == self.row.ends, f"{self.view['phase']}: {self.view['why']}\n{said}"
        assert re.search(self.row.says, "; ".join(self.view["reasons"]), re.DOTALL), f"{self.view['reasons']}\n{said}"
        assert (self.live, self.served) == (self.row.serves, {self.row.serves}), said
        ours = [one for one in self.failures if not re.match(self.row.meet, one)]
        assert ours == [], f"{len(ours)} requests were lost: {ours[:5]}\n{said}"
        new = f"{self.view['workload']}"
        if not self.row.traffic:
            given = [event["what"] for event in self.view["events"] if event["what"].startswith("route ") and new in event["what"]]
            assert given == [], "bad news is told before it has any traffic"


def stories() -> tuple[Story, ...]:
    """The whole table."""
    return tuple(Story(row, strategy) for strategy in STRATEGIES for row in ROWS)
