"""When the database cannot: a sentence with the way out, and never a password."""

import sqlite3
import traceback
from pathlib import Path

import pytest
from sqlalchemy import event as listening
from sqlalchemy import text

from headway.adapters.ledger import Ledger, file_of, open_ledger
from headway.adapters.ledger.database import Database
from headway.engine.controller import LEASE
from headway.errors import Contradiction, HeadwayError, InvalidSpec, Unavailable
from support.records import NOON, event, pending

WORD = "not-to-be-seen"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("mysql://host/db", "starts with mysql://; expected sqlite:// or postgresql://", id="a database we do not speak"),
        pytest.param("ledger.db", "cannot be read; expected sqlite:////path/ledger.db", id="no URL at all"),
        pytest.param("sqlite://", "names no file", id="in memory"),
        pytest.param(f"postgresql://me:a@{WORD}@host/db", "two @; write an @ within the password as %40", id="an @ in the password"),
    ],
)
def test_a_url_that_cannot_be_right_says_what_one_looks_like(url: str, says: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        open_ledger(url)
    assert says in str(caught.value)
    assert WORD not in everything(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql://me:{WORD}@127.0.0.1:1/db", id="in its place"),
        pytest.param(f"postgresql+psycopg://me@127.0.0.1:1/db?password={WORD}", id="in the query"),
        pytest.param(f"postgres://me:{WORD}%20@127.0.0.1:1/db", id="with a blank"),
    ],
)
def test_a_server_that_does_not_answer_is_unavailable_and_the_password_stays_out(url: str) -> None:
    with pytest.raises(Unavailable, match="start PostgreSQL, or correct the URL") as caught:
        open_ledger(url)
    assert "127.0.0.1" in str(caught.value)
    assert WORD not in everything(caught.value)


@pytest.mark.parametrize("door", ["reading", "looking", "snapshot", "writing", "recording"])
def test_by_whatever_door_nobody_answers_it_is_told_the_same(door: str) -> None:
    """A server goes away while we run; whoever looks next must hear of it as trouble, and not break over the driver's own word."""
    database = Database(f"postgresql://me:{WORD}@127.0.0.1:1/db")
    with pytest.raises(Unavailable, match="start PostgreSQL, or correct the URL") as caught, getattr(database, door)():
        pass
    assert WORD not in everything(caught.value)


def test_what_goes_away_in_the_middle_is_told_as_that(postgres, postgres_url: str) -> None:
    """And the next asks a new connection."""
    database = open_ledger(postgres_url).database
    for door in (database.looking, database.recording):
        for _ in range(2):
            with pytest.raises(Unavailable), door() as on:
                (pid,) = on.driver.execute("select pg_backend_pid()").fetchone()
                with postgres.connect() as other:
                    other.execute("select pg_terminate_backend(%s, 5000)", [pid])
                on.driver.execute("select 1")
        with door() as on:
            assert on.driver.execute("select 1").fetchone() == (1,)
    database.close()


def test_a_database_that_is_not_there_says_so(postgres) -> None:
    with pytest.raises(Unavailable, match="create it, or correct the URL"):
        open_ledger(postgres.url("nowhere"))


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="make sure that its folder exists"):
        open_ledger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")


def test_a_file_that_is_no_database_says_so_and_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_text("dear diary, " * 500)
    with pytest.raises(Unavailable, match="is no SQLite database"):
        open_ledger(f"sqlite:///{file}")
    assert file.read_text() == "dear diary, " * 500


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}").close()
    with pytest.raises(Unavailable, match="make the file and its folder writable"):
        open_ledger(f"sqlite:///file:{tmp_path / 'ledger.db'}?mode=ro&uri=true").rollouts.add(pending("r1"), ())


def test_a_standby_says_so(postgres, postgres_url: str) -> None:
    open_ledger(postgres_url).close()
    name = postgres_url.partition("@/")[2].partition("?")[0]
    with postgres.connect() as on:
        on.execute(f"alter database {name} set default_transaction_read_only = on")
    ledger = open_ledger(postgres_url)
    with pytest.raises(Unavailable, match="name the primary in the URL"):
        ledger.rollouts.add(pending("r1"), ())
    ledger.close()


def test_a_full_disk_says_so_and_half_writes_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.rollouts.add(pending("r0"), (event(),))

    def fill(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("pragma max_page_count = 1")  # at once as full as it is

    ledger.database.engine.dispose()
    listening.listen(ledger.database.engine, "connect", fill)
    with pytest.raises(Unavailable, match="the disk is full; free some space"):
        for number in range(1, 999):
            ledger.rollouts.add(pending(f"r{number}"), [event("x" * 1000)] * 9)
    listening.remove(ledger.database.engine, "connect", fill)
    ledger.database.engine.dispose()
    assert all(len(ledger.records.events(each.rollout.id)) in (1, 9) for each in ledger.records.standings(most=9999))
    assert ledger.records.verify() == ()
    ledger.rollouts.add(pending("later"), (event(),))
    ledger.close()


def test_a_file_that_somebody_keeps_locked_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.adapters.ledger import database

    monkeypatch.setitem(database.SQLITE_OPTIONS, "connect_args", {"timeout": 0.05, "check_same_thread": False})
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    rival = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    rival.execute("begin immediate")
    with pytest.raises(Unavailable, match="another process has kept it locked"):
        ledger.rollouts.add(pending("r1"), ())
    assert ledger.records.standings() == ()  # reading goes on
    rival.execute("rollback")
    rival.close()
    ledger.rollouts.add(pending("r1"), ())
    ledger.close()


def test_a_table_that_is_gone_is_said_without_a_traceback_of_the_driver(ledger: Ledger) -> None:
    with ledger.database.writing() as on:
        on.execute(text("drop table outbox"))
    with pytest.raises((Contradiction, Unavailable), match="outbox"):
        ledger.outbox.due(NOON, 1)


def test_a_server_that_dropped_our_connections_is_asked_again(postgres, postgres_url: str) -> None:
    ledger = open_ledger(postgres_url)
    ledger.rollouts.add(pending("r1"), ())
    name = postgres_url.partition("@/")[2].partition("?")[0]
    with postgres.connect() as on:
        on.execute("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", (name,))
    assert len(ledger.records.standings()) == 1
    ledger.close()


def test_a_look_that_failed_says_so_and_the_next_one_is_answered(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.rollouts.add(pending("r1"), ())
    for statement, found in (("alter table rollouts rename to gone", 0), ("alter table gone rename to rollouts", 1)):
        with ledger.database.writing() as on:
            on.execute(text(statement))
        if found:
            assert len(ledger.records.standings()) == found
        else:
            with pytest.raises(Unavailable, match="no such table: rollouts"):
                ledger.records.standings()
    ledger.close()


def test_every_sqlite_connection_survives_a_power_cut(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.database.reading() as on:
        assert on.execute(text("pragma journal_mode")).scalar_one() == "wal"
        assert on.execute(text("pragma synchronous")).scalar_one() == 2
        assert on.execute(text("pragma busy_timeout")).scalar_one() == 10000
    ledger.close()


def test_those_who_lock_the_file_can_ask_for_it(tmp_path: Path) -> None:
    assert file_of(f"sqlite:///{tmp_path / 'ledger.db'}") == tmp_path / "ledger.db"
    assert file_of("postgresql://host/db") is None


def everything(error: HeadwayError) -> str:
    """What a person sees, and what a traceback would show, causes included."""
    return str(error) + "".join(traceback.format_exception(error))


def test_a_postgresql_that_vanished_without_a_goodbye_is_given_up_after_seconds(postgres_url: str) -> None:
    ledger = open_ledger(postgres_url)
    try:
        with ledger.database.reading() as on:
            told = on.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
        patience = int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"])
        assert told["keepalives"] == "1"
        assert patience < LEASE.total_seconds(), "before its rollouts are somebody else's"
        assert int(told["tcp_user_timeout"]) / 1000 < LEASE.total_seconds()
    finally:
        ledger.close()
