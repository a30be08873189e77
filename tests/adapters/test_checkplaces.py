"""Which checks run beside Headway, and which beside the release."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from headway.adapters.checkplaces import PlacedChecks
from headway.adapters.checks import CommandChecks
from headway.environments.model import Cluster, Configuration, Place
from headway.releases.model import CheckSpec, RunSpec
from headway.rollout.model import Fence, Intent, StartCheck, Workload
from headway.rollout.seen import CheckRun, CheckState, Probe

HERE, THERE = Place("shop", "dev"), Place("shop", "production")


@dataclass
class Kept:
    """One side, which remembers what it was given."""

    name: str
    keys: set[str] = field(default_factory=set)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        self.keys.add(intent.key)

    def probe(self, place: Place, key: str) -> Probe:
        return Probe.DONE if key in self.keys else Probe.NOT_DONE

    def look(self, place: Place, key: str) -> CheckRun:
        return CheckRun(CheckState.RUNNING, f"{self.name} looked")

    def stop(self, place: Place, key: str) -> bool:
        known = key in self.keys
        self.keys.discard(key)
        return known


def asked(key: str, inside: str) -> Intent:
    workload = Workload("v1", "1.0.0", "c", "d", RunSpec(("x",)), Configuration())
    check = CheckSpec("smoke", ("smoke",), inside=cast(Any, inside))
    return Intent(key, Fence(1, 1), StartCheck(check, workload, 1), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("place", "inside", "who"),
    [
        pytest.param(HERE, "headway", "commands", id="on this machine"),
        pytest.param(HERE, "cluster", "commands", id="wants a cluster, and this is none"),
        pytest.param(THERE, "headway", "commands", id="beside Headway though the release is in a cluster"),
        pytest.param(THERE, "cluster", "jobs", id="beside the release"),
    ],
)
def test_who_has_the_run_is_asked_about_it_from_then_on(place: Place, inside: str, who: str) -> None:
    sides = {name: Kept(name) for name in ("commands", "jobs")}
    clusters = {THERE: Cluster("k8s", "shop")}
    checks = PlacedChecks(cast(CommandChecks, sides["commands"]), lambda: sides["jobs"], clusters.get)
    assert checks.probe(place, "k") is Probe.NOT_DONE
    checks.start(place, asked("k", inside), "http://x")
    assert {name for name, side in sides.items() if side.keys} == {who}
    assert checks.probe(place, "k") is Probe.DONE
    assert checks.look(place, "k").text == f"{who} looked"
    checks.stop(place, "k")
    assert checks.probe(place, "k") is Probe.NOT_DONE
