"""A fake for every port, real enough to try a pipeline, a strategy or an adapter of your own in virtual time.

The clock stands still until told; nothing sleeps, nothing is random, nothing leaves the process. The same suites that hold the
real adapters to the ports run against these, so that the fakes cannot drift.
"""

from headway.testing.checks import CheckScript, FakeChecks
from headway.testing.clock import NOON, FakeClock
from headway.testing.ledger import MemoryLedger
from headway.testing.migrations import FakeMigrations
from headway.testing.people import FakeHerald, FakeNotifier
from headway.testing.platform import Done, FakePlatform
from headway.testing.rehearsals import FakeRehearsals
from headway.testing.scripts import (
    CRASHES,
    DIES_LATER,
    ERRORS,
    GOOD,
    LEAKS,
    NEVER_READY,
    SILENT,
    SLOW,
    Script,
)
from headway.testing.shelves import FakeShelves
from headway.testing.sources import (
    FakeAdoptions,
    FakeBuilder,
    FakeImages,
    FakeManifests,
    FakePipelines,
    FakeRepository,
    FakeStore,
    FakeTags,
)
from headway.testing.world import FakeWorld, sample_release, sample_stage

__all__ = [
    "CRASHES",
    "DIES_LATER",
    "ERRORS",
    "GOOD",
    "LEAKS",
    "NEVER_READY",
    "NOON",
    "SILENT",
    "SLOW",
    "CheckScript",
    "Done",
    "FakeAdoptions",
    "FakeBuilder",
    "FakeChecks",
    "FakeClock",
    "FakeHerald",
    "FakeImages",
    "FakeManifests",
    "FakeMigrations",
    "FakeNotifier",
    "FakePipelines",
    "FakePlatform",
    "FakeRehearsals",
    "FakeRepository",
    "FakeShelves",
    "FakeStore",
    "FakeTags",
    "FakeWorld",
    "MemoryLedger",
    "Script",
    "sample_release",
    "sample_stage",
]
