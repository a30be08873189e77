"""A ledger of an older Headway is taken forward when it is opened, whole or not at all.

`ledger_v1.*.sql` are what the first version wrote, with a finished rollout, one that is watched and has a word waiting, and what
people said. They stay as they are for good: every later version must open them.
"""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect, text

from headway.adapters.ledger import open_ledger, upgrade
from headway.adapters.ledger.schema import VERSION
from headway.errors import HeadwayError, Unavailable
from headway.rollout.phases import Phase
from headway.rollout.seen import Word
from support.records import MINUTE, NOON, PRODUCTION, begin, end, pending, take

STEPS = {
    **upgrade.STEPS,
    VERSION + 1: ("alter table rollouts add column mood text not null default 'calm'", "create index by_mood on rollouts (mood)"),
    VERSION + 2: ("create table moods (number {number}, mood text not null)", "insert into moods (mood) select mood from rollouts"),
}


@pytest.fixture
def old(url: str) -> str:
    """The address of a ledger as version 1 left it."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    dump = Path(__file__).with_name(f"ledger_v1.{kind}.sql").read_text()
    if kind == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as on:
            on.executescript(dump)
    else:
        with psycopg.connect(url) as on:
            on.execute(dump)
    return url


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> int:
    """A Headway that is two versions ahead; its version."""
    monkeypatch.setattr(upgrade, "VERSION", VERSION + 2)
    monkeypatch.setattr(upgrade, "STEPS", STEPS)
    return VERSION + 2


def ask(url: str, query: str) -> Any:
    ledger = open_ledger(url)
    try:
        with ledger.database.reading() as on:
            return on.execute(text(query)).scalar()
    finally:
        ledger.close()


def test_every_version_has_the_step_that_leads_to_it() -> None:
    assert sorted(upgrade.STEPS) == list(range(2, VERSION + 1)), "a change of the tables needs a step in upgrade.py"


def test_what_the_first_version_wrote_is_read_and_goes_on(old: str) -> None:
    ledger = open_ledger(old)
    assert ledger.records.verify() == ()
    assert ledger.records.place(PRODUCTION).live_release == "tally@1.0.0"
    assert [one.rollout.phase for one in ledger.records.standings()] == [Phase.RUNNING, Phase.COMPLETED]
    assert [one.release for one in ledger.words.quarantines("tally")] == ["tally@1.1.0"]
    assert len(ledger.words.approvals("tally@1.1.0", "production")) == 1
    assert [one.path for one in ledger.registry.repositories()] == ["/srv/git/tally.git"]
    assert len(ledger.outbox.due(NOON + MINUTE, 10)) == 1
    held = take(ledger, "second", NOON + MINUTE)
    assert [signal.word for signal in held.signals] == [Word.PAUSE]
    end(ledger, held)
    end(ledger, begin(ledger, pending("third", "1.2.0")))
    assert ledger.records.place(PRODUCTION).live_release == "tally@1.2.0"
    assert ledger.records.verify() == ()
    ledger.close()


def test_an_upgraded_ledger_has_the_tables_of_a_new_one(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    postgres = None if old.startswith("sqlite") else request.getfixturevalue("postgres")
    upgraded = shape(old)
    if postgres is None:
        assert upgraded == shape(f"sqlite:///{tmp_path / 'new.db'}")
    else:
        with postgres.database() as new:
            assert upgraded == shape(new)


def shape(url: str) -> dict[str, object]:
    """What is where, in no order: a column that was added later stands last."""
    ledger = open_ledger(url)
    try:
        look = inspect(ledger.database.engine)
        return {
            table: (
                sorted((one["name"], str(one["type"]), one["nullable"]) for one in look.get_columns(table)),
                look.get_pk_constraint(table)["constrained_columns"],
                sorted((str(one["name"]), one["column_names"], bool(one["unique"])) for one in look.get_indexes(table)),
            )
            for table in look.get_table_names()
        }
    finally:
        ledger.close()


def test_it_is_taken_through_every_step_in_turn(old: str, tomorrow: int) -> None:
    assert ask(old, "select value from meta where key = 'schema'") == str(tomorrow)
    assert ask(old, "select count(*) from moods where number > 0 and mood = 'calm'") == 2, "and once only"


def test_a_file_is_copied_before_anything_in_it_changes(old: str, tomorrow: int, tmp_path: Path) -> None:
    ask(old, "select 1")
    if not old.startswith("sqlite"):
        assert list(tmp_path.iterdir()) == []
        return
    copy = tmp_path / "ledger.db.v1"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as on:
        assert on.execute("select value from meta where key = 'schema'").fetchone() == ("1",)
        assert on.execute("select count(*) from rollouts").fetchone() == (2,)
    assert sorted(one.name for one in tmp_path.iterdir() if "v1" in one.name) == ["ledger.db.v1"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_without_a_copy_there_is_no_upgrade(old: str, tomorrow: int, tmp_path: Path) -> None:
    (tmp_path / "ledger.db.v1").mkdir()
    with pytest.raises(Unavailable, match="must be upgraded, but not without a copy"):
        open_ledger(old)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as on:
        assert on.execute("select value from meta where key = 'schema'").fetchone() == ("1",)


def test_a_step_that_fails_leaves_everything_as_it_was(old: str, tomorrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(upgrade, "STEPS", {**STEPS, tomorrow: ("create table moods (mood text)", "insert into nowhere values (1)")})
        with pytest.raises(HeadwayError, match="nowhere"):
            open_ledger(old)
    assert ask(old, "select count(*) from moods") == 2, "the next try finds version 1 and goes all the way"


def test_servers_that_start_at_once_upgrade_it_once(old: str, tomorrow: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: ask(old, "select count(*) from moods"), range(4))) == [2] * 4
