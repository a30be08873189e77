"""Kills at any instant, on both stores, with what must always hold looked at after each. The long storm is `python -m bench chaos`."""

import random  # noqa: TID251 - any instant will do
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update

from headway.adapters.ledger.codec import encode
from headway.adapters.ledger.schema import approvals, events, passed, quarantines, rollouts, signals
from headway.rollout.seen import Signal, Word
from headway.testing import NOON
from support.always import Broken
from support.paper import PaperPlatform
from support.storm import Storm

KILLS = 15


@pytest.fixture
def seed() -> int:
    return random.randrange(1_000_000)


def test_a_server_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", seed) as storm:
        for _ in range(KILLS):
            storm.ask()
            storm.kill()
        storm.end()
        assert storm.effects > KILLS, "the storm was to find work under way"


def test_two_servers_on_one_ledger_that_are_killed_and_stopped_take_over_from_each_other(
    tmp_path: Path, postgres_url: str, seed: int
) -> None:
    with Storm(postgres_url, tmp_path / "paper", seed, servers=2) as storm:
        for round_ in range(KILLS):
            storm.ask()
            storm.kill()
            if round_ % 6 == 0:
                storm.stop_and_go()
        storm.end()
        assert storm.effects > KILLS


def test_a_full_disk_stops_every_effect_and_nothing_else(tmp_path: Path, seed: int) -> None:
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", seed) as storm:
        for _ in range(4):
            storm.ask()
            storm.fill_the_disk(0.7)
            storm.kill()
        storm.end()
        assert "disk" in storm.log, "the disk was to be full while something was written"


def test_a_target_without_a_memory_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker can fail: here the effect's trace says that it was done before."""
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", 1) as storm:
        storm.ask()
        while not storm.effects:
            storm.kill()
        assert isinstance(storm.world.platform, PaperPlatform)
        place, journal = next((place, journal) for place, journal in storm.journals().items() if journal)
        with storm.world.platform._open(place) as page:
            last = journal[-1]
            page.journal.append(type(last)(last.key, last.fence, last.what, "a life that never asked", again=True))
        with pytest.raises(Broken, match="done again"):
            storm.always.at_the_end(storm.journals(), {}, ())


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Storm]:
    """Nobody died, and all of it happened: somebody went in by a yes, a database was migrated twice, a release was turned back."""
    with Storm(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "paper", 1) as storm:
        until = time.monotonic() + 60
        while not (storm.gates.seen and "rolled back" in storm.outcomes() and any(len(one) > 1 for one in storm.data.seen.values())):
            storm.ask()
            time.sleep(0.2)
            storm.look()
            assert time.monotonic() < until, "the storm was to bring all of that"
        storm.end()
        storm.gates.seen.clear()
        storm.data.seen.clear()
        yield storm


def test_evidence_that_is_taken_away_is_missed(calm: Storm) -> None:
    """The checkers can fail, each by what it looks for. What one finds is put back, or is looked for by no other after it."""
    gates, data = calm.gates, calm.data
    book, gates.said = gates.said, {}
    with pytest.raises(Broken, match="by the conductor's book without anybody's yes"):
        gates.look()
    cut, gates.cut = gates.cut, {name: replace(one, digest=f"sha256:{'0' * 64}") for name, one in gates.cut.items()}
    with pytest.raises(Broken, match="was cut as"):
        gates.look()
    gates.said, gates.cut = book, cut
    for table, says in ((approvals, "nobody had agreed to exactly"), (passed, "had not passed staging")):
        with calm.ledger.database.writing() as on:
            on.execute(delete(table))
        with pytest.raises(Broken, match=says):
            gates.look()

    wrote, data.written = data.written, {service: rows + 1 for service, rows in data.written.items()}
    with pytest.raises(Broken, match=r"users of .* wrote"):
        data.look()
    data.written = wrote
    manifests = [(one, one.read_text()) for one in (data.home / "backups").rglob("*.manifest.json")]
    for one, _ in manifests:
        one.unlink()
    with pytest.raises(Broken, match="no backup is there"):
        data.look()
    for one, whole in manifests:
        one.write_text(whole)
    data.look()
    with closing(sqlite3.connect(data.home / f"{data.services[0]}.db")) as on, on:
        on.execute("CREATE TABLE t99 (id integer)")
    with pytest.raises(Broken, match="and its ledger says"):
        data.look()

    calm.always.secret = "ada"
    calm.always._event = 0
    with pytest.raises(Broken, match="a secret is on the record"):
        calm.always.look({})


def test_a_record_that_was_tampered_with_is_missed(calm: Storm) -> None:
    """As before: each law by what it looks for, and the next on top of it."""
    always, database, journals = calm.always, calm.ledger.database, calm.journals()

    def after(*changes: Executable) -> None:
        with database.writing() as on:
            for change in changes:
                on.execute(change)
        always.look(journals)

    name, end = next(iter(always.ends.items()))
    always.ends[name] = "another"
    with pytest.raises(Broken, match="for good and is"):
        always.look(journals)
    always.ends[name] = end
    always.read.clear()
    place, journal = next((place, journal) for place, journal in journals.items() if journal)
    stray = [*journal, replace(journal[-1], key="a rollout that nobody asked for-1")]
    with pytest.raises(Broken, match="the record has not heard of it"):
        always.look({place: stray})
    always.read.clear()
    signal = {"rollout": name, "number": 999, "body": encode(Signal(Word.ABORT, "ada", NOON))}
    with pytest.raises(Broken, match="ended without having heard it"):
        after(insert(signals).values(signal))
    with pytest.raises(Broken, match="is in no quarantine"):
        after(delete(signals), delete(quarantines))
    with pytest.raises(Broken, match="does not say why"):
        after(update(rollouts).where(rollouts.c.id == name).values(why=" "))
    two = select(rollouts.c.id).where(rollouts.c.service == "s0").limit(2)
    with pytest.raises(Broken, match="two active rollouts"):
        after(text("DROP INDEX one_active_rollout"), update(rollouts).where(rollouts.c.id.in_(two)).values(phase="running"))
    with pytest.raises(Broken, match="does not follow"), database.writing() as on:
        on.execute(update(events).where(events.c.stream == journal[0].rollout, events.c.number == 2).values(body="{}"))
        on.commit()
        always._chained(journal[0].rollout)
