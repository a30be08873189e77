"""kill -9 of the runner, and of its connections, before and after every single thing it does.

The rerun must find the truth: nothing applied twice, nothing half applied without a row that says so.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases_bench import Bench

from headway.adapters.databases import sqlite
from headway.adapters.databases.filling import fill
from headway.adapters.databases.repair import repair
from headway.adapters.databases.runner import Runner
from headway.adapters.databases.store import Store
from headway.errors import HeadwayError, Refused
from headway.migration.plan import Together

CONCURRENTLY = "concurrently"
TEXTS = (
    "create table log (id integer primary key, n integer not null default 0); insert into log (id) values (1), (2), (3), (4), (5);",
    "-- migrate:up\ninsert into log (id) values (6);\n-- migrate:verify\nselect count(*) = 6 from log",
    "-- migrate:up transaction:false\ncreate index {} log_n on log (n)",
    "-- migrate:up\ninsert into log (id) values (7);",
    # Not idempotent on purpose: a batch that ran twice shows.
    "-- migrate:backfill table=log key=id batch=3\nupdate log set n = n + 1 where id between :first and :last",
)


def texts(bench: Bench) -> tuple[str, ...]:
    return tuple(one.format(CONCURRENTLY if bench.is_postgres else "") if "{}" in one else one for one in TEXTS)


class Watched:
    """A store that calls `event` before and after everything its session does."""

    def __init__(self, store: Store, event: Callable[[], None]) -> None:
        self._store = store
        self._event = event
        self.address = store.address

    @contextmanager
    def session(self) -> Iterator[Any]:
        self._event()
        with self._store.session() as session:
            self._event()
            yield WatchedSession(session, self._event)
        self._event()


class WatchedSession:
    def __init__(self, session: Any, event: Callable[[], None]) -> None:
        self._session = session
        self._event = event

    @contextmanager
    def transaction(self, scripts: Any) -> Iterator[None]:
        self._event()
        with self._session.transaction(scripts):
            self._event()
            yield
            self._event()
        self._event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)

        def watched(*words: Any, **more: Any) -> Any:
            self._event()
            answer = found(*words, **more)
            self._event()
            return answer

        return watched


def act(bench: Bench, store: Any, together: Together) -> None:
    """Everything: up, then the backfill."""
    migrations = bench.migrations(*texts(bench))
    Runner(store, bench.now, sleep=lambda _: None).up(migrations, bench.how(together=together))
    fill(store, migrations, sleep=lambda _: None)


def at(number: int, deed: Callable[[], None]) -> Callable[[], None]:
    """An event that does its deed once, at its turn."""
    left = [number]

    def event() -> None:
        left[0] -= 1
        if left[0] == 0:
            deed()

    return event


def events_of(bench: Bench, together: Together) -> int:
    count = [0]

    def event() -> None:
        count[0] += 1

    act(bench, Watched(bench.store, event), together)
    return count[0]


def clear(bench: Bench) -> None:
    if bench.is_postgres:
        bench.ask("drop table if exists log, schema_migrations, schema_backfills")
    else:
        for suffix in ("", "-journal"):
            Path(f"{bench.address.path}{suffix}").unlink(missing_ok=True)


def check_truth(bench: Bench) -> None:
    """The ledger and the data agree, whatever happened."""
    states = bench.states()
    rows = bench.one("select count(*) from log") if "log" in bench.tables() else 0
    assert rows == {(): 0, (1,): 5}.get(tuple(states), 6 if 4 not in states else 7)
    if 5 in states:
        filled = bench.store.look().progress.get(5)
        assert bench.one("select sum(n) from log") == (filled.rows if filled else 0)


def finish(bench: Bench, together: Together) -> None:
    try:
        act(bench, bench.store, together)
    except Refused as error:
        assert "was begun" in str(error)
        repair(bench.store, bench.migrations(*texts(bench)))
        act(bench, bench.store, together)
    assert bench.states() == dict.fromkeys(range(1, 6), "applied")
    assert bench.ask("select id, n from log order by id") == [(number, 1) for number in range(1, 8)]
    assert bench.store.look().broken == ()


@pytest.mark.parametrize("together", list(Together), ids=["one for all", "one for each"])
def test_kill_9_of_the_runner_at_every_step(bench: Bench, together: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "DURABILITY", "off")  # a power cut is another matter; what was written survives the process
    events = events_of(bench, together)
    assert events > 40
    left_running = 0
    # Every step where each file is on its own; every third one where they share a transaction, to be quick.
    for number in range(1, events + 1, 1 if together is Together.FILE else 3):
        clear(bench)
        child = os.fork()
        if child == 0:
            try:
                act(bench, Watched(bench.store, at(number, lambda: os.kill(os.getpid(), signal.SIGKILL))), together)
            finally:
                os._exit(7)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), f"event {number} never came"
        left_running += "running" in bench.states().values()
        check_truth(bench)
        finish(bench, together)
    # Between the row that says so and the one that says it is done, there are instants; they were met.
    assert left_running


@pytest.mark.parametrize("session", ["the working one", "the one that holds the lock"])
def test_a_cut_connection_at_every_step(pg: Bench, session: str) -> None:
    which = {"the working one": "= 2", "the one that holds the lock": "= 1"}[session]
    cut = (
        f"select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid {which} and "
        f"database = (select oid from pg_database where datname = current_database())"
    )
    failed = 0
    for number in range(1, events_of(pg, Together.FILE) + 1, 2 if session == "the working one" else 4):
        clear(pg)
        try:
            act(pg, Watched(pg.store, at(number, lambda: pg.ask(cut))), Together.FILE)
        except HeadwayError:
            failed += 1
        check_truth(pg)
        finish(pg, Together.FILE)
    assert failed > 15 if session != "the one that holds the lock" else failed == 0


def test_kill_9_in_the_middle_of_a_statement(pg: Bench) -> None:
    """The server finishes what it was given, and its transaction is gone all the same: nobody said COMMIT."""
    slow = ("create table log (id int)", "insert into log values (1); select pg_sleep(1);")
    child = os.fork()
    if child == 0:
        try:
            pg.up(*slow)
        finally:
            os._exit(7)
    with psycopg.connect(pg.address.url, autocommit=True) as on:
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
        while on.execute(query).fetchone() != (1,):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(pg.up(*slow).applied) == 2
    assert pg.ask("select * from log") == [(1,)]
