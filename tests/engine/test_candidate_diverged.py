"""Branches that share an environment whose file minds: who diverged waits, and says for what."""

import pytest

from headway.engine.commands import Commands
from headway.environments.model import Place
from headway.ports import Commit, Event
from headway.promotion.model import Trigger
from headway.rollout.model import Workload
from headway.testing import NOON, FakeWorld, sample_release, sample_stage
from headway.testing.tables import Life

DEV = Place("tally", "dev")


@pytest.fixture
def fake() -> FakeWorld:
    """base is under both x and y; x runs in dev."""
    fake = FakeWorld()
    fake.pipelines.declared = [sample_stage("dev", trigger=Trigger(push=("feature/*",)), diverged="refuse")]
    for version, parents in (("1.0.0", ()), ("1.1.0", ("1.0.0",)), ("1.2.0", ("1.0.0",)), ("1.3.0", ("1.1.0",))):
        release = sample_release(version)
        before = [sample_release(one).commit for one in parents]
        fake.repository.commit(Commit(release.commit, "ada", NOON, version), *before, branch=f"feature/{version}")
        fake.ledger.releases.add(release, (Event(NOON, "ada", "cut"),))
    runs = sample_release("1.1.0")
    workload = Workload("v1-1-0", "1.1.0", runs.commit, runs.digest, runs.run, fake.pipelines.declared[0].environment.configuration)
    fake.ledger.tables.lives[DEV] = [Life(workload, runs.name, None)]
    return fake


@pytest.mark.parametrize(
    ("version", "waits"),
    [
        pytest.param("1.3.0", False, id="what runs there, and more"),
        pytest.param("1.1.0", False, id="the same"),
        pytest.param("1.0.0", False, id="what was before it: nothing new comes of that"),
        pytest.param("1.2.0", True, id="another branch"),
    ],
)
def test_who_lacks_what_runs_there_waits(fake: FakeWorld, version: str, waits: bool) -> None:
    objections = Commands(fake.world).plan(version, "dev", "ada")["objections"]
    assert ("lacks commits of tally@1.1.0" in str(objections)) is waits


def test_what_git_no_longer_knows_is_lacking(fake: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.errors import Refused

    def unknown(commit: str, ancestor: str) -> bool:
        raise Refused(f"the repository has no {ancestor} under {commit}")

    monkeypatch.setattr(fake.repository, "contains", unknown)
    assert "lacks commits" in str(Commands(fake.world).plan("1.3.0", "dev", "ada")["objections"])


def test_a_stage_that_does_not_mind_asks_nobody(fake: FakeWorld) -> None:
    fake.pipelines.declared = [sample_stage("dev", trigger=Trigger(push=("feature/*",)))]
    assert Commands(fake.world).plan("1.2.0", "dev", "ada")["objections"] == []
