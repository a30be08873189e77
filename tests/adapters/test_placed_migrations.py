"""Who migrates which database: Headway from where it runs, or a Job beside the release."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from headway.adapters.migrating.placed import PlacedMigrations
from headway.adapters.migrating.port import DatabaseMigrations
from headway.environments.model import Cluster, Configuration, Database, InCluster, Place
from headway.migration.shipping import Anew, Outlook, Shipping
from headway.releases.model import RunSpec
from headway.rollout.model import Fence, Intent, RunMigration, Workload
from headway.rollout.seen import MigrationRun, Probe, RunState
from headway.testing import sample_release

PLACE = Place("shop", "production")
HERE = Database("env:DB")
THERE = Database("env:DB", tool="dbmate", inside=InCluster(Cluster("k8s", "shop")))


@dataclass
class Kept:
    """One side, which remembers what it was given."""

    name: str
    keys: set[str] = field(default_factory=set)

    def outlook(self, *_: Any) -> Outlook:
        return Outlook(refusals=(self.name,))

    def taken(self, *_: Any) -> tuple[str, ...]:
        return (self.name,)

    def start(self, place: Place, intent: Intent) -> None:
        self.keys.add(intent.key)

    def probe(self, *given: Any) -> Probe:
        (intent,) = (one for one in given if isinstance(one, Intent))
        return Probe.DONE if intent.key in self.keys else Probe.NOT_DONE

    def look(self, key: str, effect: RunMigration) -> MigrationRun:
        return MigrationRun(RunState.RUNNING if key in self.keys else RunState.STUCK, self.name)

    def stop(self, key: str, effect: RunMigration) -> None:
        self.keys.discard(key)


@pytest.mark.parametrize(
    ("database", "who"), [pytest.param(HERE, "here", id="reached from here"), pytest.param(THERE, "jobs", id="reached by pods only")]
)
def test_each_question_goes_to_who_reaches_the_database(database: Database, who: str) -> None:
    sides = {name: Kept(name) for name in ("here", "jobs")}
    placed = PlacedMigrations(cast(DatabaseMigrations, sides["here"]), lambda: cast(Any, sides["jobs"]))
    workload = Workload("v1", "1.0.0", "c", "d", RunSpec(("x",)), Configuration())
    effect = RunMigration("migrate", workload, Shipping(database, "the database", "db"))
    intent = Intent("k", Fence(1, 1), effect, datetime(2026, 12, 1, tzinfo=UTC))
    assert placed.outlook(database, sample_release("1.0.0"), ()).refusals == (who,)
    assert placed.taken(database, sample_release("1.0.0")) == (who,)
    assert placed.probe(PLACE, intent) is Probe.NOT_DONE
    placed.start(PLACE, intent)
    assert placed.probe(PLACE, intent) is Probe.DONE
    assert placed.look("k", effect) == MigrationRun(RunState.RUNNING, who)
    placed.stop("k", effect)
    assert placed.probe(PLACE, intent) is Probe.NOT_DONE


def test_what_headway_does_not_reach_it_never_makes_anew() -> None:
    placed = PlacedMigrations(cast(DatabaseMigrations, Kept("here")), lambda: cast(Any, Kept("jobs")))
    (refusal,) = placed.outlook(THERE, sample_release("1.0.0"), (), Anew(("somebody asked",))).refusals
    assert "only what Headway itself reaches can be made anew: somebody asked" in refusal
