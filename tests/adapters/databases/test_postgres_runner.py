"""What is particular about PostgreSQL: locks, settings, statements outside of transactions, sessions that are cut."""

import threading
from dataclasses import replace

import psycopg
import pytest
from databases_bench import Bench

from headway.adapters.databases.address import address
from headway.adapters.databases.repair import repair
from headway.adapters.databases.store import Busy, Timeouts, Unfinished
from headway.errors import Failed, HeadwayError, Refused, Unavailable

TABLE = "create table t (id int primary key, n int not null default 0); insert into t select i, i % 3 from generate_series(1, 20) i;"
INDEX = (
    "-- migrate:up transaction:false\n"
    "create index concurrently t_n on t (n)\n"
    "-- migrate:down transaction:false\n"
    "drop index concurrently t_n"
)
UNIQUE = "-- migrate:up transaction:false\ncreate unique index concurrently t_n on t (n)"


def test_what_one_file_sets_does_not_reach_the_next(pg: Bench) -> None:
    setting = "set search_path = pg_catalog; set statement_timeout = 0; set lock_timeout = 0; create temp table x (id int);"
    verify = "-- migrate:verify\nselect current_setting('lock_timeout') = '200ms'"
    pg.up(setting, f"-- migrate:up\ncreate temp table x (id int); create table here (id int);\n{verify}")
    assert pg.tables() == {"here"}
    assert pg.versions() == [1, 2]


def test_a_deferred_constraint_speaks_before_the_commit(pg: Bench) -> None:
    tables = "create table p (id int primary key); create table c (p int references p (id) deferrable initially deferred);"
    with pytest.raises(Failed, match="violates foreign key"):
        pg.up(tables, "insert into c values (7)")
    assert pg.tables() == set()


def test_an_error_names_the_line(pg: Bench) -> None:
    with pytest.raises(Failed, match=r'001_m\.sql:4: column "nonsense" does not exist'):
        pg.up("select 1;\n\nselect nonsense;\nselect 2;")


def test_a_lock_that_is_not_to_be_had_is_given_up_soon(pg: Bench) -> None:
    pg.up(TABLE)
    with psycopg.connect(pg.address.url) as other:
        other.execute("select * from t")  # an open transaction that has read
        with pytest.raises(Busy, match="tried 2 times"):
            pg.up(TABLE, "alter table t add column b int")
        assert pg.versions() == [1]


def test_a_lock_that_comes_free_is_taken_at_the_next_try(pg: Bench) -> None:
    pg.up(TABLE)
    with psycopg.connect(pg.address.url) as other:
        other.execute("select * from t")
        runner = pg.runner()
        runner._sleep = lambda _seconds: other.rollback()
        runner.up(pg.migrations(TABLE, "alter table t add column b int"), pg.how())
    assert pg.versions() == [1, 2]


def test_a_statement_that_takes_too_long_is_ended(pg: Bench) -> None:
    pg.timeouts = Timeouts(lock=0.2, statement=0.2, patience=1)
    with pytest.raises(Failed, match="longer than it may under traffic"):
        pg.up("select pg_sleep(20)")


# -- outside of transactions


def test_an_index_is_built_while_others_write(pg: Bench) -> None:
    pg.up(TABLE, INDEX)
    assert pg.states() == {1: "applied", 2: "applied"}
    assert pg.one("select indisvalid from pg_index where indexrelid = 't_n'::regclass") is True


def test_a_statement_that_was_refused_leaves_no_row(pg: Bench) -> None:
    with pytest.raises(Failed):
        pg.up(TABLE, "-- migrate:up transaction:false\nvacuum nonsense")
    assert pg.states() == {1: "applied"}


def test_an_invalid_index_blocks_until_it_is_repaired(pg: Bench) -> None:
    with pytest.raises(Unfinished, match="headway migrate repair"):
        pg.up(TABLE, UNIQUE)
    assert pg.states() == {1: "applied", 2: "running"}
    assert pg.store.look().broken == ("the index public.t_n is invalid",)
    with pytest.raises(Refused, match="was begun"):
        pg.up(TABLE, UNIQUE)
    assert repair(pg.store, pg.migrations(TABLE, UNIQUE)) == ("0002_m is not applied",)
    assert pg.store.look().broken == ()
    pg.ask("update t set n = id")
    pg.up(TABLE, UNIQUE)
    assert pg.states() == {1: "applied", 2: "applied"}


def test_what_cannot_be_seen_needs_a_persons_word(pg: Bench) -> None:
    texts = (TABLE, "-- migrate:up transaction:false\nvacuum t")
    pg.up(*texts)
    pg.ask("update schema_migrations set state = 'running' where version = 2")
    with pytest.raises(Refused, match="cannot be told from outside"):
        repair(pg.store, pg.migrations(*texts))
    assert repair(pg.store, pg.migrations(*texts), done=True) == ("0002_m is applied",)


def test_an_index_goes_down_outside_too(pg: Bench) -> None:
    from headway.adapters.databases.down import down

    pg.up(TABLE, INDEX)
    down(pg.store, 1, pg.now)
    assert pg.states() == {1: "applied"}
    assert pg.one("select to_regclass('t_n') is null") is True


# -- two runners, and orphans


def test_two_runners_take_turns(pg: Bench) -> None:
    texts = (TABLE, "insert into t select i from generate_series(21, 30) i; select pg_sleep(0.2)")
    found: list[object] = []

    def run() -> None:
        try:
            found.append(len(pg.up(*texts).applied))
        except HeadwayError as error:
            found.append(error)

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(found, key=str) == [0, 2]
    assert pg.one("select count(*) from t") == 30


def test_a_statement_that_outlived_its_runner_is_waited_for(pg: Bench) -> None:
    """After kill -9 the server goes on with what it was given; its session holds the second key."""
    with pg.store.session() as session:
        working = session._on  # type: ignore[attr-defined]
        keeper = pg.ask("select pid from pg_locks where locktype = 'advisory' and objid = 1")
        pg.ask(f"select pg_terminate_backend({keeper[0][0]})")
        pg.timeouts = Timeouts(lock=0.2, statement=20, patience=0.3)
        with pytest.raises(Unavailable, match="is being migrated by someone else"):
            pg.up(TABLE)
        working.close()
    pg.timeouts = Timeouts(lock=0.2, statement=20, patience=5)
    assert len(pg.up(TABLE).applied) == 1


# -- clear and safe


def test_a_wrong_password_is_a_sentence_without_it(pg: Bench, postgres) -> None:
    with postgres.connect() as on:
        on.execute("create role guest login")
    try:
        found = address(pg.address.url.replace("headway@", "guest:pass-that-nobody-has@"))
        pg.address = replace(found, secrets=(*found.secrets,))
        with pytest.raises(HeadwayError) as error:
            pg.up(TABLE)
        assert "pass-that-nobody-has" not in str(error.value)
        assert "pass-that-nobody-has" not in repr(found)
    finally:
        with postgres.connect() as on:
            on.execute("drop role guest")


def test_a_server_that_is_not_there_is_a_sentence_without_the_password() -> None:
    from headway.adapters.databases.store import open_store

    found = address("postgresql://app:pass-that-nobody-has@127.0.0.1:1/app")
    with pytest.raises(Unavailable) as error:
        open_store(found, Timeouts()).look()
    assert "the database app on PostgreSQL at 127.0.0.1:1" in str(error.value)
    assert "pass-that-nobody-has" not in str(error.value)


def test_a_read_only_database_is_refused(pg: Bench) -> None:
    name = pg.one("select current_database()")
    pg.ask(f"alter database {name} set default_transaction_read_only = on")
    with pytest.raises(Refused, match="is read-only"):
        pg.up(TABLE)


def test_a_database_that_does_not_exist_is_a_sentence(pg: Bench) -> None:
    name = pg.one("select current_database()")
    pg.address = replace(pg.address, url=pg.address.url.replace(name, "nowhere_at_all"))
    with pytest.raises(Unavailable, match="does not exist"):
        pg.up(TABLE)
